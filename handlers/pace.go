package handlers

import (
	"context"
	"time"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
)

// How far a sender pool may be behind with what was sent while another text is given to it. The provider queues a burst
// of codes; other texts go only while codes would find room.
const (
	codeAhead  = 5 * time.Second
	otherAhead = time.Second
)

// turn is how long a text waits for its sender's turn; 0 without a limit.
func turn(ctx context.Context, tx *store.Tx, o store.Outgoing, l settings.SenderLimit) (time.Duration, error) {
	if l.PerSecond == 0 {
		return 0, nil
	}
	code := sms.Kind(o.Kind).Code()
	ahead := otherAhead
	if code {
		ahead = codeAhead
	}
	return store.TakePace(ctx, tx, o.Account.Pool(), time.Second/time.Duration(l.PerSecond), ahead, code)
}
