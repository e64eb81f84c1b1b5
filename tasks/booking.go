package tasks

import "github.com/google/uuid"

// RequestPayload names the request that a task works on.
type RequestPayload struct {
	Request uuid.UUID `json:"request"`
}

// BookingClaim takes a seat for a request, or records that the time is taken, with alternatives.
var BookingClaim = define[RequestPayload]("booking:claim", Options{Queue: QueueClaim})

// VerificationCheck counts and compares a code, and confirms.
var VerificationCheck = define[RequestPayload]("verification:check", Options{Queue: QueueClaim})

// BookingCancel cancels a booking.
var BookingCancel = define[RequestPayload]("booking:cancel", Options{Queue: QueueClaim})

// BookingReschedule holds another time for a booking, and lets the old one go once that is proven.
var BookingReschedule = define[RequestPayload]("booking:reschedule", Options{Queue: QueueClaim})

// BookingMark says whether the customer came.
var BookingMark = define[RequestPayload]("booking:mark", Options{Queue: QueueClaim})

// BlockCreate blocks time of a resource.
var BlockCreate = define[RequestPayload]("block:create", Options{Queue: QueueClaim})

// BlockDelete frees blocked time.
var BlockDelete = define[RequestPayload]("block:delete", Options{Queue: QueueClaim})

// VerificationResend texts a code once more, or a new one to another number.
var VerificationResend = define[RequestPayload]("verification:resend", Options{Queue: QueueClaim})
