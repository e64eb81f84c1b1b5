package handlers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

// moving is a rig whose work is done by hand, with a booking to move.
type moving struct {
	*rig
	run *Runner
	id  uuid.UUID
}

// newMoving books two days ahead at 10:00 for ana, and confirms it.
func newMoving(t *testing.T) moving {
	t.Helper()
	r := newRig(t)
	m := moving{rig: r, run: r.process()}
	m.id = m.confirmed(ana, at(2, 10, 0))
	return m
}

// does has a request done and reads its answer.
func (m moving) does(typ tasks.Type[tasks.RequestPayload], body any, booking uuid.UUID) reply {
	m.t.Helper()
	ask := m.ask(typ, body, booking)
	m.runAll(m.run)
	return m.read(ask)
}

func (m moving) book(phone, start string) uuid.UUID {
	m.t.Helper()
	v := m.does(tasks.BookingClaim, BookingBody{Resource: "chair", Start: start, Customer: CustomerBody{Phone: phone}}, uuid.Nil)
	m.expect(v, 201, "held")
	return v.ID
}

func (m moving) confirmed(phone, start string) uuid.UUID {
	m.t.Helper()
	id := m.book(phone, start)
	m.expect(m.gives(id, m.lastCode(phone)), 200, "confirmed")
	return id
}

// to asks for another time.
func (m moving) to(booking uuid.UUID, start string) reply {
	m.t.Helper()
	return m.does(tasks.BookingReschedule, RescheduleBody{Start: start}, booking)
}

func (m moving) gives(booking uuid.UUID, code string) reply {
	m.t.Helper()
	return m.does(tasks.VerificationCheck, CodeBody{Code: code}, booking)
}

// lastCode is that of the newest text with a code to a phone.
func (m moving) lastCode(phone string) string {
	m.t.Helper()
	all := m.sim.Messages(phone)
	slices.Reverse(all)
	for _, text := range all {
		if leadingCode.MatchString(text.Body) {
			return m.codeIn(text)
		}
	}
	m.t.Fatal("no code")
	return ""
}

// says has a reply understood.
func (m moving) says(phone, body string) {
	m.t.Helper()
	m.writes(phone, body)
	m.runAll(m.run)
}

// stands fails unless a booking begins at a time, and has as many live holds as listed.
func (m moving) stands(booking uuid.UUID, start string, holds int) {
	m.t.Helper()
	b := m.booking(booking)
	if got := clock(b.Span.Start); got != start {
		m.t.Errorf("it begins at %s, want %s", got, start)
	}
	if n := query[int](m.rig, "SELECT count(*) FROM hold WHERE owner_id = $1 AND live", booking); n != holds {
		m.t.Errorf("%d live holds, want %d", n, holds)
	}
}

// clock is a time as at writes it.
func clock(t time.Time) string {
	zone, _ := time.LoadLocation("America/New_York")
	return t.In(zone).Format("2006-01-02T15:04")
}

// fine fails when the database breaks a promise.
func (r *rig) fine() {
	r.t.Helper()
	report, err := store.Audit(r.t.Context(), r.db.Audit, auditOptions)
	r.must(err)
	for _, row := range broken(report) {
		r.t.Errorf("%+v", row)
	}
}

// lapseMove makes the hold of a booking's move end now.
func (r *rig) lapseMove(booking uuid.UUID) {
	r.t.Helper()
	r.exec("UPDATE move SET expires_at = clock_timestamp() WHERE booking_id = $1 AND state = 'pending'", booking)
	r.exec("UPDATE hold SET expires_at = clock_timestamp() WHERE booking_id = $1 AND live AND expires_at IS NOT NULL", booking)
}

// What is confirmed keeps its time until the code comes; then the old time is free, and the customer is told.
func TestRescheduleConfirmed(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	v := m.to(m.id, at(2, 10, 15)) // overlaps its own time
	m.expect(v, 200, "confirmed")
	if clock(v.Start) != at(2, 10, 0) || v.CodeState != "verified" || v.Move == nil || clock(v.Move.Start) != at(2, 10, 15) ||
		v.Move.End.Sub(v.Move.Start) != 30*time.Minute || time.Until(v.Move.ExpiresAt) > m.cfg.HoldTTL || time.Until(v.Move.ExpiresAt) < m.cfg.HoldTTL-time.Minute {
		t.Fatalf("%+v, %+v", v.BookingView, v.Move)
	}
	m.stands(m.id, at(2, 10, 0), 2)
	m.fine()
	text := m.texts(ana, 3)[2]
	if !strings.Contains(text.Body, "10:15") || !strings.Contains(text.Body, "move") {
		t.Errorf("the code comes with %q", text.Body)
	}
	code := m.codeIn(text)
	if v := m.to(m.id, at(2, 10, 15)); v.status != 200 || v.Move == nil || clock(v.Move.Start) != at(2, 10, 15) { // once more
		t.Errorf("%d %+v", v.status, v.BookingView)
	}
	m.texts(ana, 3)
	m.expect(m.gives(m.id, wrong(code)), 422, "wrong-code")
	v = m.gives(m.id, code)
	m.expect(v, 200, "confirmed")
	if clock(v.Start) != at(2, 10, 15) || v.Move != nil || v.CodeState != "verified" {
		t.Errorf("%+v", v.BookingView)
	}
	m.expect(m.gives(m.id, code), 409, "already-confirmed")
	m.stands(m.id, at(2, 10, 15), 1)
	if got := m.timeline(m.id); !slices.Equal(got[3:], []string{"text_accepted", "move_held", "text_accepted", "code_wrong", "rescheduled", "text_accepted"}) {
		t.Errorf("timeline %v", got)
	}
	if detail := query[string](m.rig, "SELECT detail->>'from' || ' ' || (detail->>'to') FROM booking_event WHERE kind = 'rescheduled'"); detail != v.Start.Add(-15*time.Minute).UTC().Format(time.RFC3339)+" "+v.Start.UTC().Format(time.RFC3339) {
		t.Errorf("told of %s", detail)
	}
	if due := query[time.Time](m.rig, "SELECT reminder_at FROM booking WHERE id = $1", m.id); !due.Equal(v.Start.Add(-24 * time.Hour)) {
		t.Errorf("reminded at %v", due)
	}
	if text := m.texts(ana, 4)[3]; !strings.Contains(text.Body, "moved") || !strings.Contains(text.Body, "10:15") {
		t.Errorf("told %q", text.Body)
	}
	if b := m.booking(m.id); b.CodeAttempts != 0 {
		t.Errorf("%d wrong codes are left over", b.CodeAttempts)
	}
	m.fine()
}

// A reply with the code moves too.
func TestReplyMoves(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.expect(m.to(m.id, at(3, 9, 0)), 200, "confirmed")
	m.says(ana, "ok "+m.lastCode(ana))
	m.stands(m.id, at(3, 9, 0), 1)
	m.expect(m.to(m.id, at(4, 9, 0)), 200, "confirmed") // who answered has been reached: no wait
	m.says(ana, wrong(m.lastCode(ana)))
	m.stands(m.id, at(3, 9, 0), 2)
	m.says(ana, m.lastCode(ana))
	m.stands(m.id, at(4, 9, 0), 1)
	m.fine()
}

// What is not proven in time ends alone, and the old time stays.
func TestMoveExpires(t *testing.T) {
	t.Parallel()
	for name, swept := range map[string]bool{"swept": true, "not swept": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoving(t)
			m.expect(m.to(m.id, at(2, 15, 0)), 200, "confirmed")
			code := m.lastCode(ana)
			m.lapseMove(m.id)
			if swept {
				_, err := store.InTx(t.Context(), m.db.App, m.org.ID, func(tx *store.Tx) error { _, _, err := store.ExpireHolds(t.Context(), tx); return err })
				m.must(err)
				m.stands(m.id, at(2, 10, 0), 1)
				if got := m.timeline(m.id); got[len(got)-1] != "move_expired" {
					t.Errorf("timeline %v", got)
				}
			}
			if b := m.booking(m.id); b.State != "confirmed" || b.Move != nil {
				t.Errorf("%+v", b)
			}
			m.fine()
			// The code lives longer than the hold: it takes the time again.
			m.expect(m.gives(m.id, code), 200, "confirmed")
			m.stands(m.id, at(2, 15, 0), 1)
			m.fine()
			// Somebody else has it by then.
			m.expect(m.to(m.id, at(2, 16, 0)), 200, "confirmed")
			code = m.lastCode(ana)
			m.lapseMove(m.id)
			m.book(bob, at(2, 16, 0))
			v := m.gives(m.id, code)
			m.expect(v, 409, "hold-expired")
			if len(v.Alternatives) != 3 || v.Alternatives[0].Start.Sub(m.booking(m.id).Span.Start).Abs() > 3*time.Hour {
				t.Errorf("%+v", v.Alternatives)
			}
			m.says(ana, code)
			if all := m.sim.Messages(ana); !strings.Contains(all[len(all)-1].Body, "4:00") {
				t.Errorf("told %q", all[len(all)-1].Body)
			}
			m.stands(m.id, at(2, 15, 0), 1)
			m.exec("UPDATE verification SET expires_at = clock_timestamp() WHERE booking_id = $1 AND state = 'sent'", m.id)
			m.expect(m.gives(m.id, code), 409, "code-expired")
			m.fine()
		})
	}
}

// The time that a booking has ends its wish for another one: that time is free, the code dead, and no text is sent. Nothing
// stands against it, not even a customer who wants no texts.
func TestRescheduleBack(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.expect(m.to(m.id, at(2, 11, 0)), 200, "confirmed")
	code := m.lastCode(ana)
	m.says(ana, "STOP")
	texts := len(m.sim.Messages(ana))
	_, err := store.InTx(t.Context(), m.db.App, m.org.ID, func(tx *store.Tx) error {
		p, err := CheckReschedule(t.Context(), tx, m.db.Keys, m.id, at(2, 10, 0))
		if p != nil {
			t.Errorf("it would be %s", p.Type)
		}
		return err
	})
	m.must(err)
	for range 2 {
		v := m.to(m.id, at(2, 10, 0))
		m.expect(v, 200, "confirmed")
		if v.Move != nil || clock(v.Start) != at(2, 10, 0) || v.CodeState != "verified" {
			t.Errorf("%+v, to %+v", v.BookingView, v.Move)
		}
	}
	m.stands(m.id, at(2, 10, 0), 1)
	m.expect(m.gives(m.id, code), 409, "code-revoked")
	if got := m.timeline(m.id); !slices.Equal(got[len(got)-2:], []string{"opted_out", "move_dropped"}) {
		t.Errorf("timeline %v", got)
	}
	if n := query[string](m.rig, "SELECT string_agg(state, ' ') FROM move"); n != "replaced" || len(m.sim.Messages(ana)) != texts {
		t.Errorf("the wish is %s, %d texts", n, len(m.sim.Messages(ana))-texts)
	}
	m.fine()
}

// A wish whose time is no longer held ends likewise: its code would take that time again.
func TestRescheduleBackAfterTheEnd(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.expect(m.to(m.id, at(2, 11, 0)), 200, "confirmed")
	m.lapseMove(m.id)
	m.expect(m.to(m.id, at(2, 10, 0)), 200, "confirmed")
	m.expect(m.gives(m.id, m.lastCode(ana)), 409, "code-revoked")
	m.stands(m.id, at(2, 10, 0), 1)
	m.fine()
}

// Who has read where a booking is may be overtaken by others: what counts is where it is once it is locked.
func TestRescheduleBackWhenLocked(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.expect(m.to(m.id, at(2, 11, 0)), 200, "confirmed")
	_, err := store.InTx(t.Context(), m.db.App, m.org.ID, func(tx *store.Tx) error {
		b, err := store.FindBooking(t.Context(), tx, m.id)
		if err != nil {
			return err
		}
		w, _, err := wishFor(t.Context(), tx, b, at(2, 12, 0))
		if err != nil {
			return err
		}
		w.start = b.Span.Start // as if it had been moved to 12:00 since
		p, err := (&BookingReschedule{Keys: m.db.Keys, HoldTTL: m.cfg.HoldTTL, SendGiveUp: m.cfg.CodeTTL}).move(t.Context(), tx, b.ID, w)
		if p != nil {
			t.Errorf("it would be %s", p.Type)
		}
		return err
	})
	m.must(err)
	if b := m.booking(m.id); b.Move != nil {
		t.Errorf("it is to be moved to %s", clock(b.Move.Span.Start))
	}
	m.stands(m.id, at(2, 10, 0), 1)
}

// Another wish takes the place of the one before, whose code is dead and whose time is free; texts are spaced and counted.
func TestSecondMove(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.expect(m.to(m.id, at(2, 11, 0)), 200, "confirmed")
	first := m.lastCode(ana)
	v := m.to(m.id, at(2, 12, 0))
	m.expect(v, 429, "too-soon")
	if v.RetryAfter < 20 || v.RetryAfter > 30 {
		t.Errorf("after %d s", v.RetryAfter)
	}
	m.passes(31 * time.Second)
	m.expect(m.to(m.id, at(2, 12, 0)), 200, "confirmed")
	second := m.lastCode(ana)
	m.book(bob, at(2, 11, 0)) // is free
	m.expect(m.gives(m.id, first), 422, "wrong-code")
	if got := query[string](m.rig, "SELECT string_agg(state, ' ' ORDER BY created_at) FROM move"); got != "replaced pending" {
		t.Errorf("moves: %s", got)
	}
	m.stands(m.id, at(2, 10, 0), 2)
	m.fine()
	m.passes(time.Minute)
	m.expect(m.to(m.id, at(2, 13, 0)), 200, "confirmed")
	m.passes(time.Hour)
	v = m.to(m.id, at(2, 14, 0))
	m.expect(v, 429, "too-many-sends")
	if v.RetryAfter < 22*3600 || v.RetryAfter > 23*3600 {
		t.Errorf("after %d s", v.RetryAfter)
	}
	m.expect(m.gives(m.id, second), 422, "wrong-code")
	m.passes(23 * time.Hour)
	m.expect(m.to(m.id, at(2, 14, 0)), 200, "confirmed")
	m.expect(m.gives(m.id, m.lastCode(ana)), 200, "confirmed")
	m.stands(m.id, at(2, 14, 0), 1)
	m.fine()
}

// passes makes all that happened to the booking and its texts older.
func (m moving) passes(d time.Duration) {
	m.t.Helper()
	m.ages(m.id, d)
	m.exec("UPDATE booking SET confirmed_at = confirmed_at - $2::interval, hold_expires_at = hold_expires_at - $2::interval WHERE id = $1", m.id, d)
}

// A hold moves at once, for the life that is left of it, by the code that was sent.
func TestRescheduleHeld(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	id := m.book(bob, at(2, 11, 0))
	code := m.lastCode(bob)
	m.expect(m.gives(id, wrong(code)), 422, "wrong-code")
	before := m.booking(id)
	v := m.to(id, at(2, 11, 15))
	m.expect(v, 200, "held")
	if clock(v.Start) != at(2, 11, 15) || v.Move != nil || !v.HoldExpiresAt.Equal(before.HoldExpires.Truncate(time.Millisecond)) {
		t.Errorf("%+v", v.BookingView)
	}
	if got := query[time.Time](m.rig, "SELECT expires_at FROM hold WHERE owner_id = $1 AND live", id); !got.Equal(before.HoldExpires) {
		t.Errorf("held until %v, want %v", got, before.HoldExpires)
	}
	m.stands(id, at(2, 11, 15), 1)
	m.expect(m.to(id, at(2, 10, 0)), 409, "slot-taken") // ana's
	m.stands(id, at(2, 11, 15), 1)
	m.texts(bob, 1)
	m.book(eve, at(2, 12, 0))
	if got := m.timeline(id); !slices.Equal(got, []string{"held", "text_accepted", "code_wrong", "rescheduled"}) {
		t.Errorf("timeline %v", got)
	}
	v = m.gives(id, wrong(code))
	if m.expect(v, 422, "wrong-code"); *v.AttemptsLeft != 3 {
		t.Errorf("%d attempts left: the count began anew", *v.AttemptsLeft)
	}
	m.fine()
	m.expect(m.gives(id, code), 200, "confirmed")
	m.stands(id, at(2, 11, 15), 1)
	m.fine()
}

// What cannot be moved, and what cannot be reached, is said, and nothing is changed.
func TestRescheduleRefused(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.book(bob, at(2, 11, 0))
	v := m.to(m.id, at(2, 11, 0))
	m.expect(v, 409, "slot-taken")
	if len(v.Alternatives) != 3 {
		t.Errorf("%+v", v.Alternatives)
	}
	m.expect(m.to(m.id, at(2, 3, 0)), 422, "outside-hours")
	m.expect(m.to(m.id, at(-2, 10, 0)), 422, "start-in-past")
	m.expect(m.to(m.id, "2027-03-14T02:30"), 422, "time-does-not-exist")
	m.says(ana, "STOP")
	m.expect(m.to(m.id, at(2, 12, 0)), 409, "opted-out")
	m.expect(m.to(m.id, at(2, 10, 0)), 200, "confirmed")
	m.says(ana, "START")
	m.pause()
	m.expect(m.to(m.id, at(2, 12, 0)), 503, "sms-unavailable")
	m.resume()
	m.stands(m.id, at(2, 10, 0), 1)
	if n := query[int](m.rig, "SELECT count(*) FROM move"); n != 0 {
		t.Errorf("%d moves", n)
	}

	lapsed := m.book(eve, at(2, 13, 0))
	m.lapse(lapsed)
	v = m.to(lapsed, at(2, 14, 0))
	m.expect(v, 409, "hold-expired")
	if len(v.Alternatives) != 3 {
		t.Errorf("%+v", v.Alternatives)
	}
	for state, sql := range map[string]string{
		"begun":     "UPDATE booking SET starts_at = clock_timestamp() - interval '1 s' WHERE id = $1",
		"completed": "UPDATE booking SET state = 'completed' WHERE id = $1",
		"no_show":   "UPDATE booking SET state = 'no_show' WHERE id = $1",
		"canceled":  "UPDATE booking SET state = 'canceled' WHERE id = $1",
	} {
		m.exec(sql, m.id)
		if v := m.to(m.id, at(2, 12, 0)); v.kind() != "booking-ended" {
			t.Errorf("%s: %d %s", state, v.status, v.kind())
		}
	}
}
