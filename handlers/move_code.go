package handlers

import (
	"context"
	"errors"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// proveMove compares a code that was given for a booking that is confirmed: it may be that of its move. v is the newest
// code and right says whether it was given. A nil Problem means moved.
func proveMove(ctx context.Context, tx *store.Tx, b *store.Booking, v store.Verification, right bool) (*Problem, error) {
	m, err := store.MoveOf(ctx, tx, v.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return NewProblem("already-confirmed", "", ""), nil
	case err != nil:
		return nil, err
	case v.State == "verified": // moved: the code came twice
		return NewProblem("already-confirmed", "", ""), nil
	case v.State == "revoked":
		return NewProblem("code-revoked", "code", ""), nil
	case v.Expired:
		return NewProblem("code-expired", "code", ""), nil
	case !right:
		p := wrongCode(tx, *b)
		if *p.AttemptsLeft == 0 {
			store.DropMove(tx, b.ID, store.MoveCanceled)
		}
		return p, nil
	case m.State == store.MovePending:
		store.FinishMove(tx, b, m)
	default:
		if p, err := lateMove(ctx, tx, b, m); p != nil || err != nil {
			return p, err
		}
	}
	store.UseCode(tx, v.ID)
	return nil, textCustomer(tx, *b, sms.KindMoved)
}

// lateMove is the right code after the end of the new time's hold, within the code's life: it takes that time again if it
// is free, else it gets alternatives and the booking stays where it is.
func lateMove(ctx context.Context, tx *store.Tx, b *store.Booking, m store.Move) (*Problem, error) {
	wish := *b
	wish.Span, wish.Before, wish.After = m.Span, m.Before, m.After
	if m.Span.Start.After(b.ReadAt) {
		if ok, err := store.RetakeMove(ctx, tx, b, m); ok || err != nil {
			return nil, err
		}
	}
	return holdExpired(ctx, tx, wish)
}

// moveFailed is what follows when no text with the code for another time has reached the customer: the booking stays where
// it is, and the other time is free.
func moveFailed(tx *store.Tx, b store.Booking) {
	store.DropMove(tx, b.ID, store.MoveCanceled)
	store.NoteBooking(tx, b.ID, "move_failed", map[string]any{"reason": "text-failed"})
}

// aboutMove makes a text about a booking's move tell of its time, and wait no longer than that is held. Of a booking that
// is confirmed only its move can have come too late.
func aboutMove(ctx context.Context, tx *store.Tx, o *store.Outgoing) error {
	kind := sms.Kind(o.Kind)
	if kind != sms.KindMoveCode && (kind != sms.KindExpired || o.BookingState != store.BookingConfirmed) {
		return nil
	}
	m, err := store.LatestMove(ctx, tx, o.BookingID.UUID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	o.Start, o.HoldLeft = m.Span.Start, m.Left
	return err
}
