package config

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write .env.example and the table in README.md")

const root = "../../.." // of the repository

func TestEnvExample(t *testing.T) {
	var want bytes.Buffer
	if err := WriteEnvExample(&want); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, ".env.example")
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error(".env.example is stale; run go test ./cmd/internal/config -update")
	}
	if _, err := Load(assignments(string(got))); err != nil {
		t.Errorf("a copy of .env.example does not load: %v", err)
	}
}

// assignments reads a file of NAME=value lines; lines in comments count, so that each default is tried
// as it is printed.
func assignments(file string) func(string) (string, bool) {
	env := make(map[string]string)
	for line := range strings.Lines(file) {
		if name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "# ")), "="); ok {
			env[name] = value
		}
	}
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestReadmeTable(t *testing.T) {
	const open, end = "<!-- env -->", "<!-- /env -->"
	path := filepath.Join(root, "README.md")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return // nothing to keep in step yet
	}
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(b), open)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("README.md has no %s … %s for the table of variables", open, end)
	}
	var table bytes.Buffer
	if err := WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	want := head + open + "\n" + table.String() + end + tail
	if string(b) == want {
		return
	}
	if !*update {
		t.Fatal("README.md is stale; run go test ./cmd/internal/config -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTags walks every field: a name, a description, a heading, and bounds that parse where the type
// has an order.
func TestTags(t *testing.T) {
	seen := make(map[string]bool)
	for _, v := range variables {
		name := v.name()
		if v.tag("env") == "" || v.tag("desc") == "" || seen[name] || headings[v.part] == "" {
			t.Errorf("%s: wants a name of its own, a description and a heading", v.field.Name)
		}
		seen[name] = true
		if lo, hi, ok := v.bounds(); v.field.Type.Kind().String()[:3] == "int" && v.tag("env") != "LOG_LEVEL" && (!ok || lo >= hi) {
			t.Errorf("%s: wants min < max", name)
		}
		for _, need := range v.needs() {
			switch Part(need) {
			case Ingress, Worker, Scheduler, Migrate, Audit, Org, Deadletter:
			default:
				t.Errorf("%s: need names no part: %s", name, need)
			}
		}
		if strings.Contains(string(v.field.Tag), "\n") {
			t.Errorf("%s: a tag spans lines", name)
		}
	}
}
