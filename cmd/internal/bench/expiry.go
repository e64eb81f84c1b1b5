package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/cmd/internal/load"
	"holdfast/store/staging"
)

// The goals, of docs/performance.md.
const (
	lapsedHolds  = 100_000
	goalExpiry   = time.Minute
	goalMeantime = 2 // times the idle p95 of claims
)

// expiry lets a hundred thousand holds lapse at one moment, while others are claimed.
func (b *bench) expiry(ctx context.Context, s *system) error {
	brief := &bench{binary: b.binary, duration: 5 * time.Second, out: b.out} // no longer than the sweep
	claims := func() (load.StepResult, error) {
		_, r, err := brief.load(ctx, s, load.Options{Scenario: load.Booking, HoldOnly: true, Rate: 50, Users: 100}, "POST bookings")
		return r, err
	}
	idle, err := claims()
	if err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if err := staging.Lapse(ctx, db, s.Org, s.Resource, lapsedHolds); err != nil {
		return err
	}
	left := func() (int, error) { return staging.Lapsed(ctx, db, s.Org) }
	if err := poll(ctx, time.Minute, func() (bool, error) { n, err := left(); return n < lapsedHolds, err }); err != nil {
		return fmt.Errorf("the sweep does not begin: %w", err)
	}
	begin := time.Now()
	took := make(chan time.Duration, 1)
	failed := make(chan error, 1)
	go func() {
		err := poll(ctx, 3*goalExpiry, func() (bool, error) { n, err := left(); return n == 0, err })
		took <- time.Since(begin)
		failed <- err
	}()
	busy, err := claims()
	if err != nil {
		return err
	}
	b.below(fmt.Sprintf("expiring %d lapsed holds", lapsedHolds), goalExpiry, <-took)
	if err := <-failed; err != nil {
		return err
	}
	b.below("  claims at 50 a second meanwhile, p95 (goal: twice the idle p95)", goalMeantime*millis(idle.P95), millis(busy.P95))
	return nil
}
