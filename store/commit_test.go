package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store"
)

// A transaction that has failed does not look committed, though fn passed over the error: PostgreSQL answers
// COMMIT with ROLLBACK then, and no error.
func TestSwallowedErrorDoesNotCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := store.InTx(t.Context(), w.App, w.org.ID, func(tx *store.Tx) error {
		store.Suppress(tx, "pool", []byte{1})
		_, _ = tx.Exec(t.Context(), "SELECT 1/0")
		return nil
	})
	if !errors.Is(err, pgx.ErrTxCommitRollback) {
		t.Errorf("committed: %v", err)
	}
	if n := value[int](w, "SELECT count(*) FROM suppression"); n != 0 {
		t.Errorf("%d rows", n)
	}
	w.connectionsWork()
}

// connectionsWork uses each connection of the pool once more.
func (w *world) connectionsWork() {
	w.t.Helper()
	for range 4 {
		w.in(func(tx *store.Tx) error { _, err := store.LoadOrg(w.t.Context(), tx); return err })
	}
}

func TestInTxTriesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		code        string
		fails, runs int
		err         bool
	}{{"40001", 2, 3, false}, {"40P01", 1, 2, false}, {"40001", 9, 3, true}, {"23505", 9, 1, true}, {"55P03", 9, 1, true}} {
		runs := 0
		_, err := store.InTx(t.Context(), w.App, w.org.ID, func(tx *store.Tx) error {
			runs++
			store.Suppress(tx, c.code, []byte{byte(runs)})
			if runs <= c.fails {
				tx.Queue("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '" + c.code + "'; END $$")
			}
			return nil
		})
		if runs != c.runs || (err != nil) != c.err || c.err && store.Code(err) != c.code {
			t.Errorf("%+v: %d runs, %v", c, runs, err)
		}
		want := 1 // row of the run that committed, and none of those that did not
		if c.err {
			want = 0
		}
		if n := value[int](w, "SELECT count(*) FROM suppression WHERE pool = $1 AND phone_hash = $2", c.code, []byte{byte(runs)}); n != want {
			t.Errorf("%+v: %d rows", c, n)
		}
		w.admin("DELETE FROM suppression")
	}
	w.connectionsWork()
}

// fn's error, a panic and a cancelled context leave nothing behind, and the connection in order.
func TestInTxUndoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boom := errors.New("boom")
	var ran atomic.Int64
	run := func(ctx context.Context, end func() error) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = boom
			}
		}()
		_, err = store.InTx(ctx, w.App, w.org.ID, func(tx *store.Tx) error {
			ran.Add(1)
			store.Suppress(tx, "p", []byte{1})
			if _, err := store.LoadOrg(t.Context(), tx); err != nil {
				return err
			}
			return end()
		})
		return err
	}
	if err := run(t.Context(), func() error { return boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
	if err := run(t.Context(), func() error { panic("x") }); !errors.Is(err, boom) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := run(ctx, func() error { cancel(); return nil }); err == nil {
		t.Error("committed under a cancelled context")
	}
	if err := run(ctx, func() error { return nil }); err == nil {
		t.Error("began under a cancelled context")
	}
	if n := value[int](w, "SELECT count(*) FROM suppression"); n != 0 || ran.Load() != 3 {
		t.Errorf("%d rows after %d runs", n, ran.Load())
	}
	w.connectionsWork()
}

// What was queued goes in order and at the latest with the commit; its error comes with what is asked next. An
// empty transaction is one too.
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.in(func(*store.Tx) error { return nil })
	w.in(func(tx *store.Tx) error {
		store.OptOut(tx, []byte{1})
		store.OptIn(tx, []byte{1})
		store.Suppress(tx, "p", []byte{2})
		return nil
	})
	if got := value[string](w, "SELECT string_agg(encode(phone_hash, 'hex'), ',') FROM suppression"); got != "02" {
		t.Errorf("left: %s", got)
	}
	err := w.once(func(tx *store.Tx) error { store.NoteBooking(tx, uuid.New(), "x", nil); return nil })
	if store.Code(err) != "23503" {
		t.Errorf("an event of no booking: %v", err)
	}
	w.in(func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), "SELECT 1")
		if err != nil {
			return err
		}
		rows, err := tx.Query(t.Context(), "SELECT generate_series(1, 3)") // nothing is queued: the other way
		if err != nil {
			return err
		}
		n, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if len(n) != 3 {
			t.Errorf("%v", n)
		}
		return err
	})
	w.connectionsWork()
}
