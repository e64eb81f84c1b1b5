package handlers

import (
	"context"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// checkBack is how long a customer has to say C again.
const checkBack = time.Hour

// cancel asks whether the next confirmed booking is to be canceled, and cancels it when it is told so again. Where nothing
// is confirmed, what is held is let go at once: there is little to lose.
func (t *talk) cancel(ctx context.Context) error {
	q, heard, err := t.question(ctx)
	if err != nil {
		return err
	}
	if q.Kind == store.AskCancel {
		t.on(q.BookingID)
		if !heard { // C twice at once: he is being asked
			return nil
		}
		store.AnswerQuestion(t.tx, q.ID)
		_, _, err := cancel(ctx, t.tx, q.BookingID) // its text tells the customer
		return err
	}
	if t.about, err = store.NextConfirmed(ctx, t.tx, t.in.FromHash); err != nil {
		return err
	}
	if t.about.Valid {
		return t.check(ctx)
	}
	if t.about = (uuid.NullUUID{UUID: q.BookingID, Valid: q.ID != uuid.Nil}); !t.about.Valid {
		if t.about, err = store.FindKeepable(ctx, t.tx, t.in.FromHash, t.h.KeepWindow); err != nil {
			return err
		}
	}
	if !t.about.Valid {
		return t.puzzled(ctx)
	}
	return t.letGo(ctx, q)
}

// check asks back.
func (t *talk) check(ctx context.Context) error {
	id, err := t.answer(ctx, sms.KindCancelCheck)
	if id == uuid.Nil || err != nil {
		return err
	}
	return store.Ask(t.tx, t.pool, t.in.FromHash, store.Question{ID: id, BookingID: t.about.UUID, Kind: store.AskCancel}, checkBack)
}

// letGo ends a booking that is not confirmed.
func (t *talk) letGo(ctx context.Context, q store.Question) error {
	b, err := store.LockBooking(ctx, t.tx, t.about.UUID)
	switch {
	case err != nil:
		return err
	case b.State == store.BookingConfirmed: // at this moment, by the API
		return t.check(ctx)
	case b.State != store.BookingHeld && b.State != store.BookingExpired:
		return t.puzzled(ctx)
	}
	store.AnswerQuestion(t.tx, q.ID)
	store.CancelBooking(t.tx, &b)
	return textCustomer(t.tx, b, sms.KindCanceled)
}
