package main

import (
	"fmt"
	"text/tabwriter"
	"time"
)

// row is a line of the table: what was measured, what it should be and what it was.
type row struct {
	what, goal, figure string
	ratio              float64 // of figure and goal, so that 1 and more is good; 0 where there is no goal
}

// below notes a time that should be shorter than its goal.
func (b *bench) below(what string, goal, got time.Duration) {
	b.add(row{what, "< " + short(goal), short(got), goal.Seconds() / max(got.Seconds(), 1e-9)})
}

// above notes a figure that should reach its goal.
func (b *bench) above(what, format string, goal, got float64) {
	b.add(row{what, ">= " + fmt.Sprintf(format, goal), fmt.Sprintf(format, got), got / goal})
}

// just notes a figure without a goal.
func (b *bench) just(what, figure string) { b.add(row{what: what, figure: figure}) }

func (b *bench) add(r row) {
	b.rows = append(b.rows, r)
	fmt.Fprintf(b.out, "%s: %s\n", r.what, r.figure)
}

// print writes all rows as a table.
func (b *bench) print() {
	fmt.Fprintln(b.out)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tGOAL\tFIGURE\tRATIO\t")
	for _, r := range b.rows {
		ratio, mark := "", ""
		if r.ratio > 0 {
			ratio, mark = fmt.Sprintf("%.2f", r.ratio), "reached"
			if r.ratio < 1 {
				mark = "missed"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.what, r.goal, r.figure, ratio, mark)
	}
	_ = w.Flush()
}

// short rounds a time to what can be told apart by eye.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
