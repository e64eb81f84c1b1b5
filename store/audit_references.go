package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// referencesQuery makes the check of every column that names a row of a table with an org: x_id names a row of
// x, which must be of the same org. Columns are found in the catalog, so that a new table is looked at too.
func referencesQuery(ctx context.Context, tx DB) (string, error) {
	rows, err := tx.Query(ctx, `
		SELECT t.relname::text, a.attname::text, x.relname::text
		  FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
		  JOIN pg_class x ON x.relnamespace = t.relnamespace AND x.relkind IN ('r', 'p') AND a.attname = x.relname || '_id'
		 WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND t.relname <> 'org' AND x.relname <> 'org'
		   AND a.atttypid = 'uuid'::regtype AND a.attgenerated = ''
		   AND 2 = (SELECT count(*) FROM pg_attribute o WHERE o.attrelid IN (t.oid, x.oid) AND o.attname = 'org_id' AND NOT o.attisdropped)
		 ORDER BY 1, 2`)
	type reference struct{ Table, Column, To string }
	found, err := many(rows, err, pgx.RowToStructByPos[reference])
	if err != nil {
		return "", fmt.Errorf("references: %w", err)
	}
	parts := make([]string, len(found))
	for i, f := range found {
		table, column, to := pgx.Identifier{f.Table}.Sanitize(), pgx.Identifier{f.Column}.Sanitize(), pgx.Identifier{f.To}.Sanitize()
		parts[i] = fmt.Sprintf(`SELECT '%s.%s ' || t.%s, x.id IS NULL FROM %s t LEFT JOIN %s x ON x.org_id = t.org_id AND x.id = t.%s WHERE t.%s IS NOT NULL`,
			f.Table, f.Column, column, table, to, column, column)
	}
	return strings.Join(parts, "\nUNION ALL\n"), nil
}
