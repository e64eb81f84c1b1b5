package ingress

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/handlers"
)

var update = flag.Bool("update", false, "write golden files")

// document reads the document as clients get it.
func document(t *testing.T, r *rig) (raw []byte, doc map[string]any) {
	t.Helper()
	a := r.do(t, "GET", "/openapi.json", "")
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%d %v", a.StatusCode, a.Header)
	}
	a.json(t, &doc)
	return a.body, doc
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	raw, doc := document(t, r)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "openapi.golden.json")
	if *update {
		if err := os.WriteFile(golden, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(want, pretty.Bytes()) {
		t.Errorf("the document has changed; see whether it should, then go test -update (%v)", err)
	}
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi %v", doc["openapi"])
	}
	// Every reference leads somewhere.
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for _, ref := range regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllSubmatch(raw, -1) {
		if schemas[string(ref[1])] == nil {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
	for name, s := range schemas {
		for field, p := range s.(map[string]any)["properties"].(map[string]any) {
			if name == "Problem" || strings.HasSuffix(name, "Request") {
				if p := p.(map[string]any); p["description"] == nil && p["$ref"] == nil {
					t.Errorf("%s.%s has no description", name, field)
				}
			}
		}
	}
}

// TestOperationsAreComplete: every operation says what it is, what it answers and how it fails, by examples that are
// what their schemas say.
func TestOperationsAreComplete(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ids := map[string]bool{}
	for path, item := range r.in.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			if op.Summary == "" || op.Description == "" || op.OperationID == "" || ids[op.OperationID] || len(op.Tags) != 1 {
				t.Errorf("%s %s says too little: %+v", op.Method, path, op)
			}
			if open := op.Tags[0] == "Pages"; open != (len(op.Security) == 0) {
				t.Errorf("%s %s: %d ways to prove who asks", op.Method, path, len(op.Security))
			}
			ids[op.OperationID] = true
		}
	}
	if len(ids) != 29 {
		t.Errorf("%d operations", len(ids))
	}
	for _, finding := range promised.Examples() {
		t.Error(finding)
	}
}

// TestProblemTable: docs/api.md lists every kind of problem, by status.
func TestProblemTable(t *testing.T) {
	t.Parallel()
	const page, begin, end = "../../../docs/api.md", "<!-- problems -->\n", "<!-- /problems -->"
	rows := make([]string, 0, len(handlers.ProblemKinds))
	for kind, k := range handlers.ProblemKinds {
		rows = append(rows, fmt.Sprintf("| %d | `%s` | %s | %s |\n", k.Status, kind, k.Title, k.About))
	}
	slices.Sort(rows)
	table := "| status | `type` ends in | what it is | what to know |\n|---|---|---|---|\n" + strings.Join(rows, "")
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	have, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("docs/api.md has no place for the table")
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != table {
		t.Error("the table of problems in docs/api.md is not what the code answers: go test -update")
	}
}

// TestPages: nothing is loaded from elsewhere, and the policy would not let it.
func TestPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.do(t, "GET", "/docs", "")
	policy := a.Header.Get("Content-Security-Policy")
	if a.StatusCode != 200 || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("%d %s", a.StatusCode, policy)
	}
	for tag, hashed := range map[string]string{"script": docsJS, "style": docsCSS} {
		if !strings.Contains(policy, sourceHash(hashed)) || !strings.Contains(string(a.body), "<"+tag+">"+hashed+"</"+tag+">") {
			t.Errorf("%s is not what the policy lets through", tag)
		}
	}
	if m := regexp.MustCompile(`https?://|innerHTML|\son[a-z]+=|style=`).Find(a.body); m != nil {
		t.Errorf("the page holds %q", m)
	}
	for kind, k := range handlers.ProblemKinds {
		var got struct {
			Title  string
			Status int
		}
		a := r.do(t, "GET", "/problems/"+kind, "")
		if a.json(t, &got); a.StatusCode != 200 || got.Title != k.Title || got.Status != k.Status {
			t.Errorf("%s: %d %s", kind, a.StatusCode, a.body)
		}
	}
	if a := r.do(t, "GET", "/healthz", ""); a.StatusCode != 200 {
		t.Errorf("healthz: %d", a.StatusCode)
	}
	c := *r.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Get(r.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 307 || resp.Header.Get("Location") != "/docs" {
		t.Errorf("/: %d %v", resp.StatusCode, resp.Header)
	}
}
