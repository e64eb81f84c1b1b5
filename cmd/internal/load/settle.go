package load

import (
	"bytes"
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"
)

func randomKey() string { return rand.Text() }

// owed is what a phone must have got by the end.
type owed struct {
	least, most int // code texts
	others      int // at least
	codes, rest int // seen
}

// owes lists what the bookings of all users call for: one code text each, and one word when it was confirmed or,
// after that, canceled. A hold that was canceled at once may have spared its code.
func (r *run) owes() (map[string]*owed, int) {
	by := make(map[string]*owed)
	n := 0
	for _, u := range r.users {
		for _, b := range u.bookings {
			o := by[b.phone]
			if o == nil {
				o = &owed{}
				by[b.phone] = o
			}
			n++
			o.most++
			if !b.canceled || b.confirmed {
				o.least++
			}
			if b.confirmed {
				o.others++
			}
		}
	}
	return by, n
}

// settle waits until every text that is owed has arrived, and tells how long that took. What has not come by then,
// and what came twice, is a breach.
func (r *run) settle(ctx context.Context) time.Duration {
	owes, bookings := r.owes()
	start := time.Now()
	var buf bytes.Buffer
	for wait := 200 * time.Millisecond; ; wait = min(wait*3/2, 2*time.Second) {
		texts, err := r.double.texts(ctx, &buf, "", 3*bookings+1000)
		if err != nil {
			r.breach("the texts cannot be read: %v", err)
			return time.Since(start)
		}
		missing := r.count(owes, texts)
		if missing == 0 {
			break
		}
		if time.Since(start) > r.Settle {
			r.breach("%d texts had not come %v after the last answer", missing, r.Settle)
			break
		}
		pause(ctx, wait)
	}
	for _, o := range owes {
		if o.codes > o.most {
			r.breach("%d code texts came for %d bookings of one phone", o.codes, o.most)
		}
	}
	return time.Since(start)
}

// count adds up what came, and returns how much is missing.
func (r *run) count(owes map[string]*owed, texts []text) (missing int) {
	for _, o := range owes {
		o.codes, o.rest = 0, 0
	}
	for _, t := range texts {
		o := owes[t.To]
		if o == nil || t.At.Before(r.start.Add(-clocks)) {
			continue
		}
		if _, ok := t.code(); ok {
			o.codes++
		} else {
			o.rest++
		}
	}
	for _, o := range owes {
		missing += max(0, o.least-o.codes) + max(0, o.others-o.rest)
	}
	return missing
}

// release cancels what the users still have, so that the calendar has room for another run.
func (r *run) release(ctx context.Context) int {
	const atATime = 16
	work := make(chan *user)
	var wg sync.WaitGroup
	var canceled atomic.Int64
	for range atATime {
		wg.Go(func() {
			for u := range work {
				for _, b := range u.bookings {
					if !b.canceled && u.cancel(ctx, b) {
						canceled.Add(1)
					}
				}
			}
		})
	}
	for _, u := range r.users {
		work <- u
	}
	close(work)
	wg.Wait()
	return int(canceled.Load())
}
