package ops

import (
	"net/http"
	"strings"
	"testing"
)

func TestQueuesPageAndAPI(t *testing.T) {
	d := open(t, nil)
	for path, want := range map[string]string{
		"/queues/":                                 `FLAG_ROOT_PATH="\/queues"`,
		"/queues/queues/claim/tasks/task-1:0":      `<div id="root">`, // a page of the app, reloaded
		"/queues/static/js/main.5adda2da.chunk.js": "webpackJsonp",
		"/queues/api/queues":                       `"queue":"claim"`,
		"/queues/api/queues/claim/pending_tasks":   `"id":"task-1:0"`,
		"/queues/api/queues/claim/archived_tasks":  `"id":"task-2:0"`,
		"/queues/api/queues/claim/tasks/task-1:0":  `{\"task\":\"t-1\"}`,
		"/queues/api/servers":                      `"servers":[]`,
		"/queues/api/scheduler_entries":            `"entries":[]`,
	} {
		if a := d.get(path); a.StatusCode != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d, no %s in %.300s", path, a.StatusCode, want, a.body)
		}
	}
	if a := d.get("/queues"); a.StatusCode != 307 && a.StatusCode != 301 {
		t.Errorf("/queues: %d", a.StatusCode)
	}
	if a := d.get("/queues/static/js/main.5adda2da.chunk.js"); !strings.HasPrefix(a.Header.Get("Content-Type"), "application/javascript") ||
		a.Header.Get("Cache-Control") != "private, max-age=86400" {
		t.Errorf("script: %v", a.Header)
	}
}

func TestQueuesPolicyLetsThePageRun(t *testing.T) {
	d := open(t, nil)
	a := d.get("/queues/")
	csp := a.Header.Get("Content-Security-Policy")
	scripts := inlineScript.FindAllStringSubmatch(a.body, -1)
	if len(scripts) != 2 || strings.Contains(csp, "script-src 'self' 'unsafe-inline'") {
		t.Fatalf("%d inline scripts, policy %s", len(scripts), csp)
	}
	for _, s := range scripts {
		if !strings.Contains(csp, " 'sha256-"+hash(s[1])+"'") {
			t.Errorf("the policy forbids %.60s", s[1])
		}
	}
	for _, want := range []string{"https://fonts.googleapis.com", "https://fonts.gstatic.com", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("no %s in %s", want, csp)
		}
	}
}

func TestQueuesChangeOnlyWhatIsRediss(t *testing.T) {
	d := open(t, nil)
	const q = "/queues/api/queues/claim"
	paused := func() bool { return strings.Contains(d.get(q).body, `"paused":true`) }
	if a := d.do("POST", q+":pause", "", bearer(token)); a.StatusCode != 204 || !paused() {
		t.Errorf("pause: %d", a.StatusCode)
	}
	if a := d.do("POST", q+":resume", "", bearer(token)); a.StatusCode != 204 || paused() {
		t.Errorf("resume: %d", a.StatusCode)
	}
	for _, verb := range []string{
		"POST /archived_tasks/task-2:0:run", "POST /archived_tasks:run_all", "POST /archived_tasks:batch_run",
		"POST /pending_tasks/task-1:0:archive", "POST /pending_tasks:archive_all", "DELETE /pending_tasks/task-1:0",
		"DELETE /pending_tasks:delete_all", "DELETE /archived_tasks:delete_all", "DELETE ", "DELETE :pause", "PUT :pause",
		"POST /active_tasks:cancel_all", "POST /x/../:pause", "POST /pending_tasks:pause",
	} {
		method, path, _ := strings.Cut(verb, " ")
		a := d.do(method, q+path, "{}", bearer(token))
		if a.StatusCode == 307 { // the mux tidies "..": follow it by hand
			a = d.do(method, a.Header.Get("Location"), "{}", bearer(token))
		}
		if a.StatusCode != 405 || !strings.Contains(a.body, "Postgres") || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", verb, a.StatusCode, a.body)
		}
	}
	if a := d.get(q); !strings.Contains(a.body, `"pending":1`) || !strings.Contains(a.body, `"archived":1`) {
		t.Errorf("the tasks moved: %s", a.body)
	}
}

func TestReadOnlyQueues(t *testing.T) {
	d := open(t, func(o *Options) {
		o.ReadOnlyQueues = true
		o.QueueAction = func(http.Handler) http.Handler { t.Error("asked for"); return nil }
	})
	for _, path := range []string{"claim:pause", "claim/archived_tasks:run_all"} {
		if a := d.do("POST", "/queues/api/queues/"+path, "", bearer(token)); a.StatusCode != 405 || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := d.get("/queues/"); !strings.Contains(a.body, `FLAG_READ_ONLY="true"`) {
		t.Error("the page does not know that it is read-only")
	}
}

func TestQueueActionHook(t *testing.T) {
	var seen []string
	d := open(t, func(o *Options) {
		o.QueueAction = func(mon http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.Method+" "+r.URL.Path)
				mon.ServeHTTP(w, r)
			})
		}
	})
	const run = "/queues/api/queues/claim/archived_tasks/task-2:0:run"
	if a := d.do("POST", run, "", nil); a.StatusCode != 401 || len(seen) != 0 {
		t.Errorf("without the token: %d, hook saw %v", a.StatusCode, seen)
	}
	if a := d.do("POST", run, "", bearer(token)); a.StatusCode != 204 {
		t.Errorf("run: %d %s", a.StatusCode, a.body)
	}
	if len(seen) != 1 || seen[0] != "POST "+run {
		t.Errorf("hook saw %v", seen)
	}
	if a := d.get("/queues/api/queues/claim"); !strings.Contains(a.body, `"pending":2`) {
		t.Errorf("asynqmon did not run it: %s", a.body)
	}
}

func TestQueuesWithoutRedis(t *testing.T) {
	d := open(t, nil)
	d.redis.SetError("LOADING dataset")
	if a := d.get("/queues/api/queues"); a.StatusCode != 500 {
		t.Errorf("API: %d", a.StatusCode)
	}
	if a := d.get("/queues/"); a.StatusCode != 200 {
		t.Errorf("page: %d", a.StatusCode)
	}
	if a := d.get("/metrics"); a.StatusCode != 200 {
		t.Errorf("/metrics: %d", a.StatusCode)
	}
}
