package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// SMSInbound does sms:inbound: it understands a reply. A code confirms; STOP and START are honoured before
// anything else; C cancels the next confirmed booking. What it was understood as is all that stays of a reply: its words
// are emptied by the same commit, so there is nothing to redact.
type SMSInbound struct{ Keys *pii.Keyring }

// Work does the task. Replies of one phone are worked on one after the other.
func (h *SMSInbound) Work(ctx context.Context, tx *store.Tx, _ store.Task, p tasks.InboundPayload) error {
	in, err := store.LoadInbound(ctx, tx, h.Keys, p.Inbound)
	if err != nil {
		return err
	}
	account, err := store.LoadSMSAccount(ctx, tx, h.Keys)
	if err != nil {
		return err
	}
	store.LockConversation(tx, account.Pool(), in.FromHash)
	reply := sms.ParseReply(in.Body.Reveal())
	if err := h.act(ctx, tx, in, account.Pool(), reply); err != nil {
		return err
	}
	store.FinishInbound(tx, in.ID, string(reply.Intent))
	return nil
}

// Forget empties a reply that nobody will read.
func (h *SMSInbound) Forget(_ context.Context, tx *store.Tx, p tasks.InboundPayload) error {
	store.FinishInbound(tx, p.Inbound, "discarded")
	return nil
}

func (h *SMSInbound) act(ctx context.Context, tx *store.Tx, in store.Inbound, pool string, reply sms.Reply) error {
	switch {
	case in.OptOutType == "STOP" || reply.Intent == sms.IntentStop:
		store.Suppress(tx, pool, in.FromHash)
		return nil // the provider answers STOP itself, and refuses what we would send
	case in.OptOutType == "START" || reply.Intent == sms.IntentStart:
		store.Unsuppress(tx, pool, in.FromHash)
		return nil
	case in.OptOutType == "HELP":
		return nil
	case reply.Intent == sms.IntentCode:
		return h.code(ctx, tx, in, reply.Code)
	case reply.Intent == sms.IntentCancel:
		return h.cancel(ctx, tx, in)
	case reply.Intent == sms.IntentHelp:
		return h.once(ctx, tx, in, sms.KindHelp)
	}
	return h.once(ctx, tx, in, sms.KindNotUnderstood)
}

// code confirms the booking whose code it is. A code that is none of the live ones counts against the newest.
func (h *SMSInbound) code(ctx context.Context, tx *store.Tx, in store.Inbound, code pii.Code) error {
	open, err := store.OpenCodes(ctx, tx, in.FromHash)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		// A code that was just used came twice: the confirmation has answered it.
		if used, err := store.UsedCode(ctx, tx, in.FromHash); used || err != nil {
			return err
		}
		return h.once(ctx, tx, in, sms.KindNotUnderstood)
	}
	meant := open[0]
	for _, o := range open {
		want, err := o.Verification.Code(h.Keys, tx.Org)
		if err != nil {
			return err
		}
		if want.Equal(code) {
			meant = o
		}
	}
	_, problem, err := checkCode(ctx, tx, h.Keys, meant.BookingID, code)
	if err != nil || problem == nil {
		return err // the confirmation is a text of its own
	}
	about := uuid.NullUUID{UUID: meant.BookingID, Valid: true}
	switch strings.TrimPrefix(problem.Type, ProblemBase) {
	case "wrong-code":
		return h.answer(tx, in, about, sms.KindWrongCode)
	case "hold-expired", "code-expired":
		return h.answer(tx, in, about, sms.KindExpired)
	}
	return nil // nothing that the customer could do
}

func (h *SMSInbound) cancel(ctx context.Context, tx *store.Tx, in store.Inbound) error {
	next, err := store.NextConfirmed(ctx, tx, in.FromHash)
	if err != nil {
		return err
	}
	if !next.Valid {
		return h.once(ctx, tx, in, sms.KindNotUnderstood)
	}
	_, _, err = cancel(ctx, tx, next.UUID) // its text tells the customer
	return err
}

// quiet is how long the same general answer is not given again, so that two machines do not talk for ever.
const quiet = time.Hour

// once answers unless the phone got the same answer lately.
func (h *SMSInbound) once(ctx context.Context, tx *store.Tx, in store.Inbound, kind sms.Kind) error {
	lately, err := store.TextedLately(ctx, tx, in.FromHash, string(kind), quiet)
	if lately || err != nil {
		return err
	}
	return h.answer(tx, in, uuid.NullUUID{}, kind)
}

// answer enqueues a text back to who wrote.
func (h *SMSInbound) answer(tx *store.Tx, in store.Inbound, booking uuid.NullUUID, kind sms.Kind) error {
	m := store.Message{ID: uuid.New(), Kind: string(kind), To: in.From, BookingID: booking}
	if err := store.InsertMessage(tx, h.Keys, m); err != nil {
		return err
	}
	_, err := tasks.SMSSend.Enqueue(tx, tasks.MessagePayload{Message: m.ID})
	return err
}
