package handlers

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms/twiliosim"
)

// deadTask waits for the dead letter of a type.
func (r *rig) deadTask(typ string) (id uuid.UUID) {
	r.t.Helper()
	eventually(r.t, 20*time.Second, typ+" is dead", func() bool {
		return query[int](r, "SELECT count(*) FROM task WHERE type = $1 AND state = 'dead'", typ) == 1
	})
	return query[uuid.UUID](r, "SELECT id FROM task WHERE type = $1 AND state = 'dead'", typ)
}

// A text that the provider surely refused goes out once somebody has mended what was wrong, and goes out once.
func TestReplayOfRefusedText(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	op := r.operator(r.start())
	booking := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	r.fault(twiliosim.Fault{Do: twiliosim.FaultError, Code: 21614, Status: 400, Times: 1})
	r.expect(r.verify(booking, code), 200, "confirmed")
	id := r.deadTask("sms:send")
	if m := r.message(booking, "confirmation"); m.State != "failed" || m.Class != "recipient" {
		t.Fatalf("%+v", m)
	}
	r.must(op.Replay(t.Context(), r.org.ID, id, by))
	text := r.texts(ana, 2)[1]
	r.idle(20 * time.Second)
	if m := r.message(booking, "confirmation"); m.State != "accepted" || m.SID != text.SID || m.Sends != 2 || m.Class != "" {
		t.Errorf("%+v", m)
	}
	r.texts(ana, 2)
	// Canceled meanwhile, it would no longer be worth sending.
	r.exec("UPDATE message SET state = 'failed', provider_sid = NULL, error_class = 'recipient' WHERE kind = 'confirmation'")
	r.exec("UPDATE task SET state = 'dead' WHERE id = $1", id)
	r.expect(r.cancelBooking(booking), 200, "canceled")
	r.declines(op.Replay(t.Context(), r.org.ID, id, by), "booking-canceled")
}

// A code text died and its code with it: to send it again would give the customer a code that is not taken.
func TestReplayOfDeadCodeIsDeclined(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	op := r.operator(r.start())
	booking := r.hold("+15005550009", at(2, 10, 0)) // refused for good: 21614
	id := r.deadTask("verification:send")
	r.declines(op.Replay(t.Context(), r.org.ID, id, by), "resend")
	if m := r.message(booking, "code"); m.State != "failed" || r.booking(booking).CodeState != "revoked" {
		t.Errorf("%+v, the code is %s", m, r.booking(booking).CodeState)
	}
}

// A text whose worker was lost in the middle of the call, again and again, may have gone out: it is never sent again.
func TestReplayOfUnknownTextIsDeclined(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	w := r.start()
	op := r.operator(w)
	booking := r.hold(ana, at(2, 10, 0))
	r.expect(r.verify(booking, r.codeIn(r.texts(ana, 1)[0])), 200, "confirmed")
	r.idle(20 * time.Second)
	r.texts(ana, 2)
	// As a fourth crash between the claim and its record leaves it.
	id := query[uuid.UUID](r, `UPDATE task SET state = 'pending', crashes = 4, claimed_by = gen_random_uuid(), claim_until = now(), epoch = 9,
		check_at = now() + interval '1 h', give_up_at = now() + interval '1 h' WHERE type = 'sms:send' RETURNING id`)
	r.exec("UPDATE message SET state = 'sending', provider_sid = NULL WHERE kind = 'confirmation'")
	w.run.deliver(t.Context(), r.delivery(id, 9))
	if got, m := r.task(id), r.message(booking, "confirmation"); got.State != "dead" || got.LastError != "crashed" || m.State != "failed" || m.Class != "unknown" {
		t.Fatalf("%+v, %+v", got, m)
	}
	r.declines(op.Replay(t.Context(), r.org.ID, id, by), "may have gone out")
	r.texts(ana, 2)
}

// A look-up that died is made again: the text that had gone out is found, and its message settled.
func TestReplayOfLookup(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	op := r.operator(r.start())
	booking := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	r.fault(twiliosim.Fault{Do: twiliosim.FaultAcceptThenHang, Times: 1})
	r.expect(r.verify(booking, code), 200, "confirmed")
	eventually(t, 10*time.Second, "its outcome is unknown", func() bool { return r.message(booking, "confirmation").State == "unknown" })
	// The account is taken away before anybody has looked: the look-up dies.
	r.exec("CREATE TABLE kept AS SELECT * FROM sms_account; DELETE FROM sms_account")
	id := r.deadTask("sms:reconcile")
	if m := r.message(booking, "confirmation"); m.State != "failed" || m.Class != "unknown" {
		t.Fatalf("%+v", m)
	}
	r.exec("INSERT INTO sms_account SELECT * FROM kept")
	r.must(op.Replay(t.Context(), r.org.ID, id, by))
	r.idle(20 * time.Second)
	text := r.texts(ana, 2)[1]
	if m := r.message(booking, "confirmation"); m.State != "accepted" || m.SID != text.SID || m.Sends != 1 {
		t.Errorf("%+v, the text is %s", m, text.SID)
	}
	r.exec("UPDATE task SET state = 'dead' WHERE id = $1", id)
	r.declines(op.Replay(t.Context(), r.org.ID, id, by), "nothing to look up")
}
