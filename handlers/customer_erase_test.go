package handlers

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/tasks"
)

// TestErasure is the proof: of a customer with a history nothing is left that tells who it was, in no table and not at the
// provider, but for the hash by which an opt-out is kept; another one's rows are as they were; and the audit is clean all along.
func TestErasure(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	const phone, name, word = "+15559073158", "Zebulon", "quokka"
	e := r.listen()
	other := r.lives(eve, "Wilhelmina", "platypus", 3)
	customer := r.lives(phone, name, word, 4)
	r.says(phone, "STOP")
	r.idle(10 * time.Second)
	r.operates(func(tx *store.Tx) error {
		asked := store.Question{ID: uuid.New(), BookingID: query[uuid.UUID](r, "SELECT id FROM booking WHERE customer_id = $1 LIMIT 1", customer), Kind: store.AskKeep}
		return store.Ask(tx, r.org.Account.Pool(), r.phoneHash(phone), asked, time.Hour)
	})
	r.exec("INSERT INTO sms_breaker (org_id, class, refused) VALUES ($1, 'tenant', ARRAY[$2, $3]::bytea[])", r.org.ID, r.phoneHash(phone), r.phoneHash(eve))
	markers := []string{phone[1:], "907 3158", "9073158", name, word}
	if before := r.traces(phone, markers...); len(before) < 10 {
		t.Fatalf("control: the customer is hardly there: %v", before)
	}
	if r.answersWith("58") == 0 {
		t.Error("before, no answer has the last digits")
	}
	was, texts := r.theirs(other, r.phoneHash(eve)), r.atProvider(eve)
	r.clean("before")

	v := r.erase(customer)
	r.clean("at once after")
	if got := r.traces(phone, markers...); !slices.Equal(got, []string{"suppression.phone_hash is the phone's hash"}) {
		t.Errorf("at once after, traces are left:\n%s", strings.Join(got, "\n"))
	}
	r.idle(20 * time.Second)
	r.clean("after")
	if got := r.traces(phone, markers...); !slices.Equal(got, []string{"suppression.phone_hash is the phone's hash"}) {
		t.Errorf("traces are left:\n%s", strings.Join(got, "\n"))
	}
	for _, to := range []string{phone, r.org.Account.From} {
		for _, m := range r.atProvider(to) {
			if m.Body != "" && (to == phone || m.From == phone) {
				t.Errorf("the provider has %+v", m)
			}
		}
	}
	if now := r.theirs(other, r.phoneHash(eve)); now != was {
		t.Errorf("another customer's rows are\n%s\nand were\n%s", now, was)
	}
	if now := r.atProvider(eve); fmt.Sprint(now) != fmt.Sprint(texts) {
		t.Errorf("another customer's texts at the provider: %v", now)
	}
	if n := r.answersWith("58"); n > 0 {
		t.Errorf("%d answers have the last digits", n)
	}

	if n := query[int](r, `SELECT count(*) FROM redaction WHERE hash IS NOT NULL AND subject IN (SELECT id FROM booking WHERE customer_id = $1
		UNION SELECT id FROM inbound WHERE erased_for = $1 UNION SELECT x.id FROM transcript x JOIN booking b ON b.id = x.booking_id WHERE b.customer_id = $1)`, customer); n > 0 {
		t.Errorf("%d hashes of what was taken out", n)
	}

	// What was done is told, by the request, by the audit log and by who asks later.
	want := store.Erased{Bookings: 3, Canceled: 2, Texts: 6, Replies: 2, Questions: 1, Transcripts: 1, Redactions: v.Erased.Redactions, Requests: v.Erased.Requests}
	if v.ID != customer || v.Erased != want || v.Erased.Redactions < 4 || v.Erased.Requests < 7 || v.ErasedAt.IsZero() {
		t.Errorf("%+v, want %+v", v.Erased, want)
	}
	now := r.erasure(customer) // the STOP was written without the double: its SID is nobody's
	if now.Provider != (store.AtProvider{Redacted: 6, NotFound: 1}) {
		t.Errorf("at the provider: %+v, at first %+v", now.Provider, v.Provider)
	}
	if again := r.erase(customer); again != now {
		t.Errorf("erased again: %+v, want %+v", again, now)
	}
	if got := query[string](r, "SELECT string_agg(actor || ' ' || (detail->>'bookings'), ', ') FROM audit_log WHERE action = 'customer.erase' AND subject = $1", customer.String()); got != "key 3" {
		t.Errorf("the audit log has %s", got)
	}
	for _, c := range e.calls() {
		if c.Type == "booking.canceled" && c.Data.Customer.Phone != "" {
			t.Errorf("the endpoint is told of %+v", c.Data.Customer)
		}
	}

	// The same phone is another customer, and still not texted.
	before := len(r.sim.Messages(phone))
	fresh := r.hold(phone, at(5, 9, 0))
	if r.customerOf(fresh) == customer {
		t.Error("a booking of an erased customer")
	}
	r.idle(15 * time.Second)
	if n := len(r.sim.Messages(phone)); n != before {
		t.Error("who opted out was texted")
	}
	r.clean("in the end")
	if strings.Contains(r.log.String(), "9073158") || strings.Contains(r.log.String(), name) {
		t.Error("the log names the customer")
	}
}

// A text that is at the provider's door while its customer is erased is recorded, then emptied, here and there.
func TestErasureOfATextOnItsWay(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config) { c.CallLimit = 10 * time.Second })
	r.start()
	r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: ana}, Do: twiliosim.FaultDelay, MS: 1500, Times: 1})
	id := r.hold(ana, at(2, 10, 0))
	eventually(t, 5*time.Second, "the text is on its way", func() bool { return r.message(id, "code").State == "sending" })
	customer := r.customerOf(id)
	if v := r.erase(customer); v.Provider.Pending != 1 || v.Erased.Texts != 1 || v.Erased.Canceled != 1 {
		t.Errorf("%+v", v)
	}
	r.clean("meanwhile")
	r.idle(20 * time.Second)
	r.isGone(customer, ana, 1, "Ana Lee")
}

// A text whose number lies with the customer, and of which nobody knows whether it went out, is looked for at the provider by
// that number though the customer is erased meanwhile.
func TestErasureOfATextThatIsLookedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: ana}, Do: twiliosim.FaultAcceptThenHang, Times: 1})
	r.expect(r.verify(id, code), 200, "confirmed")
	eventually(t, 10*time.Second, "the confirmation is looked for", func() bool { return r.message(id, "confirmation").State == "unknown" })
	customer := r.customerOf(id)
	r.erase(customer)
	r.idle(20 * time.Second)
	r.isGone(customer, ana, 2, "Ana Lee")
}

// TestErasureMeetsClaims: bookings that are made while their customer is erased are his, and end with him, or those of a new
// customer. None is left under an erased one.
func TestErasureMeetsClaims(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	for round := range 6 {
		first := r.hold(ana, at(2+round, 9, 0))
		customer := r.customerOf(first)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if i == 1 {
					r.ask(tasks.CustomerErase, EraseRef{Customer: customer, Actor: "key"}, uuid.Nil)
					return
				}
				r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: at(2+round, 10+i, 0), Notes: "n", Customer: CustomerBody{Phone: ana, Name: "Ana Lee"}}, uuid.Nil)
				r.ask(tasks.VerificationResend, ResendBody{Phone: ana}, r.hold("+1555010005"+fmt.Sprint(i), at(2+round, 14+i, 0)))
			})
		}
		wg.Wait()
		eventually(t, 10*time.Second, "all is answered", func() bool { return query[int](r, "SELECT count(*) FROM request WHERE done_at IS NULL") == 0 })
		if n := query[int](r, "SELECT count(*) FROM booking b JOIN customer c ON c.id = b.customer_id WHERE c.erased_at IS NOT NULL AND b.state IN ('held', 'confirmed')"); n > 0 {
			t.Errorf("%d bookings of the erased", n)
		}
	}
	r.idle(20 * time.Second)
	r.clean("after")
}

// What is written to the provider is tried until it can be done: a text that is not at its end, an account that is refused; one
// that is given up is counted, and an operator may let it run again.
func TestRedactionAtTheProvider(t *testing.T) {
	t.Parallel()
	r := newRigBeside(t, twiliosim.Options{DeliveredAfter: time.Hour})
	run := r.process()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	customer := r.customerOf(id)
	ask := r.ask(tasks.CustomerErase, EraseRef{Customer: customer, Actor: "key"}, uuid.Nil)
	r.deliverType(run, "customer:erase", "done")
	r.answer(ask)
	r.deliverType(run, "sms:redact", "snooze")
	task := query[uuid.UUID](r, "SELECT id FROM task WHERE type = 'sms:redact'")
	if got := r.task(task); got.LastError != "text-not-at-end" || got.Attempt != 0 {
		t.Errorf("not at its end: %+v", got)
	}
	r.rotates()
	r.hasten(task)
	r.deliverType(run, "sms:redact", "snooze")
	if got := r.task(task); got.LastError != "sms-tenant" || got.Wait < 9*time.Minute {
		t.Errorf("refused: %+v", got)
	}
	r.exec("UPDATE task SET give_up_at = clock_timestamp() WHERE id = $1", task)
	r.hasten(task)
	r.deliverType(run, "sms:redact", "dead")
	if v := r.erasure(customer); v.Provider != (store.AtProvider{Failed: 1}) {
		t.Errorf("given up: %+v", v.Provider)
	}
	r.clean("given up")
	r.must((&Operator{DB: r.in, Mux: run.Mux}).Replay(t.Context(), r.org.ID, task, By{Who: "op", Why: "the token was rotated"}))
	if v := r.erasure(customer); v.Provider != (store.AtProvider{Pending: 1}) {
		t.Errorf("replayed: %+v", v.Provider)
	}
}

// A reply that the endpoint was not told of yet is not told any more, and one that nobody has read is not read.
func TestErasureOfReplies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	e := r.listen()
	r.writes(ana, "is there a parking lot?")
	r.replies(run)
	unread := r.writes(ana, "k")
	r.ask(tasks.CustomerErase, EraseRef{Customer: r.customerOf(id), Actor: "key"}, uuid.Nil)
	r.deliverType(run, "customer:erase", "done")
	r.deliverType(run, "sms:inbound", "done")
	r.deliverType(run, "webhook:deliver", "done")
	for _, c := range e.calls() {
		if c.Type == "reply" {
			t.Errorf("told of %+v", c.Reply)
		}
	}
	if got := query[string](r, "SELECT intent FROM inbound WHERE id = $1", unread); got != "erased" {
		t.Errorf("understood as %s", got)
	}
	if got := r.traces(ana, "parking"); len(got) > 0 {
		t.Errorf("traces are left: %v", got)
	}
	if b := r.booking(id); b.State != store.BookingCanceled || !b.Erased() {
		t.Errorf("the booking: %+v", b)
	}
	// A transcript of a call about the booking comes too late.
	late := r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: "c", Text: "Ana said hello", BookingID: id.String()}, uuid.Nil)
	r.deliverType(run, "transcript:redact", "done")
	if v := r.read(late); v.status != 404 || query[int](r, "SELECT count(*) FROM transcript") != 0 {
		t.Errorf("a late transcript: %d", v.status)
	}
}

var _ Eraser = (*sms.Client)(nil)
