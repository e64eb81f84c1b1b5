// Package audit is `holdfast audit`: it holds the promises of DESIGN.md, section 1, against a live database and prints
// what it found as one table. The checks themselves are store.Audit.
package audit

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"holdfast/store"
	"holdfast/store/pii"
)

// DefaultGrace is how long after its end a hold may wait to be tidied: some sweeps of the default interval.
const DefaultGrace = time.Minute

// Run audits the database that url names as the audit role.
func Run(ctx context.Context, url pii.Token, o store.AuditOptions) (store.AuditReport, error) {
	pool, err := store.Open(ctx, url.Reveal(), 1)
	if err != nil {
		return store.AuditReport{}, err
	}
	defer pool.Close()
	return store.Audit(ctx, pool, o)
}

// Print writes a report as a table: a line for each check, and below it the ids of what breaks it.
func Print(w io.Writer, r store.AuditReport) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROMISE\tWHAT IT MEANS\tROWS CHECKED\tBROKEN")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", row.Promise, row.Means, row.Checked, verdict(row))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if row.Broken > 0 {
			fmt.Fprintf(w, "%s broken, %s: %s%s\n", row.Promise, row.Means, strings.Join(row.First, ", "), more(row))
		}
	}
	for _, b := range r.Blind {
		fmt.Fprintln(w, "blind:", b)
	}
	_, err := fmt.Fprintf(w, "%d orgs, looked at as of %s\n", r.Orgs, r.At.Format(time.RFC3339))
	return err
}

func verdict(row store.AuditRow) string {
	if row.Broken == 0 {
		return "0"
	}
	return fmt.Sprintf("%d  <-- BROKEN", row.Broken)
}

func more(row store.AuditRow) string {
	if n := row.Broken - int64(len(row.First)); n > 0 {
		return fmt.Sprintf(" and %d more", n)
	}
	return ""
}
