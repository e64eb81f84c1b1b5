package handlers

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"holdfast/store"
	"holdfast/tasks"
)

func counted() *scripted {
	return &scripted{do: func(_ int, tx *store.Tx, t store.Task) error { effect(tx, t.ID, "run"); return nil }}
}

// Deliveries that are old, early or of a row that has ended are acknowledged and change nothing.
func TestGarbageIsAcknowledged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:garbage"), counted()
	run := r.runner(func(m *Mux) { Do(m, typ, h) })
	for name, c := range map[string]struct {
		change string
		epoch  int
	}{
		"an old epoch":   {"epoch = 2", 1},
		"a future epoch": {"epoch = 2", 3},
		"not due":        {"run_at = clock_timestamp() + interval '1 min'", 1},
		"done":           {"state = 'done'", 1},
		"discarded":      {"state = 'discarded'", 1},
	} {
		id := r.silent(typ)
		r.exec("UPDATE task SET "+c.change+" WHERE id = $1", id)
		before := r.task(id)
		res := run.deliver(t.Context(), r.delivery(id, c.epoch))
		after := r.task(id)
		if before.Wait, after.Wait = 0, 0; res.label != "garbage" || res.toAsynq != nil || before != after || h.runs.Load() != 0 {
			t.Errorf("%s: %+v, row %+v, then %+v, %d runs", name, res, before, after, h.runs.Load())
		}
	}
	if res := run.deliver(t.Context(), r.delivery(uuid.New(), 1)); res.label != "garbage" || res.toAsynq != nil {
		t.Errorf("a task that nobody has: %+v", res)
	}
	other := tasks.Delivery{Org: uuid.New(), Task: r.silent(typ), Epoch: 1}
	if res := run.deliver(t.Context(), other); res.label != "garbage" || h.runs.Load() != 0 {
		t.Errorf("another org's task: %+v", res)
	}
}

// A row that another transaction holds comes again in a second or two, uncounted.
func TestLockedRowComesAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:locked"), counted()
	id := r.silent(typ)
	conn, err := r.db.Admin.Acquire(t.Context())
	r.must(err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "BEGIN")
	r.must(err)
	_, err = conn.Exec(t.Context(), "SELECT FROM task WHERE id = $1 FOR UPDATE", id)
	r.must(err)
	r.start(func(m *Mux) { Do(m, typ, h) })
	r.push(typ, id)
	eventually(t, 5*time.Second, "it waits behind the lock", func() bool {
		s, e := r.inRedis(typ.Queue, id, 1)
		return s == "retry" && e == "locked"
	})
	_, err = conn.Exec(t.Context(), "ROLLBACK")
	r.must(err)
	if got := r.state(id, "done", 5*time.Second); got.Attempt != 0 || got.Crashes != 0 || got.Epoch != 1 || r.effects(id, "") != 1 {
		t.Errorf("%+v", got)
	}
}

// Only Postgres replays: a delivery of a dead row, as "Run" in asynqmon makes one, changes nothing and lands in
// the archive.
func TestDeadDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:dead")
	h := &undoing{undo: func(tx *store.Tx, _ string) error { effect(tx, uuid.Nil, "undo"); return nil }}
	h.do = func(int, *store.Tx, store.Task) error { return tasks.Dead("hopeless", nil) }
	r.start(func(m *Mux) { Do(m, typ, h) })
	id := r.enqueue(typ)
	before := r.state(id, "dead", 5*time.Second)
	archived := func() bool { s, _ := r.inRedis(typ.Queue, id, 1); return s == "archived" }
	eventually(t, 2*time.Second, "archived", archived)
	r.must(r.look.RunTask(typ.Queue, id.String()+":1"))
	eventually(t, 3*time.Second, "archived again", func() bool {
		info, err := r.look.GetTaskInfo(typ.Queue, id.String()+":1")
		return err == nil && info.State == asynq.TaskStateArchived && info.LastErr == "hopeless: "+asynq.SkipRetry.Error()
	})
	after := r.task(id)
	if before.Wait, after.Wait = 0, 0; before != after || h.runs.Load() != 1 || r.effects(uuid.Nil, "undo") != 1 {
		t.Errorf("row %+v, then %+v; %d runs, %d undos", before, after, h.runs.Load(), r.effects(uuid.Nil, "undo"))
	}
}

// Deliveries of one task at the same time, in several workers, do its work once.
func TestDuplicateDeliveriesInParallel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:duplicate")
	var inside, most atomic.Int32
	h := &scripted{do: func(_ int, tx *store.Tx, t store.Task) error {
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer inside.Add(-1)
		effect(tx, t.ID, "run")
		tx.Queue("SELECT pg_sleep(0.05)")
		_, err := store.Now(context.Background(), tx)
		return err
	}}
	workers := make([]*Runner, 4)
	for i := range workers {
		workers[i] = r.runner(func(m *Mux) { Do(m, typ, h) })
	}
	for range 5 {
		id := r.silent(typ)
		var wg sync.WaitGroup
		var mu sync.Mutex
		labels := map[string]int{}
		for i := range 12 {
			wg.Go(func() {
				res := workers[i%len(workers)].deliver(t.Context(), r.delivery(id, 1))
				mu.Lock()
				defer mu.Unlock()
				labels[res.label]++
			})
		}
		wg.Wait()
		if labels["done"] != 1 || labels["done"]+labels["locked"]+labels["garbage"] != 12 || r.effects(id, "") != 1 {
			t.Errorf("%v, %d effects", labels, r.effects(id, ""))
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d at work at a time", most.Load())
	}
}

// held is a Caller whose call waits until it is let go.
func held() (c *calling, calling chan struct{}, letGo func()) {
	started, gate := make(chan struct{}, 8), make(chan struct{})
	c = newCalling(func(ctx context.Context) error {
		started <- struct{}{}
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return c, started, sync.OnceFunc(func() { close(gate) })
}

func newCalling(call func(ctx context.Context) error) *calling { return &calling{call: call} }

// alive keeps a runner's worker row fresh until the function returned is called.
func (r *rig) alive(run *Runner) (dies func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			// Not by ctx: what was given up may still be done by the server, after the worker has died.
			_ = store.SeeWorker(context.Background(), r.db.App, run.Worker.ID, []uuid.UUID{})
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	dies = sync.OnceFunc(func() {
		cancel()
		<-done
		r.exec("UPDATE worker SET seen_at = clock_timestamp() - interval '4 s' WHERE id = $1", run.Worker.ID)
	})
	r.t.Cleanup(dies)
	return dies
}

func slow(c *config) { c.CallLimit = 20 * time.Second }

// While its worker is at it, a claim makes every other delivery a no-op, in whatever epoch.
func TestLiveClaimMakesDeliveriesNoOps(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow)
	typ := testType("test:claim")
	c, started, letGo := held()
	run := r.runner(func(m *Mux) { Call(m, typ, c) })
	r.alive(run)
	id := r.silent(typ)
	first := make(chan result, 1)
	go func() { first <- run.deliver(context.Background(), r.delivery(id, 1)) }()
	<-started
	other := r.runner(func(m *Mux) { Call(m, typ, c) })
	if res := other.deliver(t.Context(), r.delivery(id, 1)); res.label != "garbage" || res.toAsynq != nil {
		t.Errorf("during the call: %+v", res)
	}
	r.exec("UPDATE task SET epoch = 2") // the relay's, after a flush
	if res := other.deliver(t.Context(), r.delivery(id, 2)); res.label != "garbage" {
		t.Errorf("during the call, in a new epoch: %+v", res)
	}
	if got := r.task(id); got.ClaimNo != 1 || !got.Claimed || got.State != "pending" {
		t.Errorf("during the call: %+v", got)
	}
	letGo()
	if res := <-first; res.label != "done" {
		t.Errorf("the call: %+v", res)
	}
	if got := r.task(id); got.State != "done" || c.calls.Load() != 1 || c.abandoned.Load() != 0 {
		t.Errorf("%+v, %d calls", got, c.calls.Load())
	}
}

// A claim whose worker was lost, or that is older than any call, goes to Abandoned and never to Call: also when
// meanwhile the time has come to give the task up, since the call may have been made.
func TestAbandonedClaim(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow)
	typ := testType("test:abandoned")
	for name, change := range map[string]string{
		"its worker was lost":         "claimed_by = gen_random_uuid(), claim_until = clock_timestamp() + interval '1 min'",
		"it is older than a call":     "claimed_by = (SELECT id FROM worker LIMIT 1), claim_until = clock_timestamp() - interval '1 s'",
		"and it is to be given up":    "claimed_by = gen_random_uuid(), claim_until = clock_timestamp(), give_up_at = clock_timestamp()",
		"and it has crashed 3 times":  "claimed_by = gen_random_uuid(), claim_until = clock_timestamp(), crashes = 3",
		"and it is its last attempt ": "claimed_by = gen_random_uuid(), claim_until = clock_timestamp(), attempt = 11",
	} {
		c := &calling{leave: func(tx *store.Tx, _ testPayload) error { effect(tx, uuid.Nil, name); return nil }}
		run := r.runner(func(m *Mux) { Call(m, typ, c) })
		id := r.silent(typ)
		r.exec("UPDATE task SET claim_no = 1, "+change+" WHERE id = $1", id)
		res := run.deliver(t.Context(), r.delivery(id, 1))
		if got := r.task(id); c.calls.Load() != 0 || c.abandoned.Load() != 1 || got.State != "done" || got.Claimed || r.effects(uuid.Nil, name) != 1 {
			t.Errorf("%s: %+v, %+v, %d calls, %d abandoned", name, res, got, c.calls.Load(), c.abandoned.Load())
		}
	}
}

// A claim whose commit succeeded though its answer was lost is no claim less: the accident of the worker that did not
// hear of it, and counts as lost itself by then, leaves it to be found abandoned.
func TestAccidentKeepsTheClaim(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow)
	typ := testType("test:unheard")
	c := newCalling(func(context.Context) error { return nil })
	run := r.runner(func(m *Mux) { Call(m, typ, c) })
	id := r.silent(typ)
	r.exec("UPDATE task SET claim_no = 1, claimed_by = $2, claim_until = clock_timestamp() + interval '1 min' WHERE id = $1", id, run.Worker.ID)
	r.exec("UPDATE worker SET seen_at = clock_timestamp() - interval '4 s'")
	if res := run.accident(t.Context(), r.delivery(id, 1), errors.New("the connection was lost")); res.label != "retry" {
		t.Errorf("the accident: %+v", res)
	}
	if got := r.task(id); !got.Claimed || got.Attempt != 1 || got.State != "pending" {
		t.Errorf("after the accident: %+v", got)
	}
	r.exec("UPDATE task SET run_at = clock_timestamp() WHERE id = $1", id)
	if res := run.deliver(t.Context(), r.delivery(id, 1)); res.label != "done" || c.calls.Load() != 0 || c.abandoned.Load() != 1 {
		t.Errorf("%+v, %d calls, %d abandoned", res, c.calls.Load(), c.abandoned.Load())
	}
}

// steal makes a task's claim look lost and settles it by another worker, while the call is in flight.
func (r *rig) steal(typ tasks.Type[testPayload], c *calling, id uuid.UUID, dies func()) row {
	r.t.Helper()
	dies()
	thief := r.runner(func(m *Mux) { Call(m, typ, c) })
	if res := thief.deliver(r.t.Context(), r.delivery(id, 1)); res.label != "done" || c.abandoned.Load() != 1 {
		r.t.Fatalf("the thief: %+v", res)
	}
	return r.task(id)
}

// A result that comes back after its task was taken for lost is recorded all the same; the task is not finished
// twice.
func TestStolenResultIsRecorded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record func(tx *store.Tx) error
		wrote  bool // what Record wrote stays
		undone int
	}{
		"success":  {func(*store.Tx) error { return nil }, true, 0},
		"snooze":   {func(*store.Tx) error { return tasks.Snooze("later", time.Second) }, false, 0},
		"retry":    {func(*store.Tx) error { return tasks.Retry("busy", 0, nil) }, false, 0},
		"dead":     {func(*store.Tx) error { return tasks.Dead("refused", nil) }, true, 1},
		"accident": {func(*store.Tx) error { return errors.New("x") }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, slow)
			typ := testType("test:stolen")
			h, started, letGo := held()
			h.record = func(tx *store.Tx, _ testPayload, _ error) error {
				effect(tx, uuid.Nil, "recorded")
				return c.record(tx)
			}
			h.undo = func(tx *store.Tx, _ testPayload, _ string) error { effect(tx, uuid.Nil, "undone"); return nil }
			run := r.runner(func(m *Mux) { Call(m, typ, h) })
			dies := r.alive(run)
			id := r.silent(typ)
			first := make(chan result, 1)
			go func() { first <- run.deliver(context.Background(), r.delivery(id, 1)) }()
			<-started
			before := r.steal(typ, h, id, dies)
			letGo()
			res := <-first
			after := r.task(id)
			before.Wait, after.Wait = 0, 0
			if after != before {
				t.Errorf("the task was changed again: %+v, then %+v", before, after)
			}
			if got := r.effects(uuid.Nil, "recorded") == 1; got != c.wrote || r.effects(uuid.Nil, "undone") != c.undone {
				t.Errorf("recorded: %v, undone %d times; %+v", got, r.effects(uuid.Nil, "undone"), res)
			}
		})
	}
}

// A result is recorded though asynq has given the delivery up meanwhile: lease lost, time-out, shutdown.
func TestResultIsRecordedAfterCancel(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow)
	typ := testType("test:cancel")
	h, started, letGo := held()
	h.record = func(tx *store.Tx, _ testPayload, err error) error {
		if err != nil {
			return err
		}
		effect(tx, uuid.Nil, "recorded")
		return nil
	}
	run := r.runner(func(m *Mux) { Call(m, typ, h) })
	r.alive(run)
	id := r.silent(typ)
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan result, 1)
	go func() { first <- run.deliver(ctx, r.delivery(id, 1)) }()
	<-started
	cancel()
	letGo()
	if res := <-first; res.label != "done" || r.effects(uuid.Nil, "recorded") != 1 || r.task(id).State != "done" {
		t.Errorf("%+v, %+v", res, r.task(id))
	}
}

// A call that panics has an unknown outcome: its claim is left to be found abandoned.
func TestCallPanics(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:callpanic")
	c := newCalling(func(context.Context) error { panic("x") })
	run := r.runner(func(m *Mux) { Call(m, typ, c) })
	id := r.silent(typ)
	var later *tasks.Later
	if res := run.deliver(t.Context(), r.delivery(id, 1)); !errors.As(res.toAsynq, &later) || later.Delay < run.CallLimit {
		t.Errorf("%+v", res)
	}
	if got := r.task(id); got.State != "pending" || !got.Claimed || got.Attempt != 0 {
		t.Errorf("%+v", got)
	}
	r.exec("UPDATE task SET claim_until = clock_timestamp()")
	run.deliver(t.Context(), r.delivery(id, 1))
	if got := r.task(id); got.State != "done" || c.calls.Load() != 1 || c.abandoned.Load() != 1 {
		t.Errorf("%+v, %d calls", got, c.calls.Load())
	}
}

// A worker that is alive and busy is not taken for dead: not when all connections of its pool are in use for
// longer than a worker may be silent.
func TestBusyWorkerIsNotTakenForDead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:busy"), counted()
	busy := r.start(func(m *Mux) { Do(m, typ, h) })
	eventually(t, 5*time.Second, "the worker is known", func() bool { return query[int](r, "SELECT count(*) FROM worker") == 1 })
	pool := busy.run.DB.Pool
	var releases []func()
	release := sync.OnceFunc(func() {
		for _, f := range releases {
			f()
		}
	})
	defer release()
	for range pool.Config().MaxConns { // the relay gives its own back within moments
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		conn, err := pool.Acquire(ctx)
		cancel()
		r.must(err)
		releases = append(releases, conn.Release)
	}
	// Another worker watches; it runs no task itself.
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	defer rdb.Close()
	watch := &tasks.Orphans{DB: &tasks.DB{Pool: r.db.App, Broker: tasks.NewBroker(rdb)}, Metrics: r.runner().Metrics, Log: r.logger()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); watch.Run(ctx) }()
	id := r.enqueue(typ)
	eventually(t, 5*time.Second, "it waits for a connection", func() bool { s, _ := r.inRedis(typ.Queue, id, 1); return s == "active" })
	meanwhile(t, 5*time.Second, "nobody counts a crash", func() bool { return r.task(id).Crashes == 0 })
	release()
	got := r.state(id, "done", 5*time.Second)
	cancel()
	<-done
	if got.Crashes != 0 || got.Epoch != 1 || r.effects(id, "") != 1 {
		t.Errorf("%+v", got)
	}
}
