package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"holdfast/store"
	"holdfast/store/storetest"
)

// refusal is what PostgreSQL says to an insert: its code and the constraint; "" when it takes the row.
func refusal(ctx context.Context, tx pgx.Tx, insert string, row any) (string, error) {
	sp, err := tx.Begin(ctx)
	if err != nil {
		return "", err
	}
	_, err = sp.Exec(ctx, insert, row)
	var pg *pgconn.PgError
	if err != nil && !errors.As(err, &pg) {
		return "", err
	}
	said := ""
	if pg != nil {
		said = pg.Code + " " + pg.ConstraintName
	}
	return said, sp.Rollback(ctx)
}

// oracles tries, for each table, to find out by PostgreSQL's refusals what another org has: a row of mine with all keys of
// one of theirs must be answered as a row with keys that nobody has. Unique, exclusion and foreign keys are checked
// without row-level security, so that a key without the org in it would tell.
func oracles(ctx context.Context, t *testing.T, tx pgx.Tx, tables []orgTable, samples map[string]string, mine uuid.UUID) (findings []string) {
	t.Helper()
	if _, err := tx.Exec(ctx, "SELECT set_config('app.org_id', $1, true)", mine.String()); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if table.Name == "org" || table.Name == "api_key" { // a slug and a key's prefix are unique in the installation; the app inserts neither
			continue
		}
		probes.Add(2)
		columns := columnsOf(samples[table.Name])
		insert := fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) OVERRIDING SYSTEM VALUE SELECT %[2]s FROM jsonb_populate_record(NULL::%[1]s, $1)`, table.Name, columns)
		var theirKeys, nobodysKeys string
		err := tx.QueryRow(ctx, `SELECT r || jsonb_build_object('org_id', $2::uuid),
			r || (SELECT COALESCE(jsonb_object_agg(a.attname, gen_random_uuid()), '{}') FROM pg_attribute a
			       WHERE a.attrelid = $3::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'uuid'::regtype AND r ->> a.attname IS NOT NULL)
			  || jsonb_build_object('org_id', $2::uuid)
			FROM (SELECT $1::jsonb AS r) x`, values(samples[table.Name]), mine, table.Name).Scan(&theirKeys, &nobodysKeys)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := refusal(ctx, tx, insert, theirKeys)
		if err != nil {
			t.Fatal(err)
		}
		nobodys, err := refusal(ctx, tx, insert, nobodysKeys)
		if err != nil {
			t.Fatal(err)
		}
		if theirs != nobodys || strings.HasPrefix(theirs, "23505") || strings.HasPrefix(theirs, "23P01") {
			findings = append(findings, fmt.Sprintf("%s: with their keys %q, with nobody's %q", table.Name, theirs, nobodys))
		}
		// A constraint may let the same owner pass: so with each key of nobody's among theirs.
		rows, err := tx.Query(ctx, `SELECT $1::jsonb || jsonb_build_object(a.attname, gen_random_uuid()) FROM pg_attribute a WHERE a.attrelid = $2::text::regclass
			AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname <> 'org_id' AND a.atttypid = 'uuid'::regtype AND $1::jsonb ->> a.attname IS NOT NULL`,
			theirKeys, table.Name)
		if err != nil {
			t.Fatal(err)
		}
		mixed, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range mixed {
			probes.Add(1)
			said, err := refusal(ctx, tx, insert, row)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(said, "23505") || strings.HasPrefix(said, "23P01") {
				findings = append(findings, fmt.Sprintf("%s: with their keys but one %q", table.Name, said))
			}
		}
	}
	return findings
}

func TestErrorsTellNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	b := storetest.NewOrg(t, db, "theirs")
	a := store.Org{ID: uuid.New(), Slug: "mine", Name: "Mine", TimeZone: "UTC", Locale: "en", Region: "US"} // which has nothing yet
	if err := store.CreateOrg(t.Context(), db.Owner, a); err != nil {
		t.Fatal(err)
	}
	fill(t, db, b, "+15550100002", "Bo", "n", "b")
	if _, err := db.Admin.Exec(t.Context(), "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO holdfast_app"); err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, db)
	samples := samplesOf(t, db, tables, b.ID)
	look := func(mutation string) []string {
		tx, err := db.Admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // a lost connection shows in the next statement
		if _, err := tx.Exec(t.Context(), mutation+"; SET LOCAL ROLE holdfast_app"); err != nil {
			t.Fatalf("%s: %v", mutation, err)
		}
		return oracles(t.Context(), t, tx, tables, samples, a.ID)
	}
	for _, f := range look("SELECT") {
		t.Error(f)
	}
	for table, mutation := range map[string]string{
		"message":  "CREATE UNIQUE INDEX leak ON message (id)",
		"customer": "CREATE UNIQUE INDEX leak ON customer (id)",
		"booking":  "CREATE UNIQUE INDEX leak ON resource (id); ALTER TABLE booking DROP CONSTRAINT booking_org_id_resource_id_fkey, DROP CONSTRAINT booking_org_id_customer_id_fkey, DROP CONSTRAINT booking_org_id_service_id_fkey; ALTER TABLE booking ADD FOREIGN KEY (resource_id) REFERENCES resource (id)",
		"hold": `ALTER TABLE hold DROP COLUMN lane; ALTER TABLE hold ADD COLUMN lane uuid NOT NULL GENERATED ALWAYS AS (md5(resource_id::text || seat)::uuid) STORED;
			ALTER TABLE hold ADD CONSTRAINT leak EXCLUDE USING gist (lane WITH =, during WITH &&, owner_id WITH <>) WHERE (live)`,
	} {
		if found := look(mutation); len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), table+": ") {
			t.Errorf("%s: not found, but %q", mutation, found)
		}
	}
	storetest.Count(t, "probes tried", 2*len(tables))
}

// What is logged of an error names the code, the table and the constraint, never the values that PostgreSQL quotes in its
// message and detail, which can be another row's.
func TestSafeQuotesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	o := storetest.NewOrg(t, db, "quokka")
	fill(t, db, o, "+15550100002", "Bo", "n", "b")
	for code, sql := range map[string]string{
		"23505": "INSERT INTO org (id, slug, name, time_zone) VALUES (gen_random_uuid(), 'quokka', 'n', 'UTC')",
		"23503": "INSERT INTO settings (org_id, doc) VALUES ('9a1b2c3d-0000-4000-8000-00000000beef', '{}')",
		"23514": "UPDATE org SET slug = 'Quokka!'",
		"22P02": "SELECT 'quokka'::uuid",
		"23P01": "INSERT INTO hold (org_id, resource_id, seat, booking_id, starts_at, ends_at) SELECT org_id, resource_id, seat, gen_random_uuid(), starts_at, ends_at FROM hold WHERE live LIMIT 1",
	} {
		_, err := db.Admin.Exec(t.Context(), sql)
		if got := store.Code(err); got != code {
			t.Errorf("%s: %v", sql, err)
		}
		if err == nil {
			t.Errorf("%s: no error", sql)
			continue
		}
		said := strings.ToLower(store.Safe(err))
		for _, marker := range []string{"quokka", "beef", o.ID.String()} {
			if strings.Contains(said, marker) {
				t.Errorf("%s: %s", code, said)
			}
		}
	}
}
