package handlers

import (
	"context"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/tasks"
)

const (
	// quiet is how long the same general answer is not given again, so that two machines do not talk for ever.
	quiet = time.Hour
	// maxAnswers is how many answers a phone gets in a day, whatever it writes: five wrong codes, a few times that are
	// taken, a check-back and some help are well within it, and a machine that answers each answer costs no more.
	maxAnswers = 20
	answersIn  = 24 * time.Hour
)

// answers are the texts that only answer: nothing has changed that the customer must know of.
var answers = []string{string(sms.KindHelp), string(sms.KindNotUnderstood), string(sms.KindWrongCode), string(sms.KindExpired),
	string(sms.KindAlternatives), string(sms.KindCancelCheck), string(sms.KindStopConfirm)}

// once answers unless the phone got the same answer within the time given.
func (t *talk) once(ctx context.Context, kind sms.Kind, within time.Duration) error {
	lately, err := store.TextedLately(ctx, t.tx, t.in.FromHash, string(kind), within)
	if lately || err != nil {
		return err
	}
	_, err = t.answer(ctx, kind)
	return err
}

// answer enqueues a text back to who wrote, about the booking that the reply was about if that is known. It has the id
// that it returns; nil: the phone has had its answers for now, and gets none.
func (t *talk) answer(ctx context.Context, kind sms.Kind) (uuid.UUID, error) {
	if n, err := store.CountTexts(ctx, t.tx, t.in.FromHash, answers, answersIn); n >= maxAnswers || err != nil {
		return uuid.Nil, err
	}
	m := store.Message{ID: uuid.New(), Kind: string(kind), To: t.in.From, BookingID: t.about}
	if err := store.InsertMessage(t.tx, t.h.Keys, m); err != nil {
		return uuid.Nil, err
	}
	_, err := tasks.SMSSend.Enqueue(t.tx, tasks.MessagePayload{Message: m.ID})
	return m.ID, err
}

// help answers, unless the provider has.
func (t *talk) help(ctx context.Context) error {
	if t.in.OptOutType != "" {
		return nil
	}
	return t.once(ctx, sms.KindHelp, quiet)
}

// puzzled answers a reply that says nothing here.
func (t *talk) puzzled(ctx context.Context) error { return t.once(ctx, sms.KindNotUnderstood, quiet) }
