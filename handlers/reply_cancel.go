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
	open, heard, err := t.asked(ctx)
	if err != nil {
		return err
	}
	if open.Kind == store.AskCancel {
		return t.recall(ctx, open, heard.ID == open.ID)
	}
	if t.about, err = store.NextConfirmed(ctx, t.tx, t.in.FromHash); err != nil {
		return err
	}
	if t.about.Valid {
		return t.check(ctx)
	}
	meant := uuid.NullUUID{UUID: heard.BookingID, Valid: heard.ID != uuid.Nil}
	if !meant.Valid {
		if meant, err = store.FindKeepable(ctx, t.tx, t.in.FromHash, t.h.KeepWindow); err != nil {
			return err
		}
	}
	if !meant.Valid {
		return t.puzzled(ctx)
	}
	return t.letGo(ctx, meant.UUID, open)
}

// recall cancels what he was asked about. C twice at once says it once: he is being asked.
func (t *talk) recall(ctx context.Context, q store.Question, heard bool) error {
	if !heard {
		t.on(q.BookingID)
		return nil
	}
	b, _, err := t.lock(ctx, q.BookingID, nil)
	if err != nil {
		return err
	}
	store.AnswerQuestion(t.tx, q.ID)
	_, _, err = cancel(ctx, t.tx, b.ID) // its text tells the customer
	return err
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
func (t *talk) letGo(ctx context.Context, booking uuid.UUID, open store.Question) error {
	b, _, err := t.lock(ctx, booking, nil)
	switch {
	case err != nil:
		return err
	case b.State == store.BookingConfirmed: // at this moment, by the API
		return t.check(ctx)
	case b.State != store.BookingHeld && b.State != store.BookingExpired:
		return t.puzzled(ctx)
	}
	t.answered(b, open)
	store.CancelBooking(t.tx, &b)
	return textCustomer(t.tx, b, sms.KindCanceled)
}

// answered closes what is open if it is about a booking that has its answer.
func (t *talk) answered(b store.Booking, open store.Question) {
	if open.BookingID == b.ID {
		store.AnswerQuestion(t.tx, open.ID)
	}
}
