package handlers

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/store"
	"holdfast/tasks"
)

// A tick that several schedulers enqueue has one effect.
func TestTwoSchedulersOneEffect(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	table := []tasks.Periodic{{Name: tasks.HoldsExpire, Every: time.Second}}
	var sweeps atomic.Int32
	add := func(m *Mux) {
		m.sweeps = map[string]Sweep{tasks.HoldsExpire: {Every: time.Second, Do: func(context.Context, *store.Tx) (int, bool, error) {
			sweeps.Add(1)
			return 1, false, nil
		}}}
	}
	// Something that stays due, for the sweep to be called once a tick.
	r.exec(`INSERT INTO block (org_id, id, resource_id, starts_at, ends_at) VALUES ($1, gen_random_uuid(), $2, now(), now() + interval '1 h')`, r.org.ID, r.org.Chair)
	r.exec(`INSERT INTO hold (org_id, resource_id, seat, block_id, starts_at, ends_at, expires_at) SELECT org_id, resource_id, 0, id, starts_at, ends_at, now() FROM block`)
	r.start(add)
	r.start(add)
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	defer rdb.Close()
	for range 2 {
		stop, err := tasks.StartScheduler(rdb, table, slog.New(slog.DiscardHandler))
		r.must(err)
		defer stop()
	}
	eventually(t, 10*time.Second, "four ticks", func() bool { return query[int](r, "SELECT count(*) FROM tick WHERE finished_at IS NOT NULL") >= 4 })
	var processed int
	eventually(t, 5*time.Second, "each scheduler has enqueued them", func() bool {
		info, err := r.look.GetQueueInfo(tasks.QueueTick)
		if err != nil {
			return false
		}
		processed = info.Processed
		return processed >= 7
	})
	r.must(err)
	ticks := query[int](r, "SELECT count(*) FROM tick")
	if n := int(sweeps.Load()); n > ticks || processed < ticks*3/2 {
		t.Errorf("%d sweeps in %d windows, %d ticks came", n, ticks, processed)
	}
	if n := query[int](r, "SELECT count(*) FROM tick WHERE finished_at IS NOT NULL AND error IS NULL AND rows_done <> 1"); n != 0 {
		t.Errorf("%d ticks did something else", n)
	}
	if info, err := r.look.GetQueueInfo(tasks.QueueTick); err != nil || info.Archived > 0 {
		t.Errorf("ticks leave nothing behind: %+v %v", info, err)
	}
}

// A delivery before its time, as asynq makes them, is dropped, and the task comes again when it is due.
func TestEarlyDeliveryComesAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:early"), counted()
	id := r.silent(typ)
	r.exec("UPDATE task SET run_at = clock_timestamp() + interval '2.5 s', check_at = clock_timestamp() + interval '1 s'")
	r.start(func(m *Mux) { Do(m, typ, h) }) // only now, or a slow machine's relay would find it due
	r.push(typ, id)
	got := r.state(id, "done", 8*time.Second)
	if early := query[bool](r, "SELECT effect.at < run_at FROM effect, task"); early || got.Attempt != 0 || h.runs.Load() != 1 {
		t.Errorf("early %v, %+v", early, got)
	}
}

// A task whose id is blocked in Redis, since it was archived there behind our back, gets a new epoch and runs.
func TestArchivedBehindOurBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:archived")
	id := r.enqueue(typ) // nobody works yet
	r.must(r.look.ArchiveTask(typ.Queue, id.String()+":1"))
	r.push(typ, id) // a conflict is no error
	if s, _ := r.inRedis(typ.Queue, id, 1); s != "archived" {
		t.Fatalf("it is %q", s)
	}
	r.start(func(m *Mux) { Do(m, typ, counted()) })
	if got := r.state(id, "done", 6*time.Second); got.Epoch != 2 || r.effects(id, "") != 1 {
		t.Errorf("%+v", got)
	}
}

// Types are told apart by their whole names. (asynq's own mux would give sms:send:x to sms:send.)
func TestTypesAreExact(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	short, long, longest := testType("sms:send"), testType("sms:send:x"), testType("sms:send:x:y")
	note := func(s string) *scripted {
		return &scripted{do: func(_ int, tx *store.Tx, t store.Task) error { effect(tx, t.ID, s); return nil }}
	}
	r.start(func(m *Mux) { Do(m, short, note("short")); Do(m, long, note("long")) })
	a, b, c := r.enqueue(short), r.enqueue(long), r.enqueue(longest)
	r.state(a, "done", 5*time.Second)
	r.state(b, "done", 5*time.Second)
	if r.effects(a, "short") != 1 || r.effects(b, "long") != 1 {
		t.Error("a prefix was taken for the name")
	}
	eventually(t, 5*time.Second, "nobody knows the third", func() bool { return r.task(c).LastError == "unknown-type" })
}

// The reply to an enqueue is lost on the way: go-redis sends the command again, which finds the task there. That
// is a success, and the task runs once.
func TestLostReplyOnEnqueue(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:lostreply"), counted()
	proxy := newProxy(t, r.cfg.RedisURL)
	rdb, err := tasks.OpenRedis(t.Context(), proxy.url)
	r.must(err)
	defer rdb.Close()
	through := &tasks.DB{Pool: r.db.App, Broker: tasks.NewBroker(rdb)}
	id := r.silent(typ)
	ref := []store.TaskRef{{Org: r.org.ID, ID: id, Type: typ.Name, Queue: typ.Queue, Epoch: 1}}
	proxy.dropReplyTo("test:lostreply")
	if err := through.Broker.Push(t.Context(), ref); err != nil || !proxy.dropped() {
		t.Fatalf("push: %v, reply dropped: %v", err, proxy.dropped())
	}
	r.start(func(m *Mux) { Do(m, typ, h) })
	r.state(id, "done", 5*time.Second)
	if h.runs.Load() != 1 || r.effects(id, "") != 1 {
		t.Errorf("%d runs", h.runs.Load())
	}
}

// proxy stands between a client and Redis, to lose a reply.
type proxy struct {
	url string

	mu   sync.Mutex
	word string
	lost bool
}

// dropReplyTo makes the proxy break the connection instead of passing on the reply to the next command that
// contains word.
func (p *proxy) dropReplyTo(word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.word, p.lost = word, false
}

func (p *proxy) dropped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// take uses up the order to drop when the command is the one.
func (p *proxy) take(command string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.word == "" || !strings.Contains(command, p.word) {
		return false
	}
	p.word, p.lost = "", true
	return true
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := u.Host
	u.Host = l.Addr().String()
	p := &proxy{url: u.String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c, target)
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	var drop atomic.Bool
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := client.Read(buf) // a command of ours fits, and comes in one piece
			if err != nil {
				server.Close()
				return
			}
			if p.take(string(buf[:n])) {
				drop.Store(true)
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	in := bufio.NewReader(server)
	for {
		if _, err := in.Peek(1); err != nil || drop.Load() {
			return
		}
		if _, err := io.CopyN(client, in, int64(in.Buffered())); err != nil {
			return
		}
	}
}

// A sweep that takes longer than its interval is cut off, noted, and leaves nothing in asynq's archive, which shows
// dead letters: ticks are none.
func TestLongSweepLeavesNoDeadLetter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	table := []tasks.Periodic{{Name: tasks.HoldsExpire, Every: time.Second}}
	r.exec(`INSERT INTO block (org_id, id, resource_id, starts_at, ends_at) VALUES ($1, gen_random_uuid(), $2, now(), now() + interval '1 h')`, r.org.ID, r.org.Chair)
	r.exec(`INSERT INTO hold (org_id, resource_id, seat, block_id, starts_at, ends_at, expires_at) SELECT org_id, resource_id, 0, id, starts_at, ends_at, now() FROM block`)
	r.start(func(m *Mux) {
		m.sweeps = map[string]Sweep{tasks.HoldsExpire: {Every: time.Second, Do: func(ctx context.Context, _ *store.Tx) (int, bool, error) {
			<-ctx.Done()
			return 0, false, ctx.Err()
		}}}
	})
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	defer rdb.Close()
	stop, err := tasks.StartScheduler(rdb, table, slog.New(slog.DiscardHandler))
	r.must(err)
	defer stop()
	eventually(t, 10*time.Second, "two are cut off", func() bool { return query[int](r, "SELECT count(*) FROM tick WHERE error = 'deadline'") >= 2 })
	if info, err := r.look.GetQueueInfo(tasks.QueueTick); err != nil || info.Archived != 0 {
		t.Errorf("%+v %v", info, err)
	}
}
