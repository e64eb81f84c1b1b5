package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
	"holdfast/store/storetest"
)

// Who asks which orgs stand in line, or feeds from the lines, reads a few entries of an index however long the lines are, and whatever
// statistics there are: none, those of an empty table, those from before the burst, or those of it.
func TestLinesAreProbed(t *testing.T) {
	t.Parallel()
	for _, analyzed := range []string{"never", "empty", "before", "since"} {
		w := newWorld(t)
		other := storetest.NewOrg(t, w.DB, "two")
		w.admin("ALTER TABLE task SET (autovacuum_enabled = off)")
		stand := func(n int, state, checkAt string) {
			w.admin(`INSERT INTO task (org_id, id, type, queue, payload, state, run_at, check_at, give_up_at)
				SELECT o, uuid_v7(), 'x', 'send', '{}', $3, now(), $4::timestamptz, now() + interval '1 day' FROM unnest($1::uuid[]) o, generate_series(1, $2) n`,
				[]string{w.org.ID.String(), other.ID.String()}, n, state, checkAt)
		}
		if analyzed == "empty" {
			w.admin("ANALYZE task")
		}
		stand(1500, "done", "now")
		stand(20, "pending", "now")
		if analyzed == "before" {
			w.admin("ANALYZE task")
		}
		stand(1500, "pending", "infinity")
		if analyzed == "since" {
			w.admin("ANALYZE task")
		}
		crowds := func(conn *pgxpool.Conn) (int, error) {
			crowds, err := store.Crowds(t.Context(), conn, 1)
			for _, c := range crowds {
				if c.N != 20 || !c.Line {
					t.Errorf("%+v", c)
				}
			}
			return len(crowds), err
		}
		feed := func(conn *pgxpool.Conn) (int, error) {
			fed, err := store.FeedTasks(t.Context(), conn, 25)
			return len(fed), err
		}
		if n := w.entriesRead("task", crowds, 2); n == 0 || n > 100 {
			t.Errorf("analyzed %s: asking reads %d entries of indexes", analyzed, n)
		}
		if n := w.entriesRead("task", feed, 10); n == 0 || n > 200 {
			t.Errorf("analyzed %s: feeding reads %d entries of indexes", analyzed, n)
		}
	}
}

// entriesRead is how many entries of a table's indexes are read when the app asks for something and finds so many.
func (w *world) entriesRead(table string, ask func(*pgxpool.Conn) (found int, err error), want int) int64 {
	w.t.Helper()
	conn, err := w.App.Acquire(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Release()
	read := func() int64 {
		if _, err := conn.Exec(w.t.Context(), "SELECT pg_stat_force_next_flush()"); err != nil {
			w.t.Fatal(err)
		}
		return value[int64](w, "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = $1", table)
	}
	before := read()
	if found, err := ask(conn); err != nil || found != want {
		w.t.Fatalf("%d, %v, want %d", found, err, want)
	}
	return read() - before
}
