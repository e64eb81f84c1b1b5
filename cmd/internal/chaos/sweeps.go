package main

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
	"holdfast/store/staging"
)

// briefHold is how long holds last in a run that is about what follows their end.
const briefHold = 4 * time.Second

// sweeps is the run about periodic work: two schedulers and three workers are killed at random while holds lapse and
// reminders fall due. Each hold that nobody confirmed has one follow-up, each reminder one text.
func (c *chaos) sweeps(ctx context.Context, duration time.Duration) (*report, error) {
	s, err := start(ctx, c.dir+"/sweeps", c.bin, parts{workers: 3, schedulers: 2, hold: briefHold})
	if err != nil {
		return nil, err
	}
	defer s.close()
	d, err := newDriver(ctx, s, c.seed)
	if err != nil {
		return nil, err
	}
	admin, err := pgxpool.New(ctx, s.adminURL())
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	st := newStorm(s, c.seed, c.note)
	during, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	blown := make(chan error, 2)
	go func() { blown <- st.kills(during) }()
	go func() { blown <- nudge(during, admin) }()
	d.crowd(during, customers, patience, []flow{{"left alone", leftAlone}, {"reminded", happy}, {"kept", kept}, {"left alone", leftAlone}})
	if err := errors.Join(<-blown, <-blown, ctx.Err()); err != nil {
		return nil, err
	}
	pause(ctx, briefHold+followupDelay+5*sweep) // what was held last lapses, too
	r := &report{Killed: st.killed, Struck: st.struck}
	if err := s.verdict(ctx, d, r); err != nil {
		return r, err
	}
	return r, s.once(ctx, d, r)
}

// kills strikes nothing but workers and schedulers, one or two at a time.
func (st *storm) kills(ctx context.Context) error {
	defer func() { _ = st.s.heal(context.WithoutCancel(ctx)) }()
	all := append(append([]*process{}, st.s.workers...), st.s.scheduler...)
	for pause(ctx, st.between(300*time.Millisecond, 2*time.Second)); ctx.Err() == nil; pause(ctx, st.between(300*time.Millisecond, 2*time.Second)) {
		for range 1 + int(st.between(0, 2)) {
			p := st.any(all)
			if err := st.kill(p); err != nil {
				return err
			}
			st.mu.Lock()
			st.struck["kill -9 of "+p.name]++
			st.mu.Unlock()
		}
	}
	return nil
}

// nudge makes reminders fall due within seconds: bookings are days ahead. It is once for each booking, like its reminder.
func nudge(ctx context.Context, admin *pgxpool.Pool) error {
	for ctx.Err() == nil {
		err := staging.Nudge(ctx, admin)
		if err != nil && ctx.Err() == nil {
			return err
		}
		pause(ctx, 500*time.Millisecond)
	}
	return nil
}

// once counts, for each hold that lapsed though its code had come and for each reminder, the texts that the provider has
// accepted.
func (s *system) once(ctx context.Context, d *driver, r *report) error {
	list, err := d.double.texts(ctx, "")
	if err != nil {
		return err
	}
	texts := make(map[string]int)
	for _, m := range list {
		if m.StatusCallback != "" {
			texts[path.Base(m.StatusCallback)]++
		}
	}
	admin, err := pgxpool.New(ctx, s.adminURL())
	if err != nil {
		return err
	}
	defer admin.Close()
	due, err := staging.Once(ctx, admin)
	if err != nil {
		return errors.New(store.Safe(err))
	}
	seen := make(map[string]bool)
	j := &judge{s: s, d: d, report: r}
	for _, of := range due {
		n := 0
		if of.Message != nil {
			n = texts[*of.Message]
		}
		if seen[of.Kind+of.Booking] {
			j.breach("booking %s has more than one %s", of.Booking, of.Kind)
		}
		seen[of.Kind+of.Booking] = true
		switch {
		case n != 1:
			j.breach("booking %s: %d texts for its one %s (%s %s)", of.Booking, n, of.Kind, of.State, of.Class)
		case of.Kind == "followup":
			r.Followups++
		default:
			r.Reminders++
		}
	}
	return nil
}
