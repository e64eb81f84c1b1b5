package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// CheckRole refuses a connection that could see past row-level security, or that would not keep what it
// committed. It looks at session_user, so that SET ROLE hides nothing, and at all roles that it is a member of.
func CheckRole(ctx context.Context, db DB) error {
	var (
		super, bypass, sees bool
		owned               int
		sync, idle          string
	)
	err := db.QueryRow(ctx, `SELECT rolsuper, rolbypassrls,
		(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		  WHERE pg_has_role(r.oid, c.relowner, 'MEMBER') AND c.relkind IN ('r', 'p') AND n.nspname = 'public'),
		EXISTS (SELECT FROM pg_policy p WHERE pg_get_expr(p.polqual, p.polrelid) = 'true'
		  AND EXISTS (SELECT FROM unnest(p.polroles) g WHERE g = 0 OR pg_has_role(r.oid, g, 'MEMBER'))),
		current_setting('synchronous_commit'), current_setting('idle_in_transaction_session_timeout')
		FROM pg_roles r WHERE rolname = session_user`).Scan(&super, &bypass, &owned, &sees, &sync, &idle)
	if err != nil {
		return fmt.Errorf("postgres: role: %w", err)
	}
	var wrong []string
	if super {
		wrong = append(wrong, "is a superuser")
	}
	if bypass {
		wrong = append(wrong, "has BYPASSRLS")
	}
	if owned > 0 {
		wrong = append(wrong, "owns tables")
	}
	if sees {
		wrong = append(wrong, "sees rows of every org")
	}
	if sync == "off" {
		wrong = append(wrong, "has synchronous_commit off, so that what it commits can be lost")
	}
	if idle == "0" {
		wrong = append(wrong, "has no idle_in_transaction_session_timeout, so that a lost host keeps its locks")
	}
	if len(wrong) > 0 {
		return errors.New("postgres: the role of HOLDFAST_DATABASE_URL " + strings.Join(wrong, ", and ") + "; use holdfast_app")
	}
	return nil
}

// onlyOrg is the text that PostgreSQL gives back of the app's policy on a table, for format() with the org's column: the text
// of isolate in migrations/00001_org.sql with its casts written out. The name that it gives to the column is left out, since
// that is a version's own matter; versions 15 to 18 give the same rest.
const onlyOrg = `(%I = ( SELECT (NULLIF(current_setting(''app.org_id''::text, true), ''''::text))::uuid))`

// openTables is a query over each table with an org: its name, and whether a role could see or change rows of other orgs in it.
// That is so unless row-level security is enabled and forced, the policy of the app is this one to the letter and alone
// reaches the role, and the role may not TRUNCATE, which goes past policies. role is SQL for a role's name.
func openTables(role string) string {
	return strings.ReplaceAll(`SELECT t.name, NOT t.forced
		         OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.id AND p.polname = 'org_only' AND p.polpermissive AND p.polcmd = '*'
		              AND p.polroles = ARRAY['holdfast_app'::regrole::oid]
		              AND regexp_replace(pg_get_expr(p.polqual, p.polrelid), ' AS "?[a-z_]+"?', '') = format('`+onlyOrg+`', t.org)
		              AND pg_get_expr(p.polwithcheck, p.polrelid) = pg_get_expr(p.polqual, p.polrelid))
		         OR EXISTS (SELECT FROM pg_policy p, unnest(p.polroles) g(id) WHERE p.polrelid = t.id AND p.polname <> 'org_only' AND p.polpermissive
		              AND (g.id = 0 OR pg_has_role(@role, g.id, 'MEMBER') OR pg_has_role('holdfast_app', g.id, 'MEMBER')))
		         OR has_table_privilege(@role, t.id, 'TRUNCATE') OR has_table_privilege('holdfast_app', t.id, 'TRUNCATE')
		  FROM (SELECT c.oid, c.relname::text, c.relrowsecurity AND c.relforcerowsecurity, CASE c.relname WHEN 'org' THEN 'id' ELSE 'org_id' END
		          FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
		           AND (c.relname = 'org' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped))
		       ) AS t(id, name, forced, org)`, "@role", role)
}

// CheckPolicies refuses a database in which a table with an org is not isolated from the role of the session: see openTables. A
// restore that left policies out, or a hand that switched one off or added another, would go unnoticed until somebody saw
// another's rows. `holdfast audit` holds the same against a database that runs.
func CheckPolicies(ctx context.Context, db DB) error {
	rows, err := db.Query(ctx, `SELECT name FROM (`+openTables("session_user")+`) AS x(name, open) WHERE open ORDER BY 1`)
	open, err := many(rows, err, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("postgres: policies: %w", err)
	}
	if len(open) > 0 {
		return errors.New("postgres: not bound by row-level security alone, so that orgs would see or change each other's rows: " + strings.Join(open, ", ") +
			"; the migrations make it so, a restore may have left a policy out, or somebody has added one or granted TRUNCATE")
	}
	return nil
}
