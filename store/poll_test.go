package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// A text that the provider has is asked after, ever more rarely, until it has come to an end.
func TestDuePolls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	polled := func() (ids []uuid.UUID) {
		w.in(func(tx *store.Tx) (err error) { ids, _, err = store.DuePolls(t.Context(), tx); return err })
		return ids
	}
	next := func(id uuid.UUID) time.Duration {
		return value[time.Duration](w, "SELECT COALESCE(poll_at - clock_timestamp(), '0') FROM message WHERE id = $1", id)
	}
	sweep := "messages:scan"
	id, sid := w.sent(number(1)), "SM1"
	if next(id) != 0 || w.due(sweep) || len(polled()) != 0 {
		t.Error("asked after before it was accepted")
	}
	w.in(func(tx *store.Tx) error { store.AcceptedMessage(tx, id, sid); return nil })
	w.apply(store.MessageStatus{ID: id, SID: sid, State: "sent", Rank: 3})
	for i, want := range []time.Duration{2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour} {
		if got := next(id); got > want || got < want-30*time.Second {
			t.Errorf("time %d: in %v, want %v", i, got, want)
		}
		if w.due(sweep) || len(polled()) != 0 {
			t.Errorf("time %d: asked before it is due", i)
		}
		w.admin("UPDATE message SET poll_at = clock_timestamp() WHERE id = $1", id)
		if !w.due(sweep) {
			t.Errorf("time %d: the org is not due", i)
		}
		if got := polled(); len(got) != 1 || got[0] != id {
			t.Errorf("time %d: asked %v", i, got)
		}
	}
	if next(id) != 0 {
		t.Error("asked after for ever")
	}
	other := w.sent(number(2))
	if w.apply(store.MessageStatus{ID: other, SID: "SM2", State: "sent", Rank: 3}); next(other) == 0 {
		t.Error("a callback that overtakes our own 201: nobody asks")
	}
	w.in(func(tx *store.Tx) error { store.AcceptedMessage(tx, other, "SM2"); return nil })
	if w.apply(store.MessageStatus{ID: other, SID: "SM2", State: "delivered", Rank: 4}); next(other) != 0 {
		t.Error("asked after though it has come to its end")
	}
	w.in(func(tx *store.Tx) error { store.AcceptedMessage(tx, other, "SM2"); return nil })
	if next(other) != 0 {
		t.Error("our own 201, late, has somebody ask after a text that has come to its end")
	}
}
