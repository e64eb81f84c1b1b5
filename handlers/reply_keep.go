package handlers

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/calendar"
)

// saidTwice is how long a K that answers nothing says the one before once more: two are often sent for one.
const saidTwice = time.Minute

// keep confirms what the customer wants to keep: the booking that he had been asked about, else the newest that there is to
// keep. One that is confirmed already needs no word.
func (t *talk) keep(ctx context.Context) error {
	open, heard, err := t.asked(ctx)
	if err != nil {
		return err
	}
	if heard.Kind == store.AskCancel {
		return t.leave(ctx, heard)
	}
	meant := heard.BookingID
	if heard.ID == uuid.Nil {
		if t.about, err = store.ConfirmedLately(ctx, t.tx, t.in.FromHash, t.in.At, saidTwice); t.about.Valid || err != nil {
			return err
		}
		found, err := store.FindKeepable(ctx, t.tx, t.in.FromHash, t.h.KeepWindow)
		if err != nil {
			return err
		}
		if !found.Valid {
			return t.puzzled(ctx)
		}
		meant = found.UUID
	}
	b, v, err := t.lock(ctx, meant, nil)
	if err != nil {
		return err
	}
	return t.settle(ctx, b, v, open, nil)
}

// leave is a booking that is not to be canceled after all: it stays as it is, and the customer is told so.
func (t *talk) leave(ctx context.Context, q store.Question) error {
	b, _, err := t.lock(ctx, q.BookingID, nil)
	if err != nil {
		return err
	}
	store.AnswerQuestion(t.tx, q.ID)
	if b.State != store.BookingConfirmed {
		return nil
	}
	return textCustomer(t.tx, b, sms.KindConfirmation)
}

// choose takes the time that a digit stands for.
func (t *talk) choose(ctx context.Context) error {
	open, heard, err := t.asked(ctx)
	switch {
	case err != nil:
		return err
	case len(open.Choices) > 0 && heard.ID != open.ID: // other times are on their way to him
		t.on(open.BookingID)
		return nil
	}
	if heard.ID == uuid.Nil {
		if answered, err := store.ChoiceAnswered(ctx, t.tx, t.pool, t.in.FromHash); answered || err != nil {
			return err // the first answer has won, and what followed told so
		}
		return t.puzzled(ctx)
	}
	t.on(heard.BookingID)
	if t.reply.Choice > len(heard.Choices) {
		return t.puzzled(ctx)
	}
	b, err := store.FindBooking(ctx, t.tx, heard.BookingID)
	if err != nil {
		return err
	}
	c := candidate(b, heard.Choices[t.reply.Choice-1])
	b, v, err := t.lock(ctx, b.ID, &c)
	if err != nil {
		return err
	}
	return t.settle(ctx, b, v, open, &c)
}

// candidate is a time that was offered to a booking, with the buffers that it was offered with, which are the booking's own
// (store.OfferOf). It counts though it is on offer no longer, as when the hours have changed: what decides is whether the
// seat is free.
func candidate(b store.Booking, c store.Choice) store.Candidate {
	return store.Candidate{Resource: store.Resource{ID: c.Resource, TimeZone: b.TimeZone}, Span: calendar.Span{Start: c.Start, End: c.End},
		Calendar: calendar.Calendar{Before: b.Before, After: b.After}}
}

// settle confirms a locked booking at its own time, or at another one that it gets; a seat that it no longer has it takes
// again. When the time is taken others are offered. A booking that is confirmed stays as it is: somebody was faster, and
// the customer was told.
func (t *talk) settle(ctx context.Context, b store.Booking, v store.Verification, open store.Question, other *store.Candidate) error {
	if b.State != store.BookingHeld && b.State != store.BookingExpired {
		t.answered(b, open)
		if b.State == store.BookingConfirmed {
			return nil
		}
		return t.puzzled(ctx)
	}
	if b.State == store.BookingExpired || other != nil {
		ok, err := retake(ctx, t.tx, &b, other)
		if err != nil {
			return err
		}
		if !ok {
			if other != nil { // he has answered these: silence would say nothing of what became of his time
				open.Choices = nil
			}
			return t.offer(ctx, b, open)
		}
	}
	t.answered(b, open)
	if !v.Live() {
		store.RevokeCodes(t.tx, b.ID) // or it would read as used
	}
	return confirm(t.tx, &b, v)
}

// offer answers with up to three free times near a booking's own, of which a digit takes one; when there are none, with
// that. A customer to whom the same times are open already is not texted again.
func (t *talk) offer(ctx context.Context, b store.Booking, open store.Question) error {
	free, err := nearest(ctx, t.tx, b)
	if err != nil {
		return err
	}
	if len(free) == 0 {
		t.answered(b, open)
		return t.gone(ctx, b)
	}
	all := offered(free)
	if open.BookingID == b.ID && slices.EqualFunc(all, open.Choices, sameChoice) {
		return nil
	}
	id, err := t.answer(ctx, sms.KindAlternatives)
	if id == uuid.Nil || err != nil {
		return err
	}
	q := store.Question{ID: id, BookingID: b.ID, Kind: store.AskKeep, Choices: all}
	return store.Ask(t.tx, t.pool, t.in.FromHash, q, t.h.KeepWindow)
}

// gone answers once that a booking's time is not to be had any more.
func (t *talk) gone(ctx context.Context, b store.Booking) error {
	lately, err := store.TextedAbout(ctx, t.tx, b.ID, string(sms.KindExpired), quiet)
	if lately || err != nil {
		return err
	}
	_, err = t.answer(ctx, sms.KindExpired)
	return err
}

func offered(free []store.Opening) []store.Choice {
	all := make([]store.Choice, len(free))
	for i, o := range free {
		all[i] = store.Choice{Resource: o.Resource.ID, Start: o.Start, End: o.End}
	}
	return all
}

func sameChoice(a, b store.Choice) bool { return a.Resource == b.Resource && a.Start.Equal(b.Start) }
