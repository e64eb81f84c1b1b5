package handlers

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// VerificationCheck does verification:check: a code that came by the API.
type VerificationCheck struct{ Keys *pii.Keyring }

// Answer does the task.
func (h *VerificationCheck) Answer(ctx context.Context, tx *store.Tx, req store.Opened, body CodeBody) (store.Answer, error) {
	code, _ := CleanCode(body.Code)
	b, problem, err := checkCode(ctx, tx, h.Keys, req.BookingID.UUID, code)
	return bookingAnswer(b, problem), err
}

// checkCode counts and compares a code and confirms the booking if it is right: one transaction, so that a guess
// counts once and nothing is learned from one that was rolled back. The resource is locked before the booking,
// since a late code may need a seat again. A nil Problem means confirmed, or moved.
func checkCode(ctx context.Context, tx *store.Tx, keys *pii.Keyring, booking uuid.UUID, code pii.Code) (store.Booking, *Problem, error) {
	b, v, err := store.LockSeat(ctx, tx, booking)
	if err != nil {
		return b, nil, err
	}
	want, err := v.Code(keys, tx.Org)
	if err != nil {
		return b, nil, err
	}
	right := want.Equal(code) // compared whatever the state, so that all answers take the same time
	switch {
	case b.State == store.BookingConfirmed:
		problem, err := proveMove(ctx, tx, &b, v, right)
		return b, problem, err
	case b.State != store.BookingHeld && b.State != store.BookingExpired:
		return b, NewProblem("booking-ended", "", ""), nil
	case v.State == "revoked" || v.State == "verified":
		return b, NewProblem("code-revoked", "code", ""), nil
	case v.Expired:
		return b, NewProblem("code-expired", "code", ""), nil
	case !right:
		return b, wrongCode(tx, b), nil
	case b.State == store.BookingExpired:
		problem, err := lateCode(ctx, tx, &b, v)
		return b, problem, err
	}
	return b, nil, confirm(tx, &b, v)
}

// wrongCode counts the guess; the last one allowed revokes the code.
func wrongCode(tx *store.Tx, b store.Booking) *Problem {
	store.CountWrongCode(tx, b.ID)
	left := store.MaxCodeAttempts - b.CodeAttempts - 1
	store.NoteBooking(tx, b.ID, "code_wrong", map[string]any{"attempts_left": left})
	if left <= 0 {
		left = 0
		store.RevokeCodes(tx, b.ID)
		store.NoteBooking(tx, b.ID, "code_revoked", map[string]any{"reason": "attempts"})
	}
	p := NewProblem("wrong-code", "code", "")
	p.AttemptsLeft = &left
	return p
}

// lateCode is the right code after the hold's end, within the code's life: it takes the seat again if it is
// free, else it gets alternatives.
func lateCode(ctx context.Context, tx *store.Tx, b *store.Booking, v store.Verification) (*Problem, error) {
	ok, err := retake(ctx, tx, b, nil)
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, confirm(tx, b, v)
	}
	return holdExpired(ctx, tx, *b)
}

// retake takes a seat for a locked booking that has none any more, firmly since it is confirmed with it: at its own time, or
// at another one that it has from then on. False: that time is taken, or has begun.
func retake(ctx context.Context, tx *store.Tx, b *store.Booking, other *store.Candidate) (bool, error) {
	resource, start, reserved := b.ResourceID, b.Span.Start, b.Reserved()
	if other != nil {
		resource, start, reserved = other.Resource.ID, other.Span.Start, other.Calendar.Reserve(other.Span)
	}
	store.ExpireBooking(tx, b.ID) // the sweep may not have come yet
	if !start.After(b.ReadAt) {
		return false, nil
	}
	if ok, err := store.TakeFirm(ctx, tx, resource, b.ID, reserved); !ok || err != nil {
		return false, err
	}
	if other != nil {
		store.NoteBooking(tx, b.ID, "alternative_taken", map[string]any{"from": b.Span.Start, "start": start, "resource": resource})
		store.GiveTime(tx, b, *other)
	}
	store.NoteBooking(tx, b.ID, "hold_renewed", nil)
	return true, nil
}

// holdExpired is the problem of a hold that has lapsed, with free times near its own.
func holdExpired(ctx context.Context, tx *store.Tx, b store.Booking) (*Problem, error) {
	p := NewProblem("hold-expired", "", "")
	free, err := nearest(ctx, tx, b)
	p.Alternatives = alternatives(free)
	return p, err
}

// nearest lists the free times nearest to a booking's own, of the same length and service with the same resource; none when
// that is no longer offered.
func nearest(ctx context.Context, tx *store.Tx, b store.Booking) ([]store.Opening, error) {
	offer, err := store.OfferOf(ctx, tx, b)
	var refused *store.Refusal
	switch {
	case errors.As(err, &refused):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return store.Alternatives(ctx, tx, offer, b.Span.Start, b.ReadAt, maxAlternatives)
}

func confirm(tx *store.Tx, b *store.Booking, v store.Verification) error {
	store.UseCode(tx, v.ID)
	store.ConfirmBooking(tx, b)
	return textCustomer(tx, *b, sms.KindConfirmation)
}

// textCustomer enqueues a text about a booking to its customer.
func textCustomer(tx *store.Tx, b store.Booking, kind sms.Kind) error {
	id := uuid.New()
	store.TextCustomer(tx, id, string(kind), b)
	_, err := tasks.SMSSend.Enqueue(tx, tasks.MessagePayload{Message: id})
	return err
}
