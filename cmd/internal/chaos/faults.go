package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
)

// storm is the faults of a run: two rows of them at a time, one that strikes processes and one that strikes connections,
// each in an order that the seed decides.
type storm struct {
	s    *system
	dice *rand.Rand
	tell func(format string, args ...any)

	mu     sync.Mutex
	struck map[string]int // faults by name
	killed int            // processes
	failed error          // a fault that could not be made: then nothing is proven
}

// fault is something that goes wrong for a while; do returns when it is over.
type fault struct {
	name string
	do   func(ctx context.Context, st *storm) error
}

var processFaults = []fault{
	{"kill -9 of a worker", func(_ context.Context, st *storm) error { return st.kill(st.any(st.s.workers)) }},
	{"kill -9 of the ingress", func(_ context.Context, st *storm) error { return st.kill(st.s.ingress) }},
	{"Redis lost", loseRedis},
	{"worker stopped", freeze},
	{"kill -9 of both workers", func(_ context.Context, st *storm) error {
		for _, w := range st.s.workers {
			if err := st.kill(w); err != nil {
				return err
			}
		}
		return nil
	}},
	{"PostgreSQL stopped at once", stopPostgres},
	{"rolling restart", roll},
	{"kill -9 of a scheduler", func(_ context.Context, st *storm) error { return st.kill(st.any(st.s.scheduler)) }},
	{"kill -9 of PostgreSQL", killPostgres},
}

var connectionFaults = []fault{
	{"PostgreSQL cut", cut(func(p *proxies) *toxiproxy.Proxy { return p.postgres })},
	{"replies of PostgreSQL dropped", dropReplies(func(p *proxies) *toxiproxy.Proxy { return p.postgres })},
	{"replies of Redis dropped", dropReplies(func(p *proxies) *toxiproxy.Proxy { return p.redis })},
	{"replies of the double dropped", dropReplies(func(p *proxies) *toxiproxy.Proxy { return p.double })},
	{"replies of the ingress dropped", dropReplies(func(p *proxies) *toxiproxy.Proxy { return p.ingress })},
	{"Redis cut", cut(func(p *proxies) *toxiproxy.Proxy { return p.redis })},
	{"double cut", cut(func(p *proxies) *toxiproxy.Proxy { return p.double })},
	{"ingress cut", cut(func(p *proxies) *toxiproxy.Proxy { return p.ingress })},
	{"PostgreSQL slow", slow(func(p *proxies) *toxiproxy.Proxy { return p.postgres }, 20)},
	{"Redis slow", slow(func(p *proxies) *toxiproxy.Proxy { return p.redis }, 30)},
	{"double slow", slow(func(p *proxies) *toxiproxy.Proxy { return p.double }, 300)},
	{"ingress slow, callbacks out of order", slow(func(p *proxies) *toxiproxy.Proxy { return p.ingress }, 200)},
}

func newStorm(s *system, seed uint64, tell func(string, ...any)) *storm {
	return &storm{s: s, dice: rand.New(rand.NewPCG(seed, 2)), tell: tell, struck: make(map[string]int)} // #nosec G404 -- it is to be repeated
}

// blow strikes until ctx ends, and then makes all good again.
func (st *storm) blow(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, row := range [][]fault{processFaults, connectionFaults} {
		turns := rand.New(rand.NewPCG(st.dice.Uint64(), 3)) // #nosec G404 -- it is to be repeated
		wg.Go(func() { st.row(ctx, turns, row) })
	}
	wg.Wait()
	if err := st.s.heal(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return st.failed
}

// row strikes with each fault of a row once before any of them comes again.
func (st *storm) row(ctx context.Context, dice *rand.Rand, faults []fault) {
	for ctx.Err() == nil {
		for _, i := range dice.Perm(len(faults)) {
			pause(ctx, time.Duration(200+dice.IntN(1200))*time.Millisecond)
			if ctx.Err() != nil {
				return
			}
			f := faults[i]
			st.tell("%s", f.name)
			err := f.do(ctx, st)
			st.mu.Lock()
			st.struck[f.name]++
			if err != nil && st.failed == nil {
				st.failed = fmt.Errorf("%s: %w", f.name, err)
			}
			st.mu.Unlock()
		}
	}
}

// between is a time that the seed decides.
func (st *storm) between(least, most time.Duration) time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	return least + time.Duration(st.dice.Int64N(int64(most-least)))
}

func (st *storm) any(of []*process) *process {
	st.mu.Lock()
	defer st.mu.Unlock()
	return of[st.dice.IntN(len(of))]
}

func (st *storm) kill(p *process) error {
	if p.running() == 0 {
		return nil // it is down already
	}
	st.count()
	return p.signal(syscall.SIGKILL)
}

func (st *storm) count() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.killed++
}

// freeze stops a worker for longer than its heartbeat lasts: others take it for dead, and then it goes on.
func freeze(ctx context.Context, st *storm) error {
	w := st.any(st.s.workers)
	if err := w.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	pause(ctx, st.between(4*time.Second, 6*time.Second))
	return w.signal(syscall.SIGCONT)
}

// loseRedis kills Redis, which keeps nothing, and starts it again some time later.
func loseRedis(ctx context.Context, st *storm) error {
	st.count()
	if err := st.s.servers.Redis.Kill(); err != nil {
		return err
	}
	pause(ctx, st.between(100*time.Millisecond, 3*time.Second))
	return st.s.servers.Redis.Restart(context.WithoutCancel(ctx))
}

func killPostgres(ctx context.Context, st *storm) error {
	st.count()
	if err := st.s.servers.Postgres.Kill(); err != nil {
		return err
	}
	pause(ctx, st.between(100*time.Millisecond, 1500*time.Millisecond))
	return st.s.servers.Postgres.Restart(context.WithoutCancel(ctx))
}

// stopPostgres is its immediate shutdown, in which it writes nothing more.
func stopPostgres(ctx context.Context, st *storm) error {
	st.count()
	if err := syscall.Kill(st.s.servers.Postgres.PID, syscall.SIGQUIT); err != nil {
		return err
	}
	pause(ctx, st.between(100*time.Millisecond, 1500*time.Millisecond))
	return st.s.servers.Postgres.Restart(context.WithoutCancel(ctx))
}

// roll stops one part after the other in order, as a deploy does: each comes back before the next goes.
func roll(ctx context.Context, st *storm) error {
	for _, p := range append(append(append([]*process{}, st.s.workers...), st.s.scheduler...), st.s.ingress) {
		before := p.running()
		if err := p.signal(syscall.SIGTERM); err != nil {
			return err
		}
		if err := until(ctx, 20*time.Second, p.name+" stops", func() bool { return p.running() != before }); err != nil {
			return ignoreEnd(ctx, err)
		}
	}
	return nil
}

// ignoreEnd drops an error that is only the end of the storm.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

type pick func(*proxies) *toxiproxy.Proxy

// cut breaks all connections, and lets none come about for a moment.
func cut(of pick) func(context.Context, *storm) error {
	return func(ctx context.Context, st *storm) error {
		p := of(st.s.proxies)
		p.Stop()
		pause(ctx, st.between(50*time.Millisecond, 1500*time.Millisecond))
		return p.Start()
	}
}

// dropReplies lets what is asked through and swallows what is answered, until the connection breaks.
func dropReplies(of pick) func(context.Context, *storm) error {
	return func(ctx context.Context, st *storm) error {
		return spoil(ctx, st, of(st.s.proxies), "timeout", `{"timeout":100}`)
	}
}

// slow delays what is answered by 0 to 2 times ms.
func slow(of pick, ms int) func(context.Context, *storm) error {
	return func(ctx context.Context, st *storm) error {
		return spoil(ctx, st, of(st.s.proxies), "latency", fmt.Sprintf(`{"latency":%d,"jitter":%d}`, ms, ms))
	}
}

func spoil(ctx context.Context, st *storm, p *toxiproxy.Proxy, kind, attributes string) error {
	if err := toxic(p, kind, "downstream", attributes); err != nil {
		return err
	}
	pause(ctx, st.between(300*time.Millisecond, 2*time.Second))
	p.Toxics.ResetToxics(context.WithoutCancel(ctx))
	return nil
}
