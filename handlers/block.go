package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// BlockCreate does block:create.
type BlockCreate struct{ Keys *pii.Keyring }

// Answer does the task.
func (h *BlockCreate) Answer(ctx context.Context, tx *store.Tx, _ store.Opened, body BlockBody) (store.Answer, error) {
	r, span, err := ResolveBlock(ctx, tx, body)
	if err != nil {
		return store.Answer{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return store.Answer{}, err
	}
	way, err := store.InsertBlock(ctx, tx, h.Keys, store.Block{ID: id, ResourceID: r.ID, Span: span, Reason: pii.NewText(body.Reason)})
	if err != nil {
		return store.Answer{}, err
	}
	if len(way) == 0 {
		return answer(201, BlockView{ID: id, Resource: r.ID, Start: span.Start, End: span.End}), nil
	}
	problem := NewProblem("block-conflicts", "start", "")
	for _, w := range way {
		if w.Booking.Valid {
			problem.Bookings = append(problem.Bookings, w.Booking.UUID)
		}
		if w.Block.Valid {
			problem.Blocks = append(problem.Blocks, w.Block.UUID)
		}
	}
	return problem.Answer(), nil
}

// ResolveBlock reads a block's resource and span; what is wrong with them is a *store.Refusal. The ingress asks
// it before anything is written, and the task again.
func ResolveBlock(ctx context.Context, tx *store.Tx, body BlockBody) (store.Resource, calendar.Span, error) {
	offer, err := store.FindOffer(ctx, tx, body.Resource, "", 0)
	if err != nil {
		return store.Resource{}, calendar.Span{}, err
	}
	r := offer.Resources[0]
	var span calendar.Span
	for _, f := range []struct{ field, text string }{{"start", body.Start}, {"end", body.End}} {
		field, text := f.field, f.text
		at, err := calendar.ParseStart(text, r.Zone())
		if errors.Is(err, calendar.ErrGap) {
			return r, span, &store.Refusal{Kind: "time-does-not-exist", Field: field, Detail: err.Error()}
		}
		if err != nil {
			return r, span, &store.Refusal{Kind: "invalid-start", Field: field, Detail: err.Error()}
		}
		if field == "start" {
			span.Start = at.In(r.Zone())
		} else {
			span.End = at.In(r.Zone())
		}
	}
	if !span.Start.Before(span.End) {
		return r, span, &store.Refusal{Kind: "invalid-range", Field: "end", Detail: "must lie after start"}
	}
	if span.End.Sub(span.Start) > maxBlock {
		return r, span, &store.Refusal{Kind: "invalid-range", Field: "end", Detail: "a block is at most a year long"}
	}
	return r, span, nil
}

// maxBlock is how long a block may be: it takes a row a day and seat.
const maxBlock = 366 * 24 * time.Hour

// blockRef is what a request to delete a block holds.
type blockRef struct {
	Block uuid.UUID `json:"block"`
}

// BlockDelete does block:delete.
type BlockDelete struct{}

// Answer does the task.
func (BlockDelete) Answer(ctx context.Context, tx *store.Tx, _ store.Opened, ref blockRef) (store.Answer, error) {
	at, err := store.DeleteBlock(ctx, tx, ref.Block)
	return answer(200, map[string]any{"id": ref.Block, "deleted_at": at}), err
}
