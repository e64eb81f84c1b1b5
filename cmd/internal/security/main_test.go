package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository's.
const root = "../../.."

// TestPage: each test that docs/security.md names is there, and is one of the proofs that are run here.
func TestPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	places := testsOf(t)
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, n := range named {
		name := n[1]
		if len(places[name]) == 0 {
			t.Errorf("%s is nowhere", name)
		}
		for _, pkg := range places[name] {
			if !proves(pkg, name) {
				t.Errorf("%s of %s is not run", name, pkg)
			}
		}
	}
	if proves("./store", "TestNothingOfTheKind") || proves("./handlers/sms", "TestCatalog") {
		t.Error("control: what is no proof is one")
	}
}

// proves reports whether a test is run as a proof.
func proves(pkg, name string) bool {
	for _, p := range proofs {
		if p.pkg == pkg && regexp.MustCompile(p.run).MatchString(name) {
			return true
		}
	}
	return false
}

// testsOf lists the packages of each test in the repository.
func testsOf(t *testing.T) map[string][]string {
	t.Helper()
	places := make(map[string][]string)
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			if err == nil {
				err = fs.SkipDir
			}
			return err
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path) // #nosec G304 -- of the repository
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		for _, name := range declared.FindAllStringSubmatch(string(text), -1) {
			places[name[1]] = append(places[name[1]], "./"+filepath.ToSlash(pkg))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// TestNoFuzzTests: where there is no fuzz test, as in this package, none was fuzzed.
func TestNoFuzzTests(t *testing.T) {
	t.Parallel()
	if targets, err := fuzzTargets(t.Context()); err == nil {
		t.Errorf("%v", targets)
	}
}
