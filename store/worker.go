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

// OrgsDue lists the orgs for which a sweep has something to do that has been waiting for at least after, if the sweep
// waits.
func OrgsDue(ctx context.Context, db DB, sweep string, after time.Duration) ([]uuid.UUID, error) {
	rows, err := db.Query(ctx, `SELECT org_id FROM orgs_due($1, $2)`, sweep, after)
	return many(rows, err, pgx.RowTo[uuid.UUID])
}
