// Package validate is `holdfast validate`: it holds a running system to what it promises, from outside. It knows
// the API, the webhooks and the control API of the Twilio double, and nothing else of the system.
//
// A check is one entry in the list of its subject (booking.go, codes.go, …), and a subject one line in checks.go.
// Checks run beside each other on a system that others may use, so each works on a day and with phone numbers of
// its own, and cancels what it has made.
package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// check is one promise and how to see that it is kept. run tells what it saw, in a few words with figures; its
// error is what it saw instead, or a *cannot.
type check struct {
	name    string
	promise string
	needs   []need
	alone   bool // it would disturb the others, or they it
	slow    bool // it waits for long and does little: it begins before the others
	run     func(ctx context.Context, s *system) (evidence string, err error)
}

// need tells why a check cannot be made on a system, "" when it can.
type need func(s *system) (missing string)

// cannot is why a check could not be made: it has neither passed nor failed.
type cannot struct{ why string }

func (c *cannot) Error() string { return c.why }

// Options say what is run and how.
type Options struct {
	Only  []string // names of checks; empty: all
	Crowd int      // how many want one slot at once; 0: 200
	// Patience is how long a check waits for what must happen soon; 0: 30 s.
	Patience time.Duration
	Tell     func(r Result) // gets each result, in the order of the list; may be nil
}

// crowd is how many want one slot at once.
const crowd = 200

// beside is how many checks run at a time. Most of their time is waiting for texts.
const beside = 6

// limit is how long one check may take.
const limit = 2 * time.Minute

// Run makes the checks and returns their results in the order of the list. Its error is a name in Only that no
// check has; what is wrong with the system is in the results.
func Run(ctx context.Context, t Target, o Options) ([]Result, error) {
	chosen, err := choose(o.Only)
	if err != nil {
		return nil, err
	}
	if o.Crowd == 0 {
		o.Crowd = crowd
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	s := open(ctx, t, o)
	defer s.close()
	b := &board{results: make([]*Result, len(chosen)), tell: o.Tell}
	turns := make(chan struct{}, beside)
	var wg sync.WaitGroup
	for _, slow := range []bool{true, false} {
		for i, c := range chosen {
			if c.alone || c.slow != slow {
				continue
			}
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				b.put(i, c.result(ctx, s))
			})
		}
	}
	wg.Wait()
	for i, c := range chosen { // last, so that a crowd meets a system that has been woken up
		if c.alone {
			b.put(i, c.result(ctx, s))
		}
	}
	return b.all(), nil
}

// choose lists the checks that are named; all when none is.
func choose(only []string) ([]check, error) {
	all := slices.Concat(subjects...)
	if len(only) == 0 {
		return all, nil
	}
	var chosen []check
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
		if slices.Contains(only, c.name) {
			chosen = append(chosen, c)
		}
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("there is no check %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return chosen, nil
}

// result makes the check and cleans up behind it.
func (c check) result(ctx context.Context, s *system) Result {
	r := Result{Name: c.name, Promise: c.promise}
	start := time.Now()
	evidence, err := c.try(ctx, s)
	r.Seconds = time.Since(start).Seconds()
	var not *cannot
	switch passed := err == nil; {
	case errors.As(err, &not):
		r.Evidence = not.why
	case passed:
		r.Passed, r.Evidence = &passed, evidence
	default:
		r.Passed, r.Evidence = &passed, err.Error()
	}
	return r
}

func (c check) try(ctx context.Context, s *system) (string, error) {
	for _, missing := range c.needs {
		if why := missing(s); why != "" {
			return "", &cannot{why}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	own := s.visit()
	evidence, err := c.run(ctx, own)
	if left := own.leave(ctx); err == nil {
		err = left
	}
	return evidence, err
}

// board collects results and tells them in the order of the list, as early as that allows.
type board struct {
	mu      sync.Mutex
	results []*Result
	told    int
	tell    func(Result)
}

func (b *board) put(i int, r Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results[i] = &r
	for ; b.told < len(b.results) && b.results[b.told] != nil; b.told++ {
		if b.tell != nil {
			b.tell(*b.results[b.told])
		}
	}
}

func (b *board) all() []Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Result, len(b.results))
	for i, r := range b.results {
		out[i] = *r
	}
	return out
}
