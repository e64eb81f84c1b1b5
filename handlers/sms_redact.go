package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Eraser empties the provider's copy of a text.
type Eraser interface {
	Redact(ctx context.Context, a sms.Account, sid string) error
}

// SMSRedact does sms:redact: it empties what is left of an erased customer's text once it is known what became of it, and then
// the provider's copy.
type SMSRedact struct {
	Keys   *pii.Keyring
	Eraser Eraser
}

// redaction is one call to the provider.
type redaction struct {
	account sms.Account
	sid     string
	age     time.Duration // of the text there
}

const (
	inLineAgain  = 2 * time.Second  // a text that is on its way is looked at again
	refusedAgain = 10 * time.Minute // an account that was refused is tried again
)

// Claim reads what to empty.
func (h *SMSRedact) Claim(ctx context.Context, tx *store.Tx, _ store.Task, p tasks.TextPayload) (redaction, error) {
	t, err := store.LockErasedText(ctx, tx, p.Text)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return redaction{}, tasks.ErrNothing
	case err != nil:
		return redaction{}, err
	case t.InLine:
		return redaction{}, tasks.Snooze("text-in-line", inLineAgain)
	}
	if !t.Emptied {
		store.EmptyText(tx, p.Text)
	}
	if t.SID == "" { // it never went out
		store.SettleCopy(tx, p.Text, "")
		return redaction{}, tasks.ErrNothing
	}
	if t.Copy != store.CopyPending {
		return redaction{}, tasks.ErrNothing
	}
	a, err := store.LoadSMSAccount(ctx, tx, h.Keys)
	if errors.Is(err, store.ErrNotFound) {
		return redaction{}, tasks.Dead("no-credentials", nil)
	}
	return redaction{account: account(a), sid: t.SID, age: t.Age}, err
}

// Call empties it.
func (h *SMSRedact) Call(ctx context.Context, r redaction) (struct{}, error) {
	return struct{}{}, h.Eraser.Redact(ctx, r.account, r.sid)
}

// Record writes down what came of it. A text that is not at its end yet is tried later, the older it is the later.
func (h *SMSRedact) Record(_ context.Context, tx *store.Tx, p tasks.TextPayload, r redaction, _ struct{}, callErr error) error {
	var e *sms.Error
	switch {
	case callErr == nil:
		store.SettleCopy(tx, p.Text, store.CopyRedacted)
		return nil
	case !errors.As(callErr, &e):
		return tasks.Retry("sms-redact", 0, callErr)
	case e.Status == http.StatusNotFound:
		store.SettleCopy(tx, p.Text, store.CopyAbsent)
		return nil
	case e.Status == http.StatusConflict:
		return tasks.Snooze("text-not-at-end", min(max(r.age/2, time.Second), 15*time.Minute))
	case e.Class == sms.Tenant || e.Class == sms.Cap:
		return tasks.Snooze("sms-"+e.Class.String(), max(e.RetryAfter, refusedAgain))
	}
	return tasks.Retry("sms-"+e.Class.String(), e.RetryAfter, callErr)
}

// Abandoned does it again: what is empty stays empty.
func (h *SMSRedact) Abandoned(context.Context, *store.Tx, tasks.TextPayload) error {
	return tasks.Snooze("abandoned", time.Second)
}

// Undo tells that the copy is still there. Here nothing is left, though it may never have been known what became of the text.
func (h *SMSRedact) Undo(_ context.Context, tx *store.Tx, p tasks.TextPayload, _ string) error {
	store.EmptyText(tx, p.Text)
	store.SettleCopy(tx, p.Text, store.CopyFailed)
	return nil
}

// Replay makes it to be emptied again.
func (h *SMSRedact) Replay(_ context.Context, tx *store.Tx, p tasks.TextPayload) error {
	store.SettleCopy(tx, p.Text, store.CopyPending)
	return nil
}
