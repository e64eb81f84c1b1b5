package handlers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/tasks"
)

// confirmed is a booking that its customer has confirmed.
func (r *rig) confirmed(run *Runner, phone, start string) uuid.UUID {
	r.t.Helper()
	id := r.request(run, phone, start)
	texts := r.sim.Messages(phone)
	ask := r.ask(tasks.VerificationCheck, CodeBody{Code: r.codeIn(texts[len(texts)-1])}, id)
	r.runAll(run)
	r.expect(r.read(ask), 200, "confirmed")
	return id
}

// startsIn moves a booking so that it starts so long from now, and lets its first reminder come due if it has passed.
func (r *rig) startsIn(booking uuid.UUID, in time.Duration) {
	r.t.Helper()
	r.exec(`UPDATE booking b SET starts_at = x.at, ends_at = x.at + interval '30 min' FROM (SELECT date_trunc('second', clock_timestamp()) + $2::interval AS at) x WHERE id = $1`, booking, in)
	r.exec("UPDATE booking SET reminder_at = reminder_next(org_id, starts_at, '-infinity') WHERE id = $1", booking)
}

// Each reminder comes once; a booking that has moved is reminded anew.
func TestReminders(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.confirmed(run, ana, at(3, 10, 0))
	remind := func(want int) string {
		t.Helper()
		for range 2 {
			r.sweepNow(run, tasks.RemindersScan)
			r.runAll(run)
		}
		texts := r.texts(ana, 2+want)
		return texts[len(texts)-1].Body
	}
	remind(0)
	r.startsIn(id, 23*time.Hour)
	if text := remind(1); !strings.Contains(text, "Test one") || !strings.HasPrefix(text, "Reminder") {
		t.Errorf("%q", text)
	}
	r.aged(id, 21*time.Hour+5*time.Minute)
	r.exec("UPDATE booking SET reminder_at = starts_at - interval '2 h' WHERE id = $1", id)
	remind(2)
	r.startsIn(id, 25*time.Hour)
	remind(2)
	r.startsIn(id, 22*time.Hour)
	remind(3)
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_accepted", "confirmed", "text_accepted", "text_accepted", "text_accepted", "text_accepted"}) {
		t.Errorf("timeline %v", got)
	}
}

// A booking that is confirmed after an offset has passed has no reminder of it.
func TestNoReminderOfWhatHasPassed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.request(run, ana, at(2, 10, 0))
	r.exec("UPDATE booking SET starts_at = clock_timestamp() + interval '90 min', ends_at = clock_timestamp() + interval '2 h' WHERE id = $1", id)
	ask := r.ask(tasks.VerificationCheck, CodeBody{Code: r.codeIn(r.texts(ana, 1)[0])}, id)
	r.runAll(run)
	r.expect(r.read(ask), 200, "confirmed")
	if query[bool](r, "SELECT reminder_at IS NOT NULL FROM booking WHERE id = $1", id) {
		t.Error("it is to be reminded of what has passed")
	}
}

// What was due is thought over when it is sent.
func TestRemindersThatAreDropped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	cases := map[string]func(booking uuid.UUID){
		"booking-canceled": func(b uuid.UUID) { r.exec("UPDATE booking SET state = 'canceled' WHERE id = $1", b) },
		"moved": func(b uuid.UUID) {
			r.exec("UPDATE booking SET starts_at = starts_at + interval '1 h', ends_at = ends_at + interval '1 h' WHERE id = $1", b)
		},
		"begun":    func(b uuid.UUID) { r.aged(b, 24*time.Hour) },
		"too-late": func(b uuid.UUID) { r.aged(b, 12*time.Hour) },
		"opted-out": func(b uuid.UUID) {
			r.exec("INSERT INTO suppression (org_id, pool, phone_hash) SELECT org_id, $2, to_hash FROM message WHERE booking_id = $1 AND kind = 'code'", b, r.org.Account.From)
		},
		"number-changed": func(b uuid.UUID) {
			r.exec("UPDATE booking SET customer_id = (SELECT c.id FROM customer c WHERE c.id <> booking.customer_id LIMIT 1) WHERE id = $1", b)
		},
		"": func(b uuid.UUID) { r.aged(b, 10*time.Hour) },
	}
	bookings, phones := make(map[string]uuid.UUID), make(map[string]string)
	for reason := range cases {
		phones[reason] = "+1555010010" + string(rune('0'+len(phones)))
		bookings[reason] = r.confirmed(run, phones[reason], at(3, 8+len(phones), 0))
		r.startsIn(bookings[reason], 23*time.Hour)
	}
	r.sweepNow(run, tasks.RemindersScan)
	for reason, change := range cases {
		change(bookings[reason])
	}
	r.runAll(run)
	for reason, b := range bookings {
		want, texts := "canceled "+reason, 2
		if reason == "" {
			want, texts = "accepted ", 3
		}
		m := r.message(b, "reminder")
		if got := r.dropped(b, "reminder_dropped"); got != reason || m.State+" "+m.Class != want || len(r.sim.Messages(phones[reason])) != texts {
			t.Errorf("%q: dropped for %q, %+v, %d texts", reason, got, m, len(r.sim.Messages(phones[reason])))
		}
	}
}

// aged lets so much time pass for a booking and the texts that were made for it.
func (r *rig) aged(booking uuid.UUID, d time.Duration) {
	r.t.Helper()
	r.exec("ALTER TABLE booking DISABLE TRIGGER booking_confirmed")
	r.exec("UPDATE booking SET starts_at = starts_at - $2::interval, ends_at = ends_at - $2::interval WHERE id = $1", booking, d)
	r.exec("ALTER TABLE booking ENABLE TRIGGER booking_confirmed")
	r.exec(`UPDATE message m SET occasion = format('reminder:%s:%s', extract(epoch FROM b.starts_at)::bigint, split_part(m.occasion, ':', 3))
		FROM booking b WHERE b.id = m.booking_id AND b.id = $1 AND m.kind = 'reminder'`, booking)
}

// In the quiet hours a reminder waits; what has too little of its lead left by then does not come.
func TestReminderWaitsForTheMorning(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.confirmed(run, ana, at(3, 10, 0))
	r.quiet("America/New_York")
	r.startsIn(id, 23*time.Hour)
	r.sweepNow(run, tasks.RemindersScan)
	task := r.pending("reminder:send")[0]
	if res := run.deliver(t.Context(), r.delivery(task, 1)); res.label != "snooze" || r.task(task).LastError != "quiet-hours" {
		t.Fatalf("%s %s", res.label, r.task(task).LastError)
	}
	r.exec("UPDATE task SET run_at = clock_timestamp() WHERE state = 'pending'")
	r.aged(id, 12*time.Hour)
	r.set(`{}`)
	r.runAll(run)
	r.texts(ana, 2)
	if got := r.dropped(id, "reminder_dropped"); got != "too-late" {
		t.Errorf("dropped for %q", got)
	}
}

// The offsets that PostgreSQL goes by when an org has set none are those of the settings, and a change of them counts
// for what is confirmed already.
func TestReminderSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var defaults []int
	r.must(r.db.Admin.QueryRow(t.Context(), `WITH RECURSIVE walk AS (
		SELECT reminder_next($1, 'epoch'::timestamptz, '-infinity') AS at
		UNION ALL SELECT reminder_next($1, 'epoch'::timestamptz, at) FROM walk WHERE at IS NOT NULL)
		SELECT array_agg((extract(epoch FROM 'epoch'::timestamptz - at) / 60)::int ORDER BY at) FROM walk WHERE at IS NOT NULL`, r.org.ID).Scan(&defaults))
	if want := settings.Defaults("US", settings.Installation{}).Reminders.MinutesBefore; !slices.Equal(defaults, want) {
		t.Errorf("PostgreSQL has %v, the settings %v", defaults, want)
	}
	run := r.process()
	id := r.confirmed(run, ana, at(3, 10, 0))
	next := func() int {
		return query[int](r, "SELECT COALESCE((extract(epoch FROM starts_at - reminder_at) / 60)::int, 0) FROM booking WHERE id = $1", id)
	}
	for doc, want := range map[string]int{`{"reminders":{"minutes_before":[60]}}`: 60, `{"reminders":{"minutes_before":[]}}`: 0, `{}`: 1440} {
		if r.set(doc); next() != want {
			t.Errorf("%s: next is %d", doc, next())
		}
	}
}

// What the provider queues is dropped there once it would come in the quiet hours, or is of no more use.
func TestTextsAreValidUntilTheyAreLate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	reminded, followed := r.confirmed(run, ana, at(3, 10, 0)), r.request(run, bob, at(3, 11, 0))
	r.startsIn(reminded, 23*time.Hour)
	r.expire(run, followed)
	r.sweepNow(run, tasks.RemindersScan)
	r.sweepNow(run, tasks.FollowupsScan)
	h := &SendText{Keys: r.db.Keys, CodeTTL: r.cfg.CodeTTL, KeepWindow: 2 * time.Hour}
	valid := func(booking uuid.UUID, kind string) (d time.Duration) {
		t.Helper()
		_, err := store.InTx(t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
			c, err := h.Claim(t.Context(), tx, store.Task{Type: kind + ":send"}, tasks.MessagePayload{Message: r.message(booking, kind).ID})
			d = c.text.ValidFor
			return errors.Join(err, context.Canceled) // nothing of it stays
		})
		if !errors.Is(err, context.Canceled) || d == 0 {
			t.Fatalf("%s: %v, %v", kind, d, err)
		}
		return d
	}
	if d := valid(reminded, "reminder"); d > 23*time.Hour || d < 23*time.Hour-time.Minute {
		t.Errorf("a reminder of what begins in 23 h is valid for %v", d)
	}
	if d := valid(followed, "followup"); d > 2*time.Hour || d < 2*time.Hour-time.Minute {
		t.Errorf("a follow-up that may be answered for 2 h is valid for %v", d)
	}
	zone, _ := time.LoadLocation("America/New_York")
	hour := time.Now().In(zone).Hour()
	r.set(fmt.Sprintf(`{"quiet_hours":"%d-%d"}`, (hour+1)%24, (hour+3)%24))
	for kind, b := range map[string]uuid.UUID{"reminder": reminded, "followup": followed} {
		if d := valid(b, kind); d > time.Hour {
			t.Errorf("before the next full hour a %s is valid for %v", kind, d)
		}
	}
}
