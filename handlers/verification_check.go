package handlers

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// VerificationCheck does verification:check: a code that came by the API.
type VerificationCheck struct{ Keys *pii.Keyring }

// Work does the task.
func (h *VerificationCheck) Work(ctx context.Context, tx *store.Tx, _ store.Task, p tasks.RequestPayload) error {
	req, err := store.LoadRequest(ctx, tx, h.Keys, p.Request)
	if err != nil {
		return err
	}
	var body CodeBody
	if err := json.Unmarshal([]byte(req.Body.Reveal()), &body); err != nil {
		return tasks.Dead("body", err)
	}
	code, _ := CleanCode(body.Code)
	problem, err := checkCode(ctx, tx, h.Keys, req.BookingID.UUID, code)
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

// bookingAnswer is the booking as it is now, or the problem if there is one.
func bookingAnswer(ctx context.Context, tx *store.Tx, id uuid.UUID, problem *Problem) (store.Answer, error) {
	if problem != nil {
		return problem.Answer(), nil
	}
	b, err := store.FindBooking(ctx, tx, id)
	return answer(200, ViewBooking(b)), err
}

// checkCode counts and compares a code and confirms the booking if it is right: one transaction, so that a guess
// counts once and nothing is learned from one that was rolled back. The resource is locked before the booking,
// since a late code may need a seat again. A nil Problem means confirmed.
func checkCode(ctx context.Context, tx *store.Tx, keys *pii.Keyring, booking uuid.UUID, code pii.Code) (*Problem, error) {
	b, err := store.FindBooking(ctx, tx, booking)
	if err != nil {
		return nil, err
	}
	store.LockResource(tx, b.ResourceID)
	if b, err = store.LockBooking(ctx, tx, booking); err != nil {
		return nil, err
	}
	v, err := store.LatestVerification(ctx, tx, booking)
	if err != nil {
		return nil, err
	}
	want, err := v.Code(keys, tx.Org)
	if err != nil {
		return nil, err
	}
	right := want.Equal(code) // compared whatever the state, so that all answers take the same time
	switch {
	case b.State == store.BookingConfirmed:
		return NewProblem("already-confirmed", "", ""), nil
	case b.State != store.BookingHeld && b.State != store.BookingExpired:
		return NewProblem("booking-ended", "", ""), nil
	case v.State == "revoked" || v.State == "verified":
		return NewProblem("code-revoked", "code", ""), nil
	case v.Expired:
		return NewProblem("code-expired", "code", ""), nil
	case !right:
		return wrongCode(tx, b), nil
	case b.State == store.BookingExpired:
		return lateCode(ctx, tx, keys, b, v)
	}
	return nil, confirm(ctx, tx, keys, b, v)
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
func lateCode(ctx context.Context, tx *store.Tx, keys *pii.Keyring, b store.Booking, v store.Verification) (*Problem, error) {
	store.ExpireBooking(tx, b.ID) // the sweep may not have come yet
	now, err := store.Now(ctx, tx)
	if err != nil {
		return nil, err
	}
	if b.Span.Start.After(now) {
		ok, err := store.TakeFirm(ctx, tx, b.ResourceID, b.ID, b.Reserved())
		if err != nil {
			return nil, err
		}
		if ok {
			store.NoteBooking(tx, b.ID, "hold_renewed", nil)
			return nil, confirm(ctx, tx, keys, b, v)
		}
	}
	return holdExpired(ctx, tx, b)
}

// holdExpired is the problem of a hold that has lapsed, with free times near its own.
func holdExpired(ctx context.Context, tx *store.Tx, b store.Booking) (*Problem, error) {
	p := NewProblem("hold-expired", "", "")
	now, err := store.Now(ctx, tx)
	if err != nil {
		return nil, err
	}
	offer, err := store.FindOffer(ctx, tx, b.ResourceID.String(), "", int(b.Span.End.Sub(b.Span.Start).Minutes()))
	if err != nil {
		return p, nil // the resource is no longer offered: there are no alternatives
	}
	free, err := store.Alternatives(ctx, tx, offer, b.Span.Start, now, maxAlternatives)
	p.Alternatives = alternatives(free)
	return p, err
}

func confirm(ctx context.Context, tx *store.Tx, keys *pii.Keyring, b store.Booking, v store.Verification) error {
	store.UseCode(tx, v.ID)
	store.ConfirmBooking(tx, b.ID)
	return textCustomer(ctx, tx, keys, b, sms.KindConfirmation)
}

// textCustomer enqueues a text about a booking to its customer.
func textCustomer(ctx context.Context, tx *store.Tx, keys *pii.Keyring, b store.Booking, kind sms.Kind) error {
	c, err := store.LoadCustomer(ctx, tx, keys, b.CustomerID)
	if err != nil {
		return err
	}
	m := store.Message{ID: uuid.New(), Kind: string(kind), To: c.Phone, BookingID: uuid.NullUUID{UUID: b.ID, Valid: true}}
	if err := store.InsertMessage(tx, keys, m); err != nil {
		return err
	}
	_, err = tasks.SMSSend.Enqueue(tx, tasks.MessagePayload{Message: m.ID})
	return err
}
