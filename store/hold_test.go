package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/calendar"
)

// lapsed is a wish whose hold has lapsed as soon as it is taken.
func lapsed(resource uuid.UUID, span calendar.Span) wish {
	return wish{Resource: resource, Span: span, TTL: -time.Second}
}

// A lapsed hold is taken over by the next claimant, with all the bookkeeping of the sweep that did not run.
func TestLapsedHoldIsReclaimed(t *testing.T) {
	t.Parallel()
	reclaim := func(w *world) (findings []string) {
		found := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }
		late := w.book(lapsed(w.org.Chair, at(10, 0)))
		var ok bool
		w.in(func(tx *store.Tx) (err error) {
			_, ok, err = w.take(t.Context(), tx, wish{Resource: w.org.Chair, Span: at(10, 15)})
			return err
		})
		if !ok {
			found("the time of a lapsed hold is taken")
		}
		if s := value[string](w, "SELECT state FROM booking WHERE id = $1", late); s != store.BookingExpired {
			found("the booking is %s", s)
		}
		if n := value[int](w, "SELECT count(*) FROM hold WHERE owner_id = $1 AND live", late); n != 0 {
			found("%d live holds are left", n)
		}
		if k := w.kinds(late); !slices.Equal(k, []string{"held", "expired"}) {
			found("the timeline says %v", k)
		}
		return findings
	}
	for _, f := range reclaim(newWorld(t)) {
		t.Error(f)
	}
	for _, mutation := range []string{"live = false", "state = 'expired'", "'expired' FROM expired"} {
		w := newWorld(t)
		def := value[string](w, "SELECT pg_get_functiondef('bookings_expire'::regproc)")
		bent := strings.Replace(def, mutation, map[string]string{
			"live = false": "live = live", "state = 'expired'": "state = state", "'expired' FROM expired": "'gone' FROM expired",
		}[mutation], 1)
		if bent == def {
			t.Fatalf("bookings_expire has no %q", mutation)
		}
		w.admin(bent)
		if len(reclaim(w)) == 0 {
			t.Errorf("without %q nothing was missed", mutation)
		}
	}
}

// Expiry is judged by the clock at the moment, not at the transaction's start: a hold that lapses while the
// claimant waits for the lock is his. With now() in the functions it is not.
func TestHoldLapsesDuringTheWait(t *testing.T) {
	t.Parallel()
	for _, clock := range []string{"clock_timestamp()", "now()"} {
		t.Run(clock, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, f := range []string{"hold_take", "hold_free", "bookings_expire"} {
				w.admin(strings.ReplaceAll(value[string](w, "SELECT pg_get_functiondef($1::text::regproc)", f), "clock_timestamp()", clock))
			}
			// Of two seats one is held for a moment; the other is taken by somebody who sits on the lock.
			first := w.book(wish{Resource: w.org.Table, Span: at(10, 0)})
			release := w.apart(func(tx *store.Tx) error {
				_, ok, err := w.take(t.Context(), tx, wish{Resource: w.org.Table, Span: at(10, 0)})
				if err == nil && !ok {
					err = fmt.Errorf("the second seat is taken")
				}
				return err
			})
			type result struct {
				ok  bool
				err error
			}
			done := make(chan result, 1)
			go func() {
				var r result
				r.err = w.once(func(tx *store.Tx) (err error) {
					_, r.ok, err = w.take(t.Context(), tx, wish{Resource: w.org.Table, Span: at(10, 0)})
					return err
				})
				done <- r
			}()
			w.await("a claimant at the lock", func() bool {
				return value[bool](w, "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND NOT granted AND datname = current_database())")
			})
			w.admin("UPDATE hold SET expires_at = clock_timestamp() WHERE owner_id = $1", first) // now, in the middle of the wait
			release()
			r := <-done
			if want := clock == "clock_timestamp()"; r.err != nil || r.ok != want {
				t.Errorf("took the seat: %v, %v; want %v", r.ok, r.err, want)
			}
		})
	}
}

func TestLapsedHoldReadsAsExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := w.book(wish{Resource: w.org.Chair, Span: at(9, 0)})
	gone := w.book(lapsed(w.org.Chair, at(10, 0)))
	firm := w.book(wish{Resource: w.org.Chair, Span: at(11, 0)})
	w.confirm(w.org.Chair, firm)
	if s := value[string](w, "SELECT state FROM booking WHERE id = $1", gone); s != store.BookingHeld {
		t.Fatalf("the row was tidied already: %s", s)
	}
	want := map[string][]uuid.UUID{"": {held, gone, firm}, "held": {held}, "expired": {gone}, "confirmed": {firm}, "canceled": nil}
	for state, ids := range want {
		var got []uuid.UUID
		w.in(func(tx *store.Tx) error {
			list, err := store.ListBookings(t.Context(), tx, store.BookingPage{State: state, From: day, To: day.AddDate(0, 0, 1), Limit: 10})
			for _, b := range list {
				got = append(got, b.ID)
			}
			return err
		})
		if !slices.Equal(got, ids) {
			t.Errorf("list of %q: %v, want %v", state, got, ids)
		}
	}
	if s := w.find(gone).State; s != store.BookingExpired {
		t.Errorf("reads as %s", s)
	}
	w.in(func(tx *store.Tx) error {
		hash := store.PhoneHash(w.Keys, w.org.ID, phone42)
		for span, want := range map[calendar.Span]uuid.NullUUID{at(9, 0): {UUID: held, Valid: true}, at(10, 0): {}, at(11, 0): {UUID: firm, Valid: true}} {
			var a store.Asker
			store.ReadAsker(tx, store.Addressee{Phone: hash}, &a)
			if err := tx.Flush(t.Context()); err != nil || a.Customer.UUID != w.customer || !a.CanText {
				t.Errorf("asker: %+v, %v", a, err)
			}
			b, err := store.FindOwn(t.Context(), tx, a.Customer.UUID, []uuid.UUID{w.org.Chair}, span)
			if b.ID != want.UUID || errors.Is(err, store.ErrNotFound) == want.Valid {
				t.Errorf("own at %v: %v, %v", span.Start, b.ID, err)
			}
		}
		busy, err := store.BusySeats(t.Context(), tx, []uuid.UUID{w.org.Chair}, calendar.Span{Start: day, End: day.AddDate(0, 0, 1)})
		if len(busy[w.org.Chair]) != 2 {
			t.Errorf("busy: %v, %v", busy, err)
		}
		return err
	})
}

func TestListBookingsPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []uuid.UUID
	for i := range 4 { // two at each time, to be told apart by id
		a, b := w.book(wish{Resource: w.org.Chair, Span: at(9+i, 0)}), w.book(wish{Resource: w.org.Table, Span: at(9+i, 0)})
		if a.String() > b.String() {
			a, b = b, a
		}
		want = append(want, a, b)
	}
	var got []uuid.UUID
	page := store.BookingPage{From: at(9, 0).Start, To: at(12, 0).Start, Limit: 3} // the last hour is out
	for range 5 {
		w.in(func(tx *store.Tx) error {
			list, err := store.ListBookings(t.Context(), tx, page)
			for _, b := range list {
				got = append(got, b.ID)
				page.After = store.Cursor{Start: b.Span.Start, ID: b.ID}
			}
			return err
		})
	}
	if !slices.Equal(got, want[:6]) {
		t.Errorf("pages: %v, want %v", got, want[:6])
	}
}

// A booking moves onto a time that overlaps its own, and its late code takes its lapsed time again.
func TestOwnTimeIsNoObstacle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.book(wish{Resource: w.org.Chair, Span: at(10, 0)})
	w.book(wish{Resource: w.org.Chair, Booking: id, Span: at(10, 15)})
	if n := value[int](w, "SELECT count(*) FROM hold WHERE owner_id = $1 AND live", id); n != 2 {
		t.Errorf("%d live holds during the move, want 2", n)
	}
	late := w.book(lapsed(w.org.Chair, at(12, 0)))
	w.in(func(tx *store.Tx) error {
		store.LockResource(tx, w.org.Chair, at(12, 0))
		b, err := store.LockBooking(t.Context(), tx, late)
		if err != nil {
			return err
		}
		ok, err := store.TakeFirm(t.Context(), tx, w.org.Chair, late, at(12, 0))
		if !ok {
			t.Error("its own lapsed time is taken")
		}
		store.ConfirmBooking(tx, &b)
		return err
	})
	if b := w.find(late); b.State != store.BookingConfirmed || b.ConfirmedAt == nil {
		t.Errorf("late confirmation: %+v", b)
	}
	if n := value[int](w, "SELECT count(*) FROM hold WHERE owner_id = $1 AND live AND expires_at IS NULL", late); n != 1 {
		t.Errorf("%d firm holds, want 1", n)
	}
	w.in(func(tx *store.Tx) error { store.CancelBooking(tx, &store.Booking{ID: late}); return nil })
	if b := w.find(late); b.State != store.BookingCanceled {
		t.Errorf("canceled: %s", b.State)
	}
	w.book(wish{Resource: w.org.Chair, Span: at(12, 0)})
	if n := w.doubles(); n > 0 {
		t.Errorf("%d double bookings", n)
	}
}

// Neighbours are kept apart by the sum of their buffers, and not by a minute more.
func TestBuffersAdd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := wish{Resource: w.org.Chair, Span: at(10, 0), Before: 5 * time.Minute, After: 10 * time.Minute}
	w.book(x)
	for _, c := range []struct {
		minute int
		free   bool
	}{{14, false}, {16, false}, {44, false}, {45, true}} {
		x.Span = at(10, c.minute)
		w.in(func(tx *store.Tx) error {
			_, ok, err := w.take(t.Context(), tx, x)
			if ok != c.free {
				t.Errorf("10:%d: free %v, want %v", c.minute, ok, c.free)
			}
			return err
		})
	}
	x.Span = calendar.Span{Start: at(9, 15).Start, End: at(9, 45).Start}
	w.book(x) // and before it as well
}
