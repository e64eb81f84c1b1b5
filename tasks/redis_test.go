package tasks

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"holdfast/store"
	"holdfast/store/embedded"
	"holdfast/store/storetest"
)

func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(start) > within {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-tick.C
	}
}

func open(t *testing.T, url string) *redis.Client {
	t.Helper()
	rdb, err := OpenRedis(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func ref(queue string) store.TaskRef {
	return store.TaskRef{Org: uuid.New(), ID: uuid.New(), Type: "test:x", Queue: queue, Epoch: 1}
}

// lossy fails the first acknowledgement and notes what becomes of its retries.
type lossy struct {
	mu       sync.Mutex
	failed   bool
	canceled int
}

func (l *lossy) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (l *lossy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l *lossy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if hasKey(cmd, ":active", 3) { // asynq's done script
			l.mu.Lock()
			first := !l.failed
			l.failed = true
			if errors.Is(ctx.Err(), context.Canceled) {
				l.canceled++
			}
			l.mu.Unlock()
			if first {
				err := errors.New("the reply was lost")
				cmd.SetErr(err)
				return err
			}
		}
		return next(ctx, cmd)
	}
}

func (l *lossy) canceledTries() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.canceled
}

// An acknowledgement that fails once is repeated, with MendAsynq. Without it, which is the control, asynq repeats it
// with a cancelled context for ever: the task would be delivered again by the recoverer, a minute later.
func TestLostAck(t *testing.T) {
	t.Parallel()
	for name, mend := range map[string]bool{"mended": true, "control": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := storetest.RedisURL(t)
			rdb, plain := open(t, url), open(t, url)
			if mend {
				MendAsynq(rdb)
			}
			faults := &lossy{}
			rdb.AddHook(faults)
			var runs atomic.Int32
			h := asynq.HandlerFunc(func(context.Context, *asynq.Task) error { runs.Add(1); return nil })
			s, err := StartServers(rdb, []Class{{QueueDefault, 1, 5 * time.Millisecond}}, h, time.Second, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Shutdown()
			task := ref(QueueDefault)
			if err := NewBroker(plain).Push(t.Context(), []store.TaskRef{task}); err != nil {
				t.Fatal(err)
			}
			eventually(t, 5*time.Second, "it runs", func() bool { return runs.Load() == 1 })
			there := func() bool { return plain.Exists(t.Context(), taskKey(task.Queue, taskID(task))).Val() == 1 }
			if mend {
				eventually(t, 12*time.Second, "the repeated acknowledgement succeeds", func() bool { return !there() })
				if n := plain.LLen(t.Context(), activeKey(task.Queue)).Val(); n != 0 || faults.canceledTries() != 0 {
					t.Errorf("%d active, %d tries with a cancelled context", n, faults.canceledTries())
				}
			} else {
				eventually(t, 12*time.Second, "asynq repeats with a cancelled context", func() bool { return faults.canceledTries() > 0 })
				if n := plain.LLen(t.Context(), activeKey(task.Queue)).Val(); n != 1 || !there() {
					t.Error("the control's acknowledgement came through: asynq no longer needs the mend")
				}
			}
			if runs.Load() != 1 {
				t.Errorf("%d runs", runs.Load())
			}
		})
	}
}

// Our idea of asynq's keys is asynq's own; a second push of an epoch is a success and changes nothing; a new epoch
// is another task, also when the old one is archived.
func TestPushTwice(t *testing.T) {
	t.Parallel()
	rdb := open(t, storetest.RedisURL(t))
	b, look := NewBroker(rdb), asynq.NewInspectorFromRedisClient(rdb)
	task := ref(QueueSend)
	list := []store.TaskRef{task, task, task}
	if err := b.Push(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if err := b.Push(t.Context(), list); err != nil {
		t.Errorf("a conflict on its own id: %v", err)
	}
	pending, err := look.ListPendingTasks(task.Queue)
	if err != nil || len(pending) != 1 || pending[0].ID != taskID(task) {
		t.Fatalf("%d pending, %v", len(pending), err)
	}
	if waiting, err := b.waiting(t.Context(), []store.TaskRef{task, ref(QueueSend)}); err != nil || !waiting[0] || waiting[1] {
		t.Errorf("waiting %v %v", waiting, err)
	}
	if info := pending[0]; info.MaxRetry != outOfReach || info.Timeout != taskTimeout || info.Retention != 0 || !info.Deadline.IsZero() {
		t.Errorf("%+v", info)
	}
	if err := look.ArchiveTask(task.Queue, taskID(task)); err != nil {
		t.Fatal(err)
	}
	if err := b.Push(t.Context(), []store.TaskRef{task}); err != nil {
		t.Errorf("a conflict with an archived one: %v", err)
	}
	if waiting, err := b.waiting(t.Context(), []store.TaskRef{task}); err != nil || waiting[0] {
		t.Errorf("an archived task counts as waiting: %v", err)
	}
	task.Epoch = 2
	if err := b.Push(t.Context(), []store.TaskRef{task}); err != nil {
		t.Fatal(err)
	}
	if waiting, err := b.waiting(t.Context(), []store.TaskRef{task}); err != nil || !waiting[0] {
		t.Errorf("the new epoch does not wait: %v", err)
	}
}

// The sentinel tells a Redis that was flushed, and one that was restarted, from one that is known; and queues that
// asynq's clients believe to have made known are made known again.
func TestRedisIsKnown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := embedded.StartRedis(t.Context(), embedded.Options{DataDir: dir, Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	rdb := open(t, server.URL)
	b, look := NewBroker(rdb), asynq.NewInspectorFromRedisClient(rdb)
	lost := func(what string, want bool) {
		t.Helper()
		if got, err := b.lost(t.Context()); err != nil || got != want {
			t.Errorf("%s: lost %v %v", what, got, err)
		}
	}
	know := func() {
		t.Helper()
		if err := b.know(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lost("at first", true)
	know()
	lost("known", false)
	if err := b.Push(t.Context(), []store.TaskRef{ref(QueueDefault)}); err != nil {
		t.Fatal(err)
	}
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	lost("flushed", true)
	if err := b.Push(t.Context(), []store.TaskRef{ref(QueueDefault)}); err != nil {
		t.Fatal(err)
	}
	if queues, err := look.Queues(); err != nil || len(queues) != 0 {
		t.Errorf("asynq shows %v, %v: it no longer needs the mend", queues, err)
	}
	know()
	if queues, err := look.Queues(); err != nil || len(queues) != 5 {
		t.Errorf("asynq shows %v, %v", queues, err)
	}
	if err := errors.Join(server.Kill(), server.Restart(t.Context())); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "Redis is back", func() bool { return rdb.Ping(t.Context()).Err() == nil })
	lost("restarted with its data", true)
}

// The breaker opens after three failures in a row, for a second; one success closes it.
func TestBreaker(t *testing.T) {
	t.Parallel()
	var b breaker
	bad := errors.New("x")
	for i, step := range []struct {
		err  error
		open bool
	}{{bad, false}, {bad, false}, {nil, false}, {bad, false}, {bad, false}, {bad, true}, {bad, true}, {nil, false}} {
		if b.note(step.err); b.open() != step.open {
			t.Errorf("step %d: open %v", i, b.open())
		}
	}
	for range 3 {
		b.note(bad)
	}
	b.until.Store(time.Now().UnixNano()) // the second is over
	if b.open() {
		t.Error("it stays open")
	}
}

// A commit whose Redis is a black hole costs no more than its budget, and nothing once the breaker is open.
func TestAnnounceKeepsItsBudget(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts by the kernel's backlog, and never answers
	opt := &redis.Options{Addr: l.Addr().String(), ContextTimeoutEnabled: true, DialTimeout: time.Second, MaxRetries: 1}
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	b := NewBroker(rdb)
	tx := &store.Tx{Enqueued: []store.TaskRef{ref(QueueClaim), ref(QueueClaim)}, Answered: []uuid.UUID{uuid.New()}}
	for i := range 5 {
		start := time.Now()
		Announce(t.Context(), b, tx)
		took := time.Since(start)
		if limit := 3 * pushBudget; took > limit {
			t.Errorf("announcement %d took %v", i, took)
		}
		if i >= 3 && took > pushBudget/2 {
			t.Errorf("announcement %d took %v though the breaker is open", i, took)
		}
	}
}

// What asynq calls active is looked up once; an answer that is only due to a flush is asked for again.
func TestOrphanIsIdentifiedAfterFlush(t *testing.T) {
	t.Parallel()
	rdb := open(t, storetest.RedisURL(t))
	b := NewBroker(rdb)
	task := ref(QueueDefault)
	if err := b.Push(t.Context(), []store.TaskRef{task}); err != nil {
		t.Fatal(err)
	}
	o := &Orphans{DB: &DB{Broker: b}, inspector: asynq.NewInspectorFromRedisClient(rdb)}
	if err := rdb.Del(t.Context(), "asynq:queues").Err(); err != nil { // as a flush leaves it for asynq's clients
		t.Fatal(err)
	}
	active := map[string][]string{task.Queue: {taskID(task), "foreign"}}
	now := time.Now()
	if got := o.look(active, now); len(got) != 0 {
		t.Errorf("suspected at first sight: %v", got)
	}
	if got := o.look(active, now.Add(orphansPatience)); len(got) != 0 {
		t.Errorf("identified in an unknown queue: %v", got)
	}
	if err := b.know(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := o.look(active, now.Add(orphansPatience)); len(got) != 1 || got[0] != task {
		t.Errorf("suspects %v, want %v", got, task)
	}
	if got := o.look(map[string][]string{}, now.Add(2*orphansPatience)); len(got) != 0 || len(o.seen) != 0 {
		t.Errorf("gone, and still %v %v", got, o.seen)
	}
}

// The errors of OpenRedis do not quote the URL, which can hold a password.
func TestOpenRedisHidesItsURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"redis://:hunter2@127.0.0.1:1/0", "redis://:hunter2@127.0.0.1:x", "hunter2"} {
		if _, err := OpenRedis(t.Context(), url); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}
