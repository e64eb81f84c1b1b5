package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

func TestBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	insert := func(resource uuid.UUID, span calendar.Span) (id uuid.UUID, way []store.InTheWay) {
		id = uuid.New()
		w.in(func(tx *store.Tx) (err error) {
			way, err = store.InsertBlock(ctx, tx, w.Keys, store.Block{ID: id, ResourceID: resource, Span: span, Reason: pii.NewText("holiday")})
			return err
		})
		return id, way
	}
	held := func(owner uuid.UUID) int {
		return value[int](w, "SELECT count(*) FROM hold WHERE owner_id = $1 AND live", owner)
	}
	exists := func(id uuid.UUID) (yes bool) {
		w.in(func(tx *store.Tx) (err error) { yes, err = store.BlockExists(ctx, tx, id); return err })
		return yes
	}
	morning := calendar.Span{Start: at(9, 0).Start, End: at(11, 30).End}
	booked := w.book(wish{Resource: w.org.Table, Span: at(10, 0)})
	second := w.book(wish{Resource: w.org.Table, Span: at(11, 0)})
	gone := w.book(lapsed(w.org.Table, at(9, 0)))

	none, way := insert(w.org.Table, morning)
	got := make(map[uuid.UUID]bool)
	for _, x := range way {
		got[x.Booking.UUID] = !x.Block.Valid
	}
	if len(way) != 2 || !got[booked] || !got[second] {
		t.Errorf("in the way: %+v", way)
	}
	if held(none) != 0 || exists(none) {
		t.Error("a block that is refused holds something")
	}
	if s := value[string](w, "SELECT state FROM booking WHERE id = $1", gone); s != store.BookingExpired {
		t.Errorf("the lapsed hold in the way is %s", s)
	}
	w.in(func(tx *store.Tx) error {
		store.CancelBooking(tx, &store.Booking{ID: booked})
		store.CancelBooking(tx, &store.Booking{ID: second})
		return nil
	})
	all, way := insert(w.org.Table, morning)
	if len(way) != 0 || held(all) != 2 || !exists(all) {
		t.Errorf("free: %v, %d seats of 2, exists %v", way, held(all), exists(all))
	}
	if _, way := insert(w.org.Table, at(11, 30)); len(way) != 1 || way[0].Block.UUID != all || way[0].Booking.Valid {
		t.Errorf("a block in the way: %+v", way)
	}
	if _, way := insert(w.org.Table, at(12, 0)); len(way) != 0 {
		t.Errorf("a block that touches another: %+v", way)
	}
	taken := func() (ok bool) {
		err := w.once(func(tx *store.Tx) (err error) {
			_, ok, err = w.take(ctx, tx, wish{Resource: w.org.Table, Span: at(9, 0)})
			return errors.Join(err, errUndo)
		})
		if !errors.Is(err, errUndo) || store.Code(err) != "" {
			t.Fatal(err)
		}
		return ok
	}
	if taken() {
		t.Error("blocked time can be booked")
	}
	remove := func() error {
		return w.once(func(tx *store.Tx) error { _, err := store.DeleteBlock(ctx, tx, all); return err })
	}
	if err := remove(); err != nil || held(all) != 0 || exists(all) || !taken() {
		t.Errorf("deleted: %v, %d seats held, exists %v", err, held(all), exists(all))
	}
	if err := remove(); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// A long block is several rows and one block: all of its time is taken, in every seat, to its very ends, also over the
// nights on which the clocks change; and what is in the way of any part of it refuses all of it.
func TestLongBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	span := calendar.Span{Start: at(9, 0).Start, End: at(9, 0).Start.AddDate(0, 0, 10)} // the clocks change on the 10th
	free := func(start time.Time) (ok bool) {
		err := w.once(func(tx *store.Tx) (err error) {
			_, ok, err = w.take(ctx, tx, wish{Resource: w.org.Table, Span: calendar.Span{Start: start, End: start.Add(30 * time.Minute)}})
			return errors.Join(err, errUndo)
		})
		if !errors.Is(err, errUndo) || store.Code(err) != "" {
			t.Fatal(err)
		}
		return ok
	}
	insert := func() (id uuid.UUID, way []store.InTheWay) {
		id = uuid.New()
		w.in(func(tx *store.Tx) (err error) {
			way, err = store.InsertBlock(ctx, tx, w.Keys, store.Block{ID: id, ResourceID: w.org.Table, Span: span})
			return err
		})
		return id, way
	}
	last := w.book(wish{Resource: w.org.Table, Span: calendar.Span{Start: span.End.Add(-time.Minute), End: span.End.Add(time.Hour)}})
	if _, way := insert(); len(way) != 1 || way[0].Booking.UUID != last || value[int](w, "SELECT count(*) FROM hold WHERE live") != 1 {
		t.Errorf("in the way of the last minute: %+v", way)
	}
	w.in(func(tx *store.Tx) error { store.CancelBooking(tx, &store.Booking{ID: last}); return nil })
	id, way := insert()
	if len(way) != 0 {
		t.Fatalf("in the way: %+v", way)
	}
	for start := span.Start.Add(-29 * time.Minute); start.Before(span.End); start = start.Add(6*time.Hour - time.Minute) {
		if free(start) {
			t.Errorf("free within the block: %v", start)
		}
	}
	for _, start := range []time.Time{span.Start.Add(-30 * time.Minute), span.End} {
		if !free(start) {
			t.Errorf("taken beside the block: %v", start)
		}
	}
	if free(span.End.Add(-time.Minute)) {
		t.Error("free in the block's last minute")
	}
	if _, again := insert(); len(again) != 1 || again[0].Block.UUID != id {
		t.Errorf("in the way of the same again: %+v", again)
	}
	w.in(func(tx *store.Tx) error {
		busy, err := store.BusySeats(ctx, tx, []uuid.UUID{w.org.Table}, calendar.Span{Start: span.Start.AddDate(0, 0, 5), End: span.Start.AddDate(0, 0, 6)})
		if len(busy[w.org.Table]) < 2 {
			t.Errorf("in its middle only %v is busy", busy)
		}
		return err
	})
	w.in(func(tx *store.Tx) error { _, err := store.DeleteBlock(ctx, tx, id); return err })
	if n := value[int](w, "SELECT count(*) FROM hold WHERE live"); n != 0 || !free(span.Start) {
		t.Errorf("deleted, %d rows are live", n)
	}
}

// The longest hold there can be, a day with the longest buffers, is in the way of all that it touches.
func TestLongestHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const d = 24 * time.Hour
	long := wish{Resource: w.org.Chair, Span: calendar.Span{Start: day, End: day.Add(d)}, Before: d, After: d}
	w.book(long)
	for start, want := range map[time.Time]bool{
		day.Add(-d - 30*time.Minute): true, day.Add(-d - 29*time.Minute): false, day: false, day.Add(2*d - time.Minute): false, day.Add(2 * d): true,
	} {
		w.in(func(tx *store.Tx) error {
			_, ok, err := w.take(t.Context(), tx, wish{Resource: w.org.Chair, Span: calendar.Span{Start: start, End: start.Add(30 * time.Minute)}})
			if ok != want {
				t.Errorf("%v: free %v, want %v", start, ok, want)
			}
			return err
		})
	}
	// The constraint would refuse those too: so ask the look alone.
	w.in(func(tx *store.Tx) error {
		for span, want := range map[calendar.Span]int{
			{Start: day.Add(2*d - time.Minute), End: day.Add(2 * d)}:            1,
			{Start: day.Add(-d - time.Hour), End: day.Add(-d + 1)}:              1,
			{Start: day.Add(-d - 30*time.Minute), End: day.Add(-d)}:             1, // its neighbour
			{Start: day.Add(-d - time.Hour), End: day.Add(-d - 45*time.Minute)}: 0,
		} {
			busy, err := store.BusySeats(t.Context(), tx, []uuid.UUID{w.org.Chair}, span)
			if err != nil || len(busy[w.org.Chair]) < want || want == 0 && len(busy) > 0 {
				t.Errorf("busy in %v: %v, %v", span, busy, err)
			}
		}
		return nil
	})
	if n := w.doubles(); n > 0 {
		t.Errorf("%d double bookings", n)
	}
}

// errUndo rolls a transaction back.
var errUndo = errors.New("undo")

// All seats or none also when a seat goes between the look and the insert: with the lock off and another's claim
// not committed yet, the block asks to be tried again.
func TestBlockTakesAllSeatsOrNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.admin(lockOff)
	release := w.apart(func(tx *store.Tx) error {
		_, _, err := w.take(t.Context(), tx, wish{Resource: w.org.Table, Span: at(10, 0)})
		return err
	})
	done := make(chan error, 1)
	go func() {
		done <- w.once(func(tx *store.Tx) error { _, err := w.block(tx, w.org.Table, at(10, 0)); return err })
	}()
	w.await("the block to wait for the claim", func() bool {
		return value[bool](w, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")
	})
	release()
	if err := <-done; store.Code(err) != "40001" {
		t.Errorf("%v, want a serialization failure", err)
	}
	if n := value[int](w, "SELECT count(*) FROM hold WHERE block_id IS NOT NULL"); n != 0 {
		t.Errorf("the block has %d seats", n)
	}
}
