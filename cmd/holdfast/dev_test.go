package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestDev is the first hour of somebody new: bring it up, book, confirm both ways, break it, start it again.
func TestDev(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p, r := startDev(t, data)
	t.Run("ready file", func(t *testing.T) { testReadyFile(t, r) })
	t.Run("printed lines", func(t *testing.T) { testPrinted(t, p) })
	t.Run("exports", func(t *testing.T) { testExports(t, p, r) })
	w := r.watched(t)
	t.Run("README", func(t *testing.T) { testReadme(t, w) })
	t.Run("docs/api.md", func(t *testing.T) { testAPIPage(t, w) })
	t.Run("confirm by API", func(t *testing.T) { testConfirm(t, w) })
	t.Run("confirm by reply", func(t *testing.T) { testReply(t, w) })
	t.Run("one slot", func(t *testing.T) { testContention(t, w) })
	t.Run("no wait", func(t *testing.T) { testAccepted(t, w) })
	t.Run("load", func(t *testing.T) { testLoad(t, r) })
	t.Run("voice agents", func(t *testing.T) { testVoice(t, w) })
	t.Run("operators", func(t *testing.T) { testOperators(t, r) })
	t.Run("transcripts", func(t *testing.T) { testTranscripts(t, p, w) })
	t.Run("validate", func(t *testing.T) { testValidate(t, r) })

	t.Run("nothing in clear", func(t *testing.T) { testMarkers(t, p, w) })
	if !runsIn(t, data) {
		t.Error("the servers are not seen while they run")
	}
	p.stop(t, syscall.SIGINT)
	eventually(t, 10*time.Second, "servers gone", func() bool { return !runsIn(t, data) })
	p, again := startDev(t, data)
	for _, name := range []string{"api_url", "ops_url", "sim_url", "org", "api_key", "other_api_key", "resource", "database_url", "redis_url", "webhook_secret"} {
		if r[name] != again[name] {
			t.Errorf("%s changed over a restart: %v, %v", name, r[name], again[name])
		}
	}
	t.Run("printed lines again", func(t *testing.T) { testPrinted(t, p) })
	p.stop(t, syscall.SIGKILL)
	eventually(t, 20*time.Second, "servers gone after kill -9", func() bool { return !runsIn(t, data) })
}

// TestOldSchema: data of an older version is told apart, and how to begin anew.
func TestOldSchema(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	p, r := startDev(t, data)
	db, err := pgx.Connect(t.Context(), r.str("database_url"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), "COMMENT ON TABLE goose_db_version IS 'older'"); err != nil {
		t.Fatal(err)
	}
	_ = db.Close(t.Context())
	p.stop(t, syscall.SIGINT)
	old := start(t, nil, "dev", "--data", data)
	select {
	case <-old.done:
	case <-time.After(time.Minute):
		t.Fatal("it started with data of another schema")
	}
	if !strings.Contains(old.out.String(), "make run FRESH=1") {
		t.Errorf("it does not tell what to do: %s", old.out)
	}
	p, again := startDev(t, data, "--fresh")
	if again.str("org") == r.str("org") {
		t.Error("fresh kept the old org")
	}
	p.stop(t, syscall.SIGINT)
}

// runsIn reports whether a process on this machine has the folder on its command line or as its folder.
func runsIn(t *testing.T, dir string) bool {
	t.Helper()
	out := commandLines(t)
	place, _ := os.ReadFile(filepath.Join(dir, "place")) // where data is when the servers' user cannot enter dir
	for line := range strings.Lines(out) {
		if !strings.Contains(line, "holdfast.test") && (strings.Contains(line, dir) || len(place) > 0 && strings.Contains(line, strings.TrimSpace(string(place)))) {
			return true
		}
	}
	return false
}

// commandLines lists what runs on this machine: from /proc where there is one, else by ps.
func commandLines(t *testing.T) string {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var all strings.Builder
	for _, f := range files {
		raw, _ := os.ReadFile(f) // it may have ended
		all.WriteString(strings.ReplaceAll(string(raw), "\x00", " ") + "\n")
	}
	if len(files) == 0 {
		out, err := exec.Command("ps", "-eo", "args").Output()
		if err != nil {
			t.Fatal(err)
		}
		all.Write(out)
	}
	return all.String()
}

func testReadyFile(t *testing.T, r ready) {
	for _, name := range []string{"api_url", "ops_url", "sim_url", "org", "api_key", "other_org", "other_api_key", "resource", "service",
		"webhook_secret", "vapi_secret", "retell_key", "twilio_account_sid", "twilio_auth_token", "ops_token", "database_url",
		"app_database_url", "audit_database_url", "redis_url", "data_dir"} {
		if r.str(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if pid, _ := r["pid"].(float64); pid < 2 {
		t.Errorf("pid: %v", r["pid"])
	}
}

// testPrinted pastes what dev printed into a shell.
func testPrinted(t *testing.T, p *process) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("this test pastes lines with curl: install curl")
	}
	_, lines, ok := strings.Cut(p.out.String(), "Paste into another terminal:\n")
	if !ok {
		t.Fatal("nothing to paste")
	}
	lines = regexp.MustCompile(`(?m)^[^ \n].*$`).ReplaceAllString(lines, "") // log lines in between
	out, err := exec.Command("sh", "-c", lines).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"state":"held"`, `"state":"confirmed"`, `"kind":"confirmed"`, `"slots":[`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in what the lines print:\n%s", want, out)
		}
	}
}

func testConfirm(t *testing.T, r ready) {
	const phone = "+12025550101"
	a := r.call(t, "POST", r.route("/bookings"), r.booking(0, phone), "Prefer", "wait=10")
	if a.status != 201 || a.body["state"] != "held" || a.header.Get("Location") == "" {
		t.Fatalf("book: %d %s", a.status, a.raw)
	}
	code := r.codeFor(t, phone)
	verify := r.route("/bookings/" + a.body["id"].(string) + "/verify")
	if a := r.call(t, "POST", verify, map[string]string{"code": other(code)}, "Prefer", "wait=10"); a.status != 422 || a.body["attempts_left"] != 4.0 {
		t.Fatalf("wrong code: %d %s", a.status, a.raw)
	}
	if a := r.call(t, "POST", verify, map[string]string{"code": code}, "Prefer", "wait=10"); a.status != 200 || a.body["state"] != "confirmed" {
		t.Fatalf("right code: %d %s", a.status, a.raw)
	}
	eventually(t, 10*time.Second, "the confirmation text", func() bool { return len(r.texts(t, phone)) == 2 })
}

// other is a code that differs from code.
func other(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func testReply(t *testing.T, r ready) {
	const phone = "+12025550102"
	a := r.call(t, "POST", r.route("/bookings"), r.booking(1, phone), "Prefer", "wait=10")
	if a.status != 201 {
		t.Fatalf("book: %d %s", a.status, a.raw)
	}
	reply := map[string]string{"from": phone, "body": "my code is " + r.codeFor(t, phone)}
	if s := r.call(t, "POST", r.str("sim_url")+"/_sim/inbound", reply); s.status >= 300 {
		t.Fatalf("reply: %d %s", s.status, s.raw)
	}
	eventually(t, 10*time.Second, "confirmed", func() bool {
		return r.call(t, "GET", r.route("/bookings/"+a.body["id"].(string)), nil).body["state"] == "confirmed"
	})
}

// testContention is 200 people who want one slot.
func testContention(t *testing.T, r ready) {
	const n = 200
	answers := make([]answer, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			a, err := r.try("POST", r.route("/bookings"), r.booking(2, fmt.Sprintf("+1202556%04d", i)), "Prefer", "wait=20")
			if err != nil {
				t.Error(err)
			}
			answers[i] = a
		})
	}
	wg.Wait()
	won, offered := 0, map[string]bool{}
	for _, a := range answers {
		switch {
		case a.status == 201:
			won++
		case a.status == 409 && strings.HasSuffix(a.body["type"].(string), "/slot-taken"):
			list, _ := a.body["alternatives"].([]any)
			for _, o := range list {
				offered[o.(map[string]any)["start"].(string)] = true
			}
		default:
			t.Errorf("%d %s", a.status, a.raw)
		}
	}
	if won != 1 || len(offered) == 0 {
		t.Fatalf("%d won, %d alternatives", won, len(offered))
	}
	i := 0
	for start := range offered {
		body := r.booking(2, fmt.Sprintf("+1202557%04d", i))
		body["start"] = start
		if a := r.call(t, "POST", r.route("/bookings"), body, "Prefer", "wait=10"); a.status != 201 {
			t.Errorf("alternative %s: %d %s", start, a.status, a.raw)
		}
		i++
	}
}

func testAccepted(t *testing.T, r ready) {
	body := r.booking(40, "+12025550104")
	post := func(body any, headers ...string) answer {
		return r.call(t, "POST", r.route("/bookings"), body, append(headers, "Idempotency-Key", "once-and-no-more")...)
	}
	first, second := post(body), post(body)
	if first.status != 202 || second.header.Get("Location") != first.header.Get("Location") && second.status == 202 {
		t.Fatalf("%d %q, %d %q", first.status, first.header.Get("Location"), second.status, second.header.Get("Location"))
	}
	var id any
	eventually(t, 10*time.Second, "the result", func() bool {
		a := r.call(t, "GET", r.str("api_url")+first.header.Get("Location"), nil)
		res, _ := a.body["result"].(map[string]any)
		if a.body["status"] != "done" || res["status"] != 201.0 {
			return false
		}
		id = res["body"].(map[string]any)["id"]
		return true
	})
	if a := post(body, "Prefer", "wait=10"); a.status != 201 || a.body["id"] != id || a.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("repeat: %d %s", a.status, a.raw)
	}
	if a := post(r.booking(41, "+12025550104")); a.status != 422 || !strings.HasSuffix(a.body["type"].(string), "/key-reused") {
		t.Errorf("another body: %d %s", a.status, a.raw)
	}
}

func testOperators(t *testing.T, r ready) {
	ops := func(path string) answer {
		return r.call(t, "GET", r.str("ops_url")+path, nil, "Authorization", "Bearer "+r.str("ops_token"))
	}
	if a := r.call(t, "GET", r.str("ops_url")+"/metrics", nil); a.status != 401 {
		t.Errorf("metrics with an API key: %d", a.status)
	}
	for path, want := range map[string]string{
		"/metrics":                      "holdfast_commit_to_provider_seconds",
		"/queues/api/queues":            `"claim"`,
		"/queues/api/scheduler_entries": "holds:expire",
		"/readyz":                       "",
		"/livez":                        "",
		"/queues/":                      "<html",
	} {
		eventually(t, 10*time.Second, path, func() bool {
			a := ops(path)
			return a.status == 200 && strings.Contains(a.raw, want)
		})
	}
}
