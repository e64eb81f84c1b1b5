package handlers

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/tasks"
)

func (r *rig) fault(f twiliosim.Fault) {
	r.t.Helper()
	_, err := r.sim.AddFault(f)
	r.must(err)
}

// message is a booking's newest text of a kind, as the database has it.
type message struct {
	ID         uuid.UUID
	State, SID string
	Class      string
	Sends      int
}

func (r *rig) message(booking uuid.UUID, kind string) (m message) {
	r.t.Helper()
	r.must(r.db.Admin.QueryRow(context.Background(), `SELECT id, state, COALESCE(provider_sid, ''), COALESCE(error_class, ''), sends FROM message
		WHERE booking_id = $1 AND kind = $2 ORDER BY created_at DESC LIMIT 1`, booking, kind).Scan(&m.ID, &m.State, &m.SID, &m.Class, &m.Sends))
	return m
}

// Whatever happens on the way to the provider, the customer gets the code text exactly once: it is sent again when
// it surely was not sent, looked up when nobody knows, adopted when it is found.
func TestCodeTextGoesOutOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault     twiliosim.Fault
		sends     int
		reconcile bool
	}{
		"transient":        {twiliosim.Fault{Do: twiliosim.FaultError, Code: 20429, Status: 429}, 2, false},
		"html503":          {twiliosim.Fault{Do: twiliosim.FaultHTML503}, 2, true},
		"reset":            {twiliosim.Fault{Do: twiliosim.FaultReset}, 2, true},
		"hang":             {twiliosim.Fault{Do: twiliosim.FaultHang}, 2, true},
		"accept_then_hang": {twiliosim.Fault{Do: twiliosim.FaultAcceptThenHang}, 1, true},
		"slow":             {twiliosim.Fault{Do: twiliosim.FaultDelay, MS: 100}, 1, false},
		"too slow":         {twiliosim.Fault{Do: twiliosim.FaultDelay, MS: 1100}, 1, true}, // accepted after our time-out
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *config) { c.Grace = 1500 * time.Millisecond })
			r.start()
			c.fault.Times = 1
			r.fault(c.fault)
			id := r.hold(ana, at(2, 10, 0))
			r.idle(20 * time.Second)
			text := r.texts(ana, 1)[0]
			if m := r.message(id, "code"); m.State != "accepted" || m.SID != text.SID || m.Sends != c.sends {
				t.Errorf("%+v, the text is %s", m, text.SID)
			}
			if n := query[int](r, "SELECT count(*) FROM task WHERE type = 'sms:reconcile'"); (n == 1) != c.reconcile {
				t.Errorf("looked up by %d tasks", n)
			}
			r.expect(r.verify(id, r.codeIn(text)), 200, "confirmed")
		})
	}
}

// A text other than a code goes out once, too, when its outcome is unknown: it is adopted when the provider has it, and
// sent again when it has not; but not for ever.
func TestOtherTextsGoOutOnce(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		do    string
		times int
		state string
		sends int
		texts int
	}{
		"html503":          {twiliosim.FaultHTML503, 1, "accepted", 2, 2},
		"hang":             {twiliosim.FaultHang, 1, "accepted", 2, 2},
		"hang, always":     {twiliosim.FaultHang, 0, "failed", 2, 1},
		"accept_then_hang": {twiliosim.FaultAcceptThenHang, 1, "accepted", 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.start()
			id := r.hold(ana, at(2, 10, 0))
			code := r.codeIn(r.texts(ana, 1)[0])
			r.fault(twiliosim.Fault{Do: want.do, Times: want.times})
			r.expect(r.verify(id, code), 200, "confirmed")
			r.idle(20 * time.Second)
			r.texts(ana, want.texts)
			if m := r.message(id, "confirmation"); m.State != want.state || m.Sends != want.sends {
				t.Errorf("%+v", m)
			}
			if got := r.booking(id).State; got != "confirmed" {
				t.Errorf("the booking is %s", got)
			}
		})
	}
}

// A text that the provider refuses for good kills its code in the same commit; it is never sent again.
func TestPermanentFailureKillsTheCode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(landline, at(2, 10, 0))
	eventually(t, 10*time.Second, "the code is revoked", func() bool { return r.booking(id).CodeState == "revoked" })
	r.idle(10 * time.Second)
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_failed", "code_revoked", "unreachable"}) {
		t.Errorf("timeline %v", got)
	}
	if n := query[int](r, `SELECT count(DISTINCT x) FROM (SELECT xmin::text x FROM verification UNION ALL SELECT xmin::text FROM message
		UNION ALL SELECT xmin::text FROM task WHERE type = 'verification:send'
		UNION ALL SELECT xmin::text FROM booking_event WHERE kind IN ('text_failed', 'code_revoked')) all_rows`); n != 1 {
		t.Errorf("undone by %d transactions", n)
	}
	if m := r.message(id, "code"); m.State != "failed" || m.Class != "recipient" || m.Sends != 1 {
		t.Errorf("%+v", m)
	}
	r.expect(r.verify(id, "123456"), 409, "code-revoked")
	r.idle(10 * time.Second)
	r.texts(landline, 0)
}

// A code text that could not be sent within the code's life is given up, and its code with it.
func TestCodeTextIsGivenUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config) { c.CodeTTL = 3 * time.Second })
	r.start()
	r.fault(twiliosim.Fault{Do: twiliosim.FaultError, Code: 20429, Status: 429})
	id := r.hold(ana, at(2, 10, 0))
	eventually(t, 15*time.Second, "given up", func() bool { return r.booking(id).CodeState == "revoked" })
	r.idle(10 * time.Second)
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_failed", "code_revoked", "unreachable"}) {
		t.Errorf("timeline %v", got)
	}
	r.sim.ClearFaults()
	r.texts(ana, 0)
}

// A worker is killed between the claim of a text and the record of its outcome: never two texts, whether or not
// the provider had taken it.
func TestKilledWhileSending(t *testing.T) {
	t.Parallel()
	for do, sends := range map[string]int{twiliosim.FaultHang: 2, twiliosim.FaultAcceptThenHang: 1} {
		t.Run(do, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *config) { c.CallLimit = 3 * time.Second })
			p := r.spawn()
			r.fault(twiliosim.Fault{Do: do, Times: 1})
			id := r.hold(ana, at(2, 10, 0))
			eventually(t, 10*time.Second, "the call is made", func() bool { return r.sim.Faults()[0].Fired == 1 && r.message(id, "code").State == "sending" })
			p.kill()
			r.start()
			took := eventually(t, recovered, "the first step of recovery", func() bool { return r.message(id, "code").State != "sending" })
			t.Logf("recovered %v after kill -9", took)
			r.idle(20 * time.Second)
			text := r.texts(ana, 1)[0]
			if m := r.message(id, "code"); m.State != "accepted" || m.SID != text.SID || m.Sends != sends {
				t.Errorf("%+v, the text is %s", m, text.SID)
			}
			r.expect(r.verify(id, r.codeIn(text)), 200, "confirmed")
		})
	}
}

// A text that is in sending though nobody has a claim on it, whatever has become of that claim, may have gone out: it
// is looked up.
func TestSendingWithoutClaimIsLookedUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	release := r.delayed(tasks.VerificationSend.Name)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	r.exec("UPDATE message SET state = 'sending', sends = 1, claimed_at = clock_timestamp(), body_hash = '\\x00' WHERE booking_id = $1", id)
	release()
	r.idle(20 * time.Second)
	r.texts(ana, 1)
	if m := r.message(id, "code"); m.State != "accepted" || m.Sends != 2 {
		t.Errorf("%+v", m)
	}
	if n := query[int](r, "SELECT count(*) FROM task WHERE type = 'sms:reconcile'"); n != 1 {
		t.Errorf("looked up by %d tasks", n)
	}
}

// The worker of a call was taken for lost while it lives; its answer comes at last. What it says of the text is
// kept: an acceptance with its SID, a refusal with all that follows; and "not sent" leaves it to be looked up.
func TestStolenText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault twiliosim.Fault
		state string // of the message, when all has settled
		texts int
	}{
		"accepted":  {twiliosim.Fault{Do: twiliosim.FaultDelay, MS: 600}, "accepted", 1},
		"refused":   {twiliosim.Fault{Do: twiliosim.FaultError, Code: 21614, Status: 400}, "failed", 0},
		"transient": {twiliosim.Fault{Do: twiliosim.FaultError, Code: 20429, Status: 429}, "accepted", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *config) { c.CallLimit = 3 * time.Second })
			front := newGate(t, r)
			r.cfg.TwilioURL = front.url
			// While the call is held back, its claim becomes that of a worker that nobody knows.
			w := r.start()
			c.fault.Times = 1
			r.fault(c.fault)
			id := r.hold(ana, at(2, 10, 0))
			front.waits(t)
			task := query[uuid.UUID](r, "SELECT id FROM task WHERE type = 'verification:send'")
			r.exec("UPDATE task SET claimed_by = gen_random_uuid() WHERE id = $1", task)
			if res := w.run.deliver(t.Context(), r.delivery(task, r.task(task).Epoch)); res.label != "done" || r.message(id, "code").State != "unknown" {
				t.Fatalf("the thief: %+v, the message is %s", res, r.message(id, "code").State)
			}
			front.open()
			r.idle(20 * time.Second)
			r.texts(ana, c.texts)
			if m := r.message(id, "code"); m.State != c.state {
				t.Errorf("%+v", m)
			}
			wantCode := "sent"
			if c.texts == 0 {
				wantCode = "revoked"
			}
			if got := r.booking(id).CodeState; got != wantCode {
				t.Errorf("the code is %s, want %s; timeline %v", got, wantCode, r.timeline(id))
			}
		})
	}
}

// The worker of a call was taken for lost, the text was looked up, not found, and is about to go out again, or does so
// at this moment. What the first call says at last is only about itself.
func TestLateResultLeavesTheNextSendAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault twiliosim.Fault // of the first call
		next  string          // what the next send is at
	}{
		"unknown, queued":  {twiliosim.Fault{Do: twiliosim.FaultHang}, "queued"},
		"unknown, sending": {twiliosim.Fault{Do: twiliosim.FaultHang}, "sending"},
		"refused, queued":  {twiliosim.Fault{Do: twiliosim.FaultError, Code: 21614, Status: 400}, "queued"},
		"refused, sending": {twiliosim.Fault{Do: twiliosim.FaultError, Code: 20003, Status: 401}, "sending"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *config) { c.CallLimit = 4 * time.Second })
			front := newGate(t, r)
			r.cfg.TwilioURL = front.url
			slow, thief := r.process(), r.process()
			c.fault.Times = 1
			r.fault(c.fault)
			r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: at(2, 10, 0), Customer: CustomerBody{Phone: ana}}, uuid.Nil)
			pending := func(typ string) uuid.UUID {
				return query[uuid.UUID](r, "SELECT id FROM task WHERE state = 'pending' AND type = $1", typ)
			}
			do := func(run *Runner, task uuid.UUID) string {
				return run.deliver(t.Context(), r.delivery(task, r.task(task).Epoch)).label
			}
			do(slow, pending("booking:claim"))
			send, ended := pending("verification:send"), make(chan string, 1)
			go func() { ended <- do(slow, send) }()
			front.waits(t)
			r.exec("UPDATE task SET claimed_by = gen_random_uuid() WHERE id = $1", send)
			do(thief, send)
			r.exec("UPDATE message SET claimed_at = claimed_at - interval '1 hour'") // long enough ago to be believed
			do(thief, pending("sms:reconcile"))
			id := query[uuid.UUID](r, "SELECT id FROM booking")
			if m := r.message(id, "code"); m.State != "queued" || m.Sends != 1 {
				t.Fatalf("not found: %+v", m)
			}
			if c.next == "sending" {
				r.exec("UPDATE message SET state = 'sending', sends = sends + 1, claimed_at = clock_timestamp()")
			}
			front.open()
			if label := <-ended; label != "stolen" {
				t.Errorf("the first call ended %s", label)
			}
			if m := r.message(id, "code"); m.State != c.next || r.booking(id).CodeState != "pending" || r.breaker() != "none" {
				t.Errorf("%+v, the code is %s, the breaker %s", m, r.booking(id).CodeState, r.breaker())
			}
			if n := query[int](r, "SELECT count(*) FROM task WHERE type = 'sms:reconcile' AND state = 'pending'"); n != 0 {
				t.Errorf("%d look-ups of a text that has not been sent", n)
			}
		})
	}
}
