package ops

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"go.uber.org/goleak"

	"holdfast/cmd/internal/telemetry"
	"holdfast/store/pii"
)

// TestMain finds what is left running, but for the one pool of storetest, which lasts as long as the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}

const token = "correct-horse-battery-staple"

// desk is a running listener as boot builds it: telemetry around ops, on a Redis with one queue that
// holds one pending and one archived task.
type desk struct {
	*httptest.Server
	t     *testing.T
	ready atomic.Pointer[error]
	log   *bytes.Buffer
	redis *miniredis.Miniredis
}

func open(t *testing.T, change func(*Options)) *desk {
	t.Helper()
	d := &desk{t: t, log: &bytes.Buffer{}, redis: miniredis.RunT(t)}
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: d.redis.Addr()})
	for _, id := range []string{"task-1:0", "task-2:0"} {
		if _, err := client.Enqueue(asynq.NewTask("booking:claim", []byte(`{"task":"t-1"}`)), asynq.Queue("claim"), asynq.TaskID(id)); err != nil {
			t.Fatal(err)
		}
	}
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: d.redis.Addr()})
	if err := inspector.ArchiveTask("claim", "task-2:0"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{client, inspector} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m := telemetry.NewMetrics()
	o := Options{
		Token:    pii.NewToken(token),
		Registry: m.Registry,
		RedisURL: pii.NewToken("redis://" + d.redis.Addr() + "/0"),
		Ready: func(context.Context) error {
			if err := d.ready.Load(); err != nil {
				return *err
			}
			return nil
		},
		Log: telemetry.NewLogger(d.log, slog.LevelDebug, "json"),
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Server = httptest.NewServer(telemetry.HTTP(m, o.Log, s))
	d.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		d.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(d.log.String(), token) {
			t.Error("the log holds the token")
		}
	})
	return d
}

// answer is a response that has been read.
type answer struct {
	*http.Response
	body string
}

func (d *desk) do(method, path, body string, edit func(*http.Request)) answer {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.URL+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	resp, err := d.Client().Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer{resp, string(b)}
}

// get asks with the token.
func (d *desk) get(path string) answer {
	d.t.Helper()
	return d.do("GET", path, "", bearer(token))
}

func bearer(tok string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+tok) }
}

func browser(r *http.Request) { r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8") }

func TestNewRefuses(t *testing.T) {
	good := Options{Token: pii.NewToken(token), RedisURL: pii.NewToken("redis://localhost:1"), Log: slog.New(slog.DiscardHandler)}
	noToken, noRedis := good, good
	noToken.Token = pii.Token{}
	noRedis.RedisURL = pii.NewToken("redis://u:s3cr3t@h:port/db")
	for name, o := range map[string]Options{"no token": noToken, "bad Redis URL": noRedis} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMetricsProfilesAndIndex(t *testing.T) {
	d := open(t, func(o *Options) {
		o.Pages = []Page{{"/desk/", "Desk", "The day.", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "the day")
		})}}
	})
	for path, want := range map[string]string{
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/heap?debug=1":      "heap profile",
		"/debug/pprof/cmdline":           "ops.test",
		"/":                              `href="/queues/"`,
		"/desk/":                         "the day",
		"/debug/pprof/trace?seconds=0.1": "go 1.",
	} {
		if a := d.get(path); a.StatusCode != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d, no %q in %.300s", path, a.StatusCode, want, a.body)
		}
	}
	a := d.get("/metrics")
	for _, want := range []string{`class="2xx",method="GET",route="/debug/pprof/cmdline"`, "go_goroutines", `route="/desk/"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("/metrics: no %s", want)
		}
	}
	if a := d.get("/nothing"); a.StatusCode != 404 || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("/nothing: %d %s", a.StatusCode, a.body)
	}
}

// TestPagePolicy: what the browser is told to run is what the page holds.
func TestPagePolicy(t *testing.T) {
	d := open(t, nil)
	for _, path := range []string{"/", "/login"} {
		a := d.get(path)
		_, rest, _ := strings.Cut(a.body, "<style>")
		style, _, ok := strings.Cut(rest, "</style>")
		csp := a.Header.Get("Content-Security-Policy")
		if !ok || !strings.Contains(csp, "'sha256-"+hash(style)+"'") {
			t.Errorf("%s: the policy does not let in its style: %s", path, csp)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if strings.Contains(a.body, "//fonts") || strings.Contains(a.body, "<script") {
			t.Errorf("%s loads something", path)
		}
	}
}
