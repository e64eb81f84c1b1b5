package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/storetest"
)

// What switches the barriers of P1 off, one by one: the lock only waits a little, so that claimants meet; the
// constraint of the same name forbids nothing.
const (
	lockOff = `CREATE OR REPLACE FUNCTION resource_lock(p_org uuid, p_resource uuid, p_from timestamptz, p_to timestamptz) RETURNS void
		LANGUAGE sql VOLATILE SET search_path = pg_catalog, public AS $$ SELECT pg_sleep(0.01) $$`
	constraintOff = `ALTER TABLE hold DROP CONSTRAINT hold_no_overlap,
		ADD CONSTRAINT hold_no_overlap EXCLUDE USING gist (id WITH =)`
)

// contest is a race for seats of which exactly Wins may be won.
type contest struct {
	Name  string
	Wins  int
	Setup func(w *world, r uuid.UUID) (claims []wish)
	Seats int
	Block *calendar.Span // claimed by the first of the claimants
}

const claimants = 10

func each(spans ...calendar.Span) func(*world, uuid.UUID) []wish {
	return func(_ *world, r uuid.UUID) (claims []wish) {
		for i := range claimants {
			claims = append(claims, wish{Resource: r, Span: spans[i%len(spans)]})
		}
		return claims
	}
}

func buffered(spans ...calendar.Span) func(*world, uuid.UUID) []wish {
	return func(w *world, r uuid.UUID) []wish {
		claims := each(spans...)(w, r)
		for i := range claims {
			claims[i].Before, claims[i].After = 5*time.Minute, 10*time.Minute
		}
		return claims
	}
}

func contests() []contest {
	// The lock knows the days of UTC: a time that begins in one and a time that begins in the next share the second.
	night := at(18, 50)
	night.End = night.Start.Add(20 * time.Minute)
	morning := calendar.Span{Start: at(9, 0).Start, End: at(11, 30).End}
	return []contest{
		{Name: "one slot, one seat", Wins: 1, Seats: 1, Setup: each(at(10, 0))},
		{Name: "one slot, two seats", Wins: 2, Seats: 2, Setup: each(at(10, 0))},
		{Name: "ranges that overlap", Wins: 1, Seats: 1, Setup: each(at(10, 0), at(10, 10), at(10, 20))},
		{Name: "over midnight", Wins: 1, Seats: 1, Setup: each(night, at(19, 0), at(18, 45))},
		{Name: "neighbours within the buffers", Wins: 1, Seats: 1, Setup: buffered(at(10, 0), at(10, 44))},
		{Name: "neighbours apart by the buffers' sum", Wins: 2, Seats: 1, Setup: buffered(at(10, 0), at(10, 45))},
		{Name: "a move onto its own range", Wins: 1, Seats: 1, Setup: func(w *world, r uuid.UUID) []wish {
			// Both the mover and the others want 10:30; the mover's old time is no obstacle to himself alone.
			old := w.book(wish{Resource: r, Span: at(10, 0)})
			claims := each(at(10, 30))(w, r)
			claims[0] = wish{Resource: r, Booking: old, Span: at(10, 15)}
			return claims
		}},
		{Name: "a block among claims", Wins: 1, Seats: 1, Setup: each(at(10, 0)), Block: &morning},
		{Name: "a block among claims, two seats", Wins: 0, Seats: 2, Setup: each(at(10, 0)), Block: &morning},
	}
}

// run holds the contest once at a fresh resource and returns how many won: claims, and the block. Winners
// wait with their commit for the others' look, for patience at most.
func (c contest) run(w *world, patience time.Duration) (claims, blocks int) {
	w.t.Helper()
	r := uuid.New()
	err := store.CreateResource(w.t.Context(), w.Owner, w.org.ID, store.NewResource{ID: r, Slug: "r" + r.String()[:8], Name: c.Name,
		TimeZone: "America/New_York", Seats: c.Seats, DefaultMinutes: 30, Hours: storetest.Daily()})
	if err != nil {
		w.t.Fatal(err)
	}
	wishes := c.Setup(w, r)
	var won, blocked atomic.Int64
	met := newMeeting(len(wishes), patience)
	together(len(wishes), func(i int) {
		ok := false
		var err error
		isBlock := i == 0 && c.Block != nil
		for code := "40001"; code == "40001"; code = store.Code(err) { // a block that meets a claim half-way tries again
			err = w.once(func(tx *store.Tx) (err error) {
				if isBlock {
					ok, err = w.block(tx, r, *c.Block)
				} else {
					_, ok, err = w.take(w.t.Context(), tx, wishes[i])
				}
				met.arrive(w.t.Context(), ok)
				return err
			})
		}
		switch {
		case err != nil:
			w.t.Errorf("%s: claimant %d: %v", c.Name, i, err)
		case ok && isBlock:
			blocked.Add(1)
		case ok:
			won.Add(1)
		}
	})
	return int(won.Load()), int(blocked.Load())
}

func (w *world) block(tx *store.Tx, resource uuid.UUID, span calendar.Span) (ok bool, err error) {
	way, err := store.InsertBlock(w.t.Context(), tx, w.Keys, store.Block{ID: uuid.New(), ResourceID: resource, Span: span})
	return err == nil && len(way) == 0, err
}

// meeting makes those who hold something wait, before they commit, for the rest to have looked too; not for
// ever, since with a barrier on the rest cannot come.
type meeting struct {
	missing  atomic.Int64
	all      chan struct{}
	once     sync.Once
	patience time.Duration
}

func newMeeting(n int, patience time.Duration) *meeting {
	m := &meeting{all: make(chan struct{}), patience: patience}
	m.missing.Store(int64(n))
	return m
}

func (m *meeting) arrive(ctx context.Context, wait bool) {
	if m.missing.Add(-1) <= 0 {
		m.once.Do(func() { close(m.all) })
	}
	if !wait {
		return
	}
	select {
	case <-m.all:
	case <-ctx.Done():
	case <-time.After(m.patience):
	}
}

// TestNoDoubleBooking is P1. The control run shows first that with both barriers off the race is real; then
// each barrier alone, and both, let exactly as many win as there are seats.
func TestNoDoubleBooking(t *testing.T) {
	t.Run("control", func(t *testing.T) {
		w := newWorld(t)
		w.admin(lockOff)
		w.admin(constraintOff)
		for _, c := range contests() {
			before := w.doubles()
			claims, blocks := c.run(w, 10*time.Second)
			if claims+blocks <= max(c.Wins, 1) || w.doubles() == before {
				t.Errorf("%s: %d claims and %d blocks won, %d double bookings: the race is not real", c.Name, claims, blocks, w.doubles()-before)
			}
		}
	})
	for _, barrier := range []struct{ name, off string }{{"lock", constraintOff}, {"constraint", lockOff}, {"both", ""}} {
		t.Run(barrier.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if barrier.off != "" {
				w.admin(barrier.off)
			}
			for _, c := range contests() {
				claims, blocks := c.run(w, 25*time.Millisecond)
				if c.Wins == 0 { // the block alone, or one or two claims
					c.Wins = max(1, claims)
					if claims > c.Seats || blocks*claims > 0 {
						t.Errorf("%s: %d claims and %d blocks won", c.Name, claims, blocks)
					}
				}
				if claims+blocks != c.Wins {
					t.Errorf("%s: %d claims and %d blocks won, want %d together", c.Name, claims, blocks, c.Wins)
				}
			}
			if n := w.doubles(); n > 0 {
				t.Errorf("%d double bookings", n)
			}
		})
	}
}

// Deadlocks are what plain INSERTs do to each other at an exclusion constraint: the control shows them, so
// their absence above means something.
func TestPlainInsertsDeadlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.admin(lockOff)
	def := value[string](w, "SELECT pg_get_functiondef('hold_take'::regproc)")
	plain := strings.Replace(def, "ON CONFLICT ON CONSTRAINT hold_no_overlap DO NOTHING", "", 1)
	if plain == def {
		t.Fatal("hold_take has no ON CONFLICT to take away")
	}
	w.admin(plain)
	w.admin("ALTER DATABASE " + w.Admin.Config().ConnConfig.Database + " SET deadlock_timeout = '20ms'")
	w.Admin.Reset()
	w.App.Reset()
	var refused atomic.Int64
	for round := 0; round < 20 && refused.Load() == 0; round++ { // a crowd that is let in one by one shows nothing
		together(claimants, func(int) {
			err := w.once(func(tx *store.Tx) error {
				_, _, err := w.take(w.t.Context(), tx, wish{Resource: w.org.Chair, Span: at(8+round/2, 30*(round%2))})
				return err
			})
			if code := store.Code(err); code == "23P01" || code == "40P01" {
				refused.Add(1)
			}
		})
	}
	if refused.Load() == 0 {
		t.Error("no claimant of a plain INSERT was refused by an error")
	}
}

// Who goes on to another resource stands in no line any more: neither of the one that he did not get.
func TestNextCandidateLetsGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	candidates := make([]store.Candidate, 2)
	w.in(func(tx *store.Tx) error {
		for i, resource := range []uuid.UUID{w.org.Chair, w.org.Table} {
			o, err := store.FindOffer(t.Context(), tx, resource.String(), "", 0)
			if err != nil {
				return err
			}
			candidates[i] = store.Candidate{Resource: o.Resources[0], Calendar: o.Calendar(o.Resources[0]), Span: at(10, 0)}
		}
		return nil
	})
	// Chair looks free, and is taken by the time that its line is over.
	first, err := store.Begin(t.Context(), w.App, w.org.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Rollback(t.Context())
	if _, ok, err := w.take(t.Context(), first, wish{Resource: w.org.Chair, Span: at(10, 0)}); !ok || err != nil {
		t.Fatalf("first: %v, %v", ok, err)
	}
	got, waits := make(chan store.Candidate, 1), make(chan struct{})
	release := make(chan struct{})
	go func() {
		defer close(waits)
		err := w.once(func(tx *store.Tx) error {
			c, _, ok, err := store.TakeFirst(t.Context(), tx, candidates, uuid.New(), time.Minute)
			if err != nil || !ok {
				t.Errorf("second: %v, %v", ok, err)
			}
			got <- c
			<-release
			return errAbandoned
		})
		if !errors.Is(err, errAbandoned) {
			t.Error(err)
		}
	}()
	for tick, deadline := time.Tick(5*time.Millisecond), time.Now().Add(20*time.Second); !value[bool](w, `SELECT EXISTS (SELECT FROM pg_locks
		WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`); <-tick {
		if time.Now().After(deadline) {
			t.Fatal("the second never stood in line")
		}
	}
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := <-got; c.Resource.ID != w.org.Table {
		t.Errorf("got %s", c.Resource.Slug)
	}
	err = w.once(func(tx *store.Tx) error {
		tx.Queue("SET LOCAL lock_timeout = '100ms'")
		_, ok, err := w.take(t.Context(), tx, wish{Resource: w.org.Chair, Span: at(15, 0)})
		if !ok {
			t.Error("Chair is not free in the afternoon")
		}
		return err
	})
	if err != nil {
		t.Errorf("the second still stands in Chair's line: %v", err)
	}
	close(release)
	<-waits
}

var errAbandoned = errors.New("abandoned")

// A claimant of a taken time is answered at once though somebody sits on the lock; one of a free time waits.
func TestLosersDoNotWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.book(wish{Resource: w.org.Chair, Span: at(10, 0)})
	w.apart(func(tx *store.Tx) error { store.LockResource(tx, w.org.Chair, at(10, 0)); return nil })
	claim := func(span calendar.Span) (ok bool, err error) {
		err = w.once(func(tx *store.Tx) (err error) {
			tx.Queue("SET LOCAL lock_timeout = '100ms'") // whoever waits for the lock is an error
			_, ok, err = w.take(t.Context(), tx, wish{Resource: w.org.Chair, Span: span})
			return err
		})
		return ok, err
	}
	if ok, err := claim(at(10, 15)); ok || err != nil {
		t.Errorf("a taken time: %v, %v", ok, err)
	}
	if _, err := claim(at(11, 0)); store.Code(err) != "55P03" {
		t.Errorf("a free time: %v, want to wait for the lock", err)
	}
	next := at(11, 0)
	next.Start, next.End = next.Start.AddDate(0, 0, 1), next.End.AddDate(0, 0, 1)
	if ok, err := claim(next); !ok || err != nil {
		t.Errorf("another day: %v, %v, want no wait", ok, err)
	}
	// A time over midnight waits for both of its days.
	w.apart(func(tx *store.Tx) error { store.LockResource(tx, w.org.Table, next); return nil })
	err := w.once(func(tx *store.Tx) error {
		tx.Queue("SET LOCAL lock_timeout = '100ms'")
		store.LockResource(tx, w.org.Table, calendar.Span{Start: at(11, 0).Start, End: next.End})
		return nil
	})
	if store.Code(err) != "55P03" {
		t.Errorf("two days: %v, want to wait for the second", err)
	}
}
