package handlers

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

// What a handler writes and that it has been done is one commit: a death between two would do the work again.
func TestDoneIsInTheCommitOfItsWork(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:onecommit")
	r.start(func(m *Mux) {
		Do(m, typ, &scripted{do: func(_ int, tx *store.Tx, t store.Task) error { effect(tx, t.ID, "run"); return nil }})
	})
	r.state(r.enqueue(typ), "done", 5*time.Second)
	if n := query[int](r, "SELECT count(DISTINCT x) FROM (SELECT xmin::text x FROM effect UNION ALL SELECT xmin::text FROM task) all_rows"); n != 1 {
		t.Errorf("written by %d transactions", n)
	}
}

// A transaction that does not commit has told Redis nothing: a worker that heard of a task too early would find no row,
// and acknowledge it.
func TestNothingIsPushedBeforeTheCommit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:early")
	var id uuid.UUID
	err := tasks.InTx(t.Context(), r.in, r.org.ID, func(tx *store.Tx) (err error) {
		id, err = typ.Enqueue(tx, testPayload{})
		tx.Queue("SELECT 1/0") // it goes out with the commit
		return err
	})
	if store.Code(err) != "22012" {
		t.Fatalf("the commit: %v", err)
	}
	if state, _ := r.inRedis(typ.Queue, id, 1); state != "" {
		t.Errorf("Redis has the task: %s", state)
	}
}
