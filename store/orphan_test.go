package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// TestOrphanTasks goes through what makes a task that Redis calls active an orphan, rule by rule. Without any one
// rule in the function, the case that stands for it goes red.
func TestOrphanTasks(t *testing.T) {
	t.Parallel()
	type situation struct {
		name    string
		orphan  bool
		rule    string // what keeps it from being one, in the function's text
		prepare func(w *world, ref *store.TaskRef, worker uuid.UUID)
	}
	alive := func(w *world, worker uuid.UUID, inFlight ...uuid.UUID) {
		if err := store.SeeWorker(w.t.Context(), w.App, worker, inFlight); err != nil {
			w.t.Fatal(err)
		}
	}
	died := func(w *world, worker uuid.UUID, ago string) {
		w.admin("UPDATE worker SET seen_at = clock_timestamp() - $2::text::interval WHERE id = $1", worker, ago)
	}
	claim := func(w *world, ref *store.TaskRef, worker uuid.UUID, limit time.Duration) {
		w.taken(ref.ID, func(tx *store.Tx, t store.Task) { store.ClaimTask(tx, t, worker, limit) })
	}
	w := newWorld(t)
	def := value[string](w, "SELECT pg_get_functiondef('task_orphans'::regproc)")
	const claimRule = "AND NOT (t.claimed_by IS NOT NULL AND t.claim_until > clock_timestamp() AND worker_lives(t.claimed_by))"
	const flightRule = "AND NOT EXISTS (SELECT FROM worker k WHERE k.seen_at > clock_timestamp() - interval '3 s' AND t.id = ANY (k.in_flight))"
	for _, s := range []situation{
		{name: "nobody works on it", orphan: true, prepare: func(*world, *store.TaskRef, uuid.UUID) {}},
		{name: "another epoch", rule: "AND t.epoch = w.epoch", prepare: func(_ *world, ref *store.TaskRef, _ uuid.UUID) { ref.Epoch = 2 }},
		{name: "another org", rule: "t.org_id = w.org_id AND", prepare: func(_ *world, ref *store.TaskRef, _ uuid.UUID) { ref.Org = uuid.New() }},
		{name: "finished", rule: "t.state = 'pending' AND", prepare: func(w *world, ref *store.TaskRef, _ uuid.UUID) {
			w.taken(ref.ID, func(tx *store.Tx, t store.Task) { store.FinishTask(tx, t, "done", "") })
		}},
		{name: "locked", rule: "FOR UPDATE OF t SKIP LOCKED", prepare: func(w *world, ref *store.TaskRef, _ uuid.UUID) {
			w.apart(func(tx *store.Tx) error { _, err := store.TakeTask(w.t.Context(), tx, ref.ID); return err })
		}},
		{name: "live claim of a live worker", rule: claimRule, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			alive(w, worker)
			claim(w, ref, worker, time.Minute)
		}},
		{name: "old claim of a live worker", orphan: true, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			alive(w, worker)
			claim(w, ref, worker, -time.Second)
		}},
		{name: "claim of a dead worker", orphan: true, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			alive(w, worker)
			claim(w, ref, worker, time.Minute)
			died(w, worker, "3.01 s")
		}},
		{name: "claim of an unknown worker", orphan: true, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			claim(w, ref, worker, time.Minute)
		}},
		{name: "in a live worker's hands", rule: flightRule, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			alive(w, worker, uuid.New(), ref.ID)
		}},
		{name: "in the hands of one seen 2 s ago", rule: flightRule, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			alive(w, worker, ref.ID)
			died(w, worker, "2 s")
		}},
		{name: "in a dead worker's hands", orphan: true, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			alive(w, worker, ref.ID)
			died(w, worker, "3.01 s")
		}},
		{name: "in the hands of one that stopped", orphan: true, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			alive(w, worker, ref.ID)
			if err := store.DropWorker(w.t.Context(), w.App, worker); err != nil {
				w.t.Fatal(err)
			}
		}},
		{name: "no longer in a live worker's hands", orphan: true, prepare: func(w *world, ref *store.TaskRef, worker uuid.UUID) {
			alive(w, worker, ref.ID)
			alive(w, worker)
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			ref := w.task(store.NewTask{})
			s.prepare(w, &ref, uuid.New())
			isOrphan := func() bool {
				got, err := store.OrphanTasks(t.Context(), w.App, []store.TaskRef{ref, {Org: w.org.ID, ID: uuid.New(), Epoch: 1}})
				if err != nil {
					t.Fatal(err)
				}
				return len(got) == 1 && got[0].ID == ref.ID
			}
			if got := isOrphan(); got != s.orphan {
				t.Errorf("an orphan: %v", got)
			}
			if s.rule == "" {
				return
			}
			bent := strings.Replace(def, s.rule, "", 1)
			if s.rule == "t.org_id = w.org_id AND" {
				bent = strings.Replace(bent, "SELECT t.org_id", "SELECT w.org_id", 1)
			}
			if bent == def {
				t.Fatalf("task_orphans has no %q", s.rule)
			}
			w.admin(bent)
			defer w.admin(def)
			if !isOrphan() {
				t.Error("without its rule the case is the same")
			}
		})
	}
}

func TestDropWorkerForgetsTheLongDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	for _, id := range ids {
		if err := store.SeeWorker(t.Context(), w.App, id, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.admin("UPDATE worker SET seen_at = clock_timestamp() - interval '61 min' WHERE id = $1", ids[1])
	if err := store.DropWorker(t.Context(), w.App, ids[0]); err != nil {
		t.Fatal(err)
	}
	if left := value[uuid.UUID](w, "SELECT id FROM worker"); left != ids[2] {
		t.Errorf("left: %v", left)
	}
}
