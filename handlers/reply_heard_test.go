package handlers

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/tasks"
)

// A check-back counts once the provider has taken its text, and not before: C again cancels nothing while it waits, is being
// sent or was refused. After a refusal it is asked anew; after the acceptance C cancels at once.
func TestCancelsOnlyWhatWasAskedBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.confirmedBy(run, ana, at(2, 10, 0))
	r.wants(run, ana, "c", "cancel_check")
	r.wants(run, ana, "c") // it waits
	first := r.questionOf(ana).ID
	r.exec("UPDATE message SET state = 'sending', claimed_at = clock_timestamp() WHERE id = $1", first)
	r.waits(run, ana, "c") // claimed, and nobody knows yet whether it goes out
	r.exec("UPDATE message SET state = 'queued', claimed_at = NULL WHERE id = $1", first)
	r.replies(run)
	r.is(id, "confirmed")
	r.fault(twiliosim.Fault{Do: twiliosim.FaultError, Code: 21614, Status: 400})
	if res := r.due(run, r.pending("sms:send")[0]); res.label != "dead" {
		t.Fatalf("%s", res.label)
	}
	r.sim.ClearFaults()
	r.is(id, "confirmed")
	r.wants(run, ana, "c", "cancel_check") // refused: asked anew
	r.is(id, "confirmed")
	r.runAll(run)
	r.wants(run, ana, "c", "canceled")
	r.is(id, "canceled")
}

// A reply to a text of which we do not know yet that the provider has it waits until we do: the customer was faster.
func TestReplyFasterThanTheRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.confirmedBy(run, ana, at(2, 10, 0))
	r.wants(run, ana, "c", "cancel_check")
	check := r.questionOf(ana).ID
	r.exec("UPDATE message SET state = 'sending', claimed_at = clock_timestamp() WHERE id = $1", check)
	r.waits(run, ana, "c")
	r.exec("UPDATE message SET state = 'accepted', accepted_at = clock_timestamp() WHERE id = $1", check)
	r.replies(run)
	r.is(id, "canceled")
}

// waits is a reply that cannot be understood yet. When it is delivered next, it is due.
func (r *rig) waits(run *Runner, phone, body string) {
	r.t.Helper()
	r.writes(phone, body)
	task := r.pending("sms:inbound")[0]
	if res := run.deliver(r.t.Context(), r.delivery(task, r.task(task).Epoch)); res.label != "snooze" {
		r.t.Fatalf("delivered: %s", res.label)
	}
	r.exec("UPDATE task SET run_at = clock_timestamp() WHERE id = $1", task)
}

// K is about what had been asked when it was written, though a follow-up of another booking has been claimed for sending
// since; so is a digit. Where nothing had been asked it is about the newest that there is to keep.
func TestRepliesAnswerWhatWasHeard(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	older := r.heldBy(run, chair(ana, at(2, 9, 0)))
	r.expires(older)
	booked := r.confirmedBy(run, ana, at(2, 10, 0))
	r.wants(run, ana, "c", "cancel_check")
	r.runAll(run)
	r.exec("UPDATE booking SET confirmed_at = confirmed_at - interval '1 min' WHERE id = $1", booked)
	r.writes(ana, "k")
	follow := r.claimedLate(older, ana)
	r.replies(run)
	r.wasAbout(ana, booked, sms.IntentKeep)
	if n := query[int](r, "SELECT count(*) FROM message WHERE kind = 'confirmation' AND booking_id = $1 AND state = 'queued'", booked); n != 1 {
		t.Errorf("told %d times that it stays", n)
	}
	r.is(older, "expired")
	if q := r.questionOf(ana); q.ID != follow {
		t.Errorf("open is %+v", q)
	}
	// Once it has been heard it is what K is about.
	r.exec("UPDATE message SET state = 'accepted', accepted_at = clock_timestamp() WHERE id = $1", follow)
	r.wants(run, ana, "k", "confirmation")
	r.is(older, "confirmed")

	// Nothing had been asked.
	older = r.heldBy(run, chair(bob, at(2, 11, 0)))
	r.expires(older)
	newer := r.heldBy(run, chair(bob, at(2, 12, 0)))
	r.writes(bob, "k")
	r.claimedLate(older, bob)
	r.replies(run)
	r.is(newer, "confirmed")
	r.is(older, "expired")

	// A digit.
	older = r.heldBy(run, chair(eve, at(2, 13, 0)))
	r.expires(older)
	offered := r.heldBy(run, chair(eve, at(3, 10, 0)))
	r.expires(offered)
	choices := []store.Choice{{Resource: r.org.Chair, Start: r.booking(offered).Span.Start.AddDate(0, 0, 1), End: r.booking(offered).Span.End.AddDate(0, 0, 1)}}
	r.followedUp(offered, eve, choices...)
	r.writes(eve, "1")
	r.claimedLate(older, eve)
	r.replies(run)
	r.is(offered, "confirmed")
	if b := r.booking(offered); !b.Span.Start.Equal(choices[0].Start) {
		t.Errorf("it begins at %v", b.Span.Start)
	}
	r.is(older, "expired")
}

// claimedLate is a follow-up that is claimed for sending, and that the provider has not taken yet.
func (r *rig) claimedLate(booking uuid.UUID, phone string) uuid.UUID {
	r.t.Helper()
	id := r.followedUp(booking, phone)
	r.exec("UPDATE message SET state = 'sending', accepted_at = NULL WHERE id = $1", id)
	return id
}

// What was read of a booking before it is locked may be over by then: one that was given to another number meanwhile is not
// confirmed, moved or canceled by a reply of the number that it had, which proves nothing.
func TestRepliesOfTheNumberBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	bobs := r.booking(r.heldBy(run, chair(bob, at(2, 9, 0)))).CustomerID
	held := func(phone, start string) uuid.UUID { return r.heldBy(run, chair(phone, start)) }
	expired := func(phone, start string) uuid.UUID {
		id := held(phone, start)
		r.expires(id)
		return id
	}
	checked := func(phone, start string) uuid.UUID {
		id := r.confirmedBy(run, phone, start)
		r.wants(run, phone, "c", "cancel_check")
		r.runAll(run)
		return id
	}
	for i, tt := range []struct {
		says    string
		prepare func(phone, start string) uuid.UUID
	}{
		{"k", held},
		{"k", expired},
		{"1", func(phone, start string) uuid.UUID {
			id := expired(phone, start)
			b := r.booking(id)
			r.followedUp(id, phone, store.Choice{Resource: b.ResourceID, Start: b.Span.Start.AddDate(0, 0, 1), End: b.Span.End.AddDate(0, 0, 1)})
			return id
		}},
		{"c", held},
		{"c", checked},
		{"k", checked},
		{"", held}, // the code
	} {
		phone := []string{ana, eve, "+15550100051", "+15550100052", "+15550100053", "+15550100054", "+15550100055"}[i]
		id := tt.prepare(phone, at(2, 10+i, 0))
		says := tt.says
		if says == "" {
			says = r.codeIn(r.texts(phone, 1)[0])
		}
		before, state := len(r.kinds(phone)), r.booking(id).State
		r.writes(phone, says)
		task := r.pending(tasks.SMSInbound.Name)[0]
		ended := make(chan string, 1)
		_, err := store.InTx(t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
			if _, err := store.LockBooking(t.Context(), tx, id); err != nil {
				return err
			}
			store.GiveBooking(tx, id, bobs)
			if err := tx.Flush(t.Context()); err != nil {
				return err
			}
			go func() { ended <- run.deliver(t.Context(), r.delivery(task, r.task(task).Epoch)).label }()
			r.waitsForARow()
			return nil
		})
		r.must(err)
		if label := <-ended; label != "done" {
			t.Fatalf("%s", label)
		}
		if b := r.booking(id); b.State != state || b.CodeAttempts != 0 || b.Move != nil {
			t.Errorf("%d: %q of the number before: %s, was %s; %d wrong codes", i, says, b.State, state, b.CodeAttempts)
		}
		if got := r.kinds(phone)[before:]; len(got) != 1 || got[0] != "not_understood" {
			t.Errorf("%d: %q of the number before was answered with %v", i, says, got)
		}
		r.runAll(run)
	}
}

// waitsForARow returns when a transaction waits for another one's row.
func (r *rig) waitsForARow() {
	r.t.Helper()
	eventually(r.t, 10*time.Second, "it waits for the row", func() bool {
		return query[bool](r, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database()))")
	})
}
