package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// SeeWorker notes that worker lives, by the database's clock, and what it is working on.
func SeeWorker(ctx context.Context, db DB, worker uuid.UUID, inFlight []uuid.UUID) error {
	// Not excluded.in_flight: the app's role may write that column and not read it.
	_, err := db.Exec(ctx, `INSERT INTO worker AS w (id, in_flight) VALUES ($1, COALESCE($2::uuid[], '{}'))
		ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp(), in_flight = COALESCE($2::uuid[], '{}')`, worker, inFlight)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	return nil
}

// DropWorker forgets a worker that has stopped in order, and those not seen for an hour.
func DropWorker(ctx context.Context, db DB, worker uuid.UUID) error {
	_, err := db.Exec(ctx, `DELETE FROM worker WHERE id = $1 OR seen_at < clock_timestamp() - interval '1 hour'`, worker)
	return err
}

// TakeTick takes the tick of a periodic task for the present window of length every. It returns false when
// another process has it already.
func TakeTick(ctx context.Context, db DB, name string, every time.Duration) (window time.Time, taken bool, err error) {
	err = db.QueryRow(ctx, `WITH w AS (SELECT date_bin($2::interval, clock_timestamp(), 'epoch'::timestamptz) AS due),
		mine AS (INSERT INTO tick (name, due_window) SELECT $1, due FROM w ON CONFLICT DO NOTHING RETURNING 1)
		SELECT w.due, EXISTS (SELECT FROM mine) FROM w`, name, every).Scan(&window, &taken)
	return window, taken, err
}

// FinishTick records what a tick did and forgets ticks older than a day.
func FinishTick(ctx context.Context, db DB, name string, window time.Time, rows int, failure string) error {
	_, err := db.Exec(ctx, `WITH old AS (DELETE FROM tick WHERE name = $1 AND due_window < clock_timestamp() - interval '1 day')
		UPDATE tick SET finished_at = clock_timestamp(), rows_done = $3, error = NULLIF($4, '') WHERE name = $1 AND due_window = $2`,
		name, window, rows, failure)
	return err
}

// OrgsDue lists the orgs for which a sweep has something to do that has been waiting for at least after, if the sweep
// waits.
func OrgsDue(ctx context.Context, db DB, sweep string, after time.Duration) ([]uuid.UUID, error) {
	rows, err := db.Query(ctx, `SELECT org_id FROM orgs_due($1, $2)`, sweep, after)
	return many(rows, err, pgx.RowTo[uuid.UUID])
}
