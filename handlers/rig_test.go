package handlers

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/hook"
	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// childEnv holds the config of a worker process: the test binary started again, to be killed.
const childEnv = "HOLDFAST_TEST_CHILD"

func TestMain(m *testing.M) {
	if raw := os.Getenv(childEnv); raw != "" {
		os.Exit(child(raw))
	}
	// Nearly all the time these tests wait, for time to pass or for a process to be missed.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// config is what a worker is made of; a child process gets it as JSON.
type config struct {
	DatabaseURL, RedisURL string
	TwilioURL, PublicURL  string
	Keys                  pii.Keys
	CallLimit, Grace      time.Duration
	HoldTTL, CodeTTL      time.Duration
	Followup, Keep        time.Duration // delay and window
	Doomed                bool          // knows the types that end badly, and no real ones
}

// rig is everything around workers: database, Redis, the double.
type rig struct {
	t    *testing.T
	db   *storetest.DB
	org  storetest.Org
	cfg  config
	sim  *twiliosim.Sim
	in   *tasks.DB // as an ingress has it
	look *asynq.Inspector
	log  *syncBuffer
}

// newRig makes a rig. Nothing works in it until start.
func newRig(t *testing.T, change ...func(*config)) *rig {
	t.Helper()
	return newRigBeside(t, twiliosim.Options{}, change...)
}

// newRigBeside is newRig with a double that behaves in another way.
func newRigBeside(t *testing.T, double twiliosim.Options, change ...func(*config)) *rig {
	t.Helper()
	r := &rig{t: t, db: storetest.New(t), log: &syncBuffer{}}
	r.org = storetest.NewOrg(t, r.db, "one")
	double.Accounts = map[string]string{r.org.Account.SID: r.org.Account.Token.Reveal()}
	r.sim = twiliosim.New(double)
	api := httptest.NewServer(r.sim)
	callbacks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(func() {
		r.sim.Close()
		for _, s := range []*httptest.Server{api, callbacks} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	r.cfg = config{DatabaseURL: r.db.AppURL, TwilioURL: api.URL, PublicURL: callbacks.URL, Keys: r.db.KeySet,
		CallLimit: 800 * time.Millisecond, Grace: 500 * time.Millisecond, HoldTTL: 5 * time.Minute, CodeTTL: 10 * time.Minute, Keep: 24 * time.Hour}
	for _, c := range change {
		c(&r.cfg)
	}
	if r.cfg.RedisURL == "" {
		r.cfg.RedisURL = storetest.RedisURL(t)
	}
	r.exec(`CREATE TABLE effect (task uuid NOT NULL, note text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
		GRANT ALL ON effect TO holdfast_app`)
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	r.in = &tasks.DB{Pool: r.db.App, Broker: tasks.NewBroker(rdb)}
	r.look = asynq.NewInspectorFromRedisClient(rdb)
	t.Cleanup(func() {
		rdb.Close()
		if t.Failed() {
			t.Logf("workers' log:\n%s", r.log.tail(6000))
		}
	})
	return r
}

// worker is a running worker, as boot starts one.
type worker struct {
	run  *Runner
	stop func()
}

// start runs a worker in this process until the test ends. add registers handlers; without any it has all of
// NewMux.
func (r *rig) start(add ...func(*Mux)) *worker {
	r.t.Helper()
	w, err := startWorker(r.cfg, r.logger(), nil, add...)
	r.must(err)
	r.t.Cleanup(w.stop)
	return w
}

// runner is a worker's middle alone, for deliveries by hand; its worker row is kept fresh by nobody.
func (r *rig) runner(add ...func(*Mux)) *Runner {
	r.t.Helper()
	w := tasks.NewWorker()
	r.must(store.SeeWorker(r.t.Context(), r.db.App, w.ID, []uuid.UUID{}))
	m := tasks.NewMetrics(prometheus.NewRegistry())
	return &Runner{DB: r.in, Mux: newTestMux(add...), Worker: w, Metrics: m, Log: r.logger(), CallLimit: r.cfg.CallLimit}
}

func (r *rig) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

func newTestMux(add ...func(*Mux)) *Mux {
	m := &Mux{}
	for _, a := range add {
		a(m)
	}
	return m
}

// startWorker is boot's startWorker with smaller numbers. periodic nil: no sweeps.
func startWorker(c config, log *slog.Logger, periodic []tasks.Periodic, add ...func(*Mux)) (*worker, error) {
	ctx := context.Background()
	keys, err := pii.NewKeyring(c.Keys)
	if err != nil {
		return nil, err
	}
	pool, err := store.Open(ctx, c.DatabaseURL, 10)
	if err != nil {
		return nil, err
	}
	news, err := tasks.OpenRedis(ctx, c.RedisURL)
	if err != nil {
		return nil, err
	}
	rdb, err := tasks.OpenRedis(ctx, c.RedisURL)
	if err != nil {
		return nil, err
	}
	tasks.MendAsynq(rdb)
	reg := prometheus.NewRegistry()
	db, self, metrics := &tasks.DB{Pool: pool, Broker: tasks.NewBroker(news), Crowd: &tasks.Crowd{DB: pool, Log: log}}, tasks.NewWorker(), tasks.NewMetrics(reg)
	mux := newTestMux(add...)
	if len(add) == 0 {
		mux = NewMux(Deps{Keys: keys, Twilio: sms.New(c.TwilioURL, c.CallLimit, nil), PublicURL: c.PublicURL, HoldTTL: c.HoldTTL,
			CodeTTL: c.CodeTTL, FollowupDelay: c.Followup, KeepWindow: c.Keep, CallLimit: c.CallLimit, Grace: c.Grace, Metrics: metrics, Texts: NewTexts(reg),
			Hooks: hook.New(hook.Loopback()), HookCalls: 2, Deliveries: NewDeliveries(reg)}, periodic)
	}
	w := &worker{run: &Runner{DB: db, Mux: mux, Worker: self, Metrics: metrics, Log: log, CallLimit: c.CallLimit}}
	loops, end := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { tasks.Upkeep(loops, db, self, metrics, log) })
	wg.Go(func() { db.Crowd.Run(loops) })
	archive := &tasks.Archive{DB: db, Log: log}
	if err := archive.Step(ctx); err != nil {
		end()
		return nil, err
	}
	wg.Go(func() { archive.Run(loops) })
	servers, err := tasks.StartServers(rdb, tasks.Classes(4, 4, 4, 2, 2), w.run, 2*time.Second, log)
	if err != nil {
		end()
		return nil, err
	}
	w.stop = sync.OnceFunc(func() {
		servers.Shutdown()
		end()
		wg.Wait()
		rdb.Close()
		news.Close()
		pool.Close()
	})
	return w, nil
}

// row is a task as the database has it.
type row struct {
	State                            string
	Epoch, Attempt, Crashes, ClaimNo int
	LastError                        string
	Wait                             time.Duration // until run_at
	Claimed, Finished                bool
	XMin                             string
}

func (r *rig) task(id uuid.UUID) (v row) {
	r.t.Helper()
	err := r.db.Admin.QueryRow(context.Background(), `SELECT state, epoch, attempt, crashes, claim_no, COALESCE(last_error, ''),
		run_at - clock_timestamp(), claimed_by IS NOT NULL, finished_at IS NOT NULL, xmin::text FROM task WHERE id = $1`, id).
		Scan(&v.State, &v.Epoch, &v.Attempt, &v.Crashes, &v.ClaimNo, &v.LastError, &v.Wait, &v.Claimed, &v.Finished, &v.XMin)
	r.must(err)
	return v
}

// enqueue adds a task as an ingress would. The push after a commit may fail on a machine that is busy, since it has
// 100 ms; here it is made sure of, so that a test knows the epoch.
func (r *rig) enqueue(typ tasks.Type[testPayload], with ...tasks.With) uuid.UUID {
	r.t.Helper()
	id := r.commit(typ, with...)
	r.push(typ, id)
	return id
}

// commit is enqueue with nothing but the push that follows a commit.
func (r *rig) commit(typ tasks.Type[testPayload], with ...tasks.With) (id uuid.UUID) {
	r.t.Helper()
	r.must(tasks.InTx(r.t.Context(), r.in, r.org.ID, func(tx *store.Tx) (err error) {
		id, err = typ.Enqueue(tx, testPayload{ID: uuid.New()}, with...)
		return err
	}))
	return id
}

// push tells Redis of a task in its first epoch.
func (r *rig) push(typ tasks.Type[testPayload], id uuid.UUID) {
	r.t.Helper()
	r.must(r.in.Broker.Push(r.t.Context(), []store.TaskRef{{Org: r.org.ID, ID: id, Type: typ.Name, Queue: typ.Queue, Epoch: 1}}))
}

// silent adds a task of which Redis is not told; check_at is an hour away, so that no relay finds it either.
func (r *rig) silent(typ tasks.Type[testPayload], with ...tasks.With) uuid.UUID {
	r.t.Helper()
	var id uuid.UUID
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) (err error) {
		id, err = typ.Enqueue(tx, testPayload{ID: uuid.New()}, with...)
		tx.Queue("UPDATE task SET check_at = clock_timestamp() + interval '1 hour' WHERE id = $1", id)
		return err
	})
	r.must(err)
	return id
}

func (r *rig) delivery(id uuid.UUID, epoch int) tasks.Delivery {
	return tasks.Delivery{Org: r.org.ID, Task: id, Epoch: epoch}
}

// effects counts what was committed for a task; an empty note counts all.
func (r *rig) effects(task uuid.UUID, note string) int {
	r.t.Helper()
	return query[int](r, "SELECT count(*) FROM effect WHERE task = $1 AND ($2 = '' OR note = $2)", task, note)
}

func (r *rig) exec(sql string, args ...any) {
	r.t.Helper()
	_, err := r.db.Admin.Exec(context.Background(), sql, args...)
	r.must(err)
}

func query[T any](r *rig, sql string, args ...any) (v T) {
	r.t.Helper()
	r.must(r.db.Admin.QueryRow(context.Background(), sql, args...).Scan(&v))
	return v
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// state waits for a task's state.
func (r *rig) state(id uuid.UUID, want string, within time.Duration) row {
	r.t.Helper()
	eventually(r.t, within, "task "+want, func() bool { return r.task(id).State == want })
	return r.task(id)
}

// idle waits until no task is waiting any more, so that what did not happen will not happen.
func (r *rig) idle(within time.Duration) {
	r.t.Helper()
	defer func() {
		if r.t.Failed() {
			r.t.Logf("pending: %s", query[string](r, "SELECT COALESCE(string_agg(concat_ws(' ', type, payload, last_error, 'tried', attempt), ', '), 'nothing') FROM task WHERE state = 'pending'"))
		}
	}()
	eventually(r.t, within, "nothing is pending", func() bool {
		return query[int](r, "SELECT count(*) FROM task WHERE state = 'pending'") == 0
	})
}

// inRedis is where asynq has a task's epoch: "" when it does not have it.
func (r *rig) inRedis(queue string, id uuid.UUID, epoch int) (state, lastErr string) {
	info, err := r.look.GetTaskInfo(queue, fmt.Sprintf("%s:%d", id, epoch))
	if err != nil {
		return "", ""
	}
	return info.State.String(), info.LastErr
}

// eventually looks every few milliseconds until ok, and fails the test after the deadline.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok() {
			return time.Since(start)
		}
		if time.Since(start) > within {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-tick.C
	}
}

// meanwhile looks until d has passed and fails when something stops to hold.
func meanwhile(t *testing.T, d time.Duration, what string, holds func() bool) {
	t.Helper()
	end := time.After(d)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if !holds() {
			t.Fatalf("no longer: %s", what)
		}
		select {
		case <-end:
			return
		case <-tick.C:
		}
	}
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *syncBuffer) tail(n int) string {
	s := b.String()
	return s[max(0, len(s)-n):]
}
