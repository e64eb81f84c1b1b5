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

// TestTime counts what it measures.
func TestTime(t *testing.T) {
	calls := 0
	var keep []byte
	s := Time([]string{strings.Repeat("x", 1000), strings.Repeat("y", 1000)}, func(line string) {
		calls++
		keep = []byte(line)
	})
	if calls != 2*(rounds+1) || s.MBPerSecond <= 0 || s.Allocated < 0.9 || len(keep) != 1000 {
		t.Errorf("%d calls, %+v", calls, s)
	}
}

// TestOwnCases: the cases of the project are read.
func TestOwnCases(t *testing.T) {
	cases, err := Load(os.DirFS("../testdata/cases"))
	if err != nil || len(cases) < 1400 {
		t.Errorf("%v: %d cases", err, len(cases))
	}
}
