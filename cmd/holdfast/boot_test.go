package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/store"
	"holdfast/store/storetest"
)

// TestServerVersion: who runs a PostgreSQL whose row-level security has known faults is told which, at each start.
func TestServerVersion(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	// A function that is found before PostgreSQL's own says that the server is older than it is.
	for _, sql := range []string{
		"CREATE SCHEMA older", "GRANT USAGE ON SCHEMA older TO holdfast_app",
		`CREATE FUNCTION older.current_setting(name text) RETURNS text LANGUAGE sql AS
		 $$ SELECT CASE name WHEN 'server_version_num' THEN '150002' ELSE pg_catalog.current_setting(name) END $$`,
	} {
		if _, err := db.Admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	version, err := store.ServerVersion(t.Context(), db.App)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"older, pg_catalog, public": 4, "public": len(store.Flaws(version))} {
		if _, err := db.Admin.Exec(t.Context(), fmt.Sprintf("ALTER DATABASE %s SET search_path = %s", db.Admin.Config().ConnConfig.Database, path)); err != nil {
			t.Fatal(err)
		}
		p, api := ingressOf(t, db)
		eventually(t, 20*time.Second, "the API", func() bool {
			a, err := ready{}.try("GET", "http://"+api+"/openapi.json", nil)
			return err == nil && a.status == 200
		})
		if got := strings.Count(p.out.String(), `"fault":"CVE-`); got != want {
			t.Errorf("search_path %s: %d faults are named, want %d", path, got, want)
		}
		p.stop(t, syscall.SIGTERM)
	}
}

// TestOpenTables: nobody is served while a table is open to all orgs.
func TestOpenTables(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	if _, err := db.Owner.Exec(t.Context(), "ALTER TABLE customer NO FORCE ROW LEVEL SECURITY"); err != nil {
		t.Fatal(err)
	}
	p, _ := ingressOf(t, db)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		t.Fatal("it started")
	}
	if said := p.out.String(); p.cmd.ProcessState.ExitCode() == 0 || !strings.Contains(said, "each other's rows: customer;") {
		t.Errorf("it ended with %v and said %s", p.cmd.ProcessState, said)
	}
}

// ingressOf starts an ingress of a test's database, and tells its address.
func ingressOf(t *testing.T, db *storetest.DB) (p *process, api string) {
	t.Helper()
	api = freePort(t)
	return start(t, []string{
		"HOLDFAST_DATABASE_URL=" + db.AppURL, "HOLDFAST_REDIS_URL=" + storetest.RedisURL(t),
		"HOLDFAST_PUBLIC_URL=http://" + api, "HOLDFAST_API_ADDR=" + api, "HOLDFAST_OPS_ADDR=127.0.0.1:0", "HOLDFAST_OPS_TOKEN=0123456789abcdef",
		"HOLDFAST_KEYSET=" + db.KeySet.Keyset, "HOLDFAST_HASH_KEY=" + db.KeySet.HashKey, "HOLDFAST_CODE_PEPPER=" + db.KeySet.Peppers,
	}, "ingress"), api
}
