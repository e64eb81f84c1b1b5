package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store"
	"holdfast/store/storetest"
)

func TestTxQueuesUntilAsked(t *testing.T) {
	db := storetest.New(t)
	org := storetest.NewOrg(t, db, "one")
	ctx := t.Context()
	id := uuid.New()
	_, err := store.InTx(ctx, db.App, org.ID, func(tx *store.Tx) error {
		store.InsertTask(tx, store.NewTask{ID: id, Type: "x:y", Queue: "claim", Payload: []byte("{}"), Headers: []byte("{}"), GiveUp: 1e12})
		got, err := store.TakeTask(ctx, tx, id)
		if err != nil || got.State != "pending" || !got.Due || got.Epoch != 1 {
			t.Fatalf("take: %+v %v", got, err)
		}
		store.FinishTask(tx, got, "done", "")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.InTx(ctx, db.App, org.ID, func(tx *store.Tx) error {
		got, err := store.TakeTask(ctx, tx, id)
		if err != nil || got.State != "done" {
			t.Fatalf("take: %+v %v", got, err)
		}
		tx.Queue("SELECT 1/0")
		_, err = store.LoadOrg(ctx, tx)
		return err
	})
	if store.Code(err) != "22012" {
		t.Fatalf("the queued statement's error: %v", err)
	}
	_, err = store.InTx(ctx, db.App, uuid.New(), func(tx *store.Tx) error {
		_, err := store.LoadOrg(ctx, tx)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("another org's row: %v", err)
	}
}

// TestTxReadsLater: rows that are wanted later come in order, with a statement that is asked for, a flush or the commit;
// an error among them is the transaction's.
func TestTxReadsLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got []int
	read := func(tx *store.Tx, sql string) {
		tx.QueueRead(func(rows pgx.Rows) error {
			n, err := pgx.CollectOneRow(rows, pgx.RowTo[int])
			got = append(got, n)
			return err
		}, sql)
	}
	w.in(func(tx *store.Tx) error {
		read(tx, "SELECT 1")
		tx.Queue("SELECT 100")
		read(tx, "SELECT 2")
		if len(got) != 0 {
			t.Errorf("read before anything was sent: %v", got)
		}
		if _, err := store.Now(t.Context(), tx); err != nil || !slices.Equal(got, []int{1, 2}) {
			t.Errorf("with a statement: %v, %v", got, err)
		}
		read(tx, "SELECT 3")
		if err := tx.Flush(t.Context()); err != nil || !slices.Equal(got, []int{1, 2, 3}) {
			t.Errorf("flushed: %v, %v", got, err)
		}
		if err := tx.Flush(t.Context()); err != nil {
			t.Errorf("nothing to flush: %v", err)
		}
		read(tx, "SELECT 4")
		return nil
	})
	if !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Errorf("with the commit: %v", got)
	}
	id := uuid.New()
	err := w.once(func(tx *store.Tx) error {
		store.InsertTask(tx, store.NewTask{ID: id, Type: "x:y", Queue: "claim", Payload: []byte("{}"), Headers: []byte("{}"), GiveUp: 1e12})
		read(tx, "SELECT 1/0")
		return nil
	})
	if store.Code(err) != "22012" || value[bool](w, "SELECT EXISTS (SELECT FROM task WHERE id = $1)", id) {
		t.Errorf("committed all the same, %v", err)
	}
}
