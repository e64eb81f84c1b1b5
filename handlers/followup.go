package handlers

import (
	"context"
	"time"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/tasks"
)

// followups does followups:scan: each hold that ended unconfirmed although its code was texted gets one followup:send,
// once the delay is over in which a late code may still come.
type followups struct {
	delay        time.Duration // HOLDFAST_FOLLOWUP_DELAY
	installation settings.Installation
}

func (f followups) scan(ctx context.Context, tx *store.Tx) (n int, more bool, err error) {
	s, err := store.LoadSettings(ctx, tx)
	if err != nil {
		return 0, false, err
	}
	texts, n, more, err := store.TakeFollowups(ctx, tx, f.delay, settings.Read(s, f.installation).Followup.Enabled)
	if err != nil {
		return 0, false, err
	}
	return n, more, enqueueEach(tx, tasks.FollowupSend, texts)
}

// followup decides at the moment of sending whether a follow-up still goes out, and what it says: how to keep the time if
// it is free, else which others are. A reason is why it does not.
func (h *SendText) followup(ctx context.Context, tx *store.Tx, o store.Outgoing, own settings.Document) (d draft, reason string, err error) {
	f, err := store.FindFollowup(ctx, tx, h.Keys, o.ID, o.BookingID.UUID)
	if err != nil {
		return d, "", err
	}
	b := f.Booking
	if reason := unfitFollowup(f, h.KeepWindow, own.Followup); reason != "" {
		return d, reason, nil
	}
	if closed, err := store.QuestionClosed(ctx, tx, o.ID); closed || err != nil { // while it was to be tried again
		return d, "answered", err
	}
	d = newDraft(sms.KindFollowup, o)
	d.data.Name, d.data.Notes = f.Name.Reveal(), sms.FitNote(f.Notes.Reveal())
	q := store.Question{ID: o.ID, BookingID: b.ID, Kind: store.AskKeep}
	until := b.Span.Start
	if !f.Free {
		free, err := nearest(ctx, tx, b)
		if err != nil || len(free) == 0 {
			return d, "nothing-free", err
		}
		d.kind = sms.KindAlternatives
		q.Choices, until = offered(free), free[len(free)-1].Start // they come by time
		d.data.Choices = shown(q, o)
	}
	d.asks, d.open = &q, min(h.KeepWindow, until.Sub(b.ReadAt))
	d.quiet, d.validFor = polite(own.QuietHours, b.ReadAt.In(o.Zone), d.open)
	return d, "", nil
}

// unfitFollowup tells why a follow-up is not to be sent, or "". window is how long after its hold's end
// it is of use. Another one within the limits' time is not sent later: by then it would be of a time long past.
func unfitFollowup(f store.Followup, window time.Duration, own settings.Followup) string {
	b := f.Booking
	switch {
	case !own.Enabled:
		return "switched-off"
	case b.State != store.BookingExpired:
		return "booking-" + b.State
	case f.Rebooked:
		return "rebooked"
	case !f.Theirs:
		return "number-changed"
	case !f.Coded: // a callback told so after the hold had ended
		return "code-not-delivered"
	case !b.Span.Start.After(b.ReadAt):
		return "begun"
	case b.ReadAt.Sub(b.HoldExpires) >= window:
		return "too-late"
	case own.PerDay > 0 && f.Day >= own.PerDay:
		return "day-limit"
	case own.PerWeek > 0 && f.Week >= own.PerWeek:
		return "week-limit"
	}
	return ""
}
