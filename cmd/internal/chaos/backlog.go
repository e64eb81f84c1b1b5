package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
)

// backlogSize is how many tasks are in flight when their only worker is killed.
const backlogSize = 500

// backlog is kill -9 of the only worker with many tasks in flight: some in its hands, texts in the middle of their
// calls, the others in Redis.
func (c *chaos) backlog(ctx context.Context) (*report, error) {
	s, err := start(ctx, c.dir+"/backlog", c.bin, parts{workers: 1, schedulers: 1})
	if err != nil {
		return nil, err
	}
	defer s.close()
	d, err := newDriver(ctx, s, c.seed)
	if err != nil {
		return nil, err
	}
	d.api.wait = 0
	worker := s.workers[0]
	if err := s.running(ctx); err != nil {
		return nil, err
	}
	// A worker that stands still leaves all to pile up, and slow texts are seen in flight.
	if err := errors.Join(worker.signal(syscall.SIGSTOP), d.double.fault(ctx, twiliosim.Fault{Do: twiliosim.FaultDelay, MS: 1000})); err != nil {
		return nil, err
	}
	d.pour(ctx, backlogSize)
	if err := worker.signal(syscall.SIGCONT); err != nil {
		return nil, err
	}
	r := &report{Killed: 1}
	err = until(ctx, time.Minute, "texts under way", func() bool { r.InFlight = s.pending(ctx); return r.InFlight["verification:send"] >= 20 })
	if err != nil {
		return nil, err
	}
	if err := worker.signal(syscall.SIGKILL); err != nil {
		return nil, err
	}
	killed := time.Now()
	if err := d.double.calm(ctx); err != nil { // the provider's slowness is no part of the recovery
		return nil, err
	}
	err = until(ctx, settleLimit, "all done", func() bool {
		now := s.pending(ctx)
		if now == nil {
			return false
		}
		if r.First == 0 && now["booking:claim"] < r.InFlight["booking:claim"]-atATime {
			r.First = time.Since(killed)
		}
		r.Last = time.Since(killed)
		c.note("%v after the kill: %v", r.Last.Round(100*time.Millisecond), now)
		return len(now) == 0
	})
	if err != nil {
		return nil, err
	}
	return r, s.verdict(ctx, d, r)
}

// atATime is more than a worker may have finished between the look at what is in flight and its death.
const atATime = 16

// pour asks for n bookings and waits for none of them.
func (d *driver) pour(ctx context.Context, n int) (took []time.Duration) {
	took = make([]time.Duration, n)
	todo := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range todo {
				took[i] = d.post(ctx)
			}
		})
	}
	for i := range n {
		todo <- i
	}
	close(todo)
	wg.Wait()
	return took
}

// post asks for a booking, leaves it to be looked up later, and tells how long the answer took. Another than 202 took
// for ever.
func (d *driver) post(ctx context.Context) time.Duration {
	v := d.open("not waited for")
	if v == nil {
		return time.Hour
	}
	w := &asked{path: "/bookings", key: hex(16)}
	v.writes = []*asked{w}
	start := time.Now()
	a := d.api.once(ctx, "POST", d.api.org+w.path, w.key, v.wish())
	if a.status != 202 {
		return time.Hour
	}
	w.accepted, w.request = time.Now(), a.location
	return w.accepted.Sub(start)
}

// pending counts what is left to do by type; nil when it cannot be told.
func (s *system) pending(ctx context.Context) map[string]int64 {
	stats, err := store.TaskStats(ctx, s.pool)
	if err != nil {
		return nil
	}
	n := make(map[string]int64)
	for _, t := range stats {
		if t.State == "pending" {
			n[t.Type] += t.N
		}
	}
	return n
}

// running waits until work is done: a worker is up.
func (s *system) running(ctx context.Context) error {
	d, err := newDriver(ctx, s, 0)
	if err != nil {
		return err
	}
	leftAlone(ctx, d, "first")
	if d.ledger.all()[0].booking == "" {
		return errors.New("the first booking was not granted")
	}
	return until(ctx, time.Minute, "the first text", func() bool { return len(s.pending(ctx)) == 0 })
}

// inFlight tells what was pending.
func (r *report) inFlight() (text string) {
	var sum int64
	for _, n := range r.InFlight {
		sum += n
	}
	return fmt.Sprintf("%d, of them %d texts", sum, r.InFlight["verification:send"])
}
