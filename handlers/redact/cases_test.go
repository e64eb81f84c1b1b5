package redact_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"holdfast/handlers/redact"
	"holdfast/handlers/redact/redacttest"
)

// leastCases is the floor of our own cases: they are only ever added to.
const leastCases = 2000

// TestCases holds the engine to our labelled cases, type and bytes, and tells precision and recall by type.
func TestCases(t *testing.T) {
	cases, err := redacttest.Load(os.DirFS("testdata/cases"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < leastCases {
		t.Errorf("%d cases, want %d", len(cases), leastCases)
	}
	engines := make(map[string]*redact.Engine)
	tally := make(map[redact.Type]*score)
	for _, typ := range redact.Types() {
		tally[typ] = &score{}
	}
	failed, negative := 0, 0
	for _, c := range cases {
		if len(c.Want) == 0 {
			negative++
		}
		got := engineFor(t, engines, c.Policy).Find(nil, c.Text, c.Names...)
		if diff := compare(tally, c, got); diff != "" {
			failed++
			t.Errorf("%s: %s: %q:%s", c.At(), c.Reason, c.Text, diff)
		}
	}
	t.Logf("%d of %d cases as labelled, %d of them with nothing to find\n%s", len(cases)-failed, len(cases), negative, table(tally))
}

// score counts the spans of a type: found exactly, missed, and found where none, or another, should be.
type score struct{ found, missed, extra int }

// engineFor compiles each policy once.
func engineFor(t *testing.T, engines map[string]*redact.Engine, p redact.Policy) *redact.Engine {
	t.Helper()
	key := fmt.Sprintf("%+v", p)
	if engines[key] == nil {
		e, err := p.Compile()
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		engines[key] = e
	}
	return engines[key]
}

// compare tells what is missed and what is extra in a case.
func compare(tally map[redact.Type]*score, c redacttest.Case, got []redact.Span) string {
	var diff strings.Builder
	same := func(a redact.Span) func(redact.Span) bool {
		return func(b redact.Span) bool { return a.Start == b.Start && a.End == b.End && a.Type == b.Type }
	}
	for _, w := range c.Want {
		if slices.ContainsFunc(got, same(w)) {
			tally[w.Type].found++
		} else {
			tally[w.Type].missed++
			fmt.Fprintf(&diff, "\n\tmissed %v %q", w.Type, c.Text[w.Start:w.End])
		}
	}
	for _, g := range got {
		if !slices.ContainsFunc(c.Want, same(g)) {
			tally[g.Type].extra++
			fmt.Fprintf(&diff, "\n\tfound %v %q by %s", g.Type, c.Text[g.Start:g.End], g.Rule.Name)
		}
	}
	return diff.String()
}

func table(tally map[redact.Type]*score) string {
	var out strings.Builder
	for _, typ := range redact.Types() {
		s := tally[typ]
		share := func(n int) float64 { return float64(s.found) / float64(max(1, n)) }
		fmt.Fprintf(&out, "%-14v labelled %4d  precision %.3f  recall %.3f\n", typ, s.found+s.missed, share(s.found+s.extra), share(s.found+s.missed))
	}
	return out.String()
}
