package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// SMSInbound does sms:inbound: it understands a reply and does what it asks for. What it was understood as is all that
// stays of a reply: its words are emptied by the same commit. Of one that nobody but the integrator can understand, what
// redaction leaves is kept until the integrator's endpoint has it.
type SMSInbound struct {
	Keys    *pii.Keyring
	Engines *Engines
	// KeepWindow is how long after its follow-up a hold can be kept (HOLDFAST_KEEP_WINDOW).
	KeepWindow time.Duration
}

// acts is what is done about each intent. Opt-outs are in force by now: TakeInbound has seen to them.
var acts = map[sms.Intent]func(*talk, context.Context) error{
	sms.IntentCode:    (*talk).code,    // confirms
	sms.IntentKeep:    (*talk).keep,    // confirms, since the reply proves the phone; takes the seat again if it must
	sms.IntentChoice:  (*talk).choose,  // takes a time that was offered
	sms.IntentCancel:  (*talk).cancel,  // asks back, then cancels
	sms.IntentStop:    (*talk).stop,    // asks nothing more
	sms.IntentStart:   (*talk).start,   // says nothing
	sms.IntentHelp:    (*talk).help,    // helps, once an hour
	sms.IntentUnknown: (*talk).unknown, // tells the integrator, and helps
}

// talk is one run of a reply: who said what.
type talk struct {
	h     *SMSInbound
	tx    *store.Tx
	in    store.Inbound
	pool  string
	reply sms.Reply
	about uuid.NullUUID // the booking that it was about, once that is known
}

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
	t := &talk{h: h, tx: tx, in: in, pool: account.Pool(), reply: readReply(in)}
	store.LockConversation(tx, t.pool, in.FromHash)
	if err := acts[t.reply.Intent](t, ctx); err != nil {
		return err
	}
	if err := t.remember(ctx); err != nil {
		return err
	}
	store.FinishInbound(tx, in.ID, string(t.reply.Intent), t.about)
	return nil
}

// Forget empties a reply that nobody will read.
func (h *SMSInbound) Forget(_ context.Context, tx *store.Tx, p tasks.InboundPayload) error {
	store.FinishInbound(tx, p.Inbound, "discarded", uuid.NullUUID{})
	return nil
}

// remember fills in what the reply was about when nothing else has told: the booking that the phone made last.
func (t *talk) remember(ctx context.Context) (err error) {
	if !t.about.Valid {
		t.about, err = store.NewestBooking(ctx, t.tx, t.in.FromHash)
	}
	return err
}

// on notes which booking the reply is about.
func (t *talk) on(booking uuid.UUID) { t.about = uuid.NullUUID{UUID: booking, Valid: true} }

// question is what the phone was asked last and has not answered; the zero Question when nothing is open. heard tells that
// its text had gone out when the reply came: "2" says nothing of times that are still on their way.
func (t *talk) question(ctx context.Context) (q store.Question, heard bool, err error) {
	q, err = store.OpenQuestion(ctx, t.tx, t.pool, t.in.FromHash)
	if errors.Is(err, store.ErrNotFound) {
		return store.Question{}, false, nil
	}
	return q, q.AskedAt != nil && !q.AskedAt.After(t.in.At), err
}
