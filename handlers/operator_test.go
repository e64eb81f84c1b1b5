package handlers

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

// by is who does things to tasks in tests.
var by = By{Who: "tests", Why: "to see"}

func (r *rig) operator(w *worker) *Operator { return &Operator{DB: r.in, Mux: w.run.Mux} }

// declines fails unless err is a refusal that says why.
func (r *rig) declines(err error, why string) {
	r.t.Helper()
	var d *Declined
	if !errors.As(err, &d) || !strings.Contains(d.Why, why) {
		r.t.Errorf("got %v, want it declined: %s", err, why)
	}
}

// audited is what the audit log has of a task.
func (r *rig) audited(id uuid.UUID) string {
	r.t.Helper()
	return query[string](r, `SELECT COALESCE(string_agg(concat_ws(' ', actor, action, detail->>'why', detail->>'was', detail->>'reason'), '; ' ORDER BY id), '')
		FROM audit_log WHERE subject = $1`, id.String())
}

// mortal dies at its first run, and works from then on.
func mortal() *scripted {
	return &scripted{do: func(n int, tx *store.Tx, t store.Task) error {
		if n == 1 {
			return tasks.Dead("hopeless", nil)
		}
		effect(tx, t.ID, "run")
		return nil
	}}
}

// die enqueues a task and waits until it is dead and shown as such.
func (r *rig) die(typ tasks.Type[testPayload], with ...tasks.With) uuid.UUID {
	r.t.Helper()
	id := r.enqueue(typ, with...)
	r.state(id, "dead", 5*time.Second)
	r.shown(typ.Queue, id, 1, "archived")
	return id
}

// archiveLag is how long a worker may take to show what changed without anybody telling Redis.
const archiveLag = 6 * time.Second

// shown waits until asynq has an epoch of a task in a state; "" is nowhere. On a machine that is busy Redis may not have
// been told in time, and the worker's own look at the archive has to mend it.
func (r *rig) shown(queue string, id uuid.UUID, epoch int, want string) {
	r.t.Helper()
	eventually(r.t, 3*archiveLag, "it is shown as "+want, func() bool { s, _ := r.inRedis(queue, id, epoch); return s == want })
}

// A dead letter that is replayed runs as if it were new, once, and is no longer shown as archived. Who and why stay.
func TestReplay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:replay"), mortal()
	op := r.operator(r.start(func(m *Mux) { Do(m, typ, h) }))
	id := r.die(typ, tasks.Once("key"))
	r.exec("UPDATE task SET attempt = 7, crashes = 2 WHERE id = $1", id)
	r.must(op.MayReplay(t.Context(), r.org.ID, id))
	if got := r.task(id); got.State != "dead" || got.Epoch != 1 {
		t.Fatalf("a rehearsal changed it: %+v", got)
	}
	r.must(op.Replay(t.Context(), r.org.ID, id, by))
	got := r.state(id, "done", 5*time.Second)
	if got.Epoch < 2 || got.Attempt != 0 || got.Crashes != 0 || h.runs.Load() != 2 || r.effects(id, "") != 1 {
		t.Errorf("%+v, %d runs", got, h.runs.Load())
	}
	r.shown(typ.Queue, id, 1, "")
	r.declines(op.Replay(t.Context(), r.org.ID, id, by), "it is done")
	if got := r.audited(id); got != "tests task.replay to see dead hopeless" {
		t.Errorf("audited: %s", got)
	}
}

// The process that replays dies between its commit and its push: the relay brings the task to Redis.
func TestReplayWithoutPush(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:unpushed"), mortal()
	w := r.start(func(m *Mux) { Do(m, typ, h) })
	id := r.die(typ)
	op := &Operator{DB: &tasks.DB{Pool: r.db.App}, Mux: w.run.Mux}
	r.must(op.Replay(t.Context(), r.org.ID, id, by))
	took := eventually(t, recovered, "it runs", func() bool { return r.task(id).State == "done" })
	t.Logf("done %v after a replay that was not pushed", took)
	if r.effects(id, "") != 1 {
		t.Errorf("%d effects", r.effects(id, ""))
	}
	r.shown(typ.Queue, id, 1, "")
}

// Of many who replay one dead letter at one moment, one does.
func TestReplayAtOneMoment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:race"), mortal()
	op := r.operator(r.start(func(m *Mux) { Do(m, typ, h) }))
	id := r.die(typ)
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var d *Declined
			switch err := op.Replay(t.Context(), r.org.ID, id, by); {
			case err == nil:
				won.Add(1)
			case errors.As(err, &d):
				lost.Add(1)
			}
		})
	}
	wg.Wait()
	r.state(id, "done", 5*time.Second)
	if won.Load() != 1 || lost.Load() != 7 || r.effects(id, "") != 1 {
		t.Errorf("%d won, %d were declined, %d effects", won.Load(), lost.Load(), r.effects(id, ""))
	}
}

// What may not run again is declined with its reason, and nothing has changed.
func TestReplayIsDeclined(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:declined")
	h := &scripted{do: func(int, *store.Tx, store.Task) error { return tasks.Dead("hopeless", nil) }}
	op := r.operator(r.start(func(m *Mux) { Do(m, typ, h) }))
	ask := func() uuid.UUID {
		req := r.ask(lentRequest(typ), struct{}{}, uuid.Nil)
		if a := r.answer(req); a.Status != 500 {
			t.Fatalf("answered %d", a.Status)
		}
		return query[uuid.UUID](r, "SELECT id FROM task WHERE request_id = $1", req)
	}
	foreign := r.die(typ)
	keyed := r.die(typ, tasks.Once("same"))
	r.exec("UPDATE task SET type = 'test:newer' WHERE id = $1", foreign)
	twin := r.silent(typ, tasks.Once("same"), tasks.In(time.Hour))
	for why, id := range map[string]uuid.UUID{"ask again": ask(), "does not know": foreign, "same key": keyed, "it is pending": twin, "no such": uuid.New()} {
		var before row
		if why != "no such" {
			before = r.task(id)
		}
		r.declines(op.Replay(t.Context(), r.org.ID, id, by), why)
		r.declines(op.MayReplay(t.Context(), r.org.ID, id), why)
		if why == "no such" {
			continue
		}
		if after := r.task(id); after.XMin != before.XMin || r.audited(id) != "" {
			t.Errorf("%s: %+v, then %+v, audited %q", why, before, after, r.audited(id))
		}
	}
}

// lentRequest is a test's type that answers requests.
func lentRequest(typ tasks.Type[testPayload]) tasks.Type[tasks.RequestPayload] {
	return tasks.Type[tasks.RequestPayload](typ)
}

// A dead letter that is discarded has ended: it is shown nowhere, and a late delivery of it does nothing.
func TestDiscard(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ, h := testType("test:discard"), mortal()
	w := r.start(func(m *Mux) { Do(m, typ, h) })
	op := r.operator(w)
	id := r.die(typ)
	r.must(op.Discard(t.Context(), r.org.ID, id, by))
	if got := r.task(id); got.State != "discarded" || got.LastError != "hopeless" || r.audited(id) != "tests task.discard to see dead hopeless" {
		t.Errorf("%+v, audited %q", got, r.audited(id))
	}
	r.shown(typ.Queue, id, 1, "")
	if res := w.run.deliver(t.Context(), r.delivery(id, 1)); res != garbage {
		t.Errorf("delivered: %+v", res)
	}
	r.declines(op.Replay(t.Context(), r.org.ID, id, by), "it is discarded")
	r.declines(op.Discard(t.Context(), r.org.ID, id, by), "it is discarded")
	if h.runs.Load() != 1 {
		t.Errorf("%d runs", h.runs.Load())
	}
}

// A task that waits is ended by way of a worker: what it left is undone, and the request that waits for it answered,
// in one commit.
func TestStop(t *testing.T) {
	t.Parallel()
	for end, inArchive := range map[string]string{"dead": "archived", "discarded": ""} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			typ := testType("test:stop")
			h := &undoing{undo: func(tx *store.Tx, reason string) error { effect(tx, uuid.Nil, reason); return nil }}
			h.do = func(int, *store.Tx, store.Task) error { return tasks.Snooze("later", 30*time.Second) }
			op := r.operator(r.start(func(m *Mux) { Do(m, typ, h) }))
			req := r.ask(lentRequest(typ), struct{}{}, uuid.Nil)
			id := query[uuid.UUID](r, "SELECT id FROM task WHERE request_id = $1", req)
			eventually(t, 5*time.Second, "it waits", func() bool { return r.task(id).LastError == "later" })
			waiting := r.task(id).Epoch
			r.shown(typ.Queue, id, waiting, "retry")
			r.declines(op.Discard(t.Context(), r.org.ID, id, by), "it is pending")
			r.must(op.Stop(t.Context(), r.org.ID, id, end == "discarded", by))
			got := r.state(id, end, 5*time.Second)
			if a := r.answer(req); a.Status != 500 || got.LastError != stopped || r.effects(uuid.Nil, stopped) != 1 || h.runs.Load() != 1 {
				t.Errorf("answered %d, %+v, %d undos, %d runs", a.Status, got, r.effects(uuid.Nil, ""), h.runs.Load())
			}
			r.shown(typ.Queue, id, waiting, "")
			r.shown(typ.Queue, id, got.Epoch, inArchive)
			r.declines(op.Stop(t.Context(), r.org.ID, id, true, by), "does not wait")
		})
	}
}

// A task that cannot be undone is a dead letter though it was to be discarded: somebody has to look at it.
func TestStopThatCannotBeUndone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := lent(tasks.SMSInbound)
	h := &undoing{undo: func(*store.Tx, string) error { return errors.New("no") }}
	h.do = func(int, *store.Tx, store.Task) error { return tasks.Snooze("later", 30*time.Second) }
	op := r.operator(r.start(func(m *Mux) { Do(m, typ, h) }))
	id := r.enqueue(typ)
	eventually(t, 5*time.Second, "it waits", func() bool { return r.task(id).LastError == "later" })
	r.exec("UPDATE task SET attempt = 11 WHERE id = $1", id)
	r.must(op.Stop(t.Context(), r.org.ID, id, true, by))
	if got := r.state(id, "dead", 5*time.Second); got.LastError != "undo-failed" {
		t.Errorf("%+v", got)
	}
}

// A task that waits for long is due at once when somebody asks; one that a worker is calling for is left alone.
func TestHasten(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:hasten")
	h := &scripted{do: func(n int, tx *store.Tx, t store.Task) error {
		if n == 1 {
			return tasks.Snooze("tomorrow", 20*time.Hour)
		}
		effect(tx, t.ID, "run")
		return nil
	}}
	w := r.start(func(m *Mux) { Do(m, typ, h) })
	op := r.operator(w)
	id := r.silent(typ)
	r.exec("UPDATE task SET give_up_at = clock_timestamp() + interval '1 day' WHERE id = $1", id)
	r.push(typ, id)
	eventually(t, 5*time.Second, "it waits", func() bool { return r.task(id).LastError == "tomorrow" })
	r.exec("UPDATE task SET claimed_by = $2, claim_until = clock_timestamp() + interval '1 h' WHERE id = $1", id, w.run.Worker.ID)
	r.declines(op.Hasten(t.Context(), r.org.ID, id, by), "making a call")
	r.exec("UPDATE task SET claimed_by = NULL WHERE id = $1", id)
	r.must(op.Hasten(t.Context(), r.org.ID, id, by))
	r.state(id, "done", 5*time.Second)
	r.declines(op.Hasten(t.Context(), r.org.ID, id, by), "does not wait")
	if h.runs.Load() != 2 || r.effects(id, "") != 1 {
		t.Errorf("%d runs", h.runs.Load())
	}
}
