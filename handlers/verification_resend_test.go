package handlers

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/tasks"
)

func (r *rig) resend(booking uuid.UUID, phone string) reply {
	r.t.Helper()
	return r.read(r.ask(tasks.VerificationResend, ResendBody{Phone: phone}, booking))
}

// ages makes a booking's code texts older.
func (r *rig) ages(booking uuid.UUID, by time.Duration) {
	r.t.Helper()
	r.exec("UPDATE message SET created_at = created_at - $2::interval WHERE booking_id = $1", booking, by)
}

// TestResendSameNumber: the same code again, as often and as soon as it may be.
func TestResendSameNumber(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	for n, step := range []struct {
		after     time.Duration // since the text before
		kind      string
		low, high int // seconds to wait
	}{
		{0, "too-soon", 20, 30},
		{25 * time.Second, "too-soon", 1, 5},
		{5 * time.Second, "held", 0, 0},
		{40 * time.Second, "too-soon", 10, 20},
		{20 * time.Second, "held", 0, 0},
		{200 * time.Second, "too-many-sends", 120, 600},
	} {
		r.ages(id, step.after)
		v := r.resend(id, "")
		if v.kind() != step.kind || v.RetryAfter < step.low || v.RetryAfter > step.high {
			t.Fatalf("step %d: %d %s, after %d s", n, v.status, v.kind(), v.RetryAfter)
		}
	}
	for _, m := range r.texts(ana, 3) {
		if r.codeIn(m) != code {
			t.Error("another code")
		}
	}
	if n := query[int](r, "SELECT count(*) FROM verification"); n != 1 {
		t.Errorf("%d codes", n)
	}
	r.expect(r.verify(id, code), 200, "confirmed")
	r.expect(r.resend(id, ""), 409, "already-confirmed")
	r.cancelBooking(id)
	r.expect(r.resend(id, ""), 409, "booking-ended")
}

// TestResendNewNumber: the old code is dead at once, the wrong codes still count, the booking is the other
// customer's.
func TestResendNewNumber(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	first := r.codeIn(r.texts(ana, 1)[0])
	r.expect(r.verify(id, wrong(first)), 422, "wrong-code")
	v := r.resend(id, "(555) 010-0043") // national, of the org's region
	r.expect(v, 200, "held")
	if v.Customer.Phone != "•••• 43" {
		t.Errorf("the booking is that of %s", v.Customer.Phone)
	}
	second := r.codeIn(r.texts(bob, 1)[0])
	if first == second { // one in a million
		t.Fatal("both codes are the same")
	}
	wrongs := r.verify(id, first)
	r.expect(wrongs, 422, "wrong-code")
	if *wrongs.AttemptsLeft != 3 {
		t.Errorf("%d attempts left, want 3: the count began anew", *wrongs.AttemptsLeft)
	}
	// The text to the first number fails late: that is nothing to the second code.
	r.failed(id)
	r.expect(r.verify(id, second), 200, "confirmed")
	if m := r.texts(bob, 2)[1]; leadingCode.MatchString(m.Body) {
		t.Error("the confirmation did not go to the new number")
	}
	if got := r.timeline(id); !slices.Contains(got, "number_changed") {
		t.Errorf("timeline %v", got)
	}
	if n := query[int](r, "SELECT count(*) FROM customer WHERE name_sealed IS NOT NULL"); n != 2 {
		t.Errorf("%d customers with a name", n)
	}
	// A number that the org knows stays that customer's.
	other := r.hold(eve, at(2, 11, 0))
	v = r.resend(other, ana)
	r.expect(v, 200, "held")
	if n := query[int](r, "SELECT count(*) FROM customer"); n != 3 {
		t.Errorf("%d customers", n)
	}
}

// failed tells that the first text of a booking was not delivered, as a callback does.
func (r *rig) failed(booking uuid.UUID) {
	r.t.Helper()
	eventually(r.t, 10*time.Second, "the text was accepted", func() bool {
		return query[int](r, "SELECT count(*) FROM message WHERE booking_id = $1 AND state = 'accepted'", booking) == 2
	})
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		id := query[uuid.UUID](r, "SELECT id FROM message WHERE booking_id = $1 ORDER BY created_at LIMIT 1", booking)
		m, err := store.LockMessage(r.t.Context(), tx, r.db.Keys, id)
		if err != nil {
			return err
		}
		return TextFailed(r.t.Context(), tx, m, "sms-recipient")
	})
	r.must(err)
}

// TestResendRefused: what a resend would spoil is refused, and nothing is written.
func TestResendRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	count := func() int { return query[int](r, "SELECT count(*) FROM message WHERE kind = 'code'") }

	spent := r.hold(ana, at(2, 9, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	for range store.MaxCodeAttempts {
		r.verify(spent, wrong(code))
	}
	r.expect(r.resend(spent, ""), 409, "code-revoked")
	r.expect(r.resend(spent, bob), 409, "code-revoked")

	lapsed := r.hold(bob, at(2, 10, 0))
	r.texts(bob, 1)
	r.lapse(lapsed)
	r.ages(lapsed, time.Minute)
	v := r.resend(lapsed, eve)
	r.expect(v, 409, "hold-expired")
	if len(v.Alternatives) != 3 {
		t.Errorf("%d alternatives", len(v.Alternatives))
	}
	n := count()
	r.expect(r.resend(lapsed, ""), 200, "expired") // the code lives, and would take the seat again
	if count() != n+1 {
		t.Error("no text for a lapsed hold's live code")
	}
	r.exec("UPDATE verification SET expires_at = clock_timestamp() WHERE booking_id = $1", lapsed)
	r.ages(lapsed, time.Hour)
	r.expect(r.resend(lapsed, ""), 409, "code-expired")

	id := r.hold(eve, at(2, 11, 0))
	r.texts(eve, 1)
	r.says(ana, "STOP")
	r.expect(r.resend(id, ana), 409, "opted-out")
	r.expect(r.resend(id, "12"), 422, "invalid-phone")
	r.expect(r.resend(id, "+525555550142"), 422, "country-not-allowed")
	if got := count(); got != n+2 {
		t.Errorf("%d texts, want %d", got, n+2)
	}
	if b := r.booking(id); b.CodeState == "revoked" || b.PhoneLast2 != "44" {
		t.Errorf("%+v", b)
	}
}

// TestResendAfterFailure: a text that failed for good has killed its code; another number gets a new one.
func TestResendAfterFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.fault(twiliosim.Fault{Do: twiliosim.FaultError, Code: 21614, Status: 400, Times: 1})
	id := r.hold(ana, at(2, 10, 0))
	eventually(t, 10*time.Second, "the code is revoked", func() bool { return r.booking(id).CodeState == "revoked" })
	r.ages(id, time.Minute)
	r.expect(r.resend(id, ""), 409, "code-revoked")
	r.expect(r.resend(id, bob), 200, "held")
	r.expect(r.verify(id, r.codeIn(r.texts(bob, 1)[0])), 200, "confirmed")
}

// TestResendsAtOnce: of several at once one is sent, and what refused the others is no answer to their keys.
func TestResendsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.heldBefore(ana, at(2, 10, 0))
	r.ages(id, time.Minute)
	var asked []uuid.UUID
	for range 4 {
		q := r.ask(tasks.VerificationResend, ResendBody{}, id)
		r.exec("UPDATE request SET idem_key = $1::text::bytea WHERE id = $1", q)
		asked = append(asked, q)
	}
	r.start()
	sent := 0
	for _, q := range asked {
		switch v := r.read(q); v.kind() {
		case "held":
			sent++
		case "too-soon":
			if query[bool](r, "SELECT idem_key IS NOT NULL FROM request WHERE id = $1", q) {
				t.Error("a key holds an answer that time will change")
			}
		default:
			t.Errorf("%d %s", v.status, v.kind())
		}
	}
	if n := query[int](r, "SELECT count(*) FROM message WHERE kind = $1", string(sms.KindCode)); sent != 1 || n != 2 {
		t.Errorf("%d sent, %d texts", sent, n)
	}
}

// heldBefore holds a seat with a worker that ends before it returns.
func (r *rig) heldBefore(phone, start string) uuid.UUID {
	r.t.Helper()
	w := r.start()
	id := r.hold(phone, start)
	r.texts(phone, 1)
	r.idle(10 * time.Second)
	w.stop()
	return id
}
