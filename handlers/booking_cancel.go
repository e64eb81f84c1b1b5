package handlers

import (
	"context"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// BookingCancel does booking:cancel.
type BookingCancel struct{ Keys *pii.Keyring }

// Work does the task.
func (h *BookingCancel) Work(ctx context.Context, tx *store.Tx, _ store.Task, p tasks.RequestPayload) error {
	req, err := store.LoadRequest(ctx, tx, h.Keys, p.Request)
	if err != nil {
		return err
	}
	problem, err := cancel(ctx, tx, h.Keys, req.BookingID.UUID)
	if err != nil {
		return err
	}
	a, err := bookingAnswer(ctx, tx, req.BookingID.UUID, problem)
	if err != nil {
		return err
	}
	store.AnswerRequest(tx, p.Request, a)
	return nil
}

// cancel ends a booking that is held, lapsed or confirmed. Canceling twice is no problem.
func cancel(ctx context.Context, tx *store.Tx, keys *pii.Keyring, id uuid.UUID) (*Problem, error) {
	b, err := store.LockBooking(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	switch b.State {
	case store.BookingCanceled:
		return nil, nil
	case store.BookingHeld, store.BookingExpired:
		store.CancelBooking(tx, id)
		return nil, nil
	case store.BookingConfirmed:
		store.CancelBooking(tx, id)
		return nil, textCustomer(ctx, tx, keys, b, sms.KindCanceled)
	}
	return NewProblem("booking-ended", "", ""), nil
}
