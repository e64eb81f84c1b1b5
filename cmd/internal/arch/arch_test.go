package arch

import (
	"strings"
	"testing"
)

// rule is one rule of the house.
type rule struct {
	name  string
	check func(files []*file) (findings []string)
	bad   []example // each breaks the rule once
	good  []example // each looks like a breach and is none
}

// example is a file: its path, and what stands in it.
type example struct{ path, src string }

var rules = []rule{
	importLine, foreign, innerForeign, onlySQLInStore,
	noErrorDetail, noExits, noInit, noSkips, noSleeps,
	packageDocs, exportedDocs, plainNames,
}

// TestRepository holds each rule against every file.
func TestRepository(t *testing.T) {
	files := repository(t)
	if len(files) < 50 {
		t.Fatalf("only %d files were found", len(files))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, finding := range r.check(files) {
				t.Error(finding)
			}
		})
	}
}

// TestRulesCanFail holds each rule against its examples.
func TestRulesCanFail(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if len(r.bad) == 0 {
				t.Error("no example breaks it")
			}
			for _, e := range r.bad {
				if found := r.check([]*file{e.file(t)}); len(found) != 1 || !strings.HasPrefix(found[0], e.path) {
					t.Errorf("want one finding, got %q in %s:\n%s", found, e.path, e.src)
				}
			}
			for _, e := range r.good {
				if found := r.check([]*file{e.file(t)}); len(found) != 0 {
					t.Errorf("want none, got %q in %s:\n%s", found, e.path, e.src)
				}
			}
		})
	}
}

func (e example) file(t *testing.T) *file {
	t.Helper()
	f, err := parse(e.path, []byte(e.src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
