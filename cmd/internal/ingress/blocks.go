package ingress

import (
	"context"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
)

func (in *Ingress) blockRoutes() {
	register(in, opBlock, func(ctx context.Context, c *call, _ *OrgInput) (*reply, error) {
		s, err := block(c.body)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, s)
	})
	register(in, opUnblock, func(ctx context.Context, c *call, i *IDInput) (*reply, error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, unblock(id))
	})
}

// block reads a wish to block time.
func block(raw []byte) (submission, error) {
	body, err := decode[handlers.BlockBody](raw, "")
	if err != nil {
		return submission{}, err
	}
	body = body.Seen()
	if p := body.Check(); p != nil {
		return submission{}, p
	}
	return submission{kind: kindBlock, body: body, check: func(ctx context.Context, tx *store.Tx) error {
		_, _, err := handlers.ResolveBlock(ctx, tx, body)
		return err
	}}, nil
}

// blockRef is what the task that frees a block reads.
type blockRef struct {
	Block uuid.UUID `json:"block"`
}

func unblock(id uuid.UUID) submission {
	return submission{kind: kindUnblock, body: blockRef{id}, check: func(ctx context.Context, tx *store.Tx) error {
		exists, err := store.BlockExists(ctx, tx, id)
		if err == nil && !exists {
			return store.ErrNotFound
		}
		return err
	}}
}
