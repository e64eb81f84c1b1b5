package handlers

import (
	"context"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// stopConfirmedOnce is how long an opt-out is not confirmed again. One text is allowed (47 CFR 64.1200(a)(12)).
const stopConfirmedOnce = 24 * time.Hour

// stop ends the conversation; the opt-out itself is in force already. A hold runs on to its end, and its code still
// confirms by the API. Only a sentence that the provider does not know as a keyword is confirmed.
func (t *talk) stop(ctx context.Context) error {
	store.NoteLive(t.tx, t.in.FromHash, "opted_out")
	out, err := store.Suppressed(ctx, t.tx, t.pool, t.in.FromHash)
	if err != nil || !out { // START has come since, and was worked on first
		return err
	}
	q, _, err := t.asked(ctx)
	if err != nil {
		return err
	}
	if q.ID != uuid.Nil {
		t.on(q.BookingID)
		store.AnswerQuestion(t.tx, q.ID)
	}
	if t.in.OptOutType != "" || sms.ProviderStops(t.in.Body.Reveal()) {
		return nil
	}
	return t.once(ctx, sms.KindStopConfirm, stopConfirmedOnce)
}

// start has nothing to add: texts are allowed again already, and the provider has said so.
func (t *talk) start(context.Context) error {
	store.NoteLive(t.tx, t.in.FromHash, "opted_in")
	return nil
}
