package store_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// task inserts a task; zero fields of n are filled in.
func (w *world) task(n store.NewTask) store.TaskRef {
	w.t.Helper()
	if n.ID == uuid.Nil {
		n.ID = uuid.New()
	}
	n.Type, n.Queue, n.Payload, n.Headers = "x:y", "claim", []byte(`{"a":1}`), []byte("{}")
	if n.GiveUp == 0 {
		n.GiveUp = time.Hour
	}
	w.in(func(tx *store.Tx) error { store.InsertTask(tx, n); return nil })
	return store.TaskRef{Org: w.org.ID, ID: n.ID, Type: n.Type, Queue: n.Queue, Epoch: 1}
}

// taken runs fn with the task locked.
func (w *world) taken(id uuid.UUID, fn func(tx *store.Tx, t store.Task)) {
	w.t.Helper()
	w.in(func(tx *store.Tx) error {
		t, err := store.TakeTask(w.t.Context(), tx, id)
		if err == nil {
			fn(tx, t)
		}
		return err
	})
}

func (w *world) look(id uuid.UUID) (got store.Task) {
	w.t.Helper()
	w.taken(id, func(_ *store.Tx, t store.Task) { got = t })
	return got
}

func TestTakeTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.task(store.NewTask{})
	if got := w.look(ref.ID); got.State != "pending" || got.Epoch != 1 || !got.Due || got.Over || got.Claimed || string(got.Payload) != `{"a": 1}` {
		t.Errorf("fresh: %+v", got)
	}
	if got := w.look(w.task(store.NewTask{Delay: time.Hour}).ID); got.Due || got.Over {
		t.Errorf("delayed: %+v", got)
	}
	if got := w.look(w.task(store.NewTask{GiveUp: -time.Second}).ID); !got.Due || !got.Over {
		t.Errorf("late: %+v", got)
	}
	release := w.apart(func(tx *store.Tx) error { _, err := store.TakeTask(t.Context(), tx, ref.ID); return err })
	if err := w.once(func(tx *store.Tx) error { _, err := store.TakeTask(t.Context(), tx, ref.ID); return err }); !errors.Is(err, store.ErrLocked) {
		t.Errorf("under another: %v", err)
	}
	release()
	if err := w.once(func(tx *store.Tx) error { _, err := store.TakeTask(t.Context(), tx, uuid.New()); return err }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	for _, state := range []string{"done", "dead", "discarded"} {
		id := w.task(store.NewTask{}).ID
		w.taken(id, func(tx *store.Tx, t store.Task) { store.FinishTask(tx, t, state, "why") })
		if got := w.look(id); got.State != state {
			t.Errorf("finished as %s: %+v", state, got)
		}
	}
}

func TestPostponeTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		counted, newEpoch bool
		attempt, epoch    int
		check             time.Duration
	}{{true, false, 1, 1, 34 * time.Second}, {false, true, 0, 2, 30 * time.Second}, {true, true, 1, 2, 30 * time.Second}} {
		id := w.task(store.NewTask{}).ID
		w.taken(id, func(tx *store.Tx, t store.Task) {
			store.PostponeTask(tx, t, 30*time.Second, "class", c.counted, c.newEpoch, false)
		})
		got := w.look(id)
		if got.State != "pending" || got.Due || got.Attempt != c.attempt || got.Epoch != c.epoch {
			t.Errorf("%+v: %+v", c, got)
		}
		off := value[time.Duration](w, "SELECT check_at - run_at FROM task WHERE id = $1", id) - (c.check - 30*time.Second)
		if off.Abs() > 50*time.Millisecond {
			t.Errorf("%+v: the next look is off by %v", c, off)
		}
	}
}

func TestDedup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	exists := func(id uuid.UUID) bool { return value[bool](w, "SELECT EXISTS (SELECT FROM task WHERE id = $1)", id) }
	first, again := w.task(store.NewTask{Dedup: "k"}).ID, w.task(store.NewTask{Dedup: "k"}).ID
	if !exists(first) || exists(again) || !exists(w.task(store.NewTask{Dedup: "other"}).ID) {
		t.Error("one pending task for each key")
	}
	w.taken(first, func(tx *store.Tx, t store.Task) { store.PostponeTask(tx, t, time.Second, "", true, false, false) })
	if exists(w.task(store.NewTask{Dedup: "k"}).ID) {
		t.Error("the key of a postponed task is free")
	}
	w.taken(first, func(tx *store.Tx, t store.Task) { store.FinishTask(tx, t, "done", "") })
	if !exists(w.task(store.NewTask{Dedup: "k"}).ID) {
		t.Error("the key of a finished task is not free")
	}
	w.taken(first, func(tx *store.Tx, t store.Task) { store.FinishTask(tx, t, "discarded", "") })
	if exists(w.task(store.NewTask{Dedup: "k"}).ID) {
		t.Error("a task that is finished once more frees the key of the next")
	}
	ids := make([]uuid.UUID, 8)
	together(len(ids), func(i int) {
		ids[i] = uuid.New()
		err := w.once(func(tx *store.Tx) error {
			store.InsertTask(tx, store.NewTask{ID: ids[i], Type: "x:y", Queue: "q", Payload: []byte("{}"), Headers: []byte("{}"), Dedup: "race"})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	if n := value[int](w, "SELECT count(*) FROM task WHERE id = ANY ($1)", ids); n != 1 {
		t.Errorf("%d tasks of parallel inserts, want 1", n)
	}
}

func refIDs(list []store.TaskRef) (ids []string) {
	for _, r := range list {
		ids = append(ids, fmt.Sprint(r.ID, ":", r.Epoch))
	}
	slices.Sort(ids)
	return ids
}

// must gives the refs that a call returned, sorted.
func (w *world) must(list []store.TaskRef, err error) []string {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return refIDs(list)
}

func TestDueTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.task(store.NewTask{})
	due := func() []string { return w.must(store.DueTasks(t.Context(), w.App, 100)) }
	if got := due(); len(got) > 0 {
		t.Errorf("looked at before its first look: %v", got)
	}
	for age, next := range map[string]time.Duration{"0 s": 2, "1.9 s": 2, "4 s": 4, "8 s": 8, "29 s": 29, "1 h": 30} {
		w.admin("UPDATE task SET check_at = clock_timestamp(), run_at = clock_timestamp() - $1::text::interval", age)
		if got := due(); !slices.Equal(got, refIDs([]store.TaskRef{ref})) {
			t.Errorf("due for %s: %v", age, got)
		}
		off := value[time.Duration](w, "SELECT check_at - clock_timestamp() FROM task") - next*time.Second
		if off < -time.Second || off > 300*time.Millisecond {
			t.Errorf("due for %s: the next look is off by %v", age, off)
		}
		if got := due(); len(got) > 0 {
			t.Errorf("due for %s: looked at twice", age)
		}
	}
	w.admin("UPDATE task SET check_at = clock_timestamp()")
	w.taken(ref.ID, func(tx *store.Tx, t store.Task) { store.FinishTask(tx, t, "done", "") })
	if got := due(); len(got) > 0 {
		t.Errorf("a finished task is due: %v", got)
	}
}

// Two relays at once share what is due, and neither waits for the other.
func TestDueTasksAreShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 10 {
		w.task(store.NewTask{})
	}
	w.admin("UPDATE task SET check_at = clock_timestamp()")
	var first []string
	release := w.apart(func(tx *store.Tx) error {
		first = w.must(store.DueTasks(t.Context(), tx, 4))
		return nil
	})
	second := w.must(store.DueTasks(t.Context(), w.App, 100))
	release()
	if len(first) != 4 || len(second) != 6 || slices.ContainsFunc(second, func(r string) bool { return slices.Contains(first, r) }) {
		t.Errorf("shared %v and %v", first, second)
	}
}

// The relay asks twice a second: it must read what is due, and not walk over what waits for next week.
func TestDueReadsTheIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.missed(w.org, w.customer, 3000) // of an empty table any index is as good as any other
	w.admin(`SET session_replication_role = replica;
		UPDATE booking SET reminder_at = starts_at, followup_from = starts_at, state = 'confirmed', confirmed_at = created_at;
		RESET session_replication_role; ANALYZE booking`)
	w.admin("ALTER DATABASE " + w.Admin.Config().ConnConfig.Database + " SET enable_seqscan = off")
	w.Admin.Reset()
	for _, c := range []struct{ function, column string }{{"task_due", "check_at"}, {"orgs_due", "expires_at"}, {"orgs_due", "ends_at"},
		{"orgs_due", "poll_at"}, {"orgs_due", "reminder_at"}, {"orgs_due", "followup_from"}} {
		body := value[string](w, "SELECT prosrc FROM pg_proc WHERE proname = $1", c.function)
		plan := func(body string) string {
			rows, err := w.Admin.Query(t.Context(), "EXPLAIN "+strings.NewReplacer("p_limit", "100", "p_after", "'2 min'::interval", "p_sweep = ", "'x' <> ").Replace(body))
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for rows.Next() {
				lines = append(lines, string(rows.RawValues()[0]))
			}
			if rows.Err() != nil {
				t.Fatal(rows.Err())
			}
			return strings.Join(lines, "\n")
		}
		want := regexp.MustCompile(`Index Cond: .*\b` + c.column + ` <= `)
		if p := plan(body); !want.MatchString(p) {
			t.Errorf("%s walks the whole index of %s:\n%s", c.function, c.column, p)
		}
		if want.MatchString(plan(strings.ReplaceAll(body, "(SELECT clock_timestamp())", "clock_timestamp()"))) {
			t.Errorf("%s: the control uses the index too", c.function)
		}
	}
}

func TestBumpTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.task(store.NewTask{})
	bump := func(epoch int, crashed bool) []string {
		r := ref
		r.Epoch = epoch
		return w.must(store.BumpTasks(t.Context(), w.App, []store.TaskRef{r}, crashed))
	}
	if got := bump(2, false); len(got) > 0 {
		t.Errorf("of another epoch: %v", got)
	}
	if got := bump(1, false); !slices.Equal(got, []string{ref.ID.String() + ":2"}) {
		t.Errorf("bumped: %v", got)
	}
	if got := bump(1, true); len(got) > 0 {
		t.Errorf("twice: %v", got)
	}
	bump(2, true)
	if got := w.look(ref.ID); got.Epoch != 3 || got.Crashes != 1 || got.Attempt != 0 {
		t.Errorf("crashed once: %+v", got)
	}
	release := w.apart(func(tx *store.Tx) error { _, err := store.TakeTask(t.Context(), tx, ref.ID); return err })
	if got := bump(3, false); len(got) > 0 {
		t.Errorf("under somebody's hands: %v", got)
	}
	release()
	w.taken(ref.ID, func(tx *store.Tx, t store.Task) { store.FinishTask(tx, t, "dead", "") })
	if got := bump(3, false); len(got) > 0 {
		t.Errorf("dead: %v", got)
	}
	other := store.TaskRef{Org: uuid.New(), ID: ref.ID, Epoch: 3}
	if got := w.must(store.BumpTasks(t.Context(), w.App, []store.TaskRef{other}, false)); len(got) > 0 {
		t.Errorf("of another org: %v", got)
	}
}

// Of many that bump one epoch, one does.
func TestBumpRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.task(store.NewTask{})
	var n atomic.Int64
	together(8, func(int) {
		got, err := store.BumpTasks(t.Context(), w.App, []store.TaskRef{ref}, true)
		if err != nil {
			t.Error(err)
		}
		n.Add(int64(len(got)))
	})
	if got := w.look(ref.ID); n.Load() != 1 || got.Epoch != 2 || got.Crashes != 1 {
		t.Errorf("%d bumped: %+v", n.Load(), got)
	}
}

func TestRecheckAndLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now, soon, late := w.task(store.NewTask{}), w.task(store.NewTask{Delay: 50 * time.Second}), w.task(store.NewTask{Delay: time.Hour})
	n, err := store.RecheckTasks(t.Context(), w.App)
	if err != nil || n != 2 {
		t.Errorf("rechecked %d, %v", n, err)
	}
	if got := w.must(store.DueTasks(t.Context(), w.App, 100)); !slices.Equal(got, refIDs([]store.TaskRef{now, soon})) {
		t.Errorf("due: %v", got)
	}
	for _, r := range []store.TaskRef{now, late} {
		w.taken(r.ID, func(tx *store.Tx, t store.Task) { store.FinishTask(tx, t, "dead", "") })
	}
	dead, err := store.DeadTasks(t.Context(), w.App, 10)
	if err != nil || len(dead) != 2 || dead[0].ID != late.ID {
		t.Errorf("dead: %v, %v", dead, err)
	}
	if dead, err = store.DeadTasks(t.Context(), w.App, 1); err != nil || len(dead) != 1 {
		t.Errorf("the newest dead: %v, %v", dead, err)
	}
	stats, err := store.TaskStats(t.Context(), w.App)
	got := make(map[string]int64)
	for _, s := range stats {
		got[s.Type+" "+s.State] = s.N
	}
	if err != nil || len(got) != 2 || got["x:y dead"] != 2 || got["x:y pending"] != 1 {
		t.Errorf("stats: %v, %v", got, err)
	}
}

func TestTakeTick(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var n atomic.Int64
	var window atomic.Value
	together(12, func(int) {
		due, taken, err := store.TakeTick(t.Context(), w.App, "holds:expire", 1000*time.Hour)
		if err != nil {
			t.Error(err)
		}
		if taken {
			n.Add(1)
		}
		window.Store(due)
	})
	if n.Load() != 1 {
		t.Errorf("%d took the tick", n.Load())
	}
	w.admin("INSERT INTO tick (name, due_window) VALUES ('holds:expire', now() - interval '25 h'), ('other', now() - interval '25 h')")
	if err := store.FinishTick(t.Context(), w.App, "holds:expire", window.Load().(time.Time), 7, "oops"); err != nil {
		t.Fatal(err)
	}
	if got := value[string](w, "SELECT string_agg(concat_ws(' ', name, rows_done, error, finished_at IS NOT NULL), ', ' ORDER BY name) FROM tick"); got != "holds:expire 7 oops t, other f" {
		t.Errorf("ticks: %s", got)
	}
	if _, taken, err := store.TakeTick(t.Context(), w.App, "bookings:complete", time.Hour); err != nil || !taken {
		t.Errorf("another tick: %v, %v", taken, err)
	}
}
