package ingress

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/telemetry"
	"holdfast/handlers"
	"holdfast/store"
)

func (in *Ingress) customerRoutes() {
	register(in, opErase, func(ctx context.Context, c *call, i *IDInput) (*reply, error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, erasure(id, c.key))
	})
	register(in, opExport, func(ctx context.Context, c *call, i *IDInput) (*output[handlers.ExportView], error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		defer markDB(ctx, time.Now())
		x, err := read(ctx, in, c.org, func(ctx context.Context, tx *store.Tx) (store.CustomerExport, error) {
			store.NoteAudit(tx, store.AuditEntry{Actor: c.key.String(), Action: "customer.export", Subject: id.String(), Request: telemetry.RequestID(ctx)})
			return store.ExportCustomer(ctx, tx, in.keys, id)
		})
		if err != nil { // with it the row of the audit log is undone: nothing was given out
			return nil, err
		}
		return &output[handlers.ExportView]{handlers.ViewExport(x)}, nil
	})
}

// erasure asks for a customer to be erased. Its repeat may come by another API key, since keys are rotated.
func erasure(customer, key uuid.UUID) submission {
	return submission{kind: kindErase, body: handlers.EraseRef{Customer: customer, Actor: key.String()}, same: customer, check: func(ctx context.Context, tx *store.Tx) error {
		known, err := store.CustomerKnown(ctx, tx, customer)
		if err == nil && !known {
			return store.ErrNotFound
		}
		return err
	}}
}

// withProvider brings a stored answer that is an erasure up to date: the provider's copies of texts are emptied after it.
func (in *Ingress) withProvider(ctx context.Context, org uuid.UUID, a store.Answer) (store.Answer, error) {
	if a.Kind != kindErase.name || a.Status != http.StatusOK {
		return a, nil
	}
	var done handlers.ErasureView
	if err := json.Unmarshal(a.Body, &done); err != nil {
		return a, err
	}
	now, err := read(ctx, in, org, func(ctx context.Context, tx *store.Tx) (store.Erasure, error) {
		return store.LoadErasure(ctx, tx, done.ID)
	})
	if err != nil {
		return a, err
	}
	a.Body, err = json.Marshal(handlers.ViewErasure(now))
	return a, err
}
