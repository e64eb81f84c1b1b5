package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"holdfast/cmd/internal/audit"
	"holdfast/store"
	"holdfast/store/pii"
)

// report is what came of a run.
type report struct {
	Visits, Bookings  int // customers, and what they were granted
	Accepted, Lost    int // requests
	GivenUp           int // of those answered that it could not be done: their task killed its process too often
	Asked, Sent       int // texts
	Duplicates        int
	Double            int // seats
	Told, Hooks       int // events that the org's endpoint heard of, and calls with them
	Followups         int // texts after a hold, one each
	Reminders         int
	CodesTried        int // live codes that were tried at the end
	Naked, Stuck      int64
	Killed            int
	Struck            map[string]int
	Points, Unreached []string
	Slowest, Settled  time.Duration
	Breaches          []string
	InFlight          map[string]int64 // tasks by type, when their worker was killed
	First, Last       time.Duration    // from then on, until the first and the last was done
	Away              []absence
	table             store.AuditReport
}

// audit holds the database against the promises marked A.
func (j *judge) audit(ctx context.Context) error {
	const slack = 5 * time.Second // some sweeps
	report, err := audit.Run(ctx, pii.NewToken(j.s.auditURL), store.AuditOptions{Grace: slack, Settle: slack + httpTimeout + grace})
	if err != nil {
		return err
	}
	j.report.table = report
	for _, row := range report.Rows {
		switch {
		case row.Promise == "P1":
			j.report.Double += int(row.Broken)
		case row.Promise == "P4":
			j.report.Naked += row.Broken
		case row.Promise == "P5":
			j.report.Stuck += row.Broken
		case row.Means == "a text that was claimed is settled in time":
			j.report.Asked = int(row.Checked)
		}
		if row.Broken > 0 {
			j.breach("audit: %s, %s: %d, such as %v", row.Promise, row.Means, row.Broken, row.First)
		}
	}
	for _, b := range report.Blind {
		j.breach("audit: blind: %s", b)
	}
	return nil
}

// print tells what was done and what came of it.
func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(what string, value any) { fmt.Fprintf(t, "%s\t%v\n", what, value) }
	row("customers driven", r.Visits)
	row("bookings granted", r.Bookings)
	row("requests accepted", r.Accepted)
	row("accepted requests lost", r.Lost)
	row("given up, their task having killed 4 processes", r.GivenUp)
	row("double bookings", r.Double)
	row("texts asked for", r.Asked)
	row("texts that the provider accepted", r.Sent)
	row("of them duplicates", r.Duplicates)
	if r.Followups+r.Reminders > 0 {
		row("follow-ups and reminders, one text each", fmt.Sprintf("%d, %d", r.Followups, r.Reminders))
	}
	row("live codes without a text", r.Naked)
	row("live codes tried at the end", r.CodesTried)
	row("stuck bookings", r.Stuck)
	row("events told to the org's endpoint", fmt.Sprintf("%d, with %d calls", r.Told, r.Hooks))
	row("processes killed", r.Killed)
	row("slowest recovery", fmt.Sprintf("%.1f s (the longest that an accepted request waited for its outcome)", r.Slowest.Seconds()))
	row("settled after the last fault", fmt.Sprintf("%.1f s", r.Settled.Seconds()))
	if r.InFlight != nil {
		row("tasks in flight", r.inFlight())
		row("recovered after kill -9", fmt.Sprintf("the first after %.1f s, the last after %.1f s", r.First.Seconds(), r.Last.Seconds()))
	}
	for _, a := range r.Away {
		row("Redis "+a.redis, a)
	}
	_ = t.Flush() // w tells of its own errors
	for _, name := range slices.Sorted(maps.Keys(r.Struck)) {
		fmt.Fprintf(w, "  %3d x %s\n", r.Struck[name], name)
	}
	if len(r.Points) > 0 {
		fmt.Fprintf(w, "failpoints at which a process died: %d\n  %s\n", len(r.Points), strings.Join(r.Points, "\n  "))
	}
	for _, p := range r.Unreached {
		fmt.Fprintln(w, "NOT REACHED:", p)
	}
	for _, b := range r.Breaches {
		fmt.Fprintln(w, "BROKEN:", b)
	}
}

// failed reports whether anything was broken, or not shown.
func (r *report) failed() bool { return len(r.Breaches)+len(r.Unreached) > 0 }
