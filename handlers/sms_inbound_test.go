package handlers

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/tasks"
)

// words is whether the words of a reply are still there, sealed, and what it was understood as.
func (r *rig) words(inbound uuid.UUID) (kept bool, intent string) {
	r.t.Helper()
	return query[bool](r, "SELECT body_sealed IS NOT NULL FROM inbound WHERE id = $1", inbound),
		query[string](r, "SELECT COALESCE(intent, '') FROM inbound WHERE id = $1", inbound)
}

// Of a reply its intent stays and none of its words, whether it was understood or not; and the words are read in clear
// before: a code in a sentence with a phone confirms, and STOP is heard.
func TestRepliesLoseTheirWords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	ask := r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: at(2, 10, 0), Customer: CustomerBody{Phone: ana, Name: "Ana"}}, uuid.Nil)
	r.runAll(run)
	code := r.codeIn(r.texts(ana, 1)[0])
	for _, tt := range []struct{ body, intent string }{
		{code, "code"},
		{"it's Ana, 202-555-0142, call me", "unknown"},
		{"please stop texting me", "stop"},
	} {
		id := r.writes(ana, tt.body)
		if kept, _ := r.words(id); !kept {
			t.Fatal("nothing to read")
		}
		r.runAll(run)
		if kept, intent := r.words(id); kept || intent != tt.intent {
			t.Errorf("%s: kept %v, understood as %q", tt.intent, kept, intent)
		}
	}
	if b := r.booking(r.read(ask).ID); b.State != "confirmed" {
		t.Errorf("the booking is %s", b.State)
	}
	if n := query[int](r, "SELECT count(*) FROM suppression"); n != 1 {
		t.Error("STOP was not heard")
	}
}

// A reply that cannot be worked on keeps its words as long as somebody may replay it, and loses them when it is
// discarded: as a dead letter, or while it waits.
func TestDiscardedRepliesLoseTheirWords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.exec("DELETE FROM sms_account") // without credentials a reply has no pool, and is tried again
	w := r.start()
	op := r.operator(w)
	for _, dead := range []bool{true, false} {
		id := r.writes(ana, "it's Ana, 202-555-0142")
		task := query[uuid.UUID](r, "SELECT id FROM task WHERE payload->>'inbound' = $1", id.String())
		eventually(t, 10*time.Second, "it waits", func() bool { return r.task(task).LastError != "" })
		r.must(op.Stop(t.Context(), r.org.ID, task, !dead, by))
		if dead {
			r.state(task, "dead", 10*time.Second)
			if kept, _ := r.words(id); !kept {
				t.Error("a dead letter that may be replayed has lost its words")
			}
			r.must(op.Discard(t.Context(), r.org.ID, task, by))
		}
		r.state(task, "discarded", 10*time.Second)
		if kept, intent := r.words(id); kept || intent != "discarded" {
			t.Errorf("dead before: %v; kept %v, %q", dead, kept, intent)
		}
	}
}
