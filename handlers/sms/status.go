package sms

// Ranks of Rank.
const (
	rankQueued = iota + 1
	rankSending
	rankSent
	rankFinal
)

// ranks holds the statuses of an outbound message (Twilio, "Message resource", MessageStatus). "read"
// and "partially_delivered" belong to other channels and say that it arrived.
var ranks = map[string]int{
	"accepted": rankQueued, "scheduled": rankQueued, "queued": rankQueued,
	"sending":   rankSending,
	"sent":      rankSent,
	"delivered": rankFinal, "undelivered": rankFinal, "failed": rankFinal, "canceled": rankFinal,
	"read": rankFinal, "partially_delivered": rankFinal,
}

// Rank orders the statuses of a message: queued and accepted, then sending, then sent, then the ends.
// Callbacks repeat and overtake each other, so a status is applied only when its rank is higher than
// the present one's; then equal ends never replace each other. A status that Twilio does not document
// for outbound texts has rank 0.
func Rank(status string) int { return ranks[status] }

// Final reports whether a status is an end: delivered, undelivered, failed or canceled. "sent" is not
// one, though it may be the last that is heard: not every carrier reports delivery.
func Final(status string) bool { return ranks[status] == rankFinal }
