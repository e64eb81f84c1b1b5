package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/cmd/internal/load"
)

// The goals, of docs/performance.md.
const (
	lapsedHolds  = 100_000
	goalExpiry   = time.Minute
	goalMeantime = 2 // times the idle p95 of claims
)

// expiry lets a hundred thousand holds lapse at one moment, while others are claimed.
func (b *bench) expiry(ctx context.Context, s *system) error {
	claims := func() (load.StepResult, error) {
		_, r, err := b.load(ctx, s, load.Options{Scenario: load.Booking, HoldOnly: true, Rate: 50, Users: 100}, "POST bookings")
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
	if err := s.lapse(ctx, db); err != nil {
		return err
	}
	left := func() (n int, err error) {
		err = db.QueryRow(ctx, "SELECT count(*) FROM hold WHERE live AND starts_at >= '2200-01-01'").Scan(&n)
		return n, err
	}
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

// lapse writes holds that end in a moment, of bookings far ahead that nobody else wants.
func (s *system) lapse(ctx context.Context, db *pgx.Conn) error {
	const sql = `WITH who AS (
		INSERT INTO customer (org_id, id, phone_hash, phone_sealed, phone_last2) VALUES ($1, gen_random_uuid(), sha256('bench'), '\x00', '00') RETURNING id),
	made AS (
		INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at)
		SELECT $1, gen_random_uuid(), $2, who.id, 'held', timestamptz '2200-01-01' + n * interval '15 min', timestamptz '2200-01-01 00:10' + n * interval '15 min',
		       clock_timestamp() + interval '1 min' FROM who, generate_series(1, $3::int) n
		RETURNING id, starts_at, ends_at, hold_expires_at),
	held AS (
		INSERT INTO hold (org_id, resource_id, seat, booking_id, starts_at, ends_at, expires_at)
		SELECT $1, $2, 0, id, starts_at, ends_at, hold_expires_at FROM made)
	INSERT INTO booking_event (org_id, booking_id, kind) SELECT $1, id, 'held' FROM made`
	if _, err := db.Exec(ctx, sql, s.Org, s.Resource, lapsedHolds); err != nil {
		return fmt.Errorf("%d holds: %w", lapsedHolds, err)
	}
	_, err := db.Exec(ctx, `WITH b AS (UPDATE booking SET hold_expires_at = clock_timestamp() WHERE org_id = $1 AND starts_at >= '2200-01-01')
		UPDATE hold SET expires_at = clock_timestamp() WHERE org_id = $1 AND starts_at >= '2200-01-01'`, s.Org)
	return err
}
