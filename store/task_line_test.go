package store_test

import (
	"testing"

	"holdfast/store"
	"holdfast/store/storetest"
)

// Who asks which orgs stand in line, or feeds from the lines, reads a few entries of an index however long the lines are, also while
// the table was never analyzed: the planner then takes it that few stand there.
func TestLinesAreProbed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := storetest.NewOrg(t, w.DB, "two")
	stand := func(n int, state, checkAt string) {
		w.admin(`INSERT INTO task (org_id, id, type, queue, payload, state, run_at, check_at, give_up_at)
			SELECT o, uuid_v7(), 'x', 'send', '{}', $3, now(), $4::timestamptz, now() + interval '1 day' FROM unnest($1::uuid[]) o, generate_series(1, $2) n`,
			[]string{w.org.ID.String(), other.ID.String()}, n, state, checkAt)
	}
	stand(1500, "done", "now")
	stand(20, "pending", "now")
	stand(1500, "pending", "infinity")

	conn, err := w.App.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	read := func(what string, most int64, ask func() (found int, err error), want int) {
		t.Helper()
		const sql = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'task'"
		flush := func() {
			if _, err := conn.Exec(t.Context(), "SELECT pg_stat_force_next_flush()"); err != nil {
				t.Fatal(err)
			}
		}
		flush()
		before := value[int64](w, sql)
		if found, err := ask(); err != nil || found != want {
			t.Fatalf("%s: %d, %v, want %d", what, found, err, want)
		}
		flush()
		if n := value[int64](w, sql) - before; n == 0 || n > most {
			t.Errorf("%s: %d entries of indexes were read, want up to %d", what, n, most)
		}
	}
	crowds := func() (int, error) {
		crowds, err := store.Crowds(t.Context(), conn, 1)
		for _, c := range crowds {
			if c.N != 20 || !c.Line {
				t.Errorf("%+v", c)
			}
		}
		return len(crowds), err
	}
	feed := func() (int, error) {
		fed, err := store.FeedTasks(t.Context(), conn, 25)
		return len(fed), err
	}
	read("crowds", 100, crowds, 2)
	read("feed", 100, feed, 10)
}
