package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/cmd/internal/audit"
)

// print writes a result for people.
func (r Result) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s, %s: %.1f s", r.Scenario, r.Model, r.Seconds)
	if r.Interrupted {
		fmt.Fprint(w, ", interrupted")
	}
	if r.Rounds > 0 {
		fmt.Fprintf(w, ", %d rounds", r.Rounds)
	}
	fmt.Fprintf(w, "\n%d held, %.1f held/s", r.Held, r.HeldRate)
	for _, s := range r.Steps {
		if s.Step == stepNames[stepHold] {
			fmt.Fprintf(w, "; POST bookings p50 %s, p95 %s, p99 %s", short(s.p50), short(s.p95), short(s.p99))
		}
	}
	fmt.Fprint(w, "\n\n")
	r.table(w)
	for _, s := range r.Steps {
		if s.Step == stepNames[stepHold] {
			fmt.Fprintf(w, "\n%s\n", s.Step)
			histogram(w, s.took)
		}
	}
	fmt.Fprintln(w)
	for _, what := range slices.Sorted(maps.Keys(r.Unexpected)) {
		fmt.Fprintf(w, "unexpected: %s, %d times\n", what, r.Unexpected[what])
	}
	if r.Missed > 0 {
		fmt.Fprintf(w, "%d arrivals found nobody with time for them\n", r.Missed)
	}
	if !r.Interrupted {
		fmt.Fprintf(w, "settled %s after the last answer\n", short(r.Settled))
	}
	if r.Released > 0 {
		fmt.Fprintf(w, "%d bookings canceled, so that their slots are free again\n", r.Released)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	if r.Audit != nil {
		fmt.Fprintln(w)
		_ = audit.Print(w, *r.Audit) // what cannot be printed cannot be told of
	}
}

// table has a line for each step: how many, how fast, how long, and what was answered. 429 stands apart: it is what the
// system was asked to say.
func (r Result) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "STEP\tN\t/S\tP50\tP95\tP99\tMAX\tANSWERS\t429\tERRORS\t\n")
	for _, s := range r.Steps {
		var answers []string
		for k, name := range kindNames {
			if n := s.Answers[name]; n > 0 && kind(k) != kindTooMany {
				answers = append(answers, fmt.Sprintf("%s: %d", name, n))
			}
		}
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t\n", s.Step, s.Requests, s.Rate,
			short(s.p50), short(s.p95), short(s.p99), short(s.max), strings.Join(answers, ", "), s.Answers[kindNames[kindTooMany]], s.Errors)
	}
	_ = t.Flush()
}

// histogram draws how long answers took: a line for each doubling of time, from the shortest to the longest.
func histogram(w io.Writer, h *hdrhistogram.Histogram) {
	type bar struct {
		to time.Duration
		n  int64
	}
	var bars []bar
	to := time.Millisecond
	for _, b := range h.Distribution() {
		if b.Count == 0 {
			continue
		}
		for time.Duration(b.From)*time.Microsecond >= to {
			to *= 2
			if len(bars) > 0 {
				bars = append(bars, bar{to: to})
			}
		}
		if len(bars) == 0 {
			bars = append(bars, bar{to: to})
		}
		bars[len(bars)-1].n += b.Count
	}
	var most int64 = 1
	for _, b := range bars {
		most = max(most, b.n)
	}
	const width = 50
	var below int64
	for _, b := range bars {
		below += b.n
		fmt.Fprintf(w, "  < %8s %9d %6.2f %%  %s\n", b.to, b.n, 100*float64(below)/float64(h.TotalCount()),
			strings.Repeat("#", int((b.n*width+most-1)/most)))
	}
}
