package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// many writes n bookings in state whose holds have lapsed and whose time is over, in the past.
func (w *world) many(n int, state string) {
	w.t.Helper()
	w.admin(`WITH b AS (
		INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at, confirmed_at)
		SELECT $1, gen_random_uuid(), $2, $3, $4, at, at + interval '30 min', at - interval '1 h', CASE $4 WHEN 'confirmed' THEN at END
		  FROM generate_series(1, $5) i, LATERAL (SELECT clock_timestamp() - interval '1 h' * i) x(at)
		RETURNING *)
		INSERT INTO hold (org_id, resource_id, seat, booking_id, starts_at, ends_at, expires_at)
		SELECT org_id, resource_id, 0, id, starts_at, ends_at, CASE $4 WHEN 'held' THEN hold_expires_at END FROM b`,
		w.org.ID, w.org.Chair, w.customer, state, n)
}

type sweep func(tx *store.Tx) (n int, more bool, err error)

// swept runs one batch and returns "n more".
func (w *world) swept(s sweep) (got string) {
	w.t.Helper()
	w.in(func(tx *store.Tx) error {
		n, more, err := s(tx)
		got = fmt.Sprint(n, " ", more)
		return err
	})
	return got
}

func (w *world) due(name string) bool {
	w.t.Helper()
	orgs, err := store.OrgsDue(w.t.Context(), w.App, name, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.Equal(orgs, []uuid.UUID{w.org.ID})
}

func TestExpireHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expire := func(tx *store.Tx) (int, bool, error) { return store.ExpireHolds(t.Context(), tx) }
	if w.due("holds:expire") || w.swept(expire) != "0 false" {
		t.Error("an org without bookings is due")
	}
	live := w.book(wish{Resource: w.org.Chair, Span: at(10, 0)})
	w.many(501, store.BookingHeld)
	if !w.due("holds:expire") || w.due("bookings:complete") {
		t.Error("what is due, and what is not")
	}
	// The one that lapsed first is being worked on: it is left, and does not end the sweep early.
	release := w.apart(func(tx *store.Tx) error {
		_, err := store.LockBooking(t.Context(), tx, value[uuid.UUID](w, "SELECT booking_id FROM hold WHERE live ORDER BY expires_at LIMIT 1"))
		return err
	})
	for _, want := range []string{"499 true", "1 false"} {
		if got := w.swept(expire); got != want {
			t.Errorf("expired %s, want %s", got, want)
		}
	}
	release()
	if got := w.swept(expire); got != "1 false" || w.due("holds:expire") {
		t.Errorf("at last: %s", got)
	}
	if n := value[int](w, `SELECT count(*) FROM booking b WHERE state = 'expired' AND (SELECT count(*) FROM booking_event e
		WHERE e.booking_id = b.id AND kind = 'expired') = 1 AND NOT EXISTS (SELECT FROM hold h WHERE h.booking_id = b.id AND live)`); n != 501 {
		t.Errorf("%d bookings are expired, told of once and hold nothing; want 501", n)
	}
	if s := w.find(live).State; s != store.BookingHeld {
		t.Errorf("a live hold was swept: %s", s)
	}
}

// A hold that a confirmed booking wanted to move to lapses alone: the booking stays.
func TestExpirePendingMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.book(wish{Resource: w.org.Chair, Span: at(10, 0)})
	w.confirm(w.org.Chair, id)
	w.book(wish{Resource: w.org.Chair, Booking: id, Span: at(11, 0), TTL: -time.Second})
	if got := w.swept(func(tx *store.Tx) (int, bool, error) { return store.ExpireHolds(t.Context(), tx) }); got != "1 false" {
		t.Errorf("expired %s", got)
	}
	if s := w.find(id).State; s != store.BookingConfirmed {
		t.Errorf("the booking is %s", s)
	}
	if n := value[int](w, "SELECT count(*) FROM hold WHERE live"); n != 1 {
		t.Errorf("%d live holds, want the firm one", n)
	}
}

func TestCompleteBookings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	complete := func(tx *store.Tx) (int, bool, error) { return store.CompleteBookings(t.Context(), tx) }
	ahead := w.book(wish{Resource: w.org.Chair, Span: at(10, 0)})
	w.confirm(w.org.Chair, ahead)
	if w.due("bookings:complete") {
		t.Error("a booking ahead is due")
	}
	w.many(501, store.BookingConfirmed)
	if !w.due("bookings:complete") || w.due("holds:expire") {
		t.Error("what is due, and what is not")
	}
	release := w.apart(func(tx *store.Tx) error {
		_, err := store.LockBooking(t.Context(), tx, value[uuid.UUID](w, "SELECT id FROM booking WHERE state = 'confirmed' ORDER BY ends_at LIMIT 1"))
		return err
	})
	for _, want := range []string{"500 true", "0 false"} {
		if got := w.swept(complete); got != want {
			t.Errorf("completed %s, want %s", got, want)
		}
	}
	release()
	if got := w.swept(complete); got != "1 false" || w.due("bookings:complete") {
		t.Errorf("at last: %s", got)
	}
	if n := value[int](w, `SELECT count(*) FROM booking b JOIN booking_event e ON e.booking_id = b.id AND e.kind = 'completed'
		WHERE b.state = 'completed' AND NOT EXISTS (SELECT FROM hold h WHERE h.booking_id = b.id AND live)`); n != 501 {
		t.Errorf("%d bookings are completed, told of and hold nothing; want 501", n)
	}
	if s := w.find(ahead).State; s != store.BookingConfirmed {
		t.Errorf("a booking ahead is %s", s)
	}
}

// Claims, moves, confirmations, cancellations, blocks and sweeps meet on few times with holds that lapse at once.
// None may fail, and afterwards rows must agree with each other.
func TestSweepAndClaimsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	seed := rand.Uint64()
	const workers, rounds = 6, 40
	together(workers, func(i int) {
		r := rand.New(rand.NewPCG(seed, uint64(i))) // #nosec G404 -- a test's dice
		var mine []uuid.UUID
		for range rounds {
			resource := []uuid.UUID{w.org.Chair, w.org.Table}[r.IntN(2)]
			x := wish{Resource: resource, Span: at(10, 15*r.IntN(4)), TTL: time.Duration(r.IntN(4)) * time.Millisecond}
			err := w.once(func(tx *store.Tx) (err error) {
				switch dice := r.IntN(10); {
				case dice < 5 || len(mine) == 0:
					id, ok, err := w.take(ctx, tx, x)
					if ok {
						mine = append(mine, id)
					}
					return err
				case dice < 7:
					_, _, err = store.ExpireHolds(ctx, tx)
					return err
				case dice == 7:
					_, err := w.block(tx, resource, x.Span)
					if store.Code(err) == "40001" { // to be tried again; here it is enough that it is refused
						return nil
					}
					return err
				}
				store.LockResource(tx, w.org.Chair, at(10, 0))
				b, err := store.LockBooking(ctx, tx, mine[r.IntN(len(mine))])
				if err == nil && b.State == store.BookingHeld && b.ResourceID == w.org.Chair {
					store.ConfirmBooking(tx, &b)
				} else if err == nil && b.State == store.BookingConfirmed {
					store.CancelBooking(tx, &b)
				}
				return err
			})
			if code := store.Code(err); err != nil && code != "25P02" {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
	})
	if n := w.doubles(); n > 0 {
		t.Errorf("seed %d: %d double bookings", seed, n)
	}
	for _, c := range []struct{ what, sql string }{
		{"live holds of bookings that are over", "SELECT count(*) FROM hold h JOIN booking b ON b.id = h.booking_id WHERE h.live AND b.state NOT IN ('held', 'confirmed')"},
		{"held bookings without a hold", "SELECT count(*) FROM booking b WHERE b.state = 'held' AND NOT EXISTS (SELECT FROM hold h WHERE h.booking_id = b.id AND h.live)"},
		{"confirmed bookings without a firm hold", "SELECT count(*) FROM booking b WHERE b.state = 'confirmed' AND NOT EXISTS (SELECT FROM hold h WHERE h.booking_id = b.id AND h.live AND h.expires_at IS NULL)"},
		{"expired bookings without their event", "SELECT count(*) FROM booking b WHERE b.state = 'expired' AND 1 <> (SELECT count(*) FROM booking_event e WHERE e.booking_id = b.id AND e.kind = 'expired')"},
	} {
		if n := value[int](w, c.sql); n > 0 {
			t.Errorf("seed %d: %d %s", seed, n, c.what)
		}
	}
}
