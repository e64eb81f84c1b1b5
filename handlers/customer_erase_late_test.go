package handlers

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// erasedBy is an erasure that is worked on at once.
func (r *rig) erasedBy(run *Runner, customer uuid.UUID) {
	r.t.Helper()
	r.ask(tasks.CustomerErase, EraseRef{Customer: customer, Actor: "key"}, uuid.Nil)
	r.deliverType(run, "customer:erase", "done")
}

// What a voice agent's platform calls a call is kept nowhere in clear. A transcript that comes by it after the caller was erased is
// refused, though it names no booking, and what was asked in the call is not done again.
func TestErasureOfACall(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	const call = `call-77"\x`
	body, err := json.Marshal(chair(ana, at(2, 10, 0)))
	r.must(err)
	asked := store.Request{Kind: "booking", Source: "vapi", IdemKey: "vapi:" + call, Conversation: call, Body: pii.NewText(string(body))}
	insert := func() (fresh bool, err error) {
		err = tasks.InTx(t.Context(), r.in, r.org.ID, func(tx *store.Tx) (err error) {
			asked.ID = uuid.New()
			if asked.ID, fresh, err = store.InsertRequest(t.Context(), tx, r.db.Keys, asked); err != nil || !fresh {
				return err
			}
			_, err = tasks.BookingClaim.Enqueue(tx, tasks.RequestPayload{Request: asked.ID}, tasks.Answers(asked.ID))
			return err
		})
		return fresh, err
	}
	_, err = insert()
	r.must(err)
	r.runAll(run)
	id := r.read(asked.ID).ID
	said := r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: call, Text: "Ana Lee said hello"}, uuid.Nil)
	r.deliverType(run, "transcript:redact", "done")
	if a := r.answer(said); a.Status != 201 || query[uuid.UUID](r, "SELECT booking_id FROM transcript") != id {
		t.Fatalf("control: the transcript is not of the call's booking: %d %s", a.Status, a.Body)
	}
	if fresh, err := insert(); err != nil || fresh {
		t.Errorf("control: a repeat: fresh %v, %v", fresh, err)
	}
	r.erasedBy(run, r.customerOf(id))
	late := r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: call, Text: "Ana Lee said hello"}, uuid.Nil)
	r.deliverType(run, "transcript:redact", "done")
	if v := r.read(late); v.status != 404 || query[int](r, "SELECT count(*) FROM transcript") != 1 {
		t.Errorf("a late transcript: %d", v.status)
	}
	if found := storetest.FindMarkers(t, r.db.Admin, "call-77"); len(found) > 0 {
		t.Errorf("the call is told in %v", found)
	}
	if _, err := insert(); !errors.Is(err, store.ErrKeyReused) {
		t.Errorf("asked again after the erasure: %v", err)
	}
	r.clean("after")
}

// A booking that was given to another number is told of neither number once its customer was erased, whichever of the two it was;
// with the second goes the first, which has no booking left, but not one that has its own.
func TestErasureAfterAnotherNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		erase         string
		first, second int // of each how often the last digits are left in answers
		erased        int
		again         bool
	}{
		{name: "the first", erase: ana, second: 1, erased: 1},
		{name: "the second", erase: bob, erased: 2},
		{name: "the second, of two that both have bookings", erase: bob, first: 1, erased: 1, again: true},
	} {
		r := newRig(t)
		run := r.process()
		id := r.heldBy(run, chair(ana, at(2, 10, 0)))
		r.ask(tasks.VerificationResend, ResendBody{Phone: bob}, id)
		r.runAll(run)
		if c.again {
			r.heldBy(run, chair(ana, at(2, 14, 0)))
		}
		customer := query[uuid.UUID](r, "SELECT id FROM customer WHERE phone_hash = $1", r.phoneHash(c.erase))
		r.erasedBy(run, customer)
		r.deliverType(run, "customer:erase", "done")
		for phone, want := range map[string]int{"42": c.first, "43": c.second} {
			if n := r.answersWith(phone); n != want {
				t.Errorf("%s: %d answers tell of %s", c.name, n, phone)
			}
		}
		if n := query[int](r, "SELECT count(*) FROM customer WHERE erased_at IS NOT NULL"); n != c.erased {
			t.Errorf("%s: %d customers are erased", c.name, n)
		}
		got := slices.DeleteFunc(r.traces(c.erase, c.erase[1:]), func(at string) bool { return strings.HasSuffix(at, "prefix's hash") }) // the other's too
		if len(got) > 0 {
			t.Errorf("%s: traces are left: %v", c.name, got)
		}
		r.clean(c.name)
	}
}

// A text that was given up though it may have gone out is looked up once more before its number goes, and is emptied at the
// provider.
func TestErasureOfATextGivenUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	r.exec("UPDATE message SET state = 'failed', error_class = 'unknown', provider_sid = NULL, accepted_at = NULL, poll_at = NULL")
	customer := r.customerOf(id)
	r.erasedBy(run, customer)
	r.deliverType(run, "sms:redact", "snooze")
	r.deliverType(run, "sms:reconcile", "done")
	r.exec("UPDATE task SET run_at = clock_timestamp() WHERE state = 'pending'")
	eventually(t, 10*time.Second, "it is emptied", func() bool {
		for _, task := range r.pending("sms:redact") {
			r.hasten(task)
			run.deliver(t.Context(), r.delivery(task, r.task(task).Epoch))
		}
		return r.erasure(customer).Provider == store.AtProvider{Redacted: 1}
	})
	r.isGone(customer, ana, 1)
}

// A text of which nobody has found out for as long as its task was tried is empty here all the same.
func TestErasureGivesUpATextInLine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	r.exec("UPDATE message SET state = 'unknown', provider_sid = NULL, accepted_at = NULL, poll_at = NULL")
	customer := r.customerOf(id)
	r.erasedBy(run, customer)
	r.exec("UPDATE task SET give_up_at = clock_timestamp() WHERE type = 'sms:redact'")
	r.deliverType(run, "sms:redact", "dead")
	if v := r.erasure(customer); v.Provider != (store.AtProvider{Failed: 1}) {
		t.Errorf("%+v", v.Provider)
	}
	if got := r.traces(ana, ana[1:]); len(got) > 0 {
		t.Errorf("traces are left: %v", got)
	}
}
