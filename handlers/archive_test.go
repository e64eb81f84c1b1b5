package handlers

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"holdfast/store"
	"holdfast/tasks"
)

// archive lists what asynq has archived, of all queues.
func (r *rig) archive(rdb *redis.Client) map[string]bool {
	r.t.Helper()
	ids := make(map[string]bool)
	for _, q := range []string{tasks.QueueClaim, tasks.QueueSend, tasks.QueueDefault, tasks.QueueLow} {
		list, err := rdb.ZRange(r.t.Context(), "asynq:{"+q+"}:archived", 0, -1).Result()
		r.must(err)
		for _, id := range list {
			ids[id] = true
		}
	}
	return ids
}

// What asynqmon shows as archived are the 1,000 that died last, whatever was there before, and it stays so while they
// are handled elsewhere.
func TestArchiveShowsTheNewest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	defer rdb.Close()
	// Ids in the order of death, which is not that of birth.
	r.exec(`INSERT INTO task (org_id, id, type, queue, payload, state, epoch, last_error, run_at, check_at, give_up_at, finished_at)
		SELECT $1, gen_random_uuid(), 'test:old', (ARRAY['default', 'send'])[1 + n % 2], '{}', 'dead', 3, 'hopeless', now(), now(), now(), now() - n * interval '1 s'
		  FROM generate_series(1, 1200) n`, r.org.ID)
	newest := func() map[string]bool {
		want := make(map[string]bool)
		letters, err := store.DeadLetters(t.Context(), r.db.Owner, store.DeadLetterFilter{Limit: 1000})
		r.must(err)
		ids := make([]uuid.UUID, len(letters))
		for i, l := range letters {
			ids[i] = l.ID
		}
		for _, id := range query[[]string](r, "SELECT array_agg(id || ':' || epoch) FROM task WHERE id = ANY ($1)", ids) {
			want[id] = true
		}
		return want
	}
	agree := func() bool {
		got, want := r.archive(rdb), newest()
		for id := range want {
			if !got[id] {
				return false
			}
		}
		return len(got) == len(want)
	}
	op := r.operator(r.start())
	eventually(t, 60*time.Second, "the newest 1,000 are archived", agree)
	for range 5 {
		r.must(op.Discard(t.Context(), r.org.ID, query[uuid.UUID](r, "SELECT id FROM task WHERE state = 'dead' ORDER BY finished_at DESC LIMIT 1"), by))
	}
	// Somebody empties what asynq has, past our mount.
	if _, err := r.look.DeleteAllArchivedTasks(tasks.QueueSend); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "they are shown again, and older ones in the place of those discarded", agree)
	if n := query[int](r, "SELECT count(*) FROM task WHERE state = 'dead' AND epoch = 3 AND last_error = 'hopeless'"); n != 1195 {
		t.Errorf("%d dead letters are as they were", n)
	}
}

// Thousands of old entries, with which asynq's own trimming breaks: it would leave the next task that dies in no list,
// its id blocked. A worker clears them away before it works.
func TestOldArchiveDoesNotJam(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	defer rdb.Close()
	typ := testType("test:jam")
	old := float64(time.Now().AddDate(0, 0, -100).Unix())
	for range 9 {
		_, err := rdb.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for range 1000 {
				id := uuid.NewString() + ":1"
				p.ZAdd(t.Context(), "asynq:{default}:archived", redis.Z{Score: old, Member: id})
				p.HSet(t.Context(), "asynq:{default}:t:"+id, "state", "archived")
			}
			return nil
		})
		r.must(err)
	}
	r.start(func(m *Mux) { Do(m, typ, mortal()) })
	id := r.enqueue(typ)
	r.state(id, "dead", 10*time.Second)
	r.shown(typ.Queue, id, 1, "archived")
	if got := r.archive(rdb); len(got) != 1 {
		t.Errorf("%d are archived", len(got))
	}
	if keys, err := rdb.Keys(t.Context(), "asynq:{default}:t:*").Result(); err != nil || len(keys) != 1 {
		t.Errorf("%d tasks are left, %v", len(keys), err)
	}
	if info, err := r.look.GetQueueInfo(typ.Queue); err != nil || errors.Is(err, asynq.ErrQueueNotFound) || info.Active != 0 {
		t.Errorf("%+v %v", info, err)
	}
}
