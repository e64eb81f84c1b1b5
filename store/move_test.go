package store_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/calendar"
)

// on is a time of another day.
func on(days int, span calendar.Span) calendar.Span {
	return calendar.Span{Start: span.Start.AddDate(0, 0, days), End: span.End.AddDate(0, 0, days)}
}

// firm books a time and confirms it.
func (w *world) firm(resource uuid.UUID, span calendar.Span) uuid.UUID {
	w.t.Helper()
	id := w.book(wish{Resource: resource, Span: span})
	w.in(func(tx *store.Tx) error {
		store.InsertVerification(tx, w.Keys, uuid.New(), id, 1)
		b, _, err := store.LockSeat(w.t.Context(), tx, id)
		store.ConfirmBooking(tx, &b)
		store.RevokeCodes(tx, id)
		return err
	})
	return id
}

// wishes has another time held for a confirmed booking.
func (w *world) wishes(tx *store.Tx, id, resource uuid.UUID, span calendar.Span) (ok bool, err error) {
	b, v, err := store.LockMove(w.t.Context(), tx, id, span)
	if err != nil {
		return false, err
	}
	to := store.Candidate{Resource: store.Resource{ID: resource}, Calendar: calendar.Calendar{Length: span.End.Sub(span.Start)}, Span: span}
	return store.HoldMove(w.t.Context(), tx, w.Keys, b, to, store.Verification{ID: uuid.New(), Generation: v.Generation + 1}, time.Minute)
}

// moves finishes the move of a booking.
func (w *world) moves(tx *store.Tx, id uuid.UUID) error {
	b, v, err := store.LockSeat(w.t.Context(), tx, id)
	if err != nil {
		return err
	}
	m, err := store.MoveOf(w.t.Context(), tx, v.ID)
	if err != nil {
		return err
	}
	store.UseCode(tx, v.ID)
	store.FinishMove(tx, &b, m)
	return nil
}

// slowLock makes each lock of a day take a moment, so that others come between two of them, and deadlocks be found soon.
func (w *world) slowLock() {
	w.t.Helper()
	def := value[string](w, "SELECT pg_get_functiondef('resource_lock'::regproc)")
	slow := strings.Replace(def, "END LOOP;", "PERFORM pg_sleep(0.003); END LOOP;", 1)
	if slow == def {
		w.t.Fatal("resource_lock has no loop")
	}
	w.admin(slow)
	w.admin("ALTER DATABASE " + w.Admin.Config().ConnConfig.Database + " SET deadlock_timeout = '20ms'")
	w.Admin.Reset()
	w.App.Reset()
}

// Two bookings that take each other's day at once wait for each other in one order, whether they ask or are moved, and
// whether what lapsed of one is in the other's way.
func TestMovesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slowLock()
	ids := []uuid.UUID{w.firm(w.org.Table, at(10, 0)), w.firm(w.org.Table, on(1, at(10, 0)))}
	for round := range 12 {
		together(2, func(i int) {
			err := w.once(func(tx *store.Tx) error {
				ok, err := w.wishes(tx, ids[i], w.org.Table, on((i+round+1)%2, at(10, 0)))
				if !ok && err == nil {
					t.Errorf("round %d: taken", round)
				}
				return err
			})
			if err != nil {
				t.Errorf("round %d, asking: %v", round, err)
			}
		})
		together(2, func(i int) {
			if err := w.once(func(tx *store.Tx) error { return w.moves(tx, ids[i]) }); err != nil {
				t.Errorf("round %d, moving: %v", round, err)
			}
		})
		for i, id := range ids {
			if b := w.find(id); !b.Span.Start.Equal(on((i+round+1)%2, at(10, 0)).Start) {
				t.Fatalf("round %d: it is at %v", round, b.Span)
			}
		}
	}
	w.admin("UPDATE resource SET seats = 1 WHERE id = $1", w.org.Table)
	for round := range 12 {
		away := func(i int) calendar.Span { return on(3+(i+round)%2, at(10, 0)) }
		for i, id := range ids {
			w.in(func(tx *store.Tx) error { _, err := w.wishes(tx, id, w.org.Table, away(i)); return err })
		}
		w.admin("UPDATE hold SET expires_at = clock_timestamp() WHERE live AND expires_at IS NOT NULL")
		w.admin("UPDATE move SET expires_at = clock_timestamp() WHERE state = 'pending'")
		together(2, func(i int) {
			err := w.once(func(tx *store.Tx) error { _, err := w.wishes(tx, ids[i], w.org.Table, away(i+1)); return err })
			if err != nil {
				t.Errorf("round %d, over what lapsed: %v", round, err)
			}
		})
	}
	if n := w.doubles(); n > 0 {
		t.Errorf("%d double bookings", n)
	}
}

// Of all that want one free time at once, to move there or to book it, one gets it; the others stay where they are.
func TestMovesContend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []uuid.UUID
	for i := range 6 {
		ids = append(ids, w.firm(w.org.Chair, on(i, at(9, 0))))
	}
	for round := range 4 {
		var won atomic.Int64
		together(len(ids)+4, func(i int) {
			err := w.once(func(tx *store.Tx) (err error) {
				ok := false
				if i < len(ids) {
					ok, err = w.wishes(tx, ids[i], w.org.Chair, at(12+round, 10*(i%3)))
				} else {
					_, ok, err = w.take(t.Context(), tx, wish{Resource: w.org.Chair, Span: at(12+round, 0)})
				}
				if ok {
					won.Add(1)
				}
				return err
			})
			if err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		})
		if won.Load() != 1 {
			t.Errorf("round %d: %d won", round, won.Load())
		}
	}
	for i, id := range ids {
		if b := w.find(id); !b.Span.Start.Equal(on(i, at(9, 0)).Start) || b.State != store.BookingConfirmed {
			t.Errorf("booking %d is %s at %v", i, b.State, b.Span)
		}
	}
	if n := w.doubles(); n > 0 {
		t.Errorf("%d double bookings", n)
	}
}

// Two wishes of one booking at once: one is replaced by the other.
func TestWishesOfOneBooking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.firm(w.org.Chair, at(9, 0))
	for range 4 {
		together(4, func(i int) {
			if err := w.once(func(tx *store.Tx) error { _, err := w.wishes(tx, id, w.org.Chair, at(12+i, 0)); return err }); err != nil {
				t.Error(err)
			}
		})
	}
	if n := value[int](w, "SELECT count(*) FROM hold WHERE live"); n != 2 {
		t.Errorf("%d live holds", n)
	}
	if got := value[string](w, "SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM move GROUP BY 1) x"); got != "pending 1, replaced 15" {
		t.Errorf("moves: %s", got)
	}
	if b := w.find(id); b.Move == nil || b.CodeState != "verified" {
		t.Errorf("%+v", b)
	}
}
