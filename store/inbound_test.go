package store_test

import (
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
)

// Whoever else writes to a reply's row while the endpoint is to be told of it: one task is made, and it finds what to tell.
func TestReplyIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reply := store.Inbound{ID: uuid.New(), SID: "SM1", From: phone42, Body: pii.NewText("is there a lift?")}
	w.in(func(tx *store.Tx) error {
		store.SaveSettings(tx, []byte(`{"endpoint": {"url": "https://example.com/hook"}}`))
		_, err := store.InsertInbound(t.Context(), tx, w.Keys, reply)
		return err
	})
	release := w.apart(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE inbound SET provider_sid = 'SM2' WHERE id = $1", reply.ID)
		return err
	})
	told := make(chan error, 1)
	go func() {
		told <- w.once(func(tx *store.Tx) error {
			_, err := store.TellReply(t.Context(), tx, reply.ID)
			return err
		})
	}()
	w.await("it waits for the other", func() bool {
		return value[bool](w, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")
	})
	release()
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if n := value[int](w, "SELECT count(*) FROM task WHERE type = 'webhook:deliver'"); n != 1 {
		t.Errorf("%d tasks tell of one reply", n)
	}
	if n := value[int](w, "SELECT count(*) FROM inbound i JOIN task t ON t.id = i.told_as AND t.payload->>'event' = i.told_as::text"); n != 1 {
		t.Error("the reply does not name its task")
	}
}
