package handlers

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// crowded is a rig whose ingress knows how many tasks an org has in Redis, and another org.
func crowded(t *testing.T, change ...func(*config)) (r *rig, other uuid.UUID) {
	r = newRig(t, change...)
	r.in.Crowd = &tasks.Crowd{DB: r.db.App, Log: r.logger()}
	return r, storetest.NewOrg(t, r.db, "two").ID
}

// burst enqueues n tasks of an org, a thousand in each transaction.
func (r *rig) burst(org uuid.UUID, typ tasks.Type[testPayload], n int) {
	r.t.Helper()
	for range (n + 999) / 1000 {
		r.must(tasks.InTx(r.t.Context(), r.in, org, func(tx *store.Tx) error {
			for range min(n, 1000) {
				if _, err := typ.Enqueue(tx, testPayload{ID: uuid.New()}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

const overtaken = `SELECT count(*) FROM effect WHERE at < (SELECT at FROM effect WHERE task = $1) AND at > (SELECT created_at FROM task WHERE id = $1)`

// Thousands of tasks of one org stand in Redis no more than its share at a time: another org's task that comes after them
// waits behind that share and not behind the burst, in the same queue; and what the org itself puts in another queue waits for
// none of them.
func TestBurstDelaysNobody(t *testing.T) {
	t.Parallel()
	r, other := crowded(t)
	burst, text := testType("test:burst"), lent(tasks.VerificationSend)
	both := func(m *Mux) { Do(m, burst, counted()); Do(m, text, counted()) }
	const n = 4_000 // ten thousand show no more, and take two minutes
	r.burst(r.org.ID, burst, n)
	r.start(both)
	r.start(both)
	eventually(t, 30*time.Second, "the burst is worked on", func() bool { return r.doneTasks() > tasks.Share })
	var theirs, own uuid.UUID
	r.must(tasks.InTx(t.Context(), r.in, other, func(tx *store.Tx) (err error) { theirs, err = burst.Enqueue(tx, testPayload{}); return err }))
	r.must(tasks.InTx(t.Context(), r.in, r.org.ID, func(tx *store.Tx) (err error) { own, err = text.Enqueue(tx, testPayload{}); return err }))
	for who, id := range map[string]uuid.UUID{"the other org's task": theirs, "the org's own text": own} {
		r.state(id, "done", 30*time.Second)
		waited := query[time.Duration](r, "SELECT finished_at - created_at FROM task WHERE id = $1", id)
		before := query[int](r, overtaken, id)
		t.Logf("%s: %v after its commit, %d of the burst before it", who, waited, before)
		if most := 2 * tasks.Share; before > most { // what is in hand, and what was fed meanwhile
			t.Errorf("%s waited behind %d tasks of the burst, want at most %d", who, before, most)
		}
	}
	if left := query[int](r, "SELECT count(*) FROM task WHERE state = 'pending'"); left < n/2 {
		t.Errorf("only %d of the burst are left: the test shows nothing", left)
	}
	eventually(t, 2*time.Minute, "all are done", func() bool { return r.doneTasks() == n+2 })
	r.allOnce(n + 2)
}

// What an org has beyond its share stands in line, whoever finds it: the commit that makes it, or the relay after Redis was
// lost; two orgs are fed in turns.
func TestLinesAreFedInTurns(t *testing.T) {
	t.Parallel()
	_, rdb, private := privateRedis(t)
	r, other := crowded(t, private)
	typ := testType("test:turns")
	inLine := func(org uuid.UUID) int {
		return query[int](r, "SELECT count(*) FROM task WHERE state = 'pending' AND check_at = 'infinity' AND org_id = $1", org)
	}
	inRedis := func() int {
		info, err := r.look.GetQueueInfo(typ.Queue)
		r.must(err)
		return info.Pending
	}
	for _, org := range []uuid.UUID{r.org.ID, other} {
		r.burst(org, typ, 2*tasks.Share)
		if n := inLine(org); n != tasks.Share {
			t.Errorf("%d in line, want %d", n, tasks.Share)
		}
	}
	pushed := &tasks.Relay{DB: &tasks.DB{Pool: r.db.App, Broker: r.in.Broker}, Metrics: r.runner().Metrics, Log: r.logger()}
	r.exec("UPDATE task SET check_at = clock_timestamp() WHERE check_at < 'infinity'")
	r.must(pushed.Step(t.Context())) // what the commits had no time for
	if n := inRedis(); n != 2*tasks.Share {
		t.Fatalf("%d in Redis, want %d", n, 2*tasks.Share)
	}
	feeder := &tasks.Feeder{DB: r.in, Log: r.logger()}
	r.must(feeder.Step(t.Context()))
	if n := inRedis(); n != 2*tasks.Share {
		t.Errorf("%d in Redis, though both orgs have their share there", n)
	}
	// Half of each share is done: as much is fed, the orgs in turns.
	r.exec(`UPDATE task SET state = 'done' WHERE id IN (SELECT id FROM (
		SELECT id, row_number() OVER (PARTITION BY org_id ORDER BY id) n FROM task WHERE check_at < 'infinity') x WHERE n <= $1)`, tasks.Share/2)
	fed, err := store.FeedTasks(t.Context(), r.db.App, tasks.Share)
	r.must(err)
	if len(fed) != tasks.Share {
		t.Fatalf("%d fed, want %d", len(fed), tasks.Share)
	}
	for i := 0; i < len(fed); i += 2 {
		if fed[i].Org == fed[i+1].Org {
			t.Fatalf("one org has two turns, at %d", i)
		}
	}
	r.must(r.in.Broker.Push(t.Context(), fed))
	// A task of an org whose others wait goes behind them, though there is room.
	r.exec("UPDATE task SET state = 'done' WHERE check_at < 'infinity' AND org_id = $1", other)
	r.must(r.in.Crowd.Look(t.Context()))
	r.burst(other, typ, 1)
	if n := inLine(other); n != tasks.Share/2+1 {
		t.Errorf("%d in line, want %d", n, tasks.Share/2+1)
	}
	// Redis is lost: the relay brings the share back, and leaves the rest where it is.
	r.must(rdb.FlushAll(t.Context()).Err())
	before := inLine(r.org.ID)
	r.exec("UPDATE task SET check_at = clock_timestamp() WHERE state = 'pending' AND check_at < 'infinity'")
	relay := &tasks.Relay{DB: r.in, Metrics: r.runner().Metrics, Log: r.logger()}
	r.must(r.in.Crowd.Look(t.Context()))
	r.must(relay.Step(t.Context()))
	if n := inLine(r.org.ID); n < before {
		t.Errorf("%d in line, %d before: the relay took tasks out of their turn", n, before)
	}
}

// A relay that finds more than a share missing in Redis lines the rest up.
func TestRelayLinesUpWhatIsBeyond(t *testing.T) {
	t.Parallel()
	_, rdb, private := privateRedis(t)
	r, _ := crowded(t, private)
	typ := testType("test:beyond")
	known := r.in.Crowd
	r.in.Crowd = nil // an older ingress: it pushes all
	r.burst(r.org.ID, typ, 2*tasks.Share)
	r.in.Crowd = known
	r.must(rdb.FlushAll(t.Context()).Err())
	r.exec("UPDATE task SET check_at = clock_timestamp()")
	r.must(r.in.Crowd.Look(t.Context()))
	relay := &tasks.Relay{DB: r.in, Metrics: r.runner().Metrics, Log: r.logger()}
	r.must(relay.Step(t.Context()))
	if n := query[int](r, "SELECT count(*) FROM task WHERE check_at = 'infinity' AND epoch = 2"); n != 2*tasks.Share {
		t.Errorf("%d in line, want all: each counts against the others", n)
	}
	w := r.start(func(m *Mux) { Do(m, typ, counted()) })
	eventually(t, 20*time.Second, "all are done", func() bool { return r.doneTasks() == 2*tasks.Share })
	w.stop()
	r.allOnce(2 * tasks.Share)
}
