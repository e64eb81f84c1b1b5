package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"holdfast/store/storetest"
)

// orgTables lists the tables with an org and the column that names it.
const orgTables = `SELECT c.oid::regclass AS t, CASE WHEN c.relname = 'org' THEN 'id' ELSE 'org_id' END AS org
	  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
	   AND (c.relname = 'org' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped))`

// noOrg are the tables that belong to no org.
var noOrg = []string{"goose_db_version", "tick", "worker"}

// rule is a query for what breaks it, one line each.
type rule struct{ name, broken string }

const onlyOrg = `(%s = ( SELECT (NULLIF(current_setting(''app.org_id''::text, true), ''''::text))::uuid AS "nullif"))`

var catalogRules = []rule{
	{"a table has an org or is one of those without", `
		SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm', 'v', 'f')
		   AND oid NOT IN (SELECT t FROM org_table) AND relname NOT IN ('` + strings.Join(noOrg, `', '`) + `')`},
	{"row-level security is enabled and forced", `
		SELECT t FROM org_table JOIN pg_class c ON c.oid = t WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)`},
	{"the org policy covers all verbs, both ways", wantPolicy("org_only", "ALL", "holdfast_app", onlyOrg)},
	{"the owner sees all", wantPolicy("owner_all", "ALL", "holdfast_owner", "true")},
	{"the audit role reads all", `
		SELECT t FROM org_table o WHERE NOT EXISTS (SELECT FROM policy p WHERE p.t = o.t AND p.name = 'audit_read'
		   AND p.cmd = 'SELECT' AND p.roles = '{holdfast_audit}' AND p.permissive = 'PERMISSIVE' AND p.qual = 'true')
		UNION ALL SELECT t FROM org_table o WHERE NOT has_table_privilege('holdfast_audit', o.t, 'SELECT')`},
	{"no other policy", `
		SELECT t || ' ' || name FROM policy WHERE NOT (name IN ('org_only', 'owner_all', 'audit_read')
		    OR name = 'dispatch_all' AND roles = '{holdfast_dispatch}')`},
	{"the org is in every key", `
		SELECT i.indexrelid::regclass::text FROM pg_index i JOIN org_table o ON o.t = i.indrelid
		 WHERE (i.indisunique OR i.indisexclusion) AND i.indrelid <> 'org'::regclass
		   AND i.indexrelid NOT IN ('api_key_prefix_key'::regclass, to_regclass('hold_no_overlap'))
		   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attname = 'org_id' AND a.attnum = ANY (i.indkey))
		UNION ALL
		SELECT conname FROM pg_constraint WHERE contype = 'x' AND pg_get_constraintdef(oid) NOT LIKE '%org_id WITH =%'
		   AND conname <> 'hold_no_overlap'`}, // its lane holds the org, see the next rule
	{"a lane is of one org", `
		SELECT 'hold.lane' WHERE NOT EXISTS (SELECT FROM pg_attrdef d WHERE d.adrelid = 'hold'::regclass
		   AND pg_get_expr(d.adbin, d.adrelid) LIKE '%md5%org_id%resource_id%seat%')`},
	{"foreign keys stay within the org", `
		SELECT f.conrelid::regclass || ' ' || f.conname FROM pg_constraint f JOIN org_table o ON o.t = f.conrelid
		 WHERE f.contype = 'f' AND NOT EXISTS (
		       SELECT FROM unnest(f.conkey, f.confkey) AS k(mine, theirs)
		         JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.mine
		         JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.theirs
		         JOIN org_table p ON p.t = f.confrelid
		        WHERE a.attname = 'org_id' AND b.attname = p.org)
		UNION ALL
		SELECT t::text || ' has none' FROM org_table o WHERE o.t <> 'org'::regclass AND NOT EXISTS (
		       SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = o.t)
		UNION ALL
		SELECT conrelid::regclass || ' ' || conname || ' was not validated' FROM pg_constraint WHERE NOT convalidated`},
	{"what is called an id of something refers to it", `
		SELECT o.t || '.' || a.attname FROM org_table o JOIN pg_attribute a ON a.attrelid = o.t
		 WHERE a.attname LIKE '%\_id' AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped AND a.attgenerated = ''
		   AND o.t || '.' || a.attname NOT IN ('request.booking_id', 'booking.request_id', 'security_event.key_id')
		   AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = o.t AND a.attnum = ANY (f.conkey))`},
	{"a definer function is the dispatch role's, for the app alone", `
		SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
		   AND NOT (p.proowner = 'holdfast_dispatch'::regrole
		       AND has_function_privilege('holdfast_app', p.oid, 'EXECUTE') AND NOT has_function_privilege('holdfast_audit', p.oid, 'EXECUTE')
		       AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee NOT IN ('holdfast_dispatch'::regrole, 'holdfast_app'::regrole)))
		UNION ALL
		SELECT p.oid::regprocedure || ' is no definer' FROM pg_proc p WHERE p.proowner = 'holdfast_dispatch'::regrole AND NOT p.prosecdef`},
	// pg_temp is named last: left out it would come first, and a caller's temporary table would stand before ours.
	{"a definer function knows where it looks", `
		SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace
		   AND NOT 'search_path=pg_catalog, public, pg_temp' = ANY (COALESCE(p.proconfig, '{}'))`},
	{"a definer function tells ids and times", `
		SELECT p.oid::regprocedure || ' ' || n.name FROM pg_proc p,
		       unnest(p.proallargtypes, p.proargmodes::text[], p.proargnames) AS n(type, mode, name)
		 WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace AND n.mode = 't'
		   AND n.type NOT IN ('uuid'::regtype, 'timestamptz'::regtype, 'int'::regtype, 'bigint'::regtype)
		   AND n.name NOT IN ('type', 'queue', 'state') AND NOT (p.proname = 'api_key_find' AND n.name IN ('hash', 'scopes', 'dead'))
		UNION ALL
		SELECT p.oid::regprocedure || ' returns ' || p.prorettype::regtype FROM pg_proc p
		 WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace AND p.proargmodes IS NULL AND p.prorettype <> 'bigint'::regtype`},
	{"the dispatch role sees ids and times", `
		SELECT o.t || '.' || a.attname FROM org_table o JOIN pg_attribute a ON a.attrelid = o.t AND a.attnum > 0 AND NOT a.attisdropped
		 WHERE has_column_privilege('holdfast_dispatch', o.t, a.attnum, 'SELECT')
		   AND a.atttypid NOT IN ('uuid'::regtype, 'timestamptz'::regtype, 'int'::regtype, 'boolean'::regtype)
		   AND o.t || '.' || a.attname NOT IN ('api_key.prefix', 'api_key.hash', 'api_key.scopes', 'task.type', 'task.queue', 'task.state', 'booking.state')
		UNION ALL
		SELECT o.t || '.' || a.attname || ' to write' FROM org_table o JOIN pg_attribute a ON a.attrelid = o.t AND a.attnum > 0 AND NOT a.attisdropped
		 WHERE has_column_privilege('holdfast_dispatch', o.t, a.attnum, 'UPDATE') AND o.t || '.' || a.attname NOT IN ('task.epoch', 'task.crashes', 'task.check_at')
		UNION ALL
		SELECT t || ' to insert or delete' FROM org_table WHERE has_any_column_privilege('holdfast_dispatch', t, 'INSERT')
		    OR has_table_privilege('holdfast_dispatch', t, 'DELETE, TRUNCATE')`},
	{"nobody is the dispatch role", `
		SELECT 'logs in' FROM pg_roles WHERE rolname = 'holdfast_dispatch' AND (rolcanlogin OR rolsuper OR rolbypassrls)
		UNION ALL SELECT 'creates' WHERE has_schema_privilege('holdfast_dispatch', 'public', 'CREATE')
		UNION ALL SELECT member::regrole || ' is a member' FROM pg_auth_members
		   WHERE roleid = 'holdfast_dispatch'::regrole AND member <> 'holdfast_owner'::regrole
		UNION ALL SELECT 'is a member of ' || roleid::regrole FROM pg_auth_members WHERE member = 'holdfast_dispatch'::regrole`},
	{"the app is nobody but itself", `
		SELECT 'has too much' FROM pg_roles WHERE rolname = 'holdfast_app' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
		UNION ALL SELECT 'is a member of ' || roleid::regrole FROM pg_auth_members WHERE member = 'holdfast_app'::regrole
		UNION ALL SELECT 'owns ' || pg_describe_object(classid, objid, objsubid) FROM pg_shdepend
		   WHERE refclassid = 'pg_authid'::regclass AND refobjid = 'holdfast_app'::regrole AND deptype = 'o'
		     AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
		UNION ALL SELECT 'creates' WHERE has_schema_privilege('holdfast_app', 'public', 'CREATE')
		UNION ALL SELECT oid::regclass || ' to truncate' FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
		     AND has_table_privilege('holdfast_app', oid, 'TRUNCATE, REFERENCES, TRIGGER')
		UNION ALL SELECT 'goose_db_version' WHERE has_table_privilege('holdfast_app', 'goose_db_version', 'SELECT, INSERT, UPDATE, DELETE')`},
	{"the audit role writes nothing", `
		SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
		   AND (has_table_privilege('holdfast_audit', oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege('holdfast_audit', oid, 'INSERT, UPDATE'))
		UNION ALL SELECT 'default_transaction_read_only' WHERE NOT EXISTS (SELECT FROM pg_db_role_setting
		   WHERE setrole = 'holdfast_audit'::regrole AND 'default_transaction_read_only=on' = ANY (setconfig))`},
}

// wantPolicy finds the tables without this policy, USING and WITH CHECK alike.
func wantPolicy(name, cmd, role, qual string) string {
	return fmt.Sprintf(`SELECT o.t FROM org_table o WHERE NOT EXISTS (SELECT FROM policy p WHERE p.t = o.t AND p.name = '%s'
		AND p.cmd = '%s' AND p.roles = '{%s}' AND p.permissive = 'PERMISSIVE'
		AND p.qual = format('%s', o.org) AND p.with_check = p.qual)`, name, cmd, role, qual)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// catalogFindings holds every rule against the catalog.
func catalogFindings(t *testing.T, db querier) (findings []string) {
	t.Helper()
	for _, r := range catalogRules {
		rows, err := db.Query(t.Context(), `WITH org_table AS (`+orgTables+`),
			policy AS (SELECT format('%I.%I', schemaname, tablename)::regclass AS t, policyname AS name, permissive, roles::text, cmd, qual, with_check FROM pg_policies)
			SELECT b::text FROM (`+r.broken+`) AS x(b) ORDER BY 1`)
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		broken, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		for _, b := range broken {
			findings = append(findings, r.name+": "+b)
		}
	}
	return findings
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, f := range catalogFindings(t, db.Admin) {
		t.Error(f)
	}
	tables := tablesOf(t, db)
	if len(tables) < 20 {
		t.Errorf("only %d tables with an org: %v", len(tables), tables)
	}
	for _, name := range noOrg {
		if ok := false; db.Admin.QueryRow(t.Context(), "SELECT to_regclass($1) IS NOT NULL", name).Scan(&ok) != nil || !ok {
			t.Errorf("%s is named as a table without an org and is none", name)
		}
	}
}

// Each rule is broken on purpose, in a transaction that is rolled back, and must say so.
func TestCatalogRulesCanFail(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	seen := make(map[string]bool)
	for _, m := range []struct{ sql, finding string }{
		{"CREATE TABLE stray (id int)", "a table has an org or is one of those without: stray"},
		{"CREATE MATERIALIZED VIEW stray AS SELECT * FROM customer", "stray"},
		{"ALTER TABLE hold DISABLE ROW LEVEL SECURITY", "enabled and forced: hold"},
		{"ALTER TABLE hold NO FORCE ROW LEVEL SECURITY", "enabled and forced: hold"},
		{"CREATE TABLE late (org_id uuid NOT NULL REFERENCES org, id uuid, PRIMARY KEY (org_id, id))", "enabled and forced: late"},
		{"DROP POLICY org_only ON message", "the org policy covers all verbs, both ways: message"},
		{"ALTER POLICY org_only ON message WITH CHECK (true)", "both ways: message"},
		{"ALTER POLICY org_only ON org USING (true)", "both ways: org"},
		{"DROP POLICY owner_all ON task", "the owner sees all: task"},
		{"DROP POLICY audit_read ON task", "the audit role reads all: task"},
		{"CREATE POLICY mine ON task TO holdfast_app USING (true)", "no other policy: task mine"},
		{"CREATE UNIQUE INDEX global ON booking (id)", "the org is in every key: global"},
		{"ALTER TABLE hold ADD CONSTRAINT wide EXCLUDE USING gist (seat WITH =, org_id WITH <>)", "the org is in every key: wide"},
		{"ALTER TABLE request ADD UNIQUE (id); ALTER TABLE task ADD FOREIGN KEY (request_id) REFERENCES request (id)", "foreign keys stay within the org: task"},
		{"ALTER TABLE hold ALTER COLUMN lane DROP EXPRESSION", "a lane is of one org: hold.lane"},
		{"ALTER TABLE suppression DROP CONSTRAINT suppression_org_id_fkey", "suppression has none"},
		{"ALTER TABLE block ADD FOREIGN KEY (org_id, id) REFERENCES booking NOT VALID", "was not validated"},
		{"ALTER TABLE booking DROP CONSTRAINT booking_org_id_service_id_fkey", "refers to it: booking.service_id"},
		{"ALTER FUNCTION task_recheck() OWNER TO holdfast_owner", "for the app alone: task_recheck()"},
		{"GRANT EXECUTE ON FUNCTION task_recheck() TO PUBLIC", "for the app alone: task_recheck()"},
		{"ALTER FUNCTION task_recheck() SECURITY INVOKER", "task_recheck() is no definer"},
		{"ALTER FUNCTION task_recheck() SET search_path = pg_catalog, public", "knows where it looks: task_recheck()"},
		{"ALTER FUNCTION task_recheck() RESET search_path", "knows where it looks: task_recheck()"},
		{`CREATE FUNCTION leak() RETURNS TABLE (id uuid, payload jsonb) LANGUAGE sql SECURITY DEFINER AS 'SELECT id, payload FROM task'`, "tells ids and times: leak() payload"},
		{`CREATE FUNCTION leak() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT name FROM org LIMIT 1'`, "leak() returns text"},
		{"GRANT SELECT ON task TO holdfast_dispatch", "sees ids and times: task.payload"},
		{"GRANT UPDATE (state) ON task TO holdfast_dispatch", "task.state to write"},
		{"GRANT DELETE ON task TO holdfast_dispatch", "task to insert or delete"},
		{"GRANT CREATE ON SCHEMA public TO holdfast_dispatch", "nobody is the dispatch role: creates"},
		{"GRANT holdfast_dispatch TO holdfast_app", "holdfast_app is a member"},
		{"ALTER ROLE holdfast_dispatch LOGIN", "nobody is the dispatch role: logs in"},
		{"GRANT holdfast_owner TO holdfast_app", "the app is nobody but itself: is a member of holdfast_owner"},
		{"ALTER ROLE holdfast_app BYPASSRLS", "the app is nobody but itself: has too much"},
		{"ALTER TABLE tick OWNER TO holdfast_app", "the app is nobody but itself: owns table tick"},
		{"GRANT TRUNCATE ON booking TO holdfast_app", "booking to truncate"},
		{"GRANT INSERT ON booking TO holdfast_audit", "the audit role writes nothing: booking"},
		{"ALTER ROLE holdfast_audit RESET default_transaction_read_only", "default_transaction_read_only"},
	} {
		tx, err := db.Admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), m.sql); err != nil {
			t.Fatalf("%s: %v", m.sql, err)
		}
		findings := catalogFindings(t, tx)
		if !slices.ContainsFunc(findings, func(f string) bool { return strings.Contains(f, m.finding) }) {
			t.Errorf("%s: not found, but %q", m.sql, findings)
		}
		for _, f := range findings {
			name, _, _ := strings.Cut(f, ": ")
			seen[name] = true
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range catalogRules {
		if !seen[r.name] {
			t.Errorf("nothing here breaks the rule that %s", r.name)
		}
	}
	storetest.Count(t, "catalog rules broken", len(seen))
}

// orgTable is a table with an org.
type orgTable struct{ Name, Org string }

func tablesOf(t *testing.T, db *storetest.DB) []orgTable {
	t.Helper()
	rows, err := db.Admin.Query(t.Context(), `SELECT t::text, org FROM (`+orgTables+`) x ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[orgTable])
	if err != nil {
		t.Fatal(err)
	}
	return tables
}
