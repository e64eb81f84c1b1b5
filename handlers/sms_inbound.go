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
	// KeepWindow is how long after its follow-up, or an offer of other times, a hold can be kept (HOLDFAST_KEEP_WINDOW).
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
	store.LockConversationWith(tx, p.Inbound)
	in, err := store.LoadInbound(ctx, tx, h.Keys, p.Inbound)
	if errors.Is(err, store.ErrNotFound) { // who wrote it was erased meanwhile, and it with him
		return nil
	}
	if err != nil {
		return err
	}
	account, err := store.LoadSMSAccount(ctx, tx, h.Keys)
	if err != nil {
		return err
	}
	t := &talk{h: h, tx: tx, in: in, pool: account.Pool(), reply: readReply(in)}
	if err := t.act(ctx); err != nil {
		return err
	}
	if err := t.remember(ctx); err != nil {
		return err
	}
	store.FinishInbound(tx, in.ID, string(t.reply.Intent), t.about)
	return nil
}

// act does what the reply asks for. What is about a booking that is another number's by now says nothing here.
func (t *talk) act(ctx context.Context) error {
	if err := t.readYes(ctx); err != nil {
		return err
	}
	err := acts[t.reply.Intent](t, ctx)
	if errors.Is(err, errNotTheirs) {
		t.about = uuid.NullUUID{}
		return t.puzzled(ctx)
	}
	return err
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

// errNotTheirs is a booking that was given to another number while the reply was on its way to it.
var errNotTheirs = errors.New("the booking is another number's")

// lock locks the booking that the reply is about, for its own time or for another one: the one way in which a reply gets at
// a booking. What was read before may be over by then; errNotTheirs when the number is.
func (t *talk) lock(ctx context.Context, booking uuid.UUID, other *store.Candidate) (b store.Booking, v store.Verification, err error) {
	t.on(booking)
	if other == nil {
		b, v, err = store.LockSeat(ctx, t.tx, booking)
	} else {
		b, v, err = store.LockSeats(ctx, t.tx, booking, *other)
	}
	if err != nil {
		return b, v, err
	}
	theirs, err := store.HasPhone(ctx, t.tx, b.CustomerID, t.in.FromHash)
	if err == nil && !theirs {
		err = errNotTheirs
	}
	return b, v, err
}

// underWay is how long a reply waits for what becomes of the text that it may answer.
const underWay = 200 * time.Millisecond

// asked reads what the phone was asked. open is the question that it has not answered; heard is what it had been asked when
// the reply came, which is open too unless that was still on its way: "2" says nothing of times that nobody has read. Each
// is the zero Question when there is none.
func (t *talk) asked(ctx context.Context) (open, heard store.Question, err error) {
	open, err = store.OpenQuestion(ctx, t.tx, t.pool, t.in.FromHash)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Question{}, store.Question{}, nil
	case err != nil:
		return open, heard, err
	case open.AskedAt != nil && !open.AskedAt.After(t.in.At):
		return open, open, nil
	case open.SendingSince != nil && !open.SendingSince.After(t.in.At) && t.reply.Intent != sms.IntentStop: // he may have read it before we know
		return open, heard, tasks.Snooze("text-under-way", underWay)
	}
	never, err := store.NeverSent(ctx, t.tx, open.ID)
	if err != nil {
		return open, heard, err
	}
	if never { // it asks nothing
		open = store.Question{}
	}
	heard, err = store.HeardQuestion(ctx, t.tx, t.pool, t.in.FromHash, t.in.At)
	if errors.Is(err, store.ErrNotFound) {
		heard, err = store.Question{}, nil
	}
	return open, heard, err
}
