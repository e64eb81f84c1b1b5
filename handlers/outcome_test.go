package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

func TestDone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:done")
	r.start(func(m *Mux) {
		Do(m, typ, &scripted{do: func(_ int, tx *store.Tx, t store.Task) error { effect(tx, t.ID, "run"); return nil }})
	})
	id := r.enqueue(typ)
	got := r.state(id, "done", 5*time.Second)
	if got.Attempt != 0 || got.Crashes != 0 || !got.Finished {
		t.Errorf("%+v", got)
	}
	if n := r.effects(id, ""); n != 1 {
		t.Errorf("%d effects", n)
	}
	// A commit pushes what it enqueued: it does not wait for the relay, which makes a new epoch.
	for try := 1; ; try++ {
		if r.state(r.commit(typ), "done", 5*time.Second).Epoch == 1 {
			break
		}
		if try == 5 {
			t.Fatal("commits do not push")
		}
	}
	eventually(t, time.Second, "acknowledged", func() bool { s, _ := r.inRedis(tasks.QueueDefault, id, 1); return s == "" })
}

// What a postponed task wrote stays; how long it waits and whether it counts is the outcome's affair.
func TestPostponed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		outcome       error
		least, most   time.Duration
		wantAttempt   int
		wantLastError string
	}{
		{"retry", tasks.Retry("busy", 0, nil), 800 * time.Millisecond, 4 * time.Second, 1, "busy"},
		{"retry-after", tasks.Retry("busy", 2500*time.Millisecond, nil), 2500 * time.Millisecond, 5 * time.Second, 1, "busy"},
		{"snooze", tasks.Snooze("closed", time.Second), time.Second, 4 * time.Second, 0, "closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			typ := testType("test:postponed")
			r.start(func(m *Mux) {
				Do(m, typ, &scripted{do: func(n int, tx *store.Tx, t store.Task) error {
					effect(tx, t.ID, "run")
					if n == 1 {
						return c.outcome
					}
					return nil
				}})
			})
			id := r.enqueue(typ)
			eventually(t, 3*time.Second, "asynqmon shows the wait and its reason", func() bool {
				s, e := r.inRedis(tasks.QueueDefault, id, 1)
				return s == "retry" && e == c.wantLastError
			})
			if got := r.task(id); got.Attempt != c.wantAttempt || got.LastError != c.wantLastError || got.Epoch != 1 {
				t.Errorf("while it waits: %+v", got)
			}
			r.state(id, "done", c.most+2*time.Second)
			if n := r.effects(id, ""); n != 2 {
				t.Errorf("%d effects, want that of the postponed run and that of the last", n)
			}
			gap := query[time.Duration](r, "SELECT max(at) - min(at) FROM effect")
			if gap < c.least || gap > c.most {
				t.Errorf("ran again after %v, want %v to %v", gap, c.least, c.most)
			}
		})
	}
}

// An accident rolls back, counts, and shows a reason code: never the error's text, which can quote anything.
func TestAccident(t *testing.T) {
	t.Parallel()
	const secret = "+15550100042"
	for want, fail := range map[string]func(tx *store.Tx) error{
		"error":          func(*store.Tx) error { return errors.New("no route to " + secret) },
		"panic":          func(*store.Tx) error { panic("no route to " + secret) },
		"postgres-22009": func(tx *store.Tx) error { tx.Queue("SELECT ('" + secret + "')::date"); return nil },
		"deadline":       func(*store.Tx) error { return context.DeadlineExceeded },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			typ := testType("test:accident")
			r.start(func(m *Mux) {
				Do(m, typ, &scripted{do: func(n int, tx *store.Tx, t store.Task) error {
					effect(tx, t.ID, "run")
					if n == 1 {
						return fail(tx)
					}
					return nil
				}})
			})
			id := r.enqueue(typ)
			eventually(t, 3*time.Second, "it waits for its next try", func() bool { s, _ := r.inRedis(tasks.QueueDefault, id, 1); return s == "retry" })
			if got := r.task(id); got.Attempt != 1 || got.LastError != want || got.State != "pending" {
				t.Errorf("after the accident: %+v", got)
			}
			if _, e := r.inRedis(tasks.QueueDefault, id, 1); e != want {
				t.Errorf("Redis says %q", e)
			}
			if n := r.effects(id, ""); n != 0 {
				t.Errorf("%d effects of a run that was rolled back", n)
			}
			r.state(id, "done", 5*time.Second)
			if n := r.effects(id, ""); n != 1 {
				t.Errorf("%d effects", n)
			}
			if want != "error" && strings.Contains(r.log.String(), secret) { // an error's own text is its maker's duty
				t.Error("the log quotes what was panicked with")
			}
		})
	}
}

func TestDeadUndoesAndAnswersInOneCommit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:dead")
	h := &undoing{undo: func(tx *store.Tx, reason string) error { effect(tx, uuid.Nil, "undo "+reason); return nil }}
	h.do = func(_ int, tx *store.Tx, t store.Task) error {
		effect(tx, t.ID, "run")
		return tasks.Dead("hopeless", errors.New("whatever"))
	}
	r.start(func(m *Mux) { Do(m, typ, h) })
	request := uuid.New()
	var id uuid.UUID
	r.must(tasks.InTx(t.Context(), r.in, r.org.ID, func(tx *store.Tx) (err error) {
		if _, _, err = store.InsertRequest(t.Context(), tx, r.db.Keys, store.Request{ID: request, Kind: "booking", Source: "api", Body: pii.NewText("{}")}); err != nil {
			return err
		}
		id, err = typ.Enqueue(tx, testPayload{}, tasks.Answers(request))
		return err
	}))
	got := r.state(id, "dead", 5*time.Second)
	if got.LastError != "hopeless" || got.Attempt != 0 {
		t.Errorf("%+v", got)
	}
	if n := query[int](r, "SELECT count(DISTINCT x) FROM (SELECT xmin::text x FROM effect UNION ALL SELECT xmin::text FROM task UNION ALL SELECT xmin::text FROM request) all_rows"); n != 1 {
		t.Errorf("written by %d transactions", n)
	}
	if r.effects(id, "run") != 1 || r.effects(uuid.Nil, "undo hopeless") != 1 {
		t.Error("what it wrote before its decision, or what Undo wrote, is missing")
	}
	a := r.answer(request)
	var p Problem
	r.must(json.Unmarshal(a.Body, &p))
	if a.Status != 500 || p.Type != ProblemBase+"request-failed" {
		t.Errorf("the waiting request got %d %s", a.Status, a.Body)
	}
	eventually(t, 2*time.Second, "asynqmon's archive shows it", func() bool { s, _ := r.inRedis(tasks.QueueDefault, id, 1); return s == "archived" })
}

// The last attempt is dead, by a decision to retry and by an accident alike.
func TestLastAttemptIsDead(t *testing.T) {
	t.Parallel()
	typ := lent(tasks.SMSInbound)
	for want, fail := range map[string]error{"busy": tasks.Retry("busy", 0, nil), "error": errors.New("x")} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			h := &undoing{undo: func(tx *store.Tx, reason string) error { effect(tx, uuid.Nil, "undo "+reason); return nil }}
			h.do = func(int, *store.Tx, store.Task) error { return fail }
			run := r.runner(func(m *Mux) { Do(m, typ, h) })
			id := r.silent(typ)
			r.exec("UPDATE task SET attempt = $1", typ.MaxAttempts-2)
			run.deliver(t.Context(), r.delivery(id, 1))
			if got := r.task(id); got.State != "pending" || got.Attempt != typ.MaxAttempts-1 {
				t.Fatalf("one before the last: %+v", got)
			}
			r.exec("UPDATE task SET run_at = clock_timestamp()")
			run.deliver(t.Context(), r.delivery(id, r.task(id).Epoch))
			if got := r.task(id); got.State != "dead" || got.LastError != want || r.effects(uuid.Nil, "undo "+want) != 1 {
				t.Errorf("the last: %+v", got)
			}
		})
	}
}

func TestGiveUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:giveup")
	h := &undoing{undo: func(tx *store.Tx, reason string) error { effect(tx, uuid.Nil, "undo "+reason); return nil }}
	h.do = func(int, *store.Tx, store.Task) error { return nil }
	run := r.runner(func(m *Mux) { Do(m, typ, h) })
	id := r.silent(typ)
	r.exec("UPDATE task SET give_up_at = clock_timestamp()")
	res := run.deliver(t.Context(), r.delivery(id, 1))
	if got := r.task(id); got.State != "dead" || got.LastError != "gave-up" || h.runs.Load() != 0 || r.effects(uuid.Nil, "undo gave-up") != 1 || res.label != "dead" {
		t.Errorf("%+v, %d runs, %s", got, h.runs.Load(), res.label)
	}
}

// A task does not sleep past the moment when it is given up: what it holds must be undone then.
func TestGiveUpIsNotOverslept(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{"snooze": tasks.Snooze("closed", time.Hour), "retry-after": tasks.Retry("busy", time.Hour, nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			typ := testType("test:oversleep")
			r.start(func(m *Mux) { Do(m, typ, &scripted{do: func(int, *store.Tx, store.Task) error { return outcome }}) })
			id := r.enqueue(typ, tasks.GiveUpAfter(2*time.Second))
			if got := r.state(id, "dead", 6*time.Second); got.LastError != "gave-up" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A type that this worker does not know was enqueued by a newer one: it waits, uncounted, for a worker that does.
func TestUnknownType(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:newer")
	old := r.start(func(m *Mux) { Do(m, testType("test:older"), &scripted{}) })
	id := r.enqueue(typ)
	eventually(t, 3*time.Second, "it snoozes", func() bool { _, e := r.inRedis(tasks.QueueDefault, id, 1); return e == "unknown-type" })
	if got := r.task(id); got.Attempt != 0 || got.State != "pending" || got.Crashes != 0 {
		t.Errorf("%+v", got)
	}
	old.stop()
	r.start(func(m *Mux) {
		Do(m, typ, &scripted{do: func(_ int, tx *store.Tx, t store.Task) error { effect(tx, t.ID, "run"); return nil }})
	})
	if got := r.state(id, "done", 6*time.Second); got.Attempt != 0 || r.effects(id, "") != 1 {
		t.Errorf("%+v", got)
	}
}

// A delay of more than a minute waits in Postgres, in a new epoch; Redis forgets the task meanwhile.
func TestLongDelayWaitsInPostgres(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:tomorrow")
	r.start(func(m *Mux) {
		Do(m, typ, &scripted{do: func(n int, tx *store.Tx, t store.Task) error {
			effect(tx, t.ID, "run")
			if n == 1 {
				return tasks.Snooze("later", 61*time.Second)
			}
			return nil
		}})
	})
	id := r.enqueue(typ)
	eventually(t, 3*time.Second, "postponed", func() bool { return r.task(id).Epoch == 2 })
	if got := r.task(id); got.State != "pending" || got.Attempt != 0 || got.Wait < 55*time.Second {
		t.Errorf("%+v", got)
	}
	eventually(t, time.Second, "Redis has neither epoch", func() bool {
		one, _ := r.inRedis(tasks.QueueDefault, id, 1)
		two, _ := r.inRedis(tasks.QueueDefault, id, 2)
		return one == "" && two == ""
	})
	r.exec("UPDATE task SET run_at = clock_timestamp(), check_at = clock_timestamp()") // tomorrow comes
	if got := r.state(id, "done", 3*time.Second); got.Epoch != 3 || r.effects(id, "") != 2 {
		t.Errorf("%+v, %d effects", got, r.effects(id, ""))
	}
}

// A task that killed its process too often is delivered once more to be made dead; its work is not tried again.
func TestPoison(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := testType("test:poison")
	h := &undoing{undo: func(tx *store.Tx, reason string) error { effect(tx, uuid.Nil, "undo "+reason); return nil }}
	h.do = func(_ int, tx *store.Tx, t store.Task) error { effect(tx, t.ID, "run"); return nil }
	run := r.runner(func(m *Mux) { Do(m, typ, h) })
	id, other := r.silent(typ), r.silent(typ)
	r.exec("UPDATE task SET crashes = CASE id WHEN $1 THEN 4 ELSE 3 END", id)
	run.deliver(t.Context(), r.delivery(id, 1))
	if got := r.task(id); got.State != "dead" || got.LastError != "crashed" || r.effects(id, "") != 0 || r.effects(uuid.Nil, "undo crashed") != 1 {
		t.Errorf("four crashes: %+v", got)
	}
	run.deliver(t.Context(), r.delivery(other, 1))
	if got := r.task(other); got.State != "done" {
		t.Errorf("three crashes: %+v", got)
	}
}

// A failing Undo is tried again, counted; at the end the task is dead all the same, marked for an audit.
func TestUndoFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	typ := lent(tasks.SMSInbound)
	h := &undoing{undo: func(tx *store.Tx, _ string) error {
		effect(tx, uuid.Nil, "undo")
		return errors.New("not undone")
	}}
	h.do = func(int, *store.Tx, store.Task) error { return tasks.Dead("hopeless", nil) }
	run := r.runner(func(m *Mux) { Do(m, typ, h) })
	id := r.silent(typ)
	r.exec("UPDATE task SET attempt = $1", typ.MaxAttempts-2)
	res := run.deliver(t.Context(), r.delivery(id, 1))
	if got := r.task(id); got.State != "pending" || got.Attempt != typ.MaxAttempts-1 || res.label != "retry" {
		t.Errorf("first: %+v %s", got, res.label)
	}
	r.exec("UPDATE task SET run_at = clock_timestamp()")
	run.deliver(t.Context(), r.delivery(id, r.task(id).Epoch))
	if got := r.task(id); got.State != "dead" || got.LastError != "undo-failed" || r.effects(uuid.Nil, "") != 0 {
		t.Errorf("last: %+v", got)
	}
	// One that fails once only is undone, and dead for its own reason.
	again := r.silent(typ)
	fails := true
	h.undo = func(tx *store.Tx, reason string) error {
		if fails {
			fails = false
			return errors.New("not yet")
		}
		effect(tx, again, "undo "+reason)
		return nil
	}
	run.deliver(t.Context(), r.delivery(again, 1))
	r.exec("UPDATE task SET run_at = clock_timestamp() WHERE id = $1", again)
	run.deliver(t.Context(), r.delivery(again, 1))
	if got := r.task(again); got.State != "dead" || got.LastError != "hopeless" || r.effects(again, "undo hopeless") != 1 {
		t.Errorf("undone at the second try: %+v", got)
	}
}
