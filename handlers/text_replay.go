package handlers

import (
	"context"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/tasks"
)

// Replay puts a text back in line that surely never went out and is still worth sending.
func (h *SendText) Replay(ctx context.Context, tx *store.Tx, p tasks.MessagePayload) error {
	o, err := store.LockOutgoing(ctx, tx, h.Keys, p.Message)
	if err != nil {
		return err
	}
	if sms.Kind(o.Kind).Code() && o.Verification.State == "revoked" {
		return &Declined{"the code was revoked when it died: ask for another one by resend"}
	}
	if reason := h.stale(o); reason != "" {
		return &Declined{"the text is no longer worth sending: " + reason}
	}
	_, reason, err := h.compose(ctx, tx, o, settings.Read(o.Settings, h.Installation))
	if err != nil {
		return err
	}
	if reason != "" {
		return &Declined{"the text is no longer worth sending: " + reason}
	}
	if o.State == store.MessageQueued { // it was never settled, since it could not be undone
		return nil
	}
	unsent, err := store.RequeueMessage(ctx, tx, o.ID)
	if err == nil && !unsent {
		return mayHaveGone(o.State)
	}
	return err
}

// mayHaveGone declines to send a text twice.
func mayHaveGone(state string) error {
	if state == store.MessageFailed {
		return &Declined{"its outcome is unknown, the text may have gone out: a second one is worse than none"}
	}
	return &Declined{"the text is " + state}
}

// Replay looks once more for a text of which nobody knows whether it went out. The code that it carried stays revoked.
func (h *SMSReconcile) Replay(ctx context.Context, tx *store.Tx, p tasks.MessagePayload) error {
	m, err := store.LockMessage(ctx, tx, h.Keys, p.Message)
	if err != nil || m.State == store.MessageUnknown {
		return err
	}
	lost, err := store.UnsettleMessage(ctx, tx, m.ID)
	if err == nil && !lost {
		return &Declined{"there is nothing to look up, the text is " + m.State}
	}
	return err
}
