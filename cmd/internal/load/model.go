package load

import (
	"context"
	"sync"
	"time"
)

// drive lets users follow the scenario by the model that was asked for.
func (r *run) drive(ctx context.Context) {
	if r.Rate > 0 {
		r.open(ctx)
		return
	}
	r.closed(ctx)
}

// closed lets each user follow the scenario again and again. Nobody is cut off in the middle of it.
func (r *run) closed(ctx context.Context) {
	end := r.start.Add(r.Duration)
	var wg sync.WaitGroup
	for _, u := range r.users {
		wg.Go(func() {
			for now := time.Now(); now.Before(end) && ctx.Err() == nil; now = time.Now() {
				r.flow(ctx, u, now)
			}
		})
	}
	wg.Wait()
}

// open lets an arrival follow the scenario each 1/Rate of a second. Who finds all users busy waits for one, and his
// waiting counts; when as many wait as there are users, he is turned away and counted.
func (r *run) open(ctx context.Context) {
	due := make(chan time.Time, len(r.users))
	var wg sync.WaitGroup
	for _, u := range r.users {
		wg.Go(func() {
			for at := range due {
				r.flow(ctx, u, at)
			}
		})
	}
	every := time.Duration(float64(time.Second) / r.Rate)
	timer := time.NewTimer(0)
	defer timer.Stop()
arrivals:
	for at := r.start; at.Before(r.start.Add(r.Duration)); at = at.Add(every) {
		timer.Reset(time.Until(at))
		select {
		case <-timer.C:
		case <-ctx.Done():
			break arrivals
		}
		select {
		case due <- at:
		default:
			r.missed.Add(1)
		}
	}
	close(due)
	wg.Wait()
}
