package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store/embedded"
)

// enumerated is the run in which a process dies at each failpoint in turn: at all that a healthy run has passed, or at
// so many of them (0: all). A point that nobody reaches while none at all is reached for as long as stall is a failure.
func (c *chaos) enumerated(ctx context.Context, stall time.Duration, most int) (*report, error) {
	bin := c.bin
	bin.holdfast = bin.armed
	s, err := start(ctx, c.dir+"/enumerated", bin, parts{})
	if err != nil {
		return nil, err
	}
	defer s.close()
	e := &enumeration{s: s, points: newPoints(c.dir, c.seed), c: c}
	if e.d, err = newDriver(ctx, s, c.seed); err != nil {
		return nil, err
	}
	during, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	e.arm(ctx)
	go func() {
		defer close(over)
		rare := make(chan struct{})
		go func() { defer close(rare); e.d.crowd(during, 8, patience, rareFlows) }()
		e.d.crowd(during, customers, patience, flows)
		<-rare
	}()
	err = e.record(ctx)
	if err == nil {
		c.note("%d failpoints", e.points.demand(most))
		e.every(ctx, syscall.SIGKILL) // they come back armed
		e.die(ctx, stall)
	}
	cancel()
	<-over
	if err != nil {
		return nil, err
	}
	r := &report{Points: e.points.died()}
	if most == 0 { // of some, the seldom ones may not come in time
		r.Unreached = e.points.left()
	}
	r.Killed = len(r.Points)
	e.points.disarm()
	e.every(ctx, syscall.SIGKILL)
	return r, s.verdict(ctx, e.d, r)
}

// enumeration is one such run.
type enumeration struct {
	s      *system
	d      *driver
	points *points
	c      *chaos
	since  map[*process]int // the life that each was in at the last look
}

// arm puts processes in place that ask at each start what they have to die at, beside those that never die. The worker
// that lives does one thing at a time, so that most is done by the others.
func (e *enumeration) arm(ctx context.Context) {
	s := e.s
	armed := func(kind, name string) *process {
		p := s.part(name, kind)
		p.env = func() []string { // few connections: each takes a while before it knows the tables
			return slices.Concat(s.env, []string{"HOLDFAST_DB_MAX_CONNS=3"}, e.points.arm(kind, p))
		}
		return p
	}
	alone := s.part("worker-alone", "worker")
	alone.env = func() []string {
		return slices.Concat(s.env, []string{"HOLDFAST_CLAIM_CONCURRENCY=1", "HOLDFAST_SEND_CONCURRENCY=1",
			"HOLDFAST_DEFAULT_CONCURRENCY=1", "HOLDFAST_LOW_CONCURRENCY=1", "HOLDFAST_TICK_CONCURRENCY=1"})
	}
	s.ingress.end()
	s.ingress = armed("ingress", "ingress-armed")
	s.workers = []*process{alone}
	for i := range 3 {
		s.workers = append(s.workers, armed("worker", "worker-armed-"+strconv.Itoa(i+1)))
	}
	s.scheduler = []*process{s.part("scheduler", "scheduler"), armed("scheduler", "scheduler-armed")}
	for _, p := range s.parts() {
		p.keep(ctx)
	}
}

// armed are those that die.
func (e *enumeration) armed() []*process {
	return append([]*process{e.s.ingress, e.s.scheduler[1]}, e.s.workers[1:]...)
}

func (e *enumeration) every(ctx context.Context, sig syscall.Signal) {
	for _, p := range e.armed() {
		_ = p.signal(sig) // one that is down comes back by itself
	}
	_ = e.s.ready(ctx) // what does not come back shows in the verdict
}

// record is a run without deaths at failpoints, in which each thing happens once: every kind of visit, a worker that is
// lost within a call, and a Redis that forgets.
func (e *enumeration) record(ctx context.Context) error {
	if err := e.s.ready(ctx); err != nil {
		return err
	}
	visits := e.d.ledger.count()
	if err := until(ctx, time.Minute, "all kinds of visits", func() bool { return e.d.ledger.count() > visits+2*len(flows) }); err != nil {
		return err
	}
	if err := e.provoke(ctx); err != nil {
		return err
	}
	for _, w := range e.s.workers[1:3] {
		if err := w.signal(syscall.SIGKILL); err != nil {
			return err
		}
	}
	pause(ctx, codeWait) // until what was unknown has been looked up
	return nil
}

// provoke makes happen what does not happen by itself: calls that are under way for a while, and a Redis that forgets.
func (e *enumeration) provoke(ctx context.Context) error {
	if err := e.d.double.fault(ctx, twiliosim.Fault{Do: twiliosim.FaultDelay, MS: 700, Times: 12}); err != nil {
		return err
	}
	pause(ctx, 500*time.Millisecond)
	return embedded.Flush(ctx, e.s.servers.RedisURL)
}

// die waits until a process has died at each point, or none has for as long as patience.
func (e *enumeration) die(ctx context.Context, patience time.Duration) {
	e.since = make(map[*process]int)
	before, last := 0, time.Now()
	for turn := 1; time.Since(last) < patience && ctx.Err() == nil; turn++ {
		left := e.points.left()
		if len(left) == 0 {
			return
		}
		if len(left) != before {
			before, last = len(left), time.Now()
		}
		rare := slices.ContainsFunc(left, func(name string) bool {
			return strings.HasPrefix(name, "relay/recover") || strings.Contains(name, "abandoned")
		})
		if turn%16 == 0 {
			e.c.note("left: %d, such as %s", len(left), strings.Join(left[:min(4, len(left))], "; "))
		}
		if rare && turn%5 == 0 {
			if err := e.provoke(ctx); err != nil {
				e.c.note("provoke: %v", err)
			}
		}
		if turn%16 == 0 && len(left) > 2*armedWith {
			e.rearm()
		}
		pause(ctx, 500*time.Millisecond)
	}
}

// rearm kills those that have not died for a while, so that they come back with other points.
func (e *enumeration) rearm() {
	for _, p := range e.armed() {
		life := p.life()
		if e.since[p] == life {
			_ = p.signal(syscall.SIGKILL) // one that is down comes back by itself
		}
		e.since[p] = life
	}
}

// note tells what is done, and when.
func (c *chaos) note(format string, args ...any) {
	fmt.Fprintf(c.log, "%s %s\n", time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}
