package tasks

import (
	"time"

	"github.com/google/uuid"
)

// EventPayload names an event by the id under which the org's endpoint is told of it (told_as of booking_event or inbound).
type EventPayload struct {
	Event uuid.UUID `json:"event"`
}

// deliverAfter is how long each try of a webhook waits for, counted from the one before it: the schedule that Standard
// Webhooks suggests. Three days and some hours in all.
var deliverAfter = [...]time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

// MaxDeliverAfter is the longest wait for the next try of a webhook, whatever its endpoint asks for.
const MaxDeliverAfter = 24 * time.Hour

// DeliverAfter is how long the try after attempt (0 = the first one failed) waits.
func DeliverAfter(attempt int) time.Duration {
	return deliverAfter[min(attempt+1, len(deliverAfter)-1)]
}

// WebhookDeliver tells the org's endpoint of an event. Its tasks begin in the database, with the event (event_told in
// migrations). When every wait is as long as may be, the last try is still within GiveUp.
var WebhookDeliver = define[EventPayload]("webhook:deliver",
	Options{Queue: QueueDefault, MaxAttempts: len(deliverAfter), GiveUp: time.Duration(len(deliverAfter)) * MaxDeliverAfter})
