package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

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

// Tick is one run of a periodic task.
type Tick struct {
	Window   time.Time  `json:"window"`   // that it was for; it begins with it
	Taken    time.Time  `json:"taken"`    // when a worker took it
	Finished *time.Time `json:"finished"` // nil: not yet, or its worker was lost
	Rows     int        `json:"rows"`
	Error    string     `json:"error"` // a reason code, "" without
}

// ListTicks reads the last n ticks of a periodic task, the last first.
func ListTicks(ctx context.Context, db DB, name string, n int) ([]Tick, error) {
	rows, err := db.Query(ctx, `SELECT due_window, at, finished_at, COALESCE(rows_done, 0), COALESCE(error, '')
		FROM tick WHERE name = $1 ORDER BY due_window DESC LIMIT $2`, name, n)
	return many(rows, err, pgx.RowToStructByPos[Tick])
}

// TickStat is what /metrics shows of a periodic task: its last tick that has finished.
type TickStat struct {
	Name   string
	Since  time.Duration // since it finished
	Rows   int
	Failed bool
}

// TickStats reads it of those of names that have finished once.
func TickStats(ctx context.Context, db DB, names []string) ([]TickStat, error) {
	rows, err := db.Query(ctx, `SELECT n.name, clock_timestamp() - t.finished_at, t.rows_done, t.error IS NOT NULL
		FROM unnest($1::text[]) n(name), LATERAL (SELECT finished_at, rows_done, error FROM tick
		     WHERE tick.name = n.name AND finished_at IS NOT NULL ORDER BY due_window DESC LIMIT 1) t`, names)
	return many(rows, err, pgx.RowToStructByPos[TickStat])
}
