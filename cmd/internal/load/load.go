// Package load is `holdfast load`: users of a running system, which they know only by its API and by the double of
// the provider, where their codes arrive.
//
// It measures as a customer would: the time of an arrival by the clock counts from when it was due, not from when
// somebody had time for it. And it checks what it is told: a slot that two people have won, a code text that came
// twice or never, or a contest without exactly one winner fails the run, however fast it was.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/store"
)

// Scenarios that users can follow.
const (
	Booking    = "booking"    // book, read the code, confirm
	Contention = "contention" // all at one slot, again and again, while another org books
	Mixed      = "mixed"      // look, book, give wrong codes, ask twice, cancel
)

// Options say what is done to which system.
type Options struct {
	APIURL, SimURL string
	Orgs           []Org // at least one; in contention the second is the bystander

	Scenario string
	HoldOnly bool // of booking, only the first request
	// Users ask one after the other, without a pause. With a Rate, users come so many a second by the clock, whether
	// or not earlier ones have been served; Users is then how many can be served at a time, and more are turned away.
	Users    int
	Rate     float64
	Duration time.Duration
	Minutes  int           // length of a booking: short ones, so that a calendar has room for many
	Settle   time.Duration // how long texts may take to arrive once the users have gone
	Release  bool          // cancel at the end what was booked

	Limits Limits
	// Audit holds the promises against the database; nil leaves it out.
	Audit    func(context.Context) (store.AuditReport, error)
	Out      io.Writer
	Terminal bool // Out is one: progress overwrites its line
}

// run is one run.
type run struct {
	Options
	orgs    []*api
	double  *double
	slots   *slots
	phones  phones
	start   time.Time
	users   []*user
	wins    wins
	flow    func(ctx context.Context, u *user, due time.Time)
	pulse   pulse
	missed  atomic.Int64
	rounds  int
	elapsed time.Duration

	mu         sync.Mutex
	breaches   []string
	unexpected map[string]int // by step and answer
}

// pulse is what progress is told from while users are at work.
type pulse struct {
	done, held, errors, nanos atomic.Int64 // nanos: of all times of POST bookings
	asked                     atomic.Int64 // POST bookings
}

// Run loads the system, prints what came of it, and returns what failed: limits, checks and promises. When ctx ends
// early the run ends too, and is told of as far as it came.
func Run(ctx context.Context, o Options) (Result, error) {
	r, err := prepare(ctx, o)
	if err != nil {
		return Result{}, err
	}
	fmt.Fprintf(o.Out, "%s: %s, %d free slots of %d minutes found\n", o.Scenario, o.model(), r.slots.all, o.Minutes)
	stop := r.progress()
	if r.start = time.Now(); o.Scenario == Contention {
		r.contention(ctx)
	} else {
		r.drive(ctx)
	}
	r.elapsed = time.Since(r.start)
	if o.Rate > 0 && ctx.Err() == nil {
		r.elapsed = max(r.elapsed, o.Duration) // the last arrival comes before the end of its turn
	}
	stop()

	res := r.result()
	res.Interrupted = ctx.Err() != nil
	if o.Scenario == Contention && len(o.Orgs) == 1 {
		res.Notes = append(res.Notes, "no other org was given: nobody saw whether its texts are delayed")
	}
	ctx = context.WithoutCancel(ctx)
	if res.Interrupted {
		res.Notes = append(res.Notes, "interrupted: the texts were not waited for")
	} else {
		res.Settled = r.settle(ctx)
		res.SettledMS = ms(res.Settled)
		if o.Release || r.slots.end && r.slots.left() < r.slots.all/2 {
			res.Released = r.release(ctx)
		}
	}
	if o.Audit == nil {
		res.Notes = append(res.Notes, "no audit: the promises were not held against the database")
	} else {
		report, err := o.Audit(ctx)
		if err != nil {
			return res, fmt.Errorf("load: %w", err)
		}
		res.Audit = &report
	}
	res.Broken, res.Unexpected = r.breaches, r.unexpected
	res.Failed = o.Limits.broken(res)
	res.print(o.Out)
	return res, res.err()
}

func prepare(ctx context.Context, o Options) (*run, error) {
	r := &run{Options: o, unexpected: make(map[string]int), wins: wins{by: make(map[string]int), ids: make(map[string]string)}}
	r.phones.all = Fiction()
	r.phones.first = rand.Uint32() // #nosec G404 -- no secret: where to begin
	if o.Users < 1 || o.Duration <= 0 || o.Rate < 0 || len(o.Orgs) == 0 {
		return nil, errors.New("load: want at least one user, one org and some time")
	}
	transport := newTransport(o.Users)
	for _, org := range o.Orgs {
		a, err := newAPI(transport, o.APIURL, org)
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		r.orgs = append(r.orgs, a)
	}
	var err error
	if r.double, err = newDouble(ctx, transport, o.SimURL); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if r.flow = r.flows()[o.Scenario]; r.flow == nil {
		return nil, fmt.Errorf("load: there is no scenario %q", o.Scenario)
	}
	from := r.orgs
	if o.Scenario == Contention {
		from = from[:1]
	}
	if r.slots, err = findSlots(ctx, from, o.Minutes, o.slotsWanted()); err != nil {
		return nil, err
	}
	for range o.Users {
		r.users = append(r.users, &user{run: r})
	}
	return r, nil
}

// fastest is more bookings a second than a system of one machine makes.
const fastest = 2000

func (o Options) slotsWanted() int {
	switch {
	case o.Scenario == Contention:
		return int(o.Duration/time.Second) * 20
	case o.Rate > 0:
		return int(o.Rate*o.Duration.Seconds()) + 1
	}
	return int(fastest * o.Duration.Seconds())
}

func (o Options) model() string {
	if o.Scenario == Contention {
		return fmt.Sprintf("%d users at one slot after the other for %v", o.Users, o.Duration)
	}
	if o.Rate > 0 {
		return fmt.Sprintf("%g arrivals a second for %v", o.Rate, o.Duration)
	}
	return fmt.Sprintf("%d users without a pause for %v", o.Users, o.Duration)
}

// breach is something that must never be.
func (r *run) breach(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	const kept = 20
	if len(r.breaches) < kept {
		r.breaches = append(r.breaches, fmt.Sprintf(format, args...))
	}
}
