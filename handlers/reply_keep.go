package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/calendar"
)

// keep confirms what the customer wants to keep: the booking that he was asked about, else the newest that there is to
// keep. One that is confirmed already needs no word.
func (t *talk) keep(ctx context.Context) error {
	q, heard, err := t.question(ctx)
	if err != nil {
		return err
	}
	if q.Kind == store.AskCancel && heard {
		return t.leave(ctx, q)
	}
	meant := uuid.NullUUID{UUID: q.BookingID, Valid: q.Kind == store.AskKeep}
	if !meant.Valid {
		meant, err = store.FindKeepable(ctx, t.tx, t.in.FromHash, t.h.KeepWindow)
		if err != nil {
			return err
		}
		if !meant.Valid {
			return t.puzzled(ctx)
		}
	}
	t.about = meant
	b, v, err := store.LockSeat(ctx, t.tx, meant.UUID)
	if err != nil {
		return err
	}
	return t.settle(ctx, b, v, q, nil)
}

// leave is a booking that is not to be canceled after all: it stays as it is, and the customer is told so.
func (t *talk) leave(ctx context.Context, q store.Question) error {
	t.on(q.BookingID)
	b, err := store.LockBooking(ctx, t.tx, q.BookingID)
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
	q, heard, err := t.question(ctx)
	switch {
	case err != nil:
		return err
	case q.Kind == store.AskKeep && len(q.Choices) > 0 && !heard: // other times are on their way to him
		t.on(q.BookingID)
		return nil
	}
	if q.ID == uuid.Nil {
		if answered, err := store.ChoiceAnswered(ctx, t.tx, t.pool, t.in.FromHash); answered || err != nil {
			return err // the first answer has won, and what followed told so
		}
		return t.puzzled(ctx)
	}
	t.on(q.BookingID)
	if t.reply.Choice > len(q.Choices) {
		return t.puzzled(ctx)
	}
	b, err := store.FindBooking(ctx, t.tx, q.BookingID)
	if err != nil {
		return err
	}
	c, err := candidate(ctx, t.tx, b, q.Choices[t.reply.Choice-1])
	if err != nil {
		return err
	}
	b, v, err := store.LockSeats(ctx, t.tx, b.ID, c)
	if err != nil {
		return err
	}
	return t.settle(ctx, b, v, q, &c)
}

// candidate is a time that was offered, with what it takes of a seat today. One that is no longer on offer, as when the
// hours have changed, is kept as it was offered: what counts is whether the seat is free.
func candidate(ctx context.Context, tx *store.Tx, b store.Booking, c store.Choice) (store.Candidate, error) {
	cand := store.Candidate{Resource: store.Resource{ID: c.Resource, TimeZone: b.TimeZone}, Span: calendar.Span{Start: c.Start, End: c.End},
		Calendar: calendar.Calendar{Before: b.Before, After: b.After}}
	offer, err := store.FindOffer(ctx, tx, c.Resource.String(), service(b), int(c.End.Sub(c.Start).Minutes()))
	var refused *store.Refusal
	switch {
	case errors.As(err, &refused):
		return cand, nil
	case err != nil:
		return cand, err
	}
	cand.Resource, cand.Calendar = offer.Resources[0], offer.Calendar(offer.Resources[0])
	return cand, nil
}

// settle confirms a locked booking at its own time, or at another one that it gets; a seat that it no longer has it takes
// again. When the time is taken others are offered. A booking that is confirmed stays as it is: somebody was faster, and
// the customer was told.
func (t *talk) settle(ctx context.Context, b store.Booking, v store.Verification, q store.Question, other *store.Candidate) error {
	if b.State != store.BookingHeld && b.State != store.BookingExpired {
		store.AnswerQuestion(t.tx, q.ID)
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
			return t.offer(ctx, b, q)
		}
	}
	store.AnswerQuestion(t.tx, q.ID)
	if !v.Live() {
		store.RevokeCodes(t.tx, b.ID) // or it would read as used
	}
	return confirm(t.tx, &b, v)
}

// offer answers with up to three free times near a booking's own, of which a digit takes one; when there are none, with
// that. q is what is open: a customer who is offered the same times already is not texted again.
func (t *talk) offer(ctx context.Context, b store.Booking, q store.Question) error {
	free, err := nearest(ctx, t.tx, b)
	if err != nil {
		return err
	}
	if len(free) == 0 {
		store.AnswerQuestion(t.tx, q.ID)
		return t.gone(ctx, b)
	}
	all := offered(free)
	if q.BookingID == b.ID && slices.EqualFunc(all, q.Choices, sameChoice) {
		return nil
	}
	id, err := t.answer(ctx, sms.KindAlternatives)
	if id == uuid.Nil || err != nil {
		return err
	}
	q = store.Question{ID: id, BookingID: b.ID, Kind: store.AskKeep, Choices: all}
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
