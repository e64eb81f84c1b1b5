package handlers

import (
	"context"

	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/tasks"
)

// CompensateVerification does compensate:verification: nobody got the code, so the hold waits for nobody. By the org's
// own choice (settings, failed_text) it is kept for another number until its end, or its seat is free at once. Either
// way the integrator is told, by the timeline and by the event booking.unreachable.
type CompensateVerification struct {
	Installation settings.Installation
}

// Work does the task. A booking that was given another number meanwhile, or that has ended, needs none of it.
func (h *CompensateVerification) Work(ctx context.Context, tx *store.Tx, _ store.Task, p tasks.VerificationPayload) error {
	b, v, err := store.LockCoded(ctx, tx, p.Verification)
	if err != nil {
		return err
	}
	if b.State != store.BookingHeld || v.ID != p.Verification || v.State != "revoked" {
		return nil
	}
	s, err := store.LoadSettings(ctx, tx)
	if err != nil {
		return err
	}
	policy := settings.Read(s, h.Installation).FailedText
	store.NoteBooking(tx, b.ID, "unreachable", map[string]any{"policy": policy})
	if policy == settings.ReleaseHold {
		store.ReleaseBooking(tx, b.ID)
	}
	return nil
}
