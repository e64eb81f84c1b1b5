package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// SendText does verification:send, sms:send, followup:send and reminder:send: one text, sent at most once by each claim.
// What becomes of it is written to the message's row, which only moves forward.
type SendText struct {
	Keys      *pii.Keyring
	Sender    sms.Sender
	PublicURL string // of our API: callbacks come back to it
	CodeTTL   time.Duration
	HoldTTL   time.Duration
	// KeepWindow is how long after a follow-up its reply counts, and how long after a hold's end one is still sent
	// (HOLDFAST_KEEP_WINDOW).
	KeepWindow time.Duration
	// Installation decides what the org has not set.
	Installation settings.Installation
	ToCall       prometheus.Observer    // seconds from the text's commit to its call
	Texts        *prometheus.CounterVec // by kind and class
	Codes        *UnknownCodes
}

// textCall is one call to the provider.
type textCall struct {
	msg     store.Message
	claim   int  // of the message: see store.Message.Sends
	refused bool // the org's breaker counted refusals
	probe   bool // the breaker is open, and this text tries the account
	account sms.Account
	pool    string
	text    sms.Text
	age     time.Duration // of the message when it was read, by the database's clock
	readAt  time.Time
}

// Claim checks once more that the text should go out and renders it.
func (h *SendText) Claim(ctx context.Context, tx *store.Tx, t store.Task, p tasks.MessagePayload) (textCall, error) {
	if t.Type == tasks.FollowupSend.Name { // it opens a question, so no reply is understood meanwhile, nor another one sent
		store.LockConversationOf(tx, p.Message)
	}
	o, err := store.LockOutgoing(ctx, tx, h.Keys, p.Message)
	if err != nil {
		return textCall{}, err
	}
	if o.State == store.MessageSending { // somebody's call, of which nothing is left to tell: it may have gone out
		if err := reconcileLater(tx, p, 0); err != nil {
			return textCall{}, err
		}
	}
	if o.State != store.MessageQueued {
		return textCall{}, tasks.ErrNothing
	}
	if err := aboutMove(ctx, tx, &o); err != nil {
		return textCall{}, err
	}
	if reason := h.stale(o); reason != "" {
		return textCall{}, drop(tx, o, reason)
	}
	if !o.HasAccount {
		return textCall{}, tasks.Dead("no-credentials", nil)
	}
	switch kind := sms.Kind(o.Kind); {
	case !o.Suppressed, kind == sms.KindStopConfirm: // the one text that an opt-out allows
	case kind.Code():
		return textCall{}, tasks.Dead("opted-out", nil)
	default: // nothing depends on it
		return textCall{}, drop(tx, o, "opted-out")
	}
	own := settings.Read(o.Settings, h.Installation)
	d, reason, err := h.compose(ctx, tx, o, own)
	switch {
	case err != nil:
		return textCall{}, err
	case reason != "":
		return textCall{}, drop(tx, o, reason)
	case d.quiet > 0:
		return textCall{}, tasks.Snooze("quiet-hours", d.quiet)
	}
	probe, err := h.pass(ctx, tx, o, own.Limits.Sender)
	if err != nil {
		return textCall{}, err
	}
	body, err := h.render(tx, o, own.Templates, &d)
	if err != nil {
		return textCall{}, tasks.Dead("text", err)
	}
	if d.asks != nil {
		if err := store.Ask(tx, o.Account.Pool(), o.ToHash, *d.asks, d.open); err != nil {
			return textCall{}, err
		}
	}
	segments, _ := sms.Segments(body.Reveal())
	store.SendingMessage(tx, o.ID, store.BodyHash(h.Keys, tx.Org, body), segments)
	return textCall{
		msg:     o.Message,
		claim:   o.Sends + 1,
		refused: o.Refused,
		probe:   probe,
		account: account(o.Account),
		pool:    o.Account.Pool(),
		age:     o.Age,
		readAt:  time.Now(),
		text: sms.Text{To: o.To, Body: body, ValidFor: d.validFor,
			StatusCallback: fmt.Sprintf("%s/webhooks/twilio/%s/status/%s", strings.TrimSuffix(h.PublicURL, "/"), tx.Org, o.ID)},
	}, nil
}

// pass lets a text by the org's breaker and its sender's pace, or makes it wait. probe says that it tries an account
// that was refused.
func (h *SendText) pass(ctx context.Context, tx *store.Tx, o store.Outgoing, l settings.SenderLimit) (probe bool, err error) {
	if o.Stopped {
		p, err := store.PassBreaker(ctx, tx)
		if err != nil {
			return false, err
		}
		if p.Parked {
			return false, h.wait(o, store.TaskParked, parkedFor(p))
		}
		if p.Probe {
			return true, nil
		}
	}
	d, err := turn(ctx, tx, o, l)
	if err == nil && d > 0 {
		err = h.wait(o, "sms-paced", d)
	}
	return false, err
}

// stale tells why a text is no longer worth sending, or "".
func (h *SendText) stale(o store.Outgoing) string {
	if o.Erased {
		return "erased"
	}
	switch sms.Kind(o.Kind) {
	case sms.KindCode:
		if !o.Verification.Live() {
			return "code-" + o.Verification.State
		}
		if o.BookingState != store.BookingHeld && o.BookingState != store.BookingExpired {
			return "booking-" + o.BookingState
		}
	case sms.KindMoveCode:
		if !o.Verification.Live() {
			return "code-" + o.Verification.State
		}
		if o.BookingState != store.BookingConfirmed {
			return "booking-" + o.BookingState
		}
	case sms.KindConfirmation, sms.KindMoved:
		if o.BookingState != store.BookingConfirmed {
			return "booking-" + o.BookingState
		}
	default: // worth sending whatever became of the booking
	}
	return ""
}

// drop ends a text that is not sent. Of one that the timeline would otherwise say nothing of, it tells why.
func drop(tx *store.Tx, o store.Outgoing, reason string) error {
	store.SettleMessage(tx, o.ID, store.MessageCanceled, reason, 0)
	store.EndQuestion(tx, o.ID) // nobody will read it
	switch sms.Kind(o.Kind) {
	case sms.KindFollowup:
		store.NoteBooking(tx, o.BookingID.UUID, "followup_dropped", map[string]any{"message": o.ID, "reason": reason})
	case sms.KindReminder:
		store.NoteBooking(tx, o.BookingID.UUID, "reminder_dropped", map[string]any{"message": o.ID, "reason": reason})
	default:
	}
	return tasks.ErrNothing
}

// codeLeft is how long the code of a text lives from now.
func (h *SendText) codeLeft(o store.Outgoing) time.Duration {
	if o.Verification.Left > 0 {
		return o.Verification.Left
	}
	return h.CodeTTL
}

// render writes the text. A code's life begins with it, and the text is of no use after.
func (h *SendText) render(tx *store.Tx, o store.Outgoing, words sms.Wording, d *draft) (pii.Text, error) {
	if d.kind.Code() {
		code, err := o.Verification.Code(h.Keys, tx.Org)
		if err != nil {
			return pii.Text{}, err
		}
		d.validFor = h.codeLeft(o)
		d.data.Code, d.data.ValidFor = code, d.validFor
		store.StartCode(tx, o.Verification.ID, h.CodeTTL)
	}
	return words.Render(d.kind, o.Locale, d.data)
}

func account(a store.SMSAccount) sms.Account {
	return sms.Account{SID: a.SID, Token: a.Token, Secondary: a.Secondary, From: a.From, MessagingServiceSID: a.MessagingServiceSID}
}

// Call sends the text.
func (h *SendText) Call(ctx context.Context, c textCall) (sms.Receipt, error) {
	h.ToCall.Observe((c.age + time.Since(c.readAt)).Seconds())
	r, err := h.Sender.Send(ctx, c.account, c.text)
	class := "accepted"
	if err != nil {
		class = sms.ClassOf(err).String()
		if e := (*sms.Error)(nil); errors.As(err, &e) {
			h.Codes.count(e)
		}
	}
	h.Texts.WithLabelValues(c.msg.Kind, class).Inc()
	return r, err
}

// Record writes down what became of the text. A failure counts only while the message is as this call's claim left it:
// when the call was taken for lost, the text may be about to go out again, and what this call did not do says nothing
// of that. An acceptance always counts.
func (h *SendText) Record(ctx context.Context, tx *store.Tx, p tasks.MessagePayload, c textCall, r sms.Receipt, callErr error) error {
	if callErr == nil {
		h.accepted(tx, c, r.SID)
		return nil
	}
	m, err := store.LockMessage(ctx, tx, h.Keys, p.Message)
	if err != nil {
		return err
	}
	if m.Sends != c.claim || m.State != store.MessageSending && m.State != store.MessageUnknown {
		return nil
	}
	class := sms.ClassOf(callErr)
	var e *sms.Error
	errors.As(callErr, &e)
	if e == nil {
		e = &sms.Error{Class: class}
	}
	switch class {
	case sms.Transient:
		store.SettleMessage(tx, p.Message, store.MessageQueued, class.String(), e.Code)
		return tasks.Retry("sms-transient", e.RetryAfter, callErr)
	case sms.Unknown:
		return reconcileLater(tx, p, firstLook)
	case sms.OptedOut:
		store.Suppress(tx, c.pool, c.msg.ToHash)
	case sms.Recipient, sms.Tenant, sms.Cap, sms.Fraud, sms.Content: // will not go out
	}
	store.SettleMessage(tx, p.Message, store.MessageFailed, class.String(), e.Code)
	blame(tx, p.Message, e, false)
	return tasks.Dead("sms-"+class.String(), callErr)
}

// accepted notes that the provider has the text, and what that says of the account.
func (h *SendText) accepted(tx *store.Tx, c textCall, sid string) {
	textAccepted(tx, c.msg, sid)
	switch {
	case c.probe:
		store.ProbeAccepted(tx)
	case c.refused:
		store.ForgetRefusals(tx)
	}
}

// textAccepted notes that the provider has the text.
func textAccepted(tx *store.Tx, m store.Message, sid string) {
	store.AcceptedMessage(tx, m.ID, sid)
	if m.VerificationID.Valid {
		store.SentCode(tx, m.VerificationID.UUID)
	}
	if m.BookingID.Valid {
		store.NoteBooking(tx, m.BookingID.UUID, "text_accepted", map[string]any{"message": m.ID, "text": m.Kind})
	}
}

// Abandoned is a claim whose worker was lost: the text may have gone out, so it is looked up, never sent again.
func (h *SendText) Abandoned(_ context.Context, tx *store.Tx, p tasks.MessagePayload) error {
	return reconcileLater(tx, p, 0)
}

// Undo is a text that will never go out.
func (h *SendText) Undo(ctx context.Context, tx *store.Tx, p tasks.MessagePayload, reason string) error {
	return neverSent(ctx, tx, h.Keys, p, reason)
}

// neverSent settles a text that is given up, unless a callback has told otherwise meanwhile.
func neverSent(ctx context.Context, tx *store.Tx, keys *pii.Keyring, p tasks.MessagePayload, reason string) error {
	m, err := store.LockMessage(ctx, tx, keys, p.Message)
	if err != nil {
		return err
	}
	switch m.State {
	case store.MessageQueued:
		store.SettleMessage(tx, m.ID, store.MessageFailed, reason, 0)
	case store.MessageSending, store.MessageUnknown: // given up, and yet it may have gone out: it must never be replayed
		store.SettleMessage(tx, m.ID, store.MessageFailed, sms.Unknown.String(), 0)
	case store.MessageFailed: // by the record that made the task dead
	default:
		return nil
	}
	return TextFailed(ctx, tx, m, reason)
}

// TextFailed is what follows when a text has failed for good, at once or later by a callback: the timeline tells so, what it
// has asked is not open any more, and a code that no other text carries dies with it. If somebody's seat is held for that code, it is compensated. The message's
// own row is settled by the caller.
func TextFailed(ctx context.Context, tx *store.Tx, m store.Message, reason string) error {
	if sms.Kind(m.Kind).Asks() {
		store.EndQuestion(tx, m.ID)
	}
	if !m.BookingID.Valid {
		return nil
	}
	store.NoteBooking(tx, m.BookingID.UUID, "text_failed", map[string]any{"message": m.ID, "text": m.Kind, "reason": reason})
	if !sms.Kind(m.Kind).Code() {
		return nil
	}
	b, newest, err := store.LockCoded(ctx, tx, m.VerificationID.UUID)
	if err != nil {
		return err
	}
	moving := sms.Kind(m.Kind) == sms.KindMoveCode && b.State == store.BookingConfirmed
	if !moving && b.State != store.BookingHeld && b.State != store.BookingExpired {
		return nil
	}
	// A number that was replaced has no say in the code of the one that replaced it, and a dead code dies no more. One
	// whose life is over without a text that came is made good all the same: nobody ever had it.
	if newest.ID != m.VerificationID.UUID || !newest.Pending() {
		return nil
	}
	other, err := store.CodeOnItsWay(ctx, tx, newest.ID, m.ID)
	if err != nil || other {
		return err
	}
	if moving {
		moveFailed(tx, b)
		return nil
	}
	store.RevokeCodes(tx, b.ID)
	revoked := map[string]any{"reason": "text-failed"}
	if b.State == store.BookingHeld {
		task, err := tasks.CompensateVerification.Enqueue(tx, tasks.VerificationPayload{Verification: newest.ID})
		if err != nil {
			return err
		}
		revoked["compensation"] = task
	}
	store.NoteBooking(tx, b.ID, "code_revoked", revoked)
	return nil
}
