package handlers

import (
	"context"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// readYes reads a plain yes by what the phone had been asked: whether to keep, it is K; which time, or whether to cancel,
// it answers neither. Else it stays what it is: Twilio's keyword, or nothing known. Of a phone that had opted out it is
// START: TakeInbound has marked it so.
func (t *talk) readYes(ctx context.Context) error {
	if t.in.OptOutType != "" || !sms.SaysYes(t.in.Body.Reveal()) {
		return nil
	}
	out, err := store.Suppressed(ctx, t.tx, t.pool, t.in.FromHash)
	if out || err != nil {
		return err
	}
	_, heard, err := t.asked(ctx)
	switch {
	case err != nil:
		return err
	case heard.ID == uuid.Nil: // nobody has asked
	case heard.Kind == store.AskKeep && len(heard.Choices) == 0:
		t.reply.Intent = sms.IntentKeep
	default:
		t.reply.Intent = sms.IntentUnknown
	}
	return nil
}
