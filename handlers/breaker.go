package handlers

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/tasks"
)

// How long a text waits that a refused account keeps from being tried, first and at most; it doubles between. A refusal
// that came by a callback wants more, since the next one will come as late.
const (
	firstTry, lastTry         = 5 * time.Second, 5 * time.Minute
	firstLateTry, lastLateTry = time.Minute, time.Hour // of a limit of the account too, which resets by the hour or the day
)

// blame notes that the provider refused a text for what is the org's fault, if it is: see store.TripBreaker. late says
// that a callback told of it.
func blame(tx *store.Tx, message uuid.UUID, e *sms.Error, late bool) {
	if e.Stops() == 0 {
		return
	}
	store.TripBreaker(tx, message, tripOf(e, late))
}

func tripOf(e *sms.Error, late bool) store.Trip {
	t := store.Trip{Class: e.Class.String(), Code: e.Code, Stops: e.Stops(), Late: late, First: firstTry, Most: lastTry}
	switch {
	case e.Class == sms.Cap && e.RetryAfter > 0:
		t.First, t.Most = e.RetryAfter, e.RetryAfter
	case e.Class == sms.Cap || late:
		t.First, t.Most = firstLateTry, lastLateTry
	}
	return t
}

// longPark is when a parked text is looked at again that nothing is known to wake: what closes a breaker wakes all.
const longPark = time.Hour

// parkedFor is how long a text waits for its org's breaker: past the next try by up to a fifth, so that not all of a
// large backlog come to see one of them go.
func parkedFor(p store.Passage) time.Duration {
	if p.Wait == 0 {
		return longPark
	}
	return p.Wait + time.Duration(rand.Int64N(int64(p.Wait)/5+1)) // #nosec G404 -- how far waits are spread is no secret
}

// wait makes a text wait, but a code no longer than its hold: what was held for it is let go while there is still time
// to tell.
func (h *SendText) wait(o store.Outgoing, reason string, d time.Duration) error {
	if sms.Kind(o.Kind).Code() && o.HoldLeft > 0 {
		left := o.HoldLeft - min(h.HoldTTL/5, time.Minute)
		if left <= 0 {
			return tasks.Dead(reason, nil)
		}
		d = min(d, left)
	}
	return tasks.Snooze(reason, d)
}
