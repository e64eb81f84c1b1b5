package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := uuid.New()
	if err := store.SeeWorker(t.Context(), w.App, worker, nil); err != nil {
		t.Fatal(err)
	}
	id := w.task(store.NewTask{}).ID
	w.taken(id, func(tx *store.Tx, t store.Task) { store.ClaimTask(tx, t, worker, time.Minute) })
	stands := func(no int) (yes bool) {
		w.in(func(tx *store.Tx) error { store.LockClaim(tx, id, no, &yes); return nil })
		return yes
	}
	if got := w.look(id); !got.Claimed || !got.ClaimLive || got.ClaimNo != 1 || !stands(1) || stands(0) {
		t.Errorf("claimed: %+v", got)
	}
	w.admin("UPDATE worker SET seen_at = clock_timestamp() - interval '3.1 s'")
	if got := w.look(id); !got.Claimed || got.ClaimLive {
		t.Errorf("by a dead worker: %+v", got)
	}
	w.admin("UPDATE worker SET seen_at = clock_timestamp()")
	w.admin("UPDATE task SET claim_until = clock_timestamp() WHERE id = $1", id)
	if got := w.look(id); !got.Claimed || got.ClaimLive {
		t.Errorf("too old: %+v", got)
	}
	w.taken(id, func(tx *store.Tx, t store.Task) { store.PostponeTask(tx, t, 0, "", false, true, false) })
	if got := w.look(id); got.Claimed || stands(1) {
		t.Errorf("recorded: %+v", got)
	}
	if stands(2) {
		t.Error("a claim that was never made stands")
	}
}

// A recorded call ends its task, and lets go of its key, only while its claim stands.
func TestFinishClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := uuid.New()
	for _, c := range []struct {
		name  string
		no    int
		state string
		keys  int
	}{
		{"another claim", 2, "pending", 1},
		{"its claim", 1, "done", 0},
		{"twice", 1, "done", 0},
	} {
		id := w.task(store.NewTask{Dedup: "k"}).ID
		if c.name != "twice" {
			w.taken(id, func(tx *store.Tx, t store.Task) { store.ClaimTask(tx, t, worker, time.Minute) })
		} else {
			w.taken(id, func(tx *store.Tx, t store.Task) { store.FinishTask(tx, t, "done", "") })
		}
		task := w.look(id)
		w.in(func(tx *store.Tx) error { store.FinishClaim(tx, task, c.no); return nil })
		keys := value[int](w, "SELECT count(*) FROM task_dedup WHERE task_id = $1", id)
		if got := w.look(id); got.State != c.state || got.Claimed != (c.state == "pending") || keys != c.keys {
			t.Errorf("%s: %+v, %d keys", c.name, got, keys)
		}
		w.admin("DELETE FROM task_dedup")
	}
}
