package handlers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// writesAsking writes a text that asks something, as who understands replies does.
func (r *rig) writesAsking(booking uuid.UUID, kind sms.Kind, q store.Question) uuid.UUID {
	r.t.Helper()
	q.ID, q.BookingID = uuid.New(), booking
	r.must(tasks.InTx(r.t.Context(), r.in, r.org.ID, func(tx *store.Tx) error {
		b, err := store.FindBooking(r.t.Context(), tx, booking)
		if err != nil {
			return err
		}
		store.TextCustomer(tx, q.ID, string(kind), b)
		hash := store.PhoneHash(r.db.Keys, r.org.ID, pii.KnownPhone(ana))
		if err := store.Ask(tx, r.org.Account.Pool(), hash, q, time.Hour); err != nil {
			return err
		}
		_, err = tasks.SMSSend.Enqueue(tx, tasks.MessagePayload{Message: q.ID})
		return err
	}))
	return q.ID
}

// A text that asks is written from its question, in the customer's zone; once that was answered or replaced, or is
// over, or one of its times has begun, it is not sent.
func TestTextsFromQuestions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.confirmed(run, ana, at(2, 10, 0))
	r.exec("UPDATE customer SET time_zone = 'America/Chicago'")
	start := r.booking(id).Span.Start
	var q store.Question
	for i := range 3 {
		s := start.Add(time.Duration(i+1) * time.Hour)
		q.Choices = append(q.Choices, store.Choice{Resource: r.org.Chair, Start: s, End: s.Add(30 * time.Minute)})
	}
	q.Kind = store.AskKeep
	r.writesAsking(id, sms.KindAlternatives, q)
	r.runAll(run)
	text := r.texts(ana, 3)[2].Body
	for _, want := range []string{"Ana Lee", "9:00 AM CST with Dr. Lee at Test one is taken", "1) 10 AM", "3) 12 PM"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	r.writesAsking(id, sms.KindCancelCheck, store.Question{Kind: store.AskCancel})
	r.runAll(run)
	if text := r.texts(ana, 4)[3].Body; !strings.Contains(text, "9:00 AM CST? Reply C again") {
		t.Errorf("%q", text)
	}
	ended := r.writesAsking(id, sms.KindAlternatives, q)
	r.exec("UPDATE question SET expires_at = clock_timestamp() WHERE id = $1", ended)
	r.runAll(run)
	begun := r.writesAsking(id, sms.KindAlternatives, store.Question{Kind: store.AskKeep, Choices: append([]store.Choice{{Resource: r.org.Chair, Start: time.Now()}}, q.Choices[:2]...)})
	r.runAll(run)
	answered := r.writesAsking(id, sms.KindCancelCheck, store.Question{Kind: store.AskCancel})
	r.exec("UPDATE question SET state = 'answered' WHERE id = $1", answered)
	replaced := r.writesAsking(id, sms.KindAlternatives, q)
	last := r.writesAsking(id, sms.KindCancelCheck, store.Question{Kind: store.AskCancel})
	r.runAll(run)
	r.texts(ana, 5)
	for m, want := range map[uuid.UUID]string{ended: "canceled answered", begun: "canceled too-late", answered: "canceled answered", replaced: "canceled answered", last: "accepted "} {
		if got := query[string](r, "SELECT state || ' ' || COALESCE(error_class, '') FROM message WHERE id = $1", m); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// The confirmation of a STOP is the one text that goes to who has opted out: for five minutes, and not when he has opted
// in again.
func TestStopConfirmation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.request(run, ana, at(2, 10, 0))
	for i, c := range []struct {
		kind       sms.Kind
		suppressed bool
		age        string
		want       string
	}{
		{sms.KindStopConfirm, true, "4 min 50 s", "accepted "},
		{sms.KindStopConfirm, true, "5 min", "canceled too-late"},
		{sms.KindStopConfirm, false, "1 s", "canceled opted-in"},
		{sms.KindHelp, true, "1 s", "canceled opted-out"},
		{sms.KindHelp, false, "1 s", "accepted "},
	} {
		m := uuid.New()
		r.must(tasks.InTx(t.Context(), r.in, r.org.ID, func(tx *store.Tx) error {
			hash := store.PhoneHash(r.db.Keys, r.org.ID, pii.KnownPhone(ana))
			store.OptIn(tx, hash)
			if c.suppressed {
				store.OptOut(tx, hash)
			}
			if err := store.InsertMessage(tx, r.db.Keys, store.Message{ID: m, Kind: string(c.kind), To: pii.KnownPhone(ana), BookingID: uuid.NullUUID{UUID: id, Valid: true}}); err != nil {
				return err
			}
			_, err := tasks.SMSSend.Enqueue(tx, tasks.MessagePayload{Message: m})
			return err
		}))
		r.exec(fmt.Sprintf("UPDATE message SET created_at = clock_timestamp() - interval '%s' WHERE id = $1", c.age), m)
		r.runAll(run)
		if got := query[string](r, "SELECT state || ' ' || COALESCE(error_class, '') FROM message WHERE id = $1", m); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}
