package tasks

import (
	"errors"
	"time"
)

// Outcome is a handler's decision about its task. What it wrote in the transaction stays, in one commit with
// the decision. Any other error is an accident: the transaction is rolled back and the task retried.
//
// Its text is the reason alone, a short code: asynq writes it to Redis, where no personal data may be.
type Outcome struct {
	Verdict Verdict
	Reason  string
	Delay   time.Duration
	Err     error // what led to it, for the log
}

// Verdict is what happens next.
type Verdict int

// The verdicts other than done, which is a nil error.
const (
	VerdictRetry  Verdict = iota // again later, counted
	VerdictSnooze                // again later, not counted
	VerdictDead                  // never again, unless an operator replays it
)

func (o *Outcome) Error() string { return o.Reason }

// Unwrap gives what led to it.
func (o *Outcome) Unwrap() error { return o.Err }

// Retry runs the task again after the delay, or after the usual backoff when it is 0; it counts as an attempt.
func Retry(reason string, after time.Duration, err error) error {
	return &Outcome{VerdictRetry, reason, after, err}
}

// Snooze runs the task again after the delay; it does not count.
func Snooze(reason string, delay time.Duration) error {
	return &Outcome{VerdictSnooze, reason, delay, nil}
}

// Dead makes the task a dead letter now; its handler's Undo runs in the same transaction.
func Dead(reason string, err error) error {
	return &Outcome{VerdictDead, reason, 0, err}
}

// ErrNothing is what Claim returns when there is nothing to call for: the task is done.
var ErrNothing = errors.New("nothing to do")

// Backoff is how long the run after attempt (0 = the first one failed) waits: 1, 2, 4 … 60 s, spread by
// ± 20 % with r, uniform in [0, 1), so that what failed together does not come back together.
func Backoff(attempt int, r float64) time.Duration {
	d := time.Minute
	if attempt < 6 {
		d = time.Second << attempt
	}
	return time.Duration(float64(d) * (0.8 + 0.4*r))
}
