package tasks

import "github.com/google/uuid"

// VerificationPayload names one generation of a booking's code.
type VerificationPayload struct {
	Verification uuid.UUID `json:"verification"`
}

// CompensateVerification does what follows when the text with a code has failed for good. It is enqueued by the
// transaction that revokes the code.
var CompensateVerification = define[VerificationPayload]("compensate:verification", Options{Queue: QueueSend, MaxAttempts: 30})
