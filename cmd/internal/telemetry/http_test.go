package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/goleak"

	"holdfast/store/logctx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listener is a real server with the middleware around a mux.
type listener struct {
	*httptest.Server
	m   *Metrics
	log *bytes.Buffer // complete once the server is closed
}

func listen(t *testing.T, routes map[string]http.HandlerFunc) *listener {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range routes {
		mux.HandleFunc(pattern, h)
	}
	l := &listener{m: NewMetrics(), log: &bytes.Buffer{}}
	l.Server = httptest.NewServer(HTTP(l.m, NewLogger(l.log, slog.LevelDebug, "json"), mux))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) do(t *testing.T, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.URL+path, strings.NewReader("body-of-ana"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := l.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// lines returns the log, once nothing more can come.
func (l *listener) lines(t *testing.T) []map[string]any {
	t.Helper()
	l.Close()
	var all []map[string]any
	for line := range bytes.Lines(l.log.Bytes()) {
		m := make(map[string]any)
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// series returns the lines of /metrics that begin with name.
func series(m *Metrics, name string) []string {
	rec := httptest.NewRecorder()
	promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	var found []string
	for line := range strings.Lines(rec.Body.String()) {
		if strings.HasPrefix(line, name) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestRequestIsLoggedCountedAndTimed(t *testing.T) {
	l := listen(t, map[string]http.HandlerFunc{
		"POST /v1/orgs/{org}/bookings": func(w http.ResponseWriter, r *http.Request) {
			Mark(r.Context(), "db", 1500*time.Microsecond)
			w.WriteHeader(http.StatusCreated)
			Mark(r.Context(), "late", time.Second)
			fmt.Fprint(w, RequestID(r.Context()))
		},
	})
	resp, id := l.do(t, "POST", "/v1/orgs/17/bookings?phone=5550100042", http.Header{"Authorization": {"Bearer s3cr3t"}})

	if u, err := uuid.Parse(id); err != nil || u.Version() != 7 || resp.Header.Get("X-Request-Id") != id {
		t.Errorf("request id %q, header %q: want one UUIDv7", id, resp.Header.Get("X-Request-Id"))
	}
	timing := resp.Header.Get("Server-Timing")
	if !strings.HasPrefix(timing, "total;dur=") || !strings.HasSuffix(timing, ", db;dur=1.500") {
		t.Errorf("Server-Timing: %q", timing)
	}
	lines := l.lines(t)
	want := `holdfast_http_requests_total{class="2xx",method="POST",route="/v1/orgs/{org}/bookings"} 1`
	if got := series(l.m, "holdfast_http_requests_total"); len(got) != 1 || got[0] != want {
		t.Errorf("got %v\nwant %s", got, want)
	}
	first := `holdfast_http_request_duration_seconds_bucket{method="POST",route="/v1/orgs/{org}/bookings",le="0.001"}`
	if got := series(l.m, "holdfast_http_request_duration_seconds_bucket"); !strings.HasPrefix(got[0], first) {
		t.Errorf("first bucket: %s", got[0])
	}
	for _, name := range []string{"go_goroutines", "go_build_info", "process_start_time_seconds"} {
		if len(series(l.m, name)) != 1 {
			t.Errorf("no %s", name)
		}
	}
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	got := lines[0]
	if got["request_id"] != id || got["route"] != "/v1/orgs/{org}/bookings" || got["method"] != "POST" ||
		got["status"] != 201.0 || got["bytes"] != 36.0 {
		t.Errorf("line: %v", got)
	}
	for _, leak := range []string{"17", "5550100042", "s3cr3t", "ana"} {
		delete(got, "time")
		delete(got, "request_id")
		delete(got, "ms")
		if s := fmt.Sprint(got); strings.Contains(s, leak) {
			t.Errorf("the log says %s: %s", leak, s)
		}
	}
}

func TestInboundRequestID(t *testing.T) {
	for id, keep := range map[string]bool{
		"0196f6a2-7d3c-7abc-8def-0123456789ab": true,
		"4bf92f3577b34da6a3ce929d0e0e4736":     true,
		"01ARZ3NDEKTSV4RRFFQ69G5FAV":           true,
		"":                                     false,
		"15550100042":                          false,
		"ana-lee-5550100042-booking-request":   false,
		"4bf92f3577b34da6a3ce929d0e0e473\n":    false,
		strings.Repeat("a", 4096):              false,
	} {
		if got := requestID(id); (got == id) != keep {
			t.Errorf("%q became %q, want it kept: %v", id, got, keep)
		}
	}
}

func TestPanics(t *testing.T) {
	l := listen(t, map[string]http.HandlerFunc{
		"GET /early": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			panic("phone 5550100042")
		},
		"GET /late": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat("x", 8192))
			var none map[string]int
			none["a"] = 1 //nolint:staticcheck // the panic is what is tested
		},
	})
	resp, body := l.do(t, "GET", "/early", nil)
	var p Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if resp.StatusCode != 500 || resp.Header.Get("Content-Type") != "application/problem+json" ||
		p.Status != 500 || p.Type != "about:blank" || p.Title == "" || p.RequestID != resp.Header.Get("X-Request-Id") {
		t.Errorf("%d %v", resp.StatusCode, p)
	}

	if late, err := l.Client().Get(l.URL + "/late"); err == nil {
		_, err = io.ReadAll(late.Body)
		late.Body.Close()
		if err == nil {
			t.Error("half an answer looked whole")
		}
	}

	lines := l.lines(t)
	if len(lines) != 4 {
		t.Fatalf("%d lines, want a panic and a request twice", len(lines))
	}
	if s := fmt.Sprint(lines); strings.Contains(s, "5550100042") {
		t.Errorf("the log quotes the panic: %s", s)
	}
	if at := fmt.Sprint(lines[0]["at"]); !strings.Contains(at, "TestPanics.func1") || lines[0]["request_id"] == nil {
		t.Errorf("the panic's line: %v", lines[0])
	}
	if s := fmt.Sprint(lines[2]["panic"]); !strings.Contains(s, "nil map") {
		t.Errorf("a runtime error is not told: %v", lines[2])
	}
}

func TestUnknownRoutesAndMethodsMakeNoSeries(t *testing.T) {
	l := listen(t, map[string]http.HandlerFunc{"GET /livez": func(http.ResponseWriter, *http.Request) {}})
	l.do(t, "GET", "/customers/ana", nil)
	l.do(t, "BREW", "/coffee", nil)
	l.do(t, "GET", "/livez", nil)
	lines := l.lines(t)
	if got := series(l.m, "holdfast_http_requests_total"); len(got) != 3 {
		t.Errorf("series: %v", got)
	}
	if got := fmt.Sprintln(lines[0]["route"], lines[1]["method"], lines[2]["level"], lines[2]["status"]); got != "unmatched other DEBUG 200\n" {
		t.Errorf("got %s", got)
	}
}

func TestFlushAndUnwrap(t *testing.T) {
	l := listen(t, map[string]http.HandlerFunc{"GET /stream": func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusEarlyHints)
		w.(http.Flusher).Flush()
		fmt.Fprint(w, "event")
	}})
	resp, body := l.do(t, "GET", "/stream", nil)
	if resp.StatusCode != 200 || body != "event" || resp.Header.Get("Server-Timing") == "" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
}

func TestOutsideARequest(t *testing.T) {
	Mark(t.Context(), "db", time.Second) // does nothing
	if id := RequestID(logctx.With(t.Context())); id != "" {
		t.Errorf("RequestID = %q", id)
	}
}

func ExampleHTTP() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		Mark(r.Context(), "db", 2*time.Millisecond)
		fmt.Fprint(w, "hello")
	})
	h := HTTP(NewMetrics(), slog.New(slog.DiscardHandler), mux)

	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/hello/ana", nil))
	_, db, _ := strings.Cut(rec.Header().Get("Server-Timing"), ", ")
	fmt.Println(rec.Code, rec.Body, db)
	// Output: 200 hello db;dur=2.000
}
