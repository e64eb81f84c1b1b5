package store_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

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
