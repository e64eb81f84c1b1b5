package handlers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/tasks"
)

// request claims a seat by a worker driven by hand, which texts the code; it expects to get it.
func (r *rig) request(run *Runner, phone, start string) uuid.UUID {
	r.t.Helper()
	ask := r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: start, Customer: CustomerBody{Phone: phone, Name: "Ana Lee"}}, uuid.Nil)
	r.runAll(run)
	v := r.read(ask)
	r.expect(v, 201, "held")
	return v.ID
}

// sweepNow runs a sweep as a tick does.
func (r *rig) sweepNow(run *Runner, name string) {
	r.t.Helper()
	_, err := run.sweep(r.t.Context(), name, run.Mux.sweeps[name])
	r.must(err)
}

// expire lets holds end unconfirmed.
func (r *rig) expire(run *Runner, bookings ...uuid.UUID) {
	r.t.Helper()
	for _, b := range bookings {
		r.lapse(b)
	}
	r.sweepNow(run, tasks.HoldsExpire)
}

// pending are the tasks of a type that wait.
func (r *rig) pending(typ string) (ids []uuid.UUID) {
	r.t.Helper()
	return query[[]uuid.UUID](r, "SELECT ARRAY(SELECT id FROM task WHERE type = $1 AND state = 'pending' ORDER BY id)", typ)
}

// dropped is why a text was not sent, by the timeline.
func (r *rig) dropped(booking uuid.UUID, event string) string {
	r.t.Helper()
	return query[string](r, "SELECT COALESCE(string_agg(detail->>'reason', ' '), '') FROM booking_event WHERE booking_id = $1 AND kind = $2", booking, event)
}

// asked is the open question of a text.
func (r *rig) asked(message uuid.UUID) (kind string, choices []store.Choice, open time.Duration) {
	r.t.Helper()
	var raw []byte
	err := r.db.Admin.QueryRow(r.t.Context(), `SELECT kind, choices, expires_at - clock_timestamp() FROM question WHERE id = $1 AND state = 'open'`, message).
		Scan(&kind, &raw, &open)
	r.must(err)
	r.must(json.Unmarshal(raw, &choices))
	return kind, choices, open
}

// A hold that ended unconfirmed is followed up once, with how to keep it; that is one text, however often and by how many
// it is swept.
func TestFollowup(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.request(run, ana, at(2, 10, 0))
	silent := r.request(run, bob, at(2, 11, 0))
	r.exec("UPDATE message SET state = 'failed' WHERE booking_id = $1", silent)
	r.expire(run, id, silent)
	r.exec("UPDATE booking SET hold_expires_at = hold_expires_at - interval '10 h' WHERE id = $1", id) // as after a night
	r.sweepNow(run, tasks.FollowupsScan)
	r.sweepNow(r.process(), tasks.FollowupsScan)
	if n := len(r.pending("followup:send")); n != 1 {
		t.Fatalf("%d follow-ups, want one: nobody had the other's code", n)
	}
	r.runAll(run)
	text := r.texts(ana, 2)[1].Body
	for _, want := range []string{"Ana Lee", "Test one", "10:00 AM", "Reply K"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	if kind, choices, open := r.asked(r.message(id, "followup").ID); kind != store.AskKeep || len(choices) != 0 || open > 24*time.Hour || open < 23*time.Hour {
		t.Errorf("it asks %s, %v, for %v", kind, choices, open)
	}
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_accepted", "expired", "text_accepted"}) {
		t.Errorf("timeline %v", got)
	}
	r.exec("UPDATE booking SET followup_from = clock_timestamp() WHERE id = $1", id)
	r.sweepNow(run, tasks.FollowupsScan)
	r.runAll(run)
	r.texts(ana, 2)
}

// A follow-up that is tried again does not ask what was answered meanwhile: what it asked has led to another question, which
// stays open. That holds when the provider refused it for the moment, and when nobody knows whether it went out.
func TestFollowupTriedAgain(t *testing.T) {
	t.Parallel()
	for state, fault := range map[string]twiliosim.Fault{
		"queued":  {Do: twiliosim.FaultError, Code: 20429, Status: 429, Times: 1},
		"unknown": {Do: twiliosim.FaultReset, Times: 1},
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			run := r.process()
			id := r.request(run, ana, at(2, 10, 0))
			r.expire(run, id)
			r.sweepNow(run, tasks.FollowupsScan)
			r.fault(fault)
			run.deliver(t.Context(), r.delivery(r.pending("followup:send")[0], 1))
			if m := r.message(id, "followup"); m.State != state {
				t.Fatalf("it is %s", m.State)
			}
			r.ask(tasks.BookingClaim, chair(bob, at(2, 10, 0)), uuid.Nil)
			run.deliver(t.Context(), r.delivery(r.pending("booking:claim")[0], 1))
			r.wants(run, ana, "K", "alternatives")
			r.exec("UPDATE task SET run_at = clock_timestamp() WHERE state = 'pending'")
			r.exec("UPDATE message SET claimed_at = claimed_at - interval '1 min'")
			r.runAll(run)
			if got := r.dropped(id, "followup_dropped"); got != "answered" || len(r.sim.Messages(ana)) != 2 {
				t.Errorf("dropped for %q, %d texts", got, len(r.sim.Messages(ana)))
			}
			if q := r.questionOf(ana); q.Booking != id || len(q.Choices) != 3 {
				t.Errorf("it asks %+v", q)
			}
		})
	}
}

// What a text asks that fails for good, at once or by a callback, is not open; an operator may have it asked again.
func TestQuestionsOfFailedTexts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	refused, late := r.request(run, ana, at(2, 10, 0)), r.request(run, bob, at(2, 11, 0))
	r.expire(run, refused, late)
	r.sweepNow(run, tasks.FollowupsScan)
	r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: ana}, Do: twiliosim.FaultError, Code: 21614, Status: 400, Times: 1})
	sends := r.pending("followup:send")
	for _, task := range sends {
		run.deliver(t.Context(), r.delivery(task, 1))
	}
	if r.open() != 1 || r.questionOf(bob).Booking != late {
		t.Errorf("%d questions are open, want that of the text that went out", r.open())
	}
	text := r.message(late, "followup")
	r.must(tasks.InTx(t.Context(), r.in, r.org.ID, func(tx *store.Tx) error {
		_, err := TextStatus{}.Apply(t.Context(), tx, text.ID, sms.Sent{SID: text.SID, Status: "undelivered", ErrorCode: 30006}, new(store.Message))
		return err
	}))
	if r.open() != 0 {
		t.Error("what an undelivered text asks is open")
	}
	dead := query[uuid.UUID](r, "SELECT id FROM task WHERE type = 'followup:send' AND state = 'dead'")
	r.must(r.operator(&worker{run: run}).Replay(t.Context(), r.org.ID, dead, by))
	r.runAll(run)
	if r.open() != 1 || r.questionOf(ana).Booking != refused {
		t.Errorf("%d questions are open, want that of the text that was sent again", r.open())
	}
}

// When the time is taken, the three that are nearest are offered, as the customer's clock shows them.
func TestFollowupOffersOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.request(run, ana, at(2, 10, 0))
	r.exec("UPDATE customer SET time_zone = 'America/Chicago'")
	r.expire(run, id)
	r.request(run, bob, at(2, 10, 0))
	r.sweepNow(run, tasks.FollowupsScan)
	r.runAll(run)
	_, choices, open := r.asked(r.message(id, "followup").ID)
	if len(choices) != 3 || open < 23*time.Hour {
		t.Fatalf("%v for %v", choices, open)
	}
	text := r.texts(ana, 2)[1].Body
	chicago, _ := time.LoadLocation("America/Chicago")
	for i, c := range choices {
		if c.Resource != r.org.Chair || !strings.Contains(text, fmt.Sprintf("%d) ", i+1)) || !strings.Contains(text, strings.Replace(c.Start.In(chicago).Format("3:04 PM"), ":00", "", 1)) {
			t.Errorf("%v is not in %q", c, text)
		}
	}
	if !strings.Contains(text, "9:00 AM") || !strings.Contains(text, "taken") {
		t.Errorf("its own time is not told: %q", text)
	}
}

// What was thought of is thought over when it is sent: a text that is no longer wanted is dropped, and the timeline tells
// why.
func TestFollowupsThatAreDropped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	other := "+15550100098"
	cases := map[string]func(booking uuid.UUID, phone string){
		"booking-canceled": func(b uuid.UUID, _ string) { r.exec("UPDATE booking SET state = 'canceled' WHERE id = $1", b) },
		"rebooked": func(b uuid.UUID, _ string) {
			r.exec(`INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at)
				SELECT org_id, gen_random_uuid(), resource_id, customer_id, 'held', starts_at + interval '9 days', ends_at + interval '9 days', clock_timestamp() + interval '1 h' FROM booking WHERE id = $1`, b)
		},
		"opted-out": func(b uuid.UUID, _ string) {
			r.exec("INSERT INTO suppression (org_id, pool, phone_hash) SELECT org_id, $2, to_hash FROM message WHERE booking_id = $1 AND kind = 'code'", b, r.org.Account.From)
		},
		"number-changed": func(b uuid.UUID, _ string) {
			r.exec("UPDATE booking SET customer_id = (SELECT c.id FROM customer c JOIN booking o ON o.customer_id = c.id WHERE o.id = $2) WHERE id = $1", b,
				query[uuid.UUID](r, "SELECT id FROM booking WHERE customer_id IN (SELECT id FROM customer WHERE phone_last2 = '98')"))
		},
		"code-not-delivered": func(b uuid.UUID, _ string) {
			r.exec("UPDATE message SET state = 'undelivered' WHERE booking_id = $1 AND kind = 'code'", b)
		},
		"begun": func(b uuid.UUID, _ string) {
			r.exec("UPDATE booking SET starts_at = clock_timestamp() WHERE id = $1", b)
		},
		"too-late": func(b uuid.UUID, _ string) {
			r.exec("UPDATE booking SET hold_expires_at = clock_timestamp() - interval '24 h' WHERE id = $1", b)
		},
		"day-limit":  func(b uuid.UUID, _ string) { r.followed(b, "23 h", 1) },
		"week-limit": func(b uuid.UUID, _ string) { r.followed(b, "6 days", 3) },
		"nothing-free": func(b uuid.UUID, _ string) { // what it was of is no longer offered
			r.exec("UPDATE booking SET resource_id = (SELECT id FROM resource WHERE slug = 'table') WHERE id = $1", b)
			r.exec("UPDATE resource SET active = false WHERE slug = 'table'")
		},
		"": func(b uuid.UUID, _ string) { r.followed(b, "25 h", 2) },
	}
	r.request(run, other, at(4, 9, 0))
	bookings, phones := make(map[string]uuid.UUID), make(map[string]string)
	for reason := range cases {
		phones[reason] = fmt.Sprintf("+155501001%02d", len(phones))
		bookings[reason] = r.request(run, phones[reason], at(2+len(phones)/8, 8+len(phones)%8, 0))
	}
	for _, b := range bookings {
		r.expire(run, b)
	}
	r.sweepNow(run, tasks.FollowupsScan)
	for reason, change := range cases {
		change(bookings[reason], phones[reason])
	}
	r.runAll(run)
	for reason, b := range bookings {
		m := query[string](r, "SELECT state || ' ' || COALESCE(error_class, '') FROM message WHERE booking_id = $1 AND kind = 'followup' AND occasion IS NOT NULL", b)
		want, texts := "canceled "+reason, 1
		if reason == "" {
			want, texts = "accepted ", 2
		}
		if got := r.dropped(b, "followup_dropped"); got != reason || m != want || len(r.sim.Messages(phones[reason])) != texts {
			t.Errorf("%q: dropped for %q, the text is %s, %d texts", reason, got, m, len(r.sim.Messages(phones[reason])))
		}
	}
	if n := query[int](r, "SELECT count(*) FROM question"); n != 1 {
		t.Errorf("%d questions were asked", n)
	}
}

// followed makes n follow-ups that the booking's phone got so long ago.
func (r *rig) followed(booking uuid.UUID, ago string, n int) {
	r.t.Helper()
	r.exec(`INSERT INTO message (org_id, id, kind, to_hash, to_sealed, state, created_at, claimed_at)
		SELECT m.org_id, gen_random_uuid(), 'followup', m.to_hash, m.to_sealed, 'delivered', clock_timestamp() - $2::interval, clock_timestamp() - $2::interval
		  FROM message m, generate_series(1, $3) WHERE m.booking_id = $1 AND m.kind = 'code'`, booking, ago, n)
}

// An org without follow-ups has none, also of those that were thought of before it said so; limits of 0 are none.
func TestFollowupsSwitchedOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	r.set(`{"followup":{"enabled":false}}`)
	early := r.request(run, ana, at(2, 10, 0))
	r.expire(run, early)
	r.sweepNow(run, tasks.FollowupsScan)
	r.set(`{"followup":{"per_day":0,"per_week":0}}`)
	r.sweepNow(run, tasks.FollowupsScan)
	if n := len(r.pending("followup:send")); n != 0 {
		t.Fatalf("%d follow-ups of an org that wanted none", n)
	}
	late, free := r.request(run, bob, at(2, 11, 0)), r.request(run, eve, at(2, 12, 0))
	r.followed(free, "1 h", 9)
	r.expire(run, late, free)
	r.sweepNow(run, tasks.FollowupsScan)
	first := r.pending("followup:send")
	r.exec("UPDATE task SET run_at = run_at + interval '1 h', check_at = check_at + interval '1 h' WHERE payload->>'message' = $1", r.message(late, "followup").ID.String())
	for _, task := range first {
		run.deliver(t.Context(), r.delivery(task, 1))
	}
	r.texts(eve, 2)
	r.exec("UPDATE task SET run_at = clock_timestamp() WHERE state = 'pending'")
	r.set(`{"followup":{"enabled":false}}`)
	r.runAll(run)
	if got := r.dropped(late, "followup_dropped"); got != "switched-off" {
		t.Errorf("dropped for %q", got)
	}
}

// quiet sets quiet hours around the present hour of a zone.
func (r *rig) quiet(zone string) (hours calendar.QuietHours, now time.Time) {
	r.t.Helper()
	in, err := time.LoadLocation(zone)
	r.must(err)
	now = time.Now().In(in)
	hours = calendar.QuietHours{From: (now.Hour() + 23) % 24, To: (now.Hour() + 2) % 24}
	r.set(fmt.Sprintf(`{"quiet_hours":%q}`, hours))
	return hours, now
}

// In the quiet hours of the customer's own zone it waits for their end, in Postgres, and asks nothing; then it is thought
// over once more.
func TestFollowupWaitsForTheMorning(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	// Kathmandu is a quarter past: no other zone of this test has the same hours.
	kept, stale := r.request(run, ana, at(2, 10, 0)), r.request(run, bob, at(2, 11, 0))
	r.exec("UPDATE customer SET time_zone = 'Asia/Kathmandu'")
	hours, now := r.quiet("Asia/Kathmandu")
	end, _ := hours.Until(now)
	r.expire(run, kept, stale)
	r.sweepNow(run, tasks.FollowupsScan)
	sends := r.pending("followup:send")
	for _, task := range sends {
		if res := run.deliver(t.Context(), r.delivery(task, 1)); res.label != "snooze" {
			t.Fatalf("delivered: %s", res.label)
		}
		wait, want := r.task(task).Wait, time.Until(end)
		if r.task(task).LastError != "quiet-hours" || (wait-want).Abs() > 5*time.Second {
			t.Errorf("it waits %v, want %v: %s", wait, want, r.task(task).LastError)
		}
		if state, _ := r.inRedis("low", task, r.task(task).Epoch); state != "" {
			t.Errorf("hours are waited for in Redis: %s", state)
		}
	}
	if n := query[int](r, "SELECT count(*) FROM question"); n != 0 {
		t.Errorf("%d questions before their texts", n)
	}
	r.exec("UPDATE task SET run_at = clock_timestamp() WHERE state = 'pending'")
	r.exec("UPDATE booking SET hold_expires_at = clock_timestamp() - interval '24 h' WHERE id = $1", stale)
	r.set(`{}`)
	r.runAll(run)
	r.texts(ana, 2)
	r.texts(bob, 1)
	if got := r.dropped(stale, "followup_dropped"); got != "too-late" {
		t.Errorf("what is stale by the morning is dropped for %q", got)
	}
}
