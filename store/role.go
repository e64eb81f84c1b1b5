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

// CheckPolicies refuses a database in which a table with an org is not isolated: row-level security enabled and forced, and
// a policy for the app that compares the org in both directions. A restore that left policies out, or a hand that switched
// one off, would go unnoticed until somebody saw another's rows.
func CheckPolicies(ctx context.Context, db DB) error {
	rows, err := db.Query(ctx, `SELECT c.relname FROM pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
		  AND (c.relname = 'org' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped))
		  AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'org_only'
		      AND p.polpermissive AND p.polcmd = '*' AND pg_get_expr(p.polqual, p.polrelid) LIKE '%app.org_id%'
		      AND pg_get_expr(p.polwithcheck, p.polrelid) = pg_get_expr(p.polqual, p.polrelid)))
		ORDER BY 1`)
	bare, err := many(rows, err, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("postgres: policies: %w", err)
	}
	if len(bare) > 0 {
		return errors.New("postgres: without row-level security, so that orgs would see each other's rows: " + strings.Join(bare, ", ") +
			"; the migrations make it, a restore may have left it out")
	}
	return nil
}
