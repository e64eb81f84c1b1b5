package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/load"
	"holdfast/store/trace"
)

// The goals, of docs/performance.md.
const (
	goalPaced       = 10 * time.Millisecond
	goalParked      = 50 * time.Millisecond
	goalParkedRate  = 1300
	goalTextingRate = 400
	goalTexting     = time.Second
	goalBacklog     = 10 * time.Second
	goalProvider50  = 15 * time.Millisecond
	goalProvider99  = 100 * time.Millisecond
	goalLosers      = 500 * time.Millisecond
	goalBystander   = time.Second
	goalSaga        = 0.8
	goalRedaction   = 50 // MB/s
)

const users = 50

// load runs a scenario and finds a step of it.
func (b *bench) load(ctx context.Context, s *system, o load.Options, step string) (load.Result, load.StepResult, error) {
	o.APIURL, o.SimURL, o.Duration, o.Minutes, o.Settle, o.Out = s.APIURL, s.SimURL, b.duration, 5, time.Minute, io.Discard
	o.Limits = load.Limits{MaxErrors: -1, MaxMissed: -1}
	o.Release = true
	o.Orgs = []load.Org{{ID: s.Org.String(), Key: s.APIKey, Service: s.Service.String()}, {ID: s.OtherOrg.String(), Key: s.OtherAPIKey, Service: "checkup"}}
	res, err := load.Run(ctx, o)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return res, load.StepResult{}, err
	}
	if res.Errors > 0 {
		b.just("  answers that should not be", fmt.Sprintf("%d %v", res.Errors, res.Unexpected))
	}
	for _, r := range res.Steps {
		if r.Step == step {
			return res, r, nil
		}
	}
	return res, load.StepResult{}, fmt.Errorf("%s: nothing was measured", step)
}

// commit is what one write to the disk costs here: what most other figures are made of.
func (b *bench) commit(ctx context.Context, s *system) error {
	p, err := b.pgbench(ctx, s, trace.CommitScript, 1)
	if err != nil {
		return err
	}
	b.just("one commit, nobody else at work", short(p.latency))
	return nil
}

// paced is the waited path as an integrator sees it.
func (b *bench) paced(ctx context.Context, s *system) error {
	_, r, err := b.load(ctx, s, load.Options{Scenario: load.Booking, HoldOnly: true, Rate: 100, Users: 200}, "POST bookings")
	if err == nil {
		b.below("POST /bookings waited, 100 arrive a second, texts go out: p95", goalPaced, millis(r.P95))
		b.just("  p50, p99", short(millis(r.P50))+", "+short(millis(r.P99)))
	}
	return err
}

// parked leaves the texts in their queue until the users have gone.
func (b *bench) parked(ctx context.Context, s *system) error {
	if err := s.queue(ctx, "send", "pause"); err != nil {
		return err
	}
	resumed := make(chan error, 1)
	timer := time.AfterFunc(b.duration+time.Second, func() { resumed <- s.queue(ctx, "send", "resume") })
	defer timer.Stop()
	res, r, err := b.load(ctx, s, load.Options{Scenario: load.Booking, HoldOnly: true, Users: users}, "POST bookings")
	if err := errors.Join(err, <-resumed); err != nil {
		return err
	}
	b.above("the same, 50 users without a pause, sender parked: held a second", "%.0f", goalParkedRate, res.HeldRate)
	b.below("  p95", goalParked, millis(r.P95))
	return nil
}

// texting is the same with texts and callbacks.
func (b *bench) texting(ctx context.Context, s *system) error {
	before, err := s.toProvider(ctx)
	if err != nil {
		return err
	}
	res, _, err := b.load(ctx, s, load.Options{Scenario: load.Booking, HoldOnly: true, Users: users}, "POST bookings")
	if err != nil {
		return err
	}
	after, err := s.toProvider(ctx)
	if err != nil {
		return err
	}
	b.above("the same with texts and callbacks: held a second", "%.0f", goalTextingRate, res.HeldRate)
	b.below("  commit to provider call, p99", goalTexting, after.minus(before).quantile(0.99))
	b.below("  last text after the last answer", goalBacklog, res.Settled)
	return nil
}

// provider is how fast a text goes out while the machine has time.
func (b *bench) provider(ctx context.Context, s *system) error {
	before, err := s.toProvider(ctx)
	if err != nil {
		return err
	}
	if _, _, err := b.load(ctx, s, load.Options{Scenario: load.Booking, HoldOnly: true, Rate: 50, Users: 100}, "POST bookings"); err != nil {
		return err
	}
	after, err := s.toProvider(ctx)
	if err != nil {
		return err
	}
	b.below("commit to provider call at 50 a second: p50", goalProvider50, after.minus(before).quantile(0.5))
	b.below("  p99", goalProvider99, after.minus(before).quantile(0.99))
	return nil
}

// contention is a thousand users at one slot.
func (b *bench) contention(ctx context.Context, s *system) error {
	res, r, err := b.load(ctx, s, load.Options{Scenario: load.Contention, Users: 1000}, "POST bookings")
	if err != nil {
		return err
	}
	b.below(fmt.Sprintf("1,000 users on one slot, %d times, one winner each: losers' p95", res.Rounds), goalLosers, millis(r.P95))
	for _, r := range res.Steps {
		if r.Step == "other org: code text" {
			b.below("  another org's code text meanwhile: slowest", goalBystander, millis(r.Max))
		}
	}
	return nil
}

// saga compares whole bookings with what PostgreSQL alone makes of the same statements.
func (b *bench) saga(ctx context.Context, s *system, r recorded) error {
	script, err := r.script(s)
	if err != nil {
		return err
	}
	_, v, err := b.load(ctx, s, load.Options{Scenario: load.Booking, Users: users}, "POST verify")
	if err != nil {
		return err
	}
	p, err := b.pgbench(ctx, s, script, max(8, 4*runtime.GOMAXPROCS(0))) // as many connections as a process has
	if err != nil {
		return err
	}
	b.just("whole bookings a second (requested, texted, confirmed, texted)", fmt.Sprintf("%.0f", v.Rate))
	b.just("  the same statements by pgbench", fmt.Sprintf("%.0f", p.rate))
	b.above("  ratio", "%.2f", goalSaga, v.Rate/p.rate)
	return nil
}

// recorded is one booking with all its statements.
type recorded struct {
	list          []*trace.Transaction
	org, resource uuid.UUID
	start         time.Time
}

// record runs a booking on a system of its own with every statement recorded.
func record(ctx context.Context, dir string) (recorded, error) {
	rec := &trace.Recorder{}
	s, err := startSystem(ctx, dir, rec)
	if err != nil {
		return recorded{}, err
	}
	list, start, err := s.warm(ctx, rec)
	return recorded{list, s.Org, s.Resource, start}, errors.Join(err, s.stop())
}

// script plays it on another system.
func (r recorded) script(s *system) (string, error) {
	return trace.Script{Fixed: map[uuid.UUID]uuid.UUID{r.org: s.Org, r.resource: s.Resource}, Start: r.start}.String(r.list)
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// queue pauses or resumes a queue, as an operator does in asynqmon.
func (s *system) queue(ctx context.Context, name, action string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.OpsURL+"/queues/api/queues/"+name+":"+action, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.OpsToken)
	status, err := do(req, nil)
	if err == nil && status >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %d", action, name, status)
	}
	return err
}
