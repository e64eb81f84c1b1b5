package handlers

import (
	"bytes"
	"context"
	"time"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Finder asks the provider what it sent.
type Finder interface {
	Find(ctx context.Context, a sms.Account, to pii.Phone, since time.Time) ([]sms.Sent, error)
}

// SMSReconcile does sms:reconcile: it settles a text of which nobody knows whether it went out, by looking it up. One that
// the provider still does not know after the grace has not gone out, and is sent again: a code as long as it lives, the
// same one; any other text once more if that was its first try, since a lost reminder costs more than the small chance that
// the provider's list was late by more than the grace.
type SMSReconcile struct {
	Keys   *pii.Keyring
	Finder Finder
	// Grace is how long after the last moment of a call the provider's list is not yet believed when it has no
	// such text (HOLDFAST_RECONCILE_GRACE).
	Grace     time.Duration
	CallLimit time.Duration
}

// firstLook is when a text of unknown outcome is looked up first, and looks when again, counted from its claim.
const firstLook = time.Second

var looks = []time.Duration{firstLook, 3 * time.Second, 7 * time.Second}

// maxSends is how often a text without a code is claimed, for whatever reason, before one that nobody knows of is given up.
const maxSends = 2

// sendBy is the task that sends a kind of text.
func sendBy(kind sms.Kind) tasks.Type[tasks.MessagePayload] {
	switch {
	case kind.Code():
		return tasks.VerificationSend
	case kind == sms.KindFollowup:
		return tasks.FollowupSend
	case kind == sms.KindReminder:
		return tasks.ReminderSend
	}
	return tasks.SMSSend
}

// clockSkew is allowed between our clock and the provider's.
const clockSkew = 5 * time.Second

type lookup struct {
	out     store.Outgoing
	account sms.Account
	since   time.Time
}

// reconcileLater queues that the outcome of a text is unknown and has to be looked up.
func reconcileLater(tx *store.Tx, p tasks.MessagePayload, in time.Duration) error {
	store.SettleMessage(tx, p.Message, store.MessageUnknown, sms.Unknown.String(), 0)
	_, err := tasks.SMSReconcile.Enqueue(tx, p, tasks.In(in), tasks.Once(p.Message.String()))
	return err
}

// Claim reads what to look for.
func (h *SMSReconcile) Claim(ctx context.Context, tx *store.Tx, _ store.Task, p tasks.MessagePayload) (lookup, error) {
	o, err := store.LockOutgoing(ctx, tx, h.Keys, p.Message)
	if err != nil {
		return lookup{}, err
	}
	if o.State != store.MessageUnknown { // a callback or a late record settled it
		return lookup{}, tasks.ErrNothing
	}
	if !o.HasAccount || o.ClaimedAt == nil {
		return lookup{}, tasks.Dead("no-credentials", nil)
	}
	return lookup{out: o, account: account(o.Account), since: o.ClaimedAt.Add(-clockSkew)}, nil
}

// Call looks it up.
func (h *SMSReconcile) Call(ctx context.Context, l lookup) ([]sms.Sent, error) {
	return h.Finder.Find(ctx, l.account, l.out.To, l.since)
}

// Record adopts the text that was found, or decides when to look again, to send again, or to give up.
func (h *SMSReconcile) Record(ctx context.Context, tx *store.Tx, p tasks.MessagePayload, l lookup, found []sms.Sent, callErr error) error {
	if callErr != nil {
		return tasks.Retry("sms-lookup", 0, callErr)
	}
	m, err := store.LockMessage(ctx, tx, h.Keys, p.Message)
	if err != nil {
		return err
	}
	if m.State != store.MessageUnknown {
		return nil
	}
	sid, err := h.match(ctx, tx, m, found)
	if err != nil {
		return err
	}
	if sid != "" {
		textAccepted(tx, m, sid)
		return nil
	}
	believed := h.CallLimit + h.Grace
	if m.SinceClaim < believed {
		return tasks.Snooze("not-found-yet", nextLook(m.SinceClaim, believed))
	}
	code := sms.Kind(m.Kind).Code()
	if code && l.out.Verification.Live() || !code && m.Sends < maxSends {
		store.SettleMessage(tx, m.ID, store.MessageQueued, "", 0)
		_, err := sendBy(sms.Kind(m.Kind)).Enqueue(tx, p)
		return err
	}
	store.SettleMessage(tx, m.ID, store.MessageFailed, sms.Unknown.String(), 0)
	return TextFailed(ctx, tx, m, "unknown")
}

// match finds our text among those that the provider has: made after the claim, adopted by no other message,
// and of the same body where the provider still tells it.
func (h *SMSReconcile) match(ctx context.Context, tx *store.Tx, m store.Message, found []sms.Sent) (string, error) {
	sids := make([]string, len(found))
	for i, f := range found {
		sids[i] = f.SID
	}
	adopted, err := store.AdoptedSIDs(ctx, tx, sids)
	if err != nil {
		return "", err
	}
	for _, f := range found {
		owner, taken := adopted[f.SID]
		same := f.Body.IsZero() || bytes.Equal(store.BodyHash(h.Keys, tx.Org, f.Body), m.BodyHash)
		if same && (!taken || owner == m.ID) {
			return f.SID, nil
		}
	}
	return "", nil
}

// nextLook is how long to wait for the next look at a text claimed since ago.
func nextLook(since, believed time.Duration) time.Duration {
	for _, at := range looks {
		if since < at && at < believed {
			return at - since
		}
	}
	return believed - since
}

// Abandoned looks again: a look changes nothing.
func (h *SMSReconcile) Abandoned(_ context.Context, tx *store.Tx, p tasks.MessagePayload) error {
	return tasks.Snooze("look-again", firstLook)
}

// Undo is a text that could not be looked up: it counts as failed, and nothing is sent.
func (h *SMSReconcile) Undo(ctx context.Context, tx *store.Tx, p tasks.MessagePayload, reason string) error {
	return neverSent(ctx, tx, h.Keys, p, reason)
}
