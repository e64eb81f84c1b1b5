package storetest_test

import (
	"testing"
	"time"

	"holdfast/store"
	"holdfast/store/storetest"
)

// A virtual clock is believed everywhere: by statements of the app's role, by defaults of columns, by functions, and by
// those that run as another role with a search_path of their own.
func TestVirtualClock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	start := time.Date(2026, 11, 1, 5, 0, 0, 0, time.UTC)
	clock := db.VirtualClock(t, start)
	org := storetest.NewOrg(t, db, "one")
	year := func(sql string) (y int) {
		t.Helper()
		_, err := store.InTx(t.Context(), db.App, org.ID, func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT extract(year FROM "+sql+")::int").Scan(&y)
		})
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	clock.Set(start.AddDate(100, 0, 0))
	for _, sql := range []string{"clock_timestamp()", "now()"} {
		if y := year(sql); y != 2126 {
			t.Errorf("%s says %d", sql, y)
		}
	}
	if y := year("(SELECT created_at FROM org)"); y != 2026 {
		t.Errorf("the org was made in %d", y)
	}
	if d := clock.Now().Sub(start.AddDate(100, 0, 0)); d < 0 || d > time.Second {
		t.Errorf("the clock has gone by %v", d)
	}
	// Every function of ours that looks at the clock looks at this one.
	rows, err := db.Admin.Query(t.Context(), `SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
		AND p.prosrc LIKE '%clock_timestamp%' AND p.proconfig IS NOT NULL AND NOT array_to_string(p.proconfig, ' ') LIKE '%search_path=clock,%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		t.Errorf("%s looks at the real clock", rows.RawValues()[0])
	}
	rows, err = db.Admin.Query(t.Context(), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND column_default LIKE '%pg_catalog.clock_timestamp()%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		t.Errorf("%s begins with the real clock", rows.RawValues()[0])
	}
}
