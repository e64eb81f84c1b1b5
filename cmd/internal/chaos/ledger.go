package main

import (
	"sync"
	"time"
)

// visit is what one customer did, and was told: the client's own record, which the judge holds against everything else.
type visit struct {
	flow    string
	slot    slot
	phone   string
	writes  []*asked
	booking string // the id that a 201 granted
	twin    bool   // another visit is about the same booking

	confirmed bool // a code was answered 200
	replied   bool // the right code was texted back while it was good, and the webhook said 200
	canceled  bool // a cancel was answered 200
}

// ledger is everybody's record.
type ledger struct {
	mu     sync.Mutex
	visits []*visit
}

// add opens a page. It is there before anything is asked.
func (l *ledger) add(v *visit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.visits = append(l.visits, v)
}

// all is the record once nobody writes to it any more.
func (l *ledger) all() []*visit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.visits
}

// count is how many visits there are so far.
func (l *ledger) count() int { return len(l.all()) }

// slowest is the longest that a request waited for its outcome once it was accepted.
func (l *ledger) slowest() (longest time.Duration) {
	for _, v := range l.all() {
		for _, w := range v.writes {
			if !w.accepted.IsZero() && !w.done.IsZero() {
				longest = max(longest, w.done.Sub(w.accepted))
			}
		}
	}
	return longest
}
