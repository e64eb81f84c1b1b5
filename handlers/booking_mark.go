package handlers

import (
	"context"

	"holdfast/store"
)

// BookingMark does booking:mark: whoever runs the calendar says whether the customer came.
type BookingMark struct{}

// MarkBody says it: POST …/mark.
type MarkBody struct {
	State string `json:"state" enum:"completed,no_show"`
}

// Check finds the first field that breaks a rule that needs no database.
func (b MarkBody) Check() *Problem {
	switch b.State {
	case store.BookingCompleted, store.BookingNoShow:
		return nil
	case "":
		return NewProblem("missing-field", "state", "completed or no_show")
	}
	return NewProblem("invalid-request", "state", "completed or no_show")
}

// Answer does the task. What was marked, or has ended by itself, can be marked otherwise.
func (BookingMark) Answer(ctx context.Context, tx *store.Tx, req store.Opened, body MarkBody) (store.Answer, error) {
	b, err := store.LockBooking(ctx, tx, req.BookingID.UUID)
	if err != nil {
		return store.Answer{}, err
	}
	p := CheckMark(b)
	if p == nil && b.State != body.State {
		store.MarkBooking(tx, &b, body.State)
	}
	return bookingAnswer(b, p), nil
}

// CheckMark tells why a booking cannot be marked, by how it stands. The ingress asks before it writes a request.
func CheckMark(b store.Booking) *Problem {
	switch {
	case b.State == store.BookingCompleted, b.State == store.BookingNoShow:
		return nil
	case b.State != store.BookingConfirmed:
		return NewProblem("booking-ended", "", "")
	case b.Span.Start.After(b.ReadAt):
		return NewProblem("not-begun", "", "")
	}
	return nil
}
