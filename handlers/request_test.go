package handlers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// What an ingress does, without HTTP.

// ask writes a request and its task in one transaction.
func (r *rig) ask(typ tasks.Type[tasks.RequestPayload], body any, booking uuid.UUID) uuid.UUID {
	r.t.Helper()
	raw, err := json.Marshal(body)
	r.must(err)
	id, err := uuid.NewV7()
	r.must(err)
	ctx := context.Background()
	r.must(tasks.InTx(ctx, r.in, r.org.ID, func(tx *store.Tx) error {
		_, _, err := store.InsertRequest(ctx, tx, r.db.Keys, store.Request{ID: id, Kind: typ.Name, Source: "api",
			Body: pii.NewText(string(raw)), BookingID: uuid.NullUUID{UUID: booking, Valid: booking != uuid.Nil}})
		if err != nil {
			return err
		}
		_, err = typ.Enqueue(tx, tasks.RequestPayload{Request: id}, tasks.Answers(id))
		return err
	}))
	return id
}

// answer waits for a request's answer.
func (r *rig) answer(id uuid.UUID) (a store.Answer) {
	r.t.Helper()
	eventually(r.t, 15*time.Second, "the request is answered", func() bool {
		var err error
		a, err = store.ReadAnswer(context.Background(), r.db.App, r.org.ID, id)
		r.must(err)
		return a.Status != 0
	})
	return a
}
