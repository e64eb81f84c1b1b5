package handlers

import (
	"context"
	"errors"

	"holdfast/store"
)

// unknown tells the integrator what nobody else can understand, and answers once with help.
func (t *talk) unknown(ctx context.Context) error {
	if err := t.tell(ctx); err != nil {
		return err
	}
	return t.puzzled(ctx)
}

// tell keeps what redaction leaves of the words for the org's endpoint, with what was taken out. Without an endpoint that
// wants them nothing of them is kept.
func (t *talk) tell(ctx context.Context) error {
	told, err := store.TellReply(ctx, t.tx, t.in.ID)
	if err != nil || !told {
		return err
	}
	by, err := t.h.Engines.In(ctx, t.tx)
	if err != nil {
		return err
	}
	names := []string{t.in.From.Reveal()}
	c, err := store.LoadCustomerByPhone(ctx, t.tx, t.h.Keys, t.in.FromHash)
	switch {
	case err == nil && !c.Name.IsZero():
		names = append(names, c.Name.Reveal())
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	left := by.Redact(store.RedactedReply, t.in.Body.Reveal(), names...)
	left.Audit(t.tx, t.in.ID)
	return store.KeepReply(t.tx, t.h.Keys, t.in.ID, left.Text)
}
