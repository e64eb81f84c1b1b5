package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// keptWords is whether redacted words of a reply are kept, and whether anybody is told of it.
func (r *rig) keptWords(inbound uuid.UUID) (kept, told bool) {
	r.t.Helper()
	return query[bool](r, "SELECT text_sealed IS NOT NULL FROM inbound WHERE id = $1", inbound),
		query[bool](r, "SELECT told_as IS NOT NULL FROM inbound WHERE id = $1", inbound)
}

// A reply that nobody else can understand goes to the integrator, without what the org wants taken out, and is answered once
// with help. Once the endpoint has it nothing is kept of the words but what was taken out of them.
func TestRepliesGoToTheEndpoint(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	older, id := r.heldBy(run, chair(ana, at(2, 10, 0))), r.heldBy(run, chair(ana, at(2, 11, 0)))
	e := r.listen()
	in := r.writes(ana, "Lee here. Is it on the 2nd floor? I cannot read 555-010-0042, mail ana@example.com")
	r.replies(run)
	if kept, told := r.keptWords(in); !kept || !told {
		t.Fatalf("kept %v, told %v", kept, told)
	}
	r.runAll(run)
	calls := e.calls()
	if len(calls) != 1 || calls[0].Type != "reply" || !calls[0].signedBy(t, r.org.Endpoint) || calls[0].Timestamp.IsZero() {
		t.Fatalf("%+v", calls)
	}
	got := calls[0].Reply
	customer := query[uuid.UUID](r, "SELECT id FROM customer")
	if got.ID != in || got.Booking == nil || *got.Booking != id || got.Customer == nil || got.Customer.ID != customer || got.Customer.Phone != "•••• 42" || got.Intent != "unknown" {
		t.Errorf("%+v", got)
	}
	for _, gone := range []string{"Lee", "0042", "example.com"} {
		if strings.Contains(got.Text, gone) {
			t.Errorf("told of %q in %q", gone, got.Text)
		}
	}
	if !strings.Contains(got.Text, "Is it on the 2nd floor?") {
		t.Errorf("told %q", got.Text)
	}
	if kept, _ := r.keptWords(in); kept {
		t.Error("the words are kept though the endpoint has them")
	}
	if got := query[string](r, "SELECT string_agg(type, ' ' ORDER BY ordinal) FROM redaction WHERE source = 'reply' AND subject = $1", in); got != "NAME PHONE_NUMBER EMAIL" {
		t.Errorf("the audit trail has %s", got)
	}
	if got := r.kinds(ana); got[len(got)-1] != "not_understood" {
		t.Errorf("answered with %v", got)
	}
	// Told each time, answered once.
	r.wants(run, ana, "hello?")
	r.runAll(run)
	if n := len(e.calls()); n != 2 {
		t.Errorf("told %d times", n)
	}
	// What was understood is told to nobody.
	for _, body := range []string{"help", "k", "stop", "start"} {
		in := r.writes(ana, body)
		r.runAll(run)
		if kept, told := r.keptWords(in); kept || told {
			t.Errorf("%s: kept %v, told %v", body, kept, told)
		}
	}
	r.is(older, "held")
	// Whom the org does not know: no booking, no customer.
	r.writes("+15550100077", "which street?")
	r.runAll(run)
	if c := e.calls()[len(e.calls())-1]; c.Reply.Booking != nil || c.Reply.Customer != nil || c.Reply.Text != "which street?" ||
		!strings.Contains(string(c.body), `"booking":null,"customer":null`) {
		t.Errorf("%s", c.body)
	}
}

// Without an endpoint that wants to hear of replies nothing is kept of the words, and nothing is written down of them.
func TestRepliesWithoutAnEndpoint(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	e := newEndpoint(t)
	for _, doc := range []string{`{}`, `{"endpoint":{"url":"` + e.url + `","events":["booking.held"]}}`} {
		r.set(doc)
		in := r.writes(ana, "mail me: ana@example.com")
		r.runAll(run)
		if kept, told := r.keptWords(in); kept || told {
			t.Errorf("%s: kept %v, told %v", doc, kept, told)
		}
	}
	if n := query[int](r, "SELECT count(*) FROM redaction"); n != 0 || len(e.calls()) != 0 {
		t.Errorf("%d audit rows, %d calls", n, len(e.calls()))
	}
}

// The words of a reply are there as long as somebody may be told of them: until it is discarded, or there is nobody to be
// told any more.
func TestUntoldRepliesLoseTheirWords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	e := r.listen()
	e.answers(http.StatusGone)
	in := r.writes(ana, "is it on the 2nd floor?")
	r.replies(run)
	task := query[uuid.UUID](r, "SELECT told_as FROM inbound WHERE id = $1", in)
	if res := r.due(run, task); res.label != "dead" {
		t.Fatalf("%s", res.label)
	}
	if kept, _ := r.keptWords(in); !kept {
		t.Error("a dead letter that may be replayed has lost its words")
	}
	op := &Operator{DB: r.in, Mux: run.Mux}
	r.must(op.Discard(t.Context(), r.org.ID, task, by))
	if kept, _ := r.keptWords(in); kept {
		t.Error("kept though it was discarded")
	}
	r.set(`{"endpoint":{"url":"` + e.url + `/other"}}`)
	in = r.writes(ana, "which floor?")
	r.replies(run)
	r.set(`{}`)
	r.runAll(run)
	if kept, told := r.keptWords(in); kept || !told {
		t.Errorf("nobody to tell any more: kept %v, told %v", kept, told)
	}
}

// The story of a booking tells what was replied to it, by intent and without words; a reply, and what tells of it, have the
// story of their booking.
func TestStoryOfReplies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	r.listen()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	in := r.writes(ana, "which floor?")
	r.runAll(run)
	r.wants(run, ana, "k", "confirmation")
	task := query[uuid.UUID](r, "SELECT told_as FROM inbound WHERE id = $1", in)
	for _, ref := range []uuid.UUID{id, in, task} {
		s, err := store.FindStory(t.Context(), r.db.Audit, ref.String())
		r.must(err)
		var as []string
		tells := false
		for _, event := range s.Events {
			if event.Of == "inbound" && event.What == "understood" {
				as = append(as, string(event.Detail))
			}
			tells = tells || event.Of == "task" && event.ID == task.String()
			if strings.Contains(string(event.Detail), "floor") {
				t.Errorf("the story quotes: %s", event.Detail)
			}
		}
		if !slices.Equal(as, []string{`{"as": "unknown"}`, `{"as": "keep"}`}) || !tells {
			t.Errorf("the story of %s tells of replies %v; of its webhook %v", s.Of, as, tells)
		}
	}
}

// Two machines that answer each other end soon: general answers come once an hour, and of all answers a phone gets so many
// in a day, and then none. What it asks for is done all the same.
func TestMachinesDoNotTalkForEver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.confirmedBy(run, ana, at(2, 10, 0))
	for range maxAnswers/2 + 3 {
		r.hears(run, ana, "c")
		r.runAll(run)
		r.hears(run, ana, "k")
		r.exec("UPDATE message SET created_at = clock_timestamp() - interval '61 min' WHERE kind IN ('help', 'not_understood')")
		r.hears(run, ana, "info")
	}
	count := map[string]int{}
	for _, kind := range r.kinds(ana) {
		count[kind]++
	}
	if n := count["cancel_check"] + count["help"] + count["not_understood"]; n != maxAnswers {
		t.Errorf("%d answers: %v", n, count)
	}
	if n := count[string(sms.KindConfirmation)]; n > maxAnswers {
		t.Errorf("%d confirmations", n)
	}
	if r.open() != 0 {
		t.Error("a question is open that was never asked")
	}
	r.is(id, "confirmed")
	held := r.heldBy(run, chair(ana, at(2, 11, 0)))
	r.exec("UPDATE booking SET confirmed_at = confirmed_at - interval '1 min' WHERE id = $1", id)
	r.wants(run, ana, "k", "confirmation")
	r.is(held, "confirmed")
	// A day later it is answered again.
	r.exec("UPDATE message SET created_at = created_at - interval '25 hours'")
	r.wants(run, ana, "help", "help")
}
