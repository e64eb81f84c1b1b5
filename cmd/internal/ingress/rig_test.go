package ingress

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"holdfast/cmd/internal/telemetry"
	"holdfast/handlers"
	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// rig is an ingress over a real server, with a database and a Redis of its own.
type rig struct {
	*httptest.Server
	db    *storetest.DB
	tasks *tasks.DB
	in    *Ingress
	org   storetest.Org
	log   *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

const publicURL = "https://bookings.example.com"

func newRig(t testing.TB) *rig {
	t.Helper()
	db := storetest.New(t)
	opt, err := redis.ParseURL(storetest.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rigOn(t, db, tasks.NewBroker(rdb))
}

func rigOn(t testing.TB, db *storetest.DB, broker *tasks.Broker) *rig {
	t.Helper()
	r := &rig{db: db, tasks: &tasks.DB{Pool: db.App, Broker: broker}, org: storetest.NewOrg(t, db, "clinic-"+uuid.NewString()[:8]), log: &syncBuffer{}}
	log := telemetry.NewLogger(r.log, slog.LevelDebug, "json")
	var err error
	if r.in, err = New(Options{DB: r.tasks, Keys: db.Keys, PublicURL: publicURL, Log: log,
		Installation: settings.Installation{QuietHours: calendar.QuietHours{From: 21, To: 8}}}); err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewUnstartedServer(watch(t, telemetry.HTTP(telemetry.NewMetrics(), log, r.in.Handler())))
	r.Config.ReadTimeout = Server("", nil).ReadTimeout
	r.Start()
	t.Cleanup(func() {
		r.Close()
		r.in.Close()
	})
	return r
}

// answer is what a client got.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) json(t *testing.T, to any) {
	t.Helper()
	if err := json.Unmarshal(a.body, to); err != nil {
		t.Fatalf("body %.500q: %v", a.body, err)
	}
}

// problem reads the answer as one, and checks what holds for all of them.
func (a answer) problem(t *testing.T) handlers.Problem {
	t.Helper()
	var p handlers.Problem
	a.json(t, &p)
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	if p.Status != a.StatusCode || p.Title == "" || p.RequestID == "" || p.RequestID != a.Header.Get("X-Request-Id") {
		t.Errorf("status %d, problem %s", a.StatusCode, a.body)
	}
	p.Type = strings.TrimPrefix(p.Type, handlers.ProblemBase)
	return p
}

// headers are pairs of name and value.
func (r *rig) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if strings.EqualFold(headers[i], "Content-Type") {
			req.Header.Del("Content-Type")
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := r.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, raw}
}

// api calls a route of the rig's org with its key.
func (r *rig) api(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	return r.do(t, method, "/v1/orgs/"+r.org.ID.String()+path, body, append([]string{"Authorization", "Bearer " + r.org.Key.Reveal()}, headers...)...)
}

// worker does what requests ask for with the real handlers, until t ends: what a worker process does, without
// the queue between.
func (r *rig) worker(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.Tick(2 * time.Millisecond); ctx.Err() == nil; <-tick {
			r.workOff(ctx, t)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func (r *rig) workOff(ctx context.Context, t *testing.T) {
	rows, err := r.db.Admin.Query(ctx, `SELECT r.org_id, t.id, r.kind FROM request r JOIN task t ON t.request_id = r.id WHERE r.done_at IS NULL ORDER BY r.created_at`)
	if err != nil {
		return
	}
	type job struct {
		org, task uuid.UUID
		kind      string
	}
	var jobs []job
	for rows.Next() {
		var j job
		if rows.Scan(&j.org, &j.task, &j.kind) == nil {
			jobs = append(jobs, j)
		}
	}
	rows.Close()
	for _, j := range jobs {
		if err := r.work(ctx, j.org, j.task, j.kind); err != nil && ctx.Err() == nil {
			t.Errorf("%s: %s", j.kind, store.Safe(err))
		}
	}
}

func (r *rig) work(ctx context.Context, org, task uuid.UUID, kind string) error {
	k := r.db.Keys
	engines := &handlers.Engines{Keys: k}
	work := map[string]func(context.Context, *store.Tx, store.Task, tasks.RequestPayload) error{
		"booking":    handlers.Answering(k, &handlers.BookingClaim{Keys: k, Engines: engines, HoldTTL: 5 * time.Minute, SendGiveUp: 10 * time.Minute}).Work,
		"verify":     handlers.Answering(k, &handlers.VerificationCheck{Keys: k}).Work,
		"resend":     handlers.Answering(k, &handlers.VerificationResend{Keys: k, SendGiveUp: 10 * time.Minute}).Work,
		"cancel":     handlers.Answering(k, handlers.BookingCancel{}).Work,
		"reschedule": handlers.Answering(k, &handlers.BookingReschedule{Keys: k, HoldTTL: 5 * time.Minute, SendGiveUp: 10 * time.Minute}).Work,
		"mark":       handlers.Answering(k, handlers.BookingMark{}).Work,
		"block":      handlers.Answering(k, &handlers.BlockCreate{Keys: k}).Work,
		"unblock":    handlers.Answering(k, handlers.BlockDelete{}).Work,
		"transcript": handlers.Answering(k, &handlers.TranscriptRedact{Keys: k, Engines: engines}).Work,
		"erase":      handlers.Answering(k, handlers.CustomerErase{Keys: k}).Work,
		"report":     handlers.Answering(k, &handlers.TranscriptReport{Keys: k}).Work,
	}[kind]
	return tasks.InTx(ctx, r.tasks, org, func(tx *store.Tx) error {
		t, err := store.TakeTask(ctx, tx, task)
		if err != nil {
			return err
		}
		return work(ctx, tx, t, tasks.RequestPayload{Request: t.Request.UUID})
	})
}

// waiting is how many requests somebody waits for.
func (r *rig) waiting() int {
	r.in.waiter.mu.Lock()
	defer r.in.waiter.mu.Unlock()
	return len(r.in.waiter.tickets)
}

// count is the number of rows of a table.
func (r *rig) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// tomorrow is a local time of the next day in the fixture's zone.
func tomorrow(clock string) string {
	zone, _ := time.LoadLocation("America/New_York")
	return time.Now().In(zone).AddDate(0, 0, 1).Format("2006-01-02") + "T" + clock
}

func bookingBody(start string) string {
	return `{"resource":"chair","start":"` + start + `","customer":{"phone":"+15550100042","name":"Ana Lee"},"notes":"first visit"}`
}
