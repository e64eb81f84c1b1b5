// Package sms is all that Holdfast knows of Twilio: sending a text and asking after it, what an error
// code means, which texts are sent and what a reply says.
//
// The rule a reader must know: a text costs money and annoys, so the question after any failure is
// "could it have been sent?". Class answers it; Unknown never means "try again".
package sms

import (
	"context"
	"time"

	"holdfast/store/pii"
)

// Account is one org's Twilio account and sender.
type Account struct {
	// SID is the account's id, "AC…".
	SID string
	// Token is the primary auth token; Twilio signs webhooks with it too.
	Token pii.Token
	// Secondary is the other token while they are rotated, or zero. When Twilio does not take Token, the same call
	// tries it at once.
	Secondary pii.Token
	// From is the sender in E.164. It may be empty when MessagingServiceSID is set; without it Find
	// cannot tell the org's senders apart.
	From string
	// MessagingServiceSID, "MG…", is optional. With From, the service uses that sender of its pool.
	MessagingServiceSID string
}

// Text is one message to send.
type Text struct {
	To   pii.Phone
	Body pii.Text
	// StatusCallback is the absolute URL that Twilio reports the message's progress to; empty for none.
	StatusCallback string
	// ValidFor is how long the text is worth sending: Twilio drops it when it is still queued after
	// that. It is sent in whole seconds between 1 and 36,000 (Twilio, "Message resource",
	// ValidityPeriod); zero or less leaves it to Twilio, whose default is 36,000.
	ValidFor time.Duration
}

// Receipt is what Twilio says of a text that it took.
type Receipt struct {
	SID    string
	Status string // queued, accepted, …: see Rank
}

// Sender sends a text, or says by an *Error what became of it. Implementations are safe for concurrent
// use.
type Sender interface {
	Send(ctx context.Context, a Account, t Text) (Receipt, error)
}

// Sent is a text as Twilio remembers it.
type Sent struct {
	SID       string
	Status    string
	ErrorCode int       // Twilio's code of an asynchronous failure, see ClassifyCallback; 0 is none
	CreatedAt time.Time // whole seconds, by Twilio's clock; zero when Twilio did not say
	Body      pii.Text
	From      string
}
