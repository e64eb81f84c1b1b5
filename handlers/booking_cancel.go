package handlers

import (
	"context"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// BookingCancel does booking:cancel.
type BookingCancel struct{}

// Answer does the task.
func (BookingCancel) Answer(ctx context.Context, tx *store.Tx, req store.Opened, _ struct{}) (store.Answer, error) {
	b, problem, err := cancel(ctx, tx, req.BookingID.UUID)
	return bookingAnswer(b, problem), err
}

// cancel ends a booking that is held, lapsed or confirmed. Canceling twice is no problem.
func cancel(ctx context.Context, tx *store.Tx, id uuid.UUID) (store.Booking, *Problem, error) {
	b, err := store.LockBooking(ctx, tx, id)
	if err != nil {
		return b, nil, err
	}
	switch b.State {
	case store.BookingCanceled:
		return b, nil, nil
	case store.BookingHeld, store.BookingExpired:
		store.CancelBooking(tx, &b)
		return b, nil, nil
	case store.BookingConfirmed:
		store.CancelBooking(tx, &b)
		return b, nil, textCustomer(tx, b, sms.KindCanceled)
	}
	return b, NewProblem("booking-ended", "", ""), nil
}
