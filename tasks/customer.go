package tasks

import (
	"time"

	"github.com/google/uuid"
)

// CustomerErase empties all that tells who a customer was.
var CustomerErase = define[RequestPayload]("customer:erase", Options{Queue: QueueLow})

// TextPayload names a text, to a customer or from one.
type TextPayload struct {
	Text uuid.UUID `json:"text"`
}

// SMSRedact empties the provider's copy of an erased customer's text. It waits until the text is settled there, which takes
// hours when a carrier reports no delivery, and while the org's account is refused.
var SMSRedact = define[TextPayload]("sms:redact", Options{Queue: QueueLow, MaxAttempts: 30, GiveUp: 7 * 24 * time.Hour})
