package main

import (
	"context"
	"errors"
	"time"
)

// customers is how many there are at a time.
const customers = 24

// patience is how long a customer who has begun goes on when no more come.
const patience = 15 * time.Second

// random is the run in which faults strike by dice, for as long as it takes.
func (c *chaos) random(ctx context.Context, duration time.Duration) (*report, error) {
	s, err := start(ctx, c.dir+"/random", c.bin, parts{workers: 2, schedulers: 2})
	if err != nil {
		return nil, err
	}
	defer s.close()
	d, err := newDriver(ctx, s, c.seed)
	if err != nil {
		return nil, err
	}
	st := newStorm(s, c.seed, c.note)
	during, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	blown := make(chan error, 1)
	go func() { blown <- st.blow(during) }()
	d.crowd(during, customers, patience, flows)
	if err := errors.Join(<-blown, ctx.Err()); err != nil {
		return nil, err
	}
	r := &report{Killed: st.killed, Struck: st.struck}
	return r, s.verdict(ctx, d, r)
}
