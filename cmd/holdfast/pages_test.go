package main

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/cmd/internal/contract"
)

// watched is r whose API is reached through a proxy that holds every exchange against the document.
func (r ready) watched(t *testing.T) ready {
	t.Helper()
	c, err := contract.Read([]byte(r.call(t, "GET", r.str("api_url")+"/openapi.json", nil).raw))
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(r.str("api_url"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	srv := httptest.NewServer(c.Watch(proxy, func(finding string) { t.Error(finding) }))
	t.Cleanup(srv.Close)
	seen := ready{}
	for name, v := range r {
		seen[name] = v
	}
	seen["api_url"] = srv.URL
	return seen
}

// exports are the variables that dev prints for another terminal.
func (r ready) exports() []string {
	env := []string{"HOLDFAST_URL=" + r.str("api_url"), "HOLDFAST_PHONE_URL=" + r.str("sim_url"), "HOLDFAST_KEY=" + r.str("api_key")}
	for _, name := range []string{"org", "resource", "service", "webhook_secret"} {
		env = append(env, "HOLDFAST_"+strings.ToUpper(name)+"="+r.str(name))
	}
	return env
}

// testExports: what the pages' commands need is printed.
func testExports(t *testing.T, p *process, r ready) {
	for _, v := range r.exports() {
		name, value, _ := strings.Cut(v, "=")
		if out := p.out.String(); !strings.Contains(out, name+"="+value) && !strings.Contains(out, name+"='"+value+"'") {
			t.Errorf("%s is not printed", name)
		}
	}
}

// block is a piece of a page between fences.
type block struct {
	lang, text string
	line       int
}

// blocksOf lists a page's blocks in some languages.
func blocksOf(t *testing.T, page string) (all []block) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```(sh|json|text)\n(.*?)^```$").FindAllSubmatchIndex(raw, -1) {
		all = append(all, block{string(raw[m[2]:m[3]]), string(raw[m[4]:m[5]]), 1 + bytes.Count(raw[:m[0]], []byte("\n"))})
	}
	return all
}

// tools are all that the commands of docs/api.md may use.
var tools = []string{"curl", "grep", "cut", "sed", "openssl", "cat", "date", "od", "sleep"}

// shell runs lines in a folder of its own, with no programs but those.
func shell(t *testing.T, programs, env []string, lines string) (stdout, stderr string, err error) {
	t.Helper()
	bin := t.TempDir()
	for _, tool := range programs {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatalf("this test pastes lines with %s: install it", tool)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-euc", lines)
	cmd.Dir, cmd.Env = t.TempDir(), append([]string{"PATH=" + bin}, env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	return out.String(), said.String(), err
}

// testAPIPage pastes all commands of docs/api.md into one shell and holds each output against the block behind it.
func testAPIPage(t *testing.T, r ready) {
	start := time.Now()
	const end = "\x1e" // nobody prints it
	blocks := blocksOf(t, "../../docs/api.md")
	var script strings.Builder
	var ran []int
	for i, b := range blocks {
		if b.lang == "sh" {
			ran = append(ran, i)
			fmt.Fprintf(&script, "%s\nprintf '%s'\n", b.text, end)
		}
	}
	out, said, err := shell(t, tools, r.exports(), script.String())
	outputs := strings.Split(out, end)
	if err != nil {
		at := blocks[ran[min(len(outputs), len(ran))-1]]
		t.Fatalf("docs/api.md, line %d: %v\n%s\n%s", at.line, err, outputs[len(outputs)-1], said)
	}
	if said != "" {
		t.Errorf("the commands complain: %s", said)
	}
	p := newPage()
	expected := 0
	for n, i := range ran {
		got := strings.TrimSpace(outputs[n])
		if i+1 == len(blocks) || blocks[i+1].lang == "sh" {
			if got != "" {
				t.Errorf("docs/api.md, line %d: the page does not show what this prints: %.300s", blocks[i].line, got)
			}
			continue
		}
		expected++
		if err := p.match(blocks[i+1], got); err != nil {
			t.Errorf("docs/api.md, line %d: %v\n%.1000s", blocks[i+1].line, err, got)
		}
	}
	if len(ran) < 20 || len(ran)+expected != len(blocks) {
		t.Errorf("%d commands, %d answers, %d blocks", len(ran), expected, len(blocks))
	}
	t.Logf("%d blocks in %v", len(ran), time.Since(start))
}

// testReadme pastes the commands of the README's quick start, between which a person reads a code from the phone.
func testReadme(t *testing.T, r ready) {
	const phone, placeholder = "+12025550142", "CODE=123456"
	programs := append([]string{"head", "tee"}, tools...)
	var parts []string
	for _, b := range blocksOf(t, "../../README.md") {
		if strings.Contains(b.text, "$HOLDFAST_URL/v1/") && !strings.Contains(b.text, "docker") {
			parts = append(parts, b.text)
		}
	}
	if len(parts) != 2 || !strings.Contains(parts[1], placeholder) {
		t.Fatalf("%d parts", len(parts))
	}
	before := len(r.texts(t, phone))
	booked, said, err := shell(t, programs, r.exports(), parts[0]+"\nprintf '\\n%s\\n' \"$BOOKING\"")
	booking := booked[strings.LastIndexByte(strings.TrimSpace(booked), '\n')+1:]
	if err != nil || !strings.Contains(said, `"state":"held"`) {
		t.Fatalf("%v\n%s\n%s", err, booked, said)
	}
	eventually(t, 10*time.Second, "the code text", func() bool { return len(r.texts(t, phone)) > before })
	line := "CODE=" + r.codeFor(t, phone)
	out, said, err := shell(t, programs, append(r.exports(), "BOOKING="+strings.TrimSpace(booking)), strings.Replace(parts[1], placeholder, line, 1))
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, said)
	}
	for _, want := range []string{`"state":"confirmed"`, `"kind":"confirmed"`, `"slots":[`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in what the lines print:\n%s", want, out)
		}
	}
}
