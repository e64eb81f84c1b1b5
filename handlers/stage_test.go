package handlers

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// stage is a rig whose clock is moved by hand, with one worker that is driven by hand: nothing happens by itself, and
// nothing is waited for.
type stage struct {
	*rig
	clock *storetest.Clock
	run   *Runner
	zone  *time.Location
	seen  map[string]int // texts that were looked at, by phone
	lines []string
}

// Times of a stage: those of an installation by default.
const (
	stageFollowup = 2 * time.Minute
	stageWindow   = 24 * time.Hour
)

// newStage opens on a moment of the org's own zone.
func newStage(t *testing.T, now string) *stage {
	t.Helper()
	// What becomes of texts is told by the test alone: the double has a clock of its own.
	double := twiliosim.Options{SentAfter: time.Hour, DeliveredAfter: time.Hour}
	s := &stage{rig: newRigBeside(t, double, func(c *config) { c.Followup, c.Keep = stageFollowup, stageWindow }), seen: make(map[string]int)}
	s.zone, _ = time.LoadLocation(s.org.TimeZone)
	s.clock = s.db.VirtualClock(t, s.moment(now))
	s.run = s.process()
	s.set(`{"quiet_hours":"21-8"}`)
	return s
}

// moment reads "2026-11-23 09:00" on the clock of the org's zone.
func (s *stage) moment(text string) time.Time {
	s.t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, s.zone)
	s.must(err)
	return at
}

// pump does all that is due at this moment.
func (s *stage) pump() {
	s.t.Helper()
	for range 1000 {
		for name, sweep := range s.run.Mux.sweeps {
			if _, err := s.run.sweep(context.Background(), name, sweep); err != nil {
				s.t.Fatalf("%s: %v", name, err)
			}
		}
		id := query[uuid.NullUUID](s.rig, "SELECT (SELECT id FROM task WHERE state = 'pending' AND run_at <= clock_timestamp() ORDER BY run_at, id LIMIT 1)")
		if !id.Valid {
			return
		}
		s.run.deliver(context.Background(), s.delivery(id.UUID, s.task(id.UUID).Epoch))
	}
	s.t.Fatal("there is no end of work")
}

// until lets time pass, from one moment at which something is due to the next.
func (s *stage) until(at time.Time) {
	s.t.Helper()
	s.pump()
	for {
		next := query[time.Time](s.rig, `SELECT LEAST($1::timestamptz,
			(SELECT min(run_at) FROM task WHERE state = 'pending'), (SELECT min(expires_at) FROM hold WHERE live),
			(SELECT min(followup_from) + $2::interval FROM booking), (SELECT min(reminder_at) FROM booking),
			(SELECT min(ends_at) FROM booking WHERE state = 'confirmed'), (SELECT min(poll_at) FROM message))`, at, stageFollowup)
		s.clock.Set(next)
		s.pump()
		if !next.Before(at) {
			return
		}
	}
}

// pass lets time pass.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	s.until(s.clock.Now().Add(d))
}

// request does what the API is asked for, and answers.
func (s *stage) request(typ tasks.Type[tasks.RequestPayload], body any, booking uuid.UUID) reply {
	s.t.Helper()
	id := s.ask(typ, body, booking)
	s.pump()
	return s.read(id)
}

// reply is a text from a customer, and all that follows from it at once.
func (s *stage) reply(phone, body string) {
	s.t.Helper()
	s.writes(phone, body)
	s.pump()
}

// fresh are the texts that went out since it was asked last.
func (s *stage) fresh(phone string) []twiliosim.Message {
	all := s.sim.Messages(phone)
	fresh := all[min(s.seen[phone], len(all)):]
	s.seen[phone] = len(all)
	return fresh
}

// code is the newest code that a phone was sent.
func (s *stage) code(phone string) string {
	s.t.Helper()
	all := s.sim.Messages(phone)
	for i := len(all) - 1; i >= 0; i-- {
		if code := leadingCode.FindString(all[i].Body); code != "" {
			return code
		}
	}
	s.t.Fatal("no code was sent")
	return ""
}

// note writes a line of Ana's story, with the time on the clock of the org's zone, and the texts that followed.
func (s *stage) note(format string, args ...any) {
	s.t.Helper()
	now := s.clock.Now().In(s.zone).Format("Mon 2 Jan 15:04")
	s.lines = append(s.lines, now+"  "+fmt.Sprintf(format, args...))
	for _, m := range s.fresh(ana) {
		s.lines = append(s.lines, now+"    > "+leadingCode.ReplaceAllString(m.Body, "######"))
	}
}

// told is what was noted, and the booking's timeline.
func (s *stage) told(booking uuid.UUID) string {
	s.t.Helper()
	rows, err := s.db.Admin.Query(context.Background(), "SELECT at, kind, detail::text FROM booking_event WHERE booking_id = $1 ORDER BY id", booking)
	s.must(err)
	defer rows.Close()
	b := strings.Join(s.lines, "\n") + "\n\ntimeline\n"
	for rows.Next() {
		var at time.Time
		var kind, detail string
		s.must(rows.Scan(&at, &kind, &detail))
		b += fmt.Sprintf("%s  %s %s\n", at.In(s.zone).Format("Mon 2 Jan 15:04"), kind, fraction.ReplaceAllString(anyID.ReplaceAllString(detail, "…"), "Z"))
	}
	s.must(rows.Err())
	return b
}

var fraction = regexp.MustCompile(`\.\d+Z`)

var anyID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
