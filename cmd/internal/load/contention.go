package load

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// contention lets all users ask for one slot at one moment, and then for the next, until time is up. Meanwhile a
// customer of another org books, who must not notice.
func (r *run) contention(ctx context.Context) {
	bystanding, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	if len(r.orgs) > 1 {
		by := &user{run: r}
		wg.Go(func() { r.bystander(bystanding, by) })
		defer func() { r.users = append(r.users, by) }()
	}
	for end := r.start.Add(r.Duration); time.Now().Before(end) && ctx.Err() == nil; r.rounds++ {
		x, ok := r.contested()
		if !ok {
			break
		}
		r.round(ctx, x)
	}
	stop()
	wg.Wait()
}

// contested is a slot that only one can win.
func (r *run) contested() (slot, bool) {
	for {
		if x, ok := r.slots.take(); !ok || x.seats == 1 {
			return x, ok
		}
	}
}

// round is one contest. All begin at the same moment, from which their time counts.
func (r *run) round(ctx context.Context, x slot) {
	var wg sync.WaitGroup
	var due time.Time
	gate, won := make(chan struct{}), make(chan bool, len(r.users))
	for _, u := range r.users {
		wg.Go(func() { <-gate; won <- u.contend(ctx, x, due) })
	}
	due = time.Now()
	close(gate)
	wg.Wait()
	close(won)
	winners := 0
	for w := range won {
		if w {
			winners++
		}
	}
	if winners != 1 && ctx.Err() == nil {
		r.breach("%s at %s: %d of %d contestants won", x.resource, x.start, winners, len(r.users))
	}
}

// contend asks for a slot that others want too. Who loses is offered other starts.
func (u *user) contend(ctx context.Context, x slot, due time.Time) (won bool) {
	b := &booking{slot: x, phone: u.run.phones.take(), asked: time.Now()}
	a := x.org.post(ctx, &u.buf, "/bookings", u.wish(x, b.phone), "")
	if !u.record(ctx, stepHold, due, a, http.StatusCreated, http.StatusConflict, http.StatusAccepted) {
		return false
	}
	switch a = u.outcome(ctx, stepHold, x.org, a, http.StatusCreated, http.StatusConflict); a.status {
	case http.StatusCreated:
		u.run.pulse.held.Add(1)
		return u.granted(b, a)
	case 0:
		return false
	}
	var p struct {
		Type         string
		Alternatives []struct{ Start string }
	}
	if json.Unmarshal(a.body, &p) != nil || !strings.HasSuffix(p.Type, "/slot-taken") || len(p.Alternatives) == 0 {
		u.run.breach("a loser was answered %s, with %d alternatives", problem(a), len(p.Alternatives))
	}
	return false
}

// bystander books of the other org ten times a second, and waits for each code.
func (r *run) bystander(ctx context.Context, u *user) {
	const every = 100 * time.Millisecond
	of, err := findSlots(ctx, r.orgs[1:2], r.Minutes, int(r.Duration/every)+1)
	if err != nil {
		if ctx.Err() == nil {
			u.fault(stepOtherHold, "it has no free slots")
		}
		return
	}
	for ctx.Err() == nil {
		x, ok := of.take()
		if !ok {
			return
		}
		// A booking that was begun is seen to its end.
		done := context.WithoutCancel(ctx)
		if b := u.hold(done, stepOtherHold, x, time.Now(), ""); b != nil {
			u.code(done, stepOtherText, b)
		}
		pause(ctx, every)
	}
}
