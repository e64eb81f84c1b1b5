package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// AuditOptions say how long what is on its way may be.
type AuditOptions struct {
	// Grace is how long after its end a hold may still wait for the sweep: HOLDFAST_SWEEP_INTERVAL and some slack.
	Grace time.Duration
	// Settle is how long after its claim a text may be neither accepted nor given up: HOLDFAST_HTTP_TIMEOUT,
	// HOLDFAST_RECONCILE_GRACE and Grace.
	Settle time.Duration
	// Only looks at the checks whose meaning holds it; "" at all.
	Only string
}

// AuditRow is one thing that a promise means, held against every row that it is about.
type AuditRow struct {
	Promise string   `json:"promise"`
	Means   string   `json:"means"`
	Checked int64    `json:"checked"`
	Broken  int64    `json:"broken"`
	First   []string `json:"first"` // ids of rows that break it, at most auditIDs
}

// AuditReport is what an audit found.
type AuditReport struct {
	At   time.Time  `json:"at"` // the moment that was looked at, by the database's clock
	Orgs int        `json:"orgs"`
	Rows []AuditRow `json:"rows"`
	// Blind says where the role did not see what is there: then nothing was proven.
	Blind []string `json:"blind"`
}

// auditIDs is how many ids a row names.
const auditIDs = 20

// Err is nil when every promise holds and the audit saw what it should.
func (r AuditReport) Err() error {
	var errs []error
	for _, b := range r.Blind {
		errs = append(errs, errors.New("audit: blind: "+b))
	}
	broken := 0
	for _, row := range r.Rows {
		if row.Broken > 0 {
			broken++
		}
	}
	if broken > 0 {
		errs = append(errs, fmt.Errorf("audit: %d of %d checks are broken", broken, len(r.Rows)))
	}
	return errors.Join(errs...)
}

// auditCheck is a query over every row that it checks: its id, and whether it breaks the promise. Its parameters
// are named: see auditArgs. It trusts no constraint: that is on trial too.
type auditCheck struct {
	promise, means string
	of             string // the table that it goes through
	query          string
}

// Audit holds the promises that a database can tell of against all rows of all orgs, in one snapshot: work that is on
// its way is no breach. pool is the audit role's, which reads everything and writes nothing.
func Audit(ctx context.Context, pool *pgxpool.Pool, o AuditOptions) (AuditReport, error) {
	// Before the snapshot: what was counted by then is seen in it.
	estimates, err := auditEstimates(ctx, pool)
	if err != nil {
		return AuditReport{}, err
	}
	var r AuditReport
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		r, err = AuditIn(ctx, tx, o, estimates)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("audit: %w", err)
	}
	return r, nil
}

// AuditIn is Audit in a transaction that the caller began. estimates are rows by table, as the statistics count
// them: a table of which nothing is seen though it has some is told in Blind.
func AuditIn(ctx context.Context, tx DB, o AuditOptions, estimates map[string]int64) (r AuditReport, err error) {
	r.Blind = []string{}
	// Each check goes through whole tables, for which statistics may be missing: a nested loop would then be taken for
	// cheap, and never end.
	if _, err := tx.Exec(ctx, `SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true), set_config('work_mem', '64MB', true)`); err != nil {
		return r, err
	}
	if err := tx.QueryRow(ctx, `SELECT now(), (SELECT count(*) FROM org)`).Scan(&r.At, &r.Orgs); err != nil {
		return r, err
	}
	if r.Orgs == 0 {
		r.Blind = append(r.Blind, "no org is seen: is this the audit role's URL?")
	}
	references, err := referencesQuery(ctx, tx)
	if err != nil {
		return r, err
	}
	checks := append(auditChecks[:len(auditChecks):len(auditChecks)], auditCheck{"P7", "no row refers to a row of another org", "org", references})
	looked := make(map[string]bool)
	for _, c := range checks {
		if !strings.Contains(c.means, o.Only) {
			continue
		}
		row, err := c.run(ctx, tx, o)
		if err != nil {
			return r, fmt.Errorf("%s, %s: %w", c.promise, c.means, err)
		}
		r.Rows = append(r.Rows, row)
		if row.Checked > 0 || looked[c.of] || estimates[c.of] == 0 {
			continue
		}
		looked[c.of] = true
		var seen bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+pgx.Identifier{c.of}.Sanitize()+`)`).Scan(&seen); err != nil {
			return r, err
		}
		if !seen {
			r.Blind = append(r.Blind, fmt.Sprintf("nothing is seen of table %s, which has some %d rows", c.of, estimates[c.of]))
		}
	}
	return r, nil
}

func (c auditCheck) run(ctx context.Context, tx DB, o AuditOptions) (AuditRow, error) {
	row := AuditRow{Promise: c.promise, Means: c.means}
	args := pgx.NamedArgs{"grace": o.Grace, "settle": o.Settle}
	for name := range args {
		if !strings.Contains(c.query, "@"+name) {
			delete(args, name)
		}
	}
	err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*), count(*) FILTER (WHERE bad),
		COALESCE((array_agg(id ORDER BY id) FILTER (WHERE bad))[1:%d], '{}') FROM (%s) AS x(id, bad)`, auditIDs, c.query), args).
		Scan(&row.Checked, &row.Broken, &row.First)
	return row, err
}

// auditEstimates counts the rows of each table by the server's statistics. (The planner's own estimate will not do:
// 00007_statistics.sql has made it up.)
func auditEstimates(ctx context.Context, db DB) (map[string]int64, error) {
	rows, err := db.Query(ctx, `SELECT relname::text, n_live_tup FROM pg_stat_user_tables WHERE schemaname = 'public'`)
	if err != nil {
		return nil, fmt.Errorf("audit: statistics: %w", err)
	}
	estimates := make(map[string]int64)
	var (
		name string
		n    int64
	)
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { estimates[name] = n; return nil })
	return estimates, err
}
