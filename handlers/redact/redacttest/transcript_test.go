package redacttest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"holdfast/handlers/redact"
)

// TestTranscriptHasAllTypes: what is timed has all that booking looks for, and is the same each time; clean text has nothing.
func TestTranscriptHasAllTypes(t *testing.T) {
	engine, err := redact.Policy{Terms: Terms()}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	lines := Transcript(200_000)
	if again := Transcript(200_000); !slices.Equal(lines, again) {
		t.Error("it is not the same each time")
	}
	found := make(map[redact.Type]int)
	for _, line := range lines {
		for _, s := range engine.Find(nil, line) {
			found[s.Type]++
		}
	}
	for _, typ := range redact.Types() {
		if want := typ <= redact.Name; (found[typ] > 20) != want {
			t.Errorf("%v: found %d", typ, found[typ])
		}
	}
	for _, line := range Clean(5000) {
		for _, s := range engine.Find(nil, line) {
			t.Errorf("in clean text: %v %q", s.Type, line[s.Start:s.End])
		}
	}
	if terms := Terms(); len(slices.Compact(slices.Sorted(slices.Values(terms)))) != redact.MaxTerms {
		t.Error("terms are there twice")
	}
}

// TestTime: who takes turns is called as often, and is charged for what it alone allocates.
func TestTime(t *testing.T) {
	var calls, others int
	var keep []byte
	speeds := Time([]string{strings.Repeat("x", 1000), strings.Repeat("y", 1000)}, func(line string) {
		calls++
		keep = []byte(line)
	}, func(string) { others++ })
	a, b := speeds[0], speeds[1]
	if calls != 2*(rounds+1) || others != calls || a.MBPerSecond <= 0 || b.MBPerSecond <= 0 || len(keep) != 1000 ||
		a.Allocated < 0.9 || b.Allocated > 0.5 {
		t.Errorf("%d and %d calls, %+v", calls, others, speeds)
	}
}

// TestOwnCases: the cases of the project are read.
func TestOwnCases(t *testing.T) {
	cases, err := Load(os.DirFS("../testdata/cases"))
	if err != nil || len(cases) < 2000 {
		t.Errorf("%v: %d cases", err, len(cases))
	}
}
