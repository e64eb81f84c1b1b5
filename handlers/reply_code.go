package handlers

import (
	"context"
	"strings"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// code confirms the booking whose code it is. A code that is none of the live ones counts against the newest.
func (t *talk) code(ctx context.Context) error {
	open, err := store.OpenCodes(ctx, t.tx, t.in.FromHash)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		// A code that was just used came twice: the confirmation has answered it.
		if used, err := store.UsedCode(ctx, t.tx, t.in.FromHash); used || err != nil {
			return err
		}
		return t.puzzled(ctx)
	}
	meant := open[0]
	for _, o := range open {
		want, err := o.Code(t.h.Keys, t.tx.Org)
		if err != nil {
			return err
		}
		if want.Equal(t.reply.Code) {
			meant = o
		}
	}
	if _, _, err := t.lock(ctx, meant.BookingID, nil); err != nil {
		return err
	}
	b, problem, err := checkCode(ctx, t.tx, t.h.Keys, meant.BookingID, t.reply.Code)
	if err != nil || problem == nil {
		return err // the confirmation is a text of its own
	}
	switch kind := strings.TrimPrefix(problem.Type, ProblemBase); {
	case kind == "wrong-code":
		_, err = t.answer(ctx, sms.KindWrongCode)
	case kind == "hold-expired" && b.State == store.BookingExpired:
		return t.late(ctx, b)
	case kind == "hold-expired" || kind == "code-expired":
		_, err = t.answer(ctx, sms.KindExpired)
	}
	return err // what is left is nothing that the customer could do
}

// late is the right code of a time that is taken meanwhile.
func (t *talk) late(ctx context.Context, b store.Booking) error {
	open, _, err := t.asked(ctx)
	if err != nil {
		return err
	}
	return t.offer(ctx, b, open)
}
