package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Clock is the time that a test's database believes it is. It stands still but for a microsecond at each look, so that
// what comes later is later, and moves when it is told to.
type Clock struct {
	t     testing.TB
	admin *pgxpool.Pool
}

// clockSQL puts functions of its own before PostgreSQL's clocks. An unqualified name is looked for in pg_catalog first
// only if the search_path does not name it, so that nothing in the schema or in our statements has to know. What was
// bound when it was made is bound anew: defaults of columns, and functions with a search_path of their own.
const clockSQL = `
CREATE SCHEMA clock;
GRANT USAGE ON SCHEMA clock TO PUBLIC;
CREATE TABLE clock.now (at timestamptz NOT NULL);
CREATE SEQUENCE clock.looks;
GRANT SELECT ON clock.now TO PUBLIC;
GRANT USAGE ON clock.looks TO PUBLIC;
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
  AS $$ SELECT n.at + nextval('clock.looks') * interval '1 us' FROM clock.now n $$;
CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT n.at FROM clock.now n $$;
DO $$
DECLARE x record;
BEGIN
  EXECUTE format('ALTER DATABASE %I SET search_path = clock, pg_catalog, public', current_database());
  FOR x IN SELECT p.oid::regprocedure AS f FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
            AND EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%') LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = clock, pg_catalog, public, pg_temp', x.f);
  END LOOP;
  FOR x IN SELECT d.adrelid::regclass AS t, a.attname AS c, pg_get_expr(d.adbin, d.adrelid) AS e FROM pg_attrdef d
             JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
             JOIN pg_class k ON k.oid = d.adrelid AND k.relnamespace = 'public'::regnamespace
            WHERE pg_get_expr(d.adbin, d.adrelid) LIKE '%clock_timestamp()%' LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', x.t, x.c, replace(x.e, 'clock_timestamp()', 'clock.clock_timestamp()'));
  END LOOP;
END $$;`

// VirtualClock gives the database a clock that stands at a moment. Who has a connection already does not know of it: make
// it before anybody else connects.
func (db *DB) VirtualClock(t testing.TB, at time.Time) *Clock {
	t.Helper()
	c := &Clock{t: t, admin: db.Admin}
	if _, err := db.Admin.Exec(context.Background(), clockSQL); err != nil {
		t.Fatalf("virtual clock: %v", err)
	}
	for _, pool := range []*pgxpool.Pool{db.App, db.Owner, db.Audit, db.Admin} {
		pool.Reset()
	}
	c.Set(at)
	return c
}

// Set moves the clock to a moment, which may be an earlier one.
func (c *Clock) Set(at time.Time) {
	c.t.Helper()
	_, err := c.admin.Exec(context.Background(), "WITH old AS (DELETE FROM clock.now), zero AS (SELECT setval('clock.looks', 1)) INSERT INTO clock.now SELECT $1 FROM zero", at)
	if err != nil {
		c.t.Fatalf("virtual clock: %v", err)
	}
}

// Now is the moment that the clock shows.
func (c *Clock) Now() (at time.Time) {
	c.t.Helper()
	if err := c.admin.QueryRow(context.Background(), "SELECT clock.clock_timestamp()").Scan(&at); err != nil {
		c.t.Fatalf("virtual clock: %v", err)
	}
	return at
}

// Advance moves the clock ahead.
func (c *Clock) Advance(d time.Duration) {
	c.t.Helper()
	c.Set(c.Now().Add(d))
}
