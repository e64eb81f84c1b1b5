package handlers

import (
	"context"
	"slices"
	"time"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/tasks"
)

// scanReminders does reminders:scan: each confirmed booking that is due for a reminder gets a reminder:send.
func scanReminders(ctx context.Context, tx *store.Tx) (n int, more bool, err error) {
	texts, n, more, err := store.TakeReminders(ctx, tx)
	if err != nil {
		return 0, false, err
	}
	return n, more, enqueueEach(tx, tasks.ReminderSend, texts)
}

// reminder decides at the moment of sending whether a reminder still goes out. A reason is why it does not.
func (h *SendText) reminder(ctx context.Context, tx *store.Tx, o store.Outgoing, own settings.Document) (d draft, reason string, err error) {
	r, err := store.FindReminder(ctx, tx, o.ID)
	if err != nil {
		return d, "", err
	}
	if reason := unfitReminder(r, own.Reminders); reason != "" {
		return d, reason, nil
	}
	d = newDraft(sms.KindReminder, o)
	d.quiet, d.validFor = polite(own.QuietHours, r.Now.In(o.Zone), r.Left)
	return d, "", nil
}

// unfitReminder tells why a reminder is not to be sent, or "". One that would come with less than half of its lead left is
// another reminder than the org has set: of a day, with which there is time to cancel, half is still most of the opening
// hours; of two hours, with which there is time to set out, less than one comes to somebody on the way. The next offset
// comes anyway.
func unfitReminder(r store.Reminder, own settings.Reminders) string {
	switch {
	case !slices.Contains(own.MinutesBefore, int(r.Lead/time.Minute)):
		return "switched-off"
	case r.State != store.BookingConfirmed:
		return "booking-" + r.State
	case r.Moved:
		return "moved"
	case !r.Theirs:
		return "number-changed"
	case r.Left <= 0:
		return "begun"
	case r.Left < r.Lead/2:
		return "too-late"
	}
	return ""
}
