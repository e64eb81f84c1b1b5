package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testLoad loads a running dev by its ready file, and by the variables that dev prints, and audits it.
func testLoad(t *testing.T, r ready) {
	dir := t.TempDir()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	file, out := filepath.Join(dir, "ready.json"), filepath.Join(dir, "load.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(env map[string]string, args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), args, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, strings.NewReader(""), &out, &out)
		return out.String(), err
	}
	printed, err := do(nil, "load", "--ready-file", file, "--users", "2", "--duration", "1s", "--json", out)
	if err != nil || !strings.Contains(printed, "held/s") || !strings.Contains(printed, "P7") {
		t.Errorf("%v\n%s", err, printed)
	}
	var res struct {
		Held  int
		Audit struct{ Orgs int }
	}
	if raw, err = os.ReadFile(out); err != nil || json.Unmarshal(raw, &res) != nil || res.Held == 0 || res.Audit.Orgs != 2 {
		t.Errorf("%v %s", err, raw)
	}
	env := map[string]string{"HOLDFAST_URL": r.str("api_url"), "HOLDFAST_PHONE_URL": r.str("sim_url"), "HOLDFAST_ORG": r.str("org"),
		"HOLDFAST_KEY": r.str("api_key"), "HOLDFAST_RESOURCE": r.str("resource")}
	printed, err = do(env, "load", "--rate", "5", "--duration", "1s", "--scenario", "mixed", "--max-p50", "1ns")
	if err == nil || !strings.Contains(err.Error(), "above --max-p50") || !strings.Contains(printed, "no audit") {
		t.Errorf("%v\n%s", err, printed)
	}
	if _, err = do(nil, "load"); err == nil || !strings.Contains(err.Error(), "which system?") {
		t.Errorf("without a target: %v", err)
	}
	if printed, err = do(map[string]string{"HOLDFAST_AUDIT_DATABASE_URL": r.str("audit_database_url")}, "audit"); err != nil {
		t.Errorf("%v\n%s", err, printed)
	}
}
