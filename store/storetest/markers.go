package storetest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Shows reports whether marker can be read in text by anybody: in clear, in hex or in base64, in any case.
func Shows(text, marker string) bool {
	return shows(strings.ToLower(text), marker)
}

func shows(lower, marker string) bool {
	return slices.ContainsFunc(disguises(marker), func(form string) bool { return strings.Contains(lower, form) })
}

// disguises are the forms in which a text would still be readable: clear, hex, and base64 at each of the three
// places where it can begin, and base64 within bytes.
func disguises(marker string) (forms []string) {
	marker = strings.ToLower(marker)
	forms = append(forms, marker, hex.EncodeToString([]byte(marker)))
	for _, m := range []string{marker, strings.ToUpper(marker), strings.ToUpper(marker[:1]) + marker[1:]} {
		forms = append(forms, hex.EncodeToString([]byte(m)))
		for shift := range 3 {
			b := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + m))
			b = b[(shift*8+5)/6 : len(b)-2] // what lies next to the marker mixes with its ends
			forms = append(forms, strings.ToLower(b), hex.EncodeToString([]byte(b)))
		}
	}
	return forms
}

// Rows is a pool or a connection of a role that sees every row.
type Rows interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// FindMarkers reads every row of every table, bytea as hex, and names the tables where a marker shows.
func FindMarkers(t testing.TB, db Rows, markers ...string) (found []string) {
	t.Helper()
	for _, table := range texts(t, db, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`) {
		all := strings.Join(texts(t, db, fmt.Sprintf("SELECT lower(to_jsonb(x)::text) FROM %s x", pgx.Identifier{table}.Sanitize())), "\n")
		for _, m := range markers {
			if shows(all, m) {
				found = append(found, table+" "+m)
			}
		}
	}
	return found
}

func texts(t testing.TB, db Rows, sql string) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}
