package handlers

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// recovered is what P3 promises after kill -9 of a worker, with room for a machine that runs other tests as well.
const recovered = 10 * time.Second

// A worker that is killed within its work loses nothing: another takes over within seconds, by the orphan check,
// not by asynq's recoverer, which takes 60 s and more and tells no error handler.
func TestKilledInWork(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config) { c.Doomed = true })
	p := r.spawn()
	id := r.enqueue(testType(hangType))
	p.says(t, "working")
	h := counted()
	r.start(func(m *Mux) { Do(m, testType(hangType), h) })
	eventually(t, 5*time.Second, "another worker", func() bool { return query[int](r, "SELECT count(*) FROM worker") == 2 })
	meanwhile(t, 2*time.Second, "a worker at work is left alone", func() bool { got := r.task(id); return got.Crashes == 0 && got.Epoch == 1 })
	p.kill()
	took := eventually(t, recovered, "done", func() bool { return r.task(id).State == "done" })
	t.Logf("recovered %v after kill -9", took)
	if got := r.task(id); got.Crashes != 1 || got.Epoch != 2 || got.Attempt != 0 {
		t.Errorf("%+v", got)
	}
	if r.effects(id, "") != 1 || r.effects(id, "run") != 1 {
		t.Errorf("%d effects", r.effects(id, ""))
	}
}

// A task that kills whoever works on it is given up and undone after its fourth crash.
func TestKillsItsProcess(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config) { c.Doomed = true })
	p := r.spawn()
	typ := testType(suicideType)
	id := r.silent(typ)
	r.exec("UPDATE task SET crashes = 3")
	h := &undoing{undo: func(tx *store.Tx, reason string) error { effect(tx, uuid.Nil, "undo "+reason); return nil }}
	h.do = func(int, *store.Tx, store.Task) error { return nil }
	r.push(typ, id)
	_ = p.cmd.Wait()
	r.start(func(m *Mux) { Do(m, typ, h) })
	took := eventually(t, recovered, "dead", func() bool { return r.task(id).State == "dead" })
	t.Logf("given up %v after kill -9", took)
	if got := r.task(id); got.Crashes != 4 || got.LastError != "crashed" || h.runs.Load() != 0 || r.effects(uuid.Nil, "undo crashed") != 1 {
		t.Errorf("%+v, %d runs", got, h.runs.Load())
	}
}
