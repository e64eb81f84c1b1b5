package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testValidate runs `holdfast validate` as an operator would. What it checks is tested beside it.
func testValidate(t *testing.T, r ready) {
	file := filepath.Join(t.TempDir(), "ready.json")
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := validated(t, nil, "--ready-file", file, "--only", "booking,late-code,used-code")
	if code != 0 || !strings.HasSuffix(out, "\nRESULTS: 2 passed, 0 failed\n") ||
		!strings.Contains(out, "PASS booking ") || !strings.Contains(out, "---- late-code ") || !strings.Contains(out, ": holds last 5m0s\n") {
		t.Errorf("exit %d\n%s", code, out)
	}

	env := []string{"HOLDFAST_URL=" + r.str("api_url"), "HOLDFAST_ORG=" + r.str("org"), "HOLDFAST_RESOURCE=" + r.str("resource")}
	out, code = validated(t, append(env, "HOLDFAST_KEY="+r.str("api_key")), "--only", "no-wait,booking,tenancy")
	if code != 0 || !strings.HasSuffix(out, "\nRESULTS: 1 passed, 0 failed\n") || !strings.Contains(out, "without the Twilio double") ||
		!strings.Contains(out, "no second org") {
		t.Errorf("without a ready file: exit %d\n%s", code, out)
	}
	out, code = validated(t, append(env, "HOLDFAST_KEY=hf_nobody"), "--json", "--only", "no-wait,booking")
	list, last, _ := strings.Cut(out, "\n]\n")
	var results []struct {
		Name, Promise, Evidence string
		Passed                  *bool
		Seconds                 float64
	}
	if err := json.Unmarshal([]byte(list+"]"), &results); err != nil || len(results) != 2 || code != 1 || last != "RESULTS: 0 passed, 1 failed\n" {
		t.Fatalf("a wrong key: exit %d, %v\n%s", code, err, out)
	}
	if b, n := results[0], results[1]; b.Passed != nil || n.Passed == nil || *n.Passed || n.Promise == "" || n.Evidence != "GET availability: 401 unauthorized" {
		t.Errorf("%+v", results)
	}
	for _, wrong := range [][]string{{"--only", "everything", "--ready-file", file}, {}, {"--ready-file", file + ".not"}} {
		if out, code := validated(t, nil, wrong...); code != 1 || strings.Contains(out, "RESULTS") || !strings.HasPrefix(out, "holdfast: ") {
			t.Errorf("%v: exit %d\n%s", wrong, code, out)
		}
	}
}

// validated is what `holdfast validate` prints, and how it ends.
func validated(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	p := start(t, env, append([]string{"validate"}, args...)...)
	select {
	case <-p.done:
	case <-time.After(2 * time.Minute):
		t.Fatalf("still running: %s", p.out)
	}
	return p.out.String(), p.cmd.ProcessState.ExitCode()
}
