package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
	"holdfast/store/storetest"
)

func TestCheckRole(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	if err := store.CheckRole(t.Context(), db.App); err != nil {
		t.Errorf("the app role: %v", err)
	}
	for _, c := range []struct {
		pool *pgxpool.Pool
		want string
	}{{db.Owner, "owns tables"}, {db.Admin, "is a superuser"}, {db.Admin, "BYPASSRLS"}, {db.Audit, "idle_in_transaction_session_timeout"}} {
		if err := store.CheckRole(t.Context(), c.pool); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// What the session is set to, and who it was before SET ROLE, count; each in a transaction that is rolled back.
func TestCheckRoleLooksAtTheSession(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, c := range []struct {
		pool      *pgxpool.Pool
		sql, want string
	}{
		{db.App, "SELECT", ""},
		{db.App, "SET LOCAL synchronous_commit = off", "synchronous_commit"},
		{db.App, "SET LOCAL idle_in_transaction_session_timeout = 0", "idle_in_transaction_session_timeout"},
		{db.Admin, "SET LOCAL ROLE holdfast_app", "superuser"},
		{db.Admin, "ALTER ROLE holdfast_app BYPASSRLS; SET LOCAL SESSION AUTHORIZATION holdfast_app", "BYPASSRLS"},
		{db.Admin, "ALTER TABLE tick OWNER TO holdfast_app; SET LOCAL SESSION AUTHORIZATION holdfast_app", "owns tables"},
		{db.Admin, "GRANT holdfast_owner TO holdfast_app; SET LOCAL SESSION AUTHORIZATION holdfast_app", "owns tables"},
		{db.Admin, "GRANT holdfast_audit TO holdfast_app; SET LOCAL SESSION AUTHORIZATION holdfast_app", "sees rows of every org"},
	} {
		tx, err := c.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), c.sql); err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		err = store.CheckRole(t.Context(), tx)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.sql, err, c.want)
		}
		if err := tx.Rollback(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}

// A table whose isolation was lost is named before anybody is served.
func TestCheckPolicies(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	if err := store.CheckPolicies(t.Context(), db.App); err != nil {
		t.Error(err)
	}
	if err := store.CheckPolicies(t.Context(), db.Admin); err == nil {
		t.Error("a superuser is bound by policies")
	}
	const setting = "(SELECT NULLIF(current_setting('app.org_id', true), '')::uuid)"
	const mine = "org_id = " + setting
	for _, sql := range []string{
		"ALTER TABLE booking DISABLE ROW LEVEL SECURITY",
		"ALTER TABLE booking NO FORCE ROW LEVEL SECURITY",
		"DROP POLICY org_only ON booking",
		"ALTER POLICY org_only ON booking USING (true)",
		"ALTER POLICY org_only ON booking WITH CHECK (true)",
		"DROP POLICY org_only ON booking; CREATE POLICY org_only ON booking FOR SELECT TO holdfast_app USING (org_id = current_setting('app.org_id')::uuid)",
		"ALTER POLICY org_only ON booking USING (org_id = current_setting('app.org_id')::uuid OR true) WITH CHECK (org_id = current_setting('app.org_id')::uuid OR true)",
		"ALTER POLICY org_only ON booking USING (" + mine + " OR true) WITH CHECK (" + mine + " OR true)",
		"ALTER POLICY org_only ON booking USING (id = " + setting + ") WITH CHECK (id = " + setting + ")",
		"ALTER POLICY org_only ON booking TO holdfast_app, holdfast_audit",
		"CREATE POLICY leak ON booking TO holdfast_app USING (org_id IS NOT NULL)",
		"CREATE POLICY leak ON booking FOR SELECT USING (org_id IS NOT NULL)",
		"CREATE POLICY leak ON booking TO readers USING (org_id IS NOT NULL)",
		"CREATE POLICY leak ON booking TO mine USING (org_id IS NOT NULL); SET LOCAL SESSION AUTHORIZATION mine",
		"GRANT TRUNCATE ON booking TO holdfast_app",
		"GRANT TRUNCATE ON booking TO PUBLIC",
		"GRANT TRUNCATE ON booking TO mine; SET LOCAL SESSION AUTHORIZATION mine",
	} {
		tx, err := db.Admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// readers is a group that the app is in; mine is a login of somebody's own that is in the app's.
		_, err = tx.Exec(t.Context(), "CREATE ROLE readers; GRANT readers TO holdfast_app; CREATE ROLE mine LOGIN; GRANT holdfast_app TO mine; "+sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if !strings.Contains(sql, "AUTHORIZATION") {
			if _, err := tx.Exec(t.Context(), "SET LOCAL SESSION AUTHORIZATION holdfast_app"); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.CheckPolicies(t.Context(), tx); err == nil || !strings.Contains(err.Error(), "each other's rows: booking;") {
			t.Errorf("%s: %v", sql, err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
