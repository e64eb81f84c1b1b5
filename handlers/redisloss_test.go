package handlers

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"holdfast/store"
	"holdfast/store/embedded"
	"holdfast/tasks"
)

// privateRedis gives a rig a redis-server of its own, to be flushed and killed.
func privateRedis(t *testing.T) (*embedded.Server, *redis.Client, func(*config)) {
	t.Helper()
	s, err := embedded.StartRedis(t.Context(), embedded.Options{DataDir: privateDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	rdb, err := tasks.OpenRedis(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rdb.Close(); _ = s.Close() })
	return s, rdb, func(c *config) { c.RedisURL = s.URL }
}

// many enqueues n tasks in transactions of 20 and returns how long the slowest commit took.
func (r *rig) many(typ tasks.Type[testPayload], n int) (slowest time.Duration) {
	r.t.Helper()
	for range n / 20 {
		start := time.Now()
		r.must(tasks.InTx(r.t.Context(), r.in, r.org.ID, func(tx *store.Tx) error {
			for range 20 {
				if _, err := typ.Enqueue(tx, testPayload{ID: uuid.New()}); err != nil {
					return err
				}
			}
			return nil
		}))
		slowest = max(slowest, time.Since(start))
	}
	return slowest
}

func (r *rig) doneTasks() int { return query[int](r, "SELECT count(*) FROM task WHERE state = 'done'") }

// allOnce checks that all tasks had their effect, and none twice.
func (r *rig) allOnce(n int) {
	r.t.Helper()
	if got := query[int](r, "SELECT count(*) FROM effect"); got != n {
		r.t.Errorf("%d effects of %d tasks", got, n)
	}
	if got := query[int](r, "SELECT count(DISTINCT task) FROM effect"); got != n {
		r.t.Errorf("%d tasks of %d had an effect", got, n)
	}
}

// working takes its time, in Postgres.
func working() *scripted {
	return &scripted{do: func(_ int, tx *store.Tx, t store.Task) error {
		effect(tx, t.ID, "run")
		tx.Queue("SELECT pg_sleep(0.02)")
		_, err := store.Now(context.Background(), tx)
		return err
	}}
}

const lossTasks = 200

// Redis is flushed again and again while tasks wait and run: all are done within 15 s, none twice.
func TestFlushWhileTasksRun(t *testing.T) {
	t.Parallel()
	_, rdb, private := privateRedis(t)
	r := newRig(t, private)
	typ := testType("test:flush")
	r.start(func(m *Mux) { Do(m, typ, working()) })
	r.start(func(m *Mux) { Do(m, typ, working()) })
	r.many(typ, lossTasks)
	for _, at := range []int{1, lossTasks / 4, lossTasks / 2} {
		eventually(t, 20*time.Second, "tasks run", func() bool { return r.doneTasks() >= at })
		r.must(rdb.FlushAll(t.Context()).Err())
	}
	took := eventually(t, 15*time.Second, "all are done", func() bool { return r.doneTasks() == lossTasks })
	t.Logf("all done %v after the last flush", took)
	r.allOnce(lossTasks)
	eventually(t, 3*time.Second, "the queues are visible again", func() bool {
		queues, err := r.look.Queues()
		return err == nil && slices.Contains(queues, tasks.QueueDefault) && slices.Contains(queues, tasks.QueueLow)
	})
}

// Redis is killed and comes back empty.
func TestRedisRestartsEmpty(t *testing.T) {
	t.Parallel()
	server, _, private := privateRedis(t)
	r := newRig(t, private)
	typ := testType("test:restart")
	r.start(func(m *Mux) { Do(m, typ, working()) })
	r.many(typ, lossTasks)
	eventually(t, 20*time.Second, "tasks run", func() bool { return r.doneTasks() >= 10 })
	r.must(server.Kill())
	r.must(server.Restart(t.Context()))
	took := eventually(t, 15*time.Second, "all are done", func() bool { return r.doneTasks() == lossTasks })
	t.Logf("all done %v after the restart", took)
	r.allOnce(lossTasks)
}

// While Redis is away commits stay fast; what they enqueued is pushed when it is back.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	server, _, private := privateRedis(t)
	r := newRig(t, private)
	typ := testType("test:away")
	r.start(func(m *Mux) { Do(m, typ, counted()) })
	first := r.enqueue(typ)
	r.state(first, "done", 5*time.Second)
	// At first it is a black hole: each commit that tries costs the push's budget of 100 ms; the breaker lets a few
	// try, and one a second or so later on.
	r.must(syscall.Kill(server.PID, syscall.SIGSTOP))
	var slow int
	for range 40 {
		start := time.Now()
		r.commit(typ)
		if time.Since(start) > 90*time.Millisecond {
			slow++
		}
	}
	if slow > 20 {
		t.Errorf("%d of 40 commits waited for a Redis that does not answer", slow)
	}
	// Then it is gone.
	r.must(server.Kill())
	slow = 0
	for range 20 {
		if r.many(typ, 20) > 150*time.Millisecond {
			slow++
		}
	}
	if slow > 10 {
		t.Errorf("%d of 20 commits took over 150 ms without Redis", slow)
	}
	meanwhile(t, 2*time.Second, "nothing runs", func() bool { return r.doneTasks() == 1 })
	r.must(server.Restart(t.Context()))
	took := eventually(t, 15*time.Second, "all are done", func() bool { return r.doneTasks() == 441 })
	t.Logf("440 tasks done %v after Redis was back", took)
	r.allOnce(441)
}

// With a backlog the relay looks again and again at rows that Redis has: they keep their place and their epoch.
func TestRelayLeavesWhatIsPending(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:backlog")
	for range 100 {
		r.enqueue(typ)
	}
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	defer rdb.Close()
	relay := &tasks.Relay{DB: r.in, Metrics: r.runner().Metrics, Log: r.logger()}
	r.must(relay.Step(t.Context())) // brings this Redis up to date
	for range 3 {
		r.exec("UPDATE task SET check_at = clock_timestamp(), run_at = run_at - interval '10 s'")
		before := query[time.Time](r, "SELECT clock_timestamp()")
		r.must(relay.Step(t.Context()))
		if n := query[int](r, "SELECT count(*) FROM task WHERE epoch = 1 AND check_at > $1", before); n != 100 {
			t.Fatalf("%d of 100 keep their epoch and were looked at", n)
		}
	}
	if n := rdb.LLen(t.Context(), "asynq:{default}:pending").Val(); n != 100 {
		t.Errorf("%d in Redis", n)
	}
	// One that Redis has lost alone gets a new epoch, at once.
	var id uuid.UUID
	r.must(r.db.Admin.QueryRow(t.Context(), "SELECT id FROM task LIMIT 1").Scan(&id))
	r.must(r.look.DeleteTask(typ.Queue, id.String()+":1"))
	r.exec("UPDATE task SET check_at = clock_timestamp()")
	r.must(relay.Step(t.Context()))
	if s, _ := r.inRedis(typ.Queue, id, 2); s != "pending" || query[int](r, "SELECT count(*) FROM task WHERE epoch = 2") != 1 {
		t.Errorf("the lost one is %q, %+v", s, r.task(id))
	}
}

// Dead letters live in Postgres: they survive that asynq's archive is emptied, and are shown there again after
// Redis was lost. Showing them runs nothing.
func TestDeadLettersSurvive(t *testing.T) {
	t.Parallel()
	_, rdb, private := privateRedis(t)
	r := newRig(t, private)
	typ := testType("test:letter")
	h := &undoing{undo: func(tx *store.Tx, _ string) error { effect(tx, uuid.Nil, "undo"); return nil }}
	h.do = func(int, *store.Tx, store.Task) error { return tasks.Dead("hopeless", nil) }
	r.start(func(m *Mux) { Do(m, typ, h) })
	const letters = 20
	r.many(typ, letters)
	archived := func() int {
		list, err := r.look.ListArchivedTasks(typ.Queue)
		if err != nil {
			return 0
		}
		return len(list)
	}
	dead := func() int {
		return query[int](r, "SELECT count(*) FROM task WHERE state = 'dead' AND last_error = 'hopeless'")
	}
	eventually(t, 30*time.Second, "all are dead and archived", func() bool { return dead() == letters && archived() == letters })
	_, err := r.look.DeleteAllArchivedTasks(typ.Queue)
	r.must(err)
	if dead() != letters { // some may be shown again already
		t.Fatalf("the archive was emptied: %d dead letters", dead())
	}
	r.must(rdb.FlushAll(t.Context()).Err())
	took := eventually(t, 10*time.Second, "all are shown again", func() bool { return archived() == letters })
	t.Logf("dead letters shown again %v after the flush", took)
	if dead() != letters || h.runs.Load() != letters || r.effects(uuid.Nil, "undo") != letters {
		t.Errorf("%d dead letters, %d runs, %d undos", dead(), h.runs.Load(), r.effects(uuid.Nil, "undo"))
	}
}
