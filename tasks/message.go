package tasks

import (
	"time"

	"github.com/google/uuid"
)

// MessagePayload names a text to a customer.
type MessagePayload struct {
	Message uuid.UUID `json:"message"`
}

// VerificationSend sends the text with a code.
var VerificationSend = define[MessagePayload]("verification:send", Options{Queue: QueueSend, MaxAttempts: 30})

// SMSSend sends any other text.
var SMSSend = define[MessagePayload]("sms:send", Options{Queue: QueueDefault})

// FollowupSend sends the one text that follows a hold which ended unconfirmed.
var FollowupSend = define[MessagePayload]("followup:send", Options{Queue: QueueLow, GiveUp: 48 * time.Hour})

// ReminderSend sends a text before a booking.
var ReminderSend = define[MessagePayload]("reminder:send", Options{Queue: QueueLow})

// SMSReconcile settles a text whose outcome is unknown.
var SMSReconcile = define[MessagePayload]("sms:reconcile", Options{Queue: QueueSend, MaxAttempts: 30})

// SMSPoll asks the provider what became of a text that it has told no end of.
var SMSPoll = define[MessagePayload]("sms:poll", Options{Queue: QueueLow})

// InboundPayload names a text from a customer.
type InboundPayload struct {
	Inbound uuid.UUID `json:"inbound"`
}

// SMSInbound understands a reply.
var SMSInbound = define[InboundPayload]("sms:inbound", Options{Queue: QueueDefault})
