package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// shared is what all tests use: the programs are built once.
var shared = sync.OnceValues(func() (*chaos, error) {
	begun.Store(true)
	c := &chaos{seed: rand.Uint64() % 1e6}
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		var err error
		if c.seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return nil, errors.New("CHAOS_SEED: want a number")
		}
	}
	return c, errors.Join(c.begin(context.Background()), c.build(context.Background()))
})

// begun tells whether there is anything to clear away.
var begun atomic.Bool

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && begun.Load() {
		if c, err := shared(); err == nil {
			_ = c.end(nil)
		}
	}
	os.Exit(code)
}

// prove does one run and fails with its evidence.
func prove(t *testing.T, do func(*chaos) func(context.Context) (*report, error)) *report {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	run := *c
	run.dir, run.out = c.dir+"/"+t.Name(), &testLog{t: t}
	if err := os.Mkdir(run.dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Logf("CHAOS_SEED=%d", run.seed)
	r, err := do(&run)(t.Context())
	if err := run.judge(r, err); err != nil {
		t.Fatalf("%v; logs of all processes: %s", err, run.dir)
	}
	return r
}

// testLog writes whole lines to a test's log.
type testLog struct {
	t    *testing.T
	mu   sync.Mutex
	rest string
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest += string(p)
	for {
		line, rest, whole := strings.Cut(l.rest, "\n")
		if !whole {
			return len(p), nil
		}
		l.rest = rest
		l.t.Log(line)
	}
}

// TestChaos is `make chaos` in short: some seconds of faults by dice. It needs the machine, so that it does not run
// beside the others.
func TestChaos(t *testing.T) {
	r := prove(t, func(c *chaos) func(context.Context) (*report, error) {
		return func(ctx context.Context) (*report, error) { return c.random(ctx, 15*time.Second) }
	})
	if r.Killed == 0 || r.Bookings == 0 || r.Sent == 0 {
		t.Error("nothing has happened: the run shows nothing")
	}
}

// TestFailpoints lets processes die at some of the failpoints; `make chaos` takes them all.
func TestFailpoints(t *testing.T) {
	t.Parallel()
	r := prove(t, func(c *chaos) func(context.Context) (*report, error) {
		return func(ctx context.Context) (*report, error) { return c.enumerated(ctx, stall/3, 12) }
	})
	if len(r.Points) < 8 {
		t.Errorf("processes died at %d failpoints only", len(r.Points))
	}
}

// TestOnlyWorkerKilled is kill -9 of the only worker with 500 tasks in flight.
func TestOnlyWorkerKilled(t *testing.T) {
	t.Parallel()
	r := prove(t, func(c *chaos) func(context.Context) (*report, error) { return c.backlog })
	var n int64
	for _, of := range r.InFlight {
		n += of
	}
	if n < backlogSize*8/10 {
		t.Errorf("only %d tasks were in flight", n)
	}
	if r.First == 0 || r.First > 30*time.Second {
		t.Errorf("the first was done %v after the kill", r.First)
	}
}

// TestSweeps is periodic work whose schedulers and workers are killed, in short.
func TestSweeps(t *testing.T) {
	t.Parallel()
	r := prove(t, func(c *chaos) func(context.Context) (*report, error) {
		return func(ctx context.Context) (*report, error) { return c.sweeps(ctx, 15*time.Second) }
	})
	if r.Followups == 0 || r.Reminders == 0 || r.Killed == 0 {
		t.Errorf("%d follow-ups, %d reminders, %d kills: the run shows nothing", r.Followups, r.Reminders, r.Killed)
	}
}

// TestRedisAway is an API that goes on while Redis is away. The bounds are loose: machines of tests are slow.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	r := prove(t, func(c *chaos) func(context.Context) (*report, error) {
		return func(ctx context.Context) (*report, error) { return c.away(ctx, 10*time.Second) }
	})
	there := r.Away[0]
	for _, a := range r.Away {
		if a.refused > 0 {
			t.Errorf("Redis %s: %d of %d bookings were not answered 202", a.redis, a.refused, a.posts)
		}
		if limit := max(time.Second, 5*there.p95); a.p95 > limit {
			t.Errorf("Redis %s: p95 %v, want less than %v", a.redis, a.p95, limit)
		}
		if a.ingress > there.ingress+0.5 || a.worker > there.worker+0.5 {
			t.Errorf("Redis %s: the ingress uses %.2f cores and the worker %.2f; before, %.2f and %.2f", a.redis, a.ingress, a.worker, there.ingress, there.worker)
		}
	}
}

// TestMutationsApply keeps the defects of `make mutants` from going stale: each still has its place, and its test.
func TestMutationsApply(t *testing.T) {
	const root = "../../.."
	list, err := mutations(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if out, err := command(t.Context(), root, "git", "-c", "safe.directory=*", "apply", "--check", "-C1", m.path); err != nil {
			t.Errorf("%s: %v: %s", m.file, err, out)
		}
		if out, err := command(t.Context(), root, "grep", "-rq", "--include=*_test.go", "^func "+m.test+"(", m.pkg); err != nil {
			t.Errorf("%s: there is no %s in %s %s", m.file, m.test, m.pkg, out)
		}
	}
}

// TestFailpointsCostNothing looks into the programs: what runs in production has nothing of them.
func TestFailpointsCostNothing(t *testing.T) {
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	for bin, want := range map[string]bool{c.bin.holdfast: false, c.bin.armed: true} {
		symbols, err := exec.Command("go", "tool", "nm", bin).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(symbols), "store/failpoint."); got != want {
			t.Errorf("%s has failpoints: %v, want %v", bin, got, want)
		}
	}
}

// TestJudge breaks what clients were told, and sees that the judge tells of it: one that always agrees proves nothing.
func TestJudge(t *testing.T) {
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(t.Context(), c.dir+"/judge", c.bin, parts{workers: 1, schedulers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	d, err := newDriver(t.Context(), s, 1)
	if err != nil {
		t.Fatal(err)
	}
	happy(t.Context(), d, "happy")
	leftAlone(t.Context(), d, "left alone")
	var r report
	if err := s.verdict(t.Context(), d, &r); err != nil || r.failed() {
		t.Fatalf("a healthy run: %v, %v", err, r.Breaches)
	}
	all := d.ledger.all()
	if !all[0].confirmed {
		t.Fatal("the happy customer was not")
	}
	for name, lie := range map[string]func(){
		"canceled, and is confirmed": func() { all[0].canceled = true },
		"was accepted and is not done": func() {
			all[1].writes = append(all[1].writes, &asked{path: "/bookings", request: "/v1/orgs/" + s.org + "/requests/01a20000-0000-7000-8000-000000000000"})
		},
		"was granted and is answered 404": func() { all[1].booking = "01a20000-0000-7000-8000-000000000000" },
		"and 2 bookings at one time": func() {
			d.ledger.add(&visit{flow: "lie", slot: all[0].slot, booking: d.held(t)})
		},
	} {
		before := *all[0]
		second := *all[1]
		lie()
		var r report
		j := &judge{s: s, d: d, report: &r, spans: make(map[slot][]span)}
		j.answers(t.Context())
		j.seats()
		if !strings.Contains(strings.Join(r.Breaches, "\n"), strings.Split(name, ",")[0]) {
			t.Errorf("%s: not seen; told was %v", name, r.Breaches)
		}
		*all[0], *all[1] = before, second
	}
}

// held is a booking of another slot.
func (d *driver) held(t *testing.T) string {
	t.Helper()
	leftAlone(t.Context(), d, "another")
	all := d.ledger.all()
	return all[len(all)-1].booking
}
