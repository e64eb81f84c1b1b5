package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// world is a database with an org and a customer, and short ways to do in it what workers do.
type world struct {
	*storetest.DB
	t        testing.TB
	org      storetest.Org
	customer uuid.UUID
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db := storetest.New(t)
	w := &world{DB: db, t: t, org: storetest.NewOrg(t, db, "one"), customer: uuid.New()}
	w.in(func(tx *store.Tx) error {
		return store.InsertCustomer(tx, db.Keys, store.Customer{ID: w.customer, Phone: phone42})
	})
	return w
}

// in runs fn in a transaction of the org; any error ends the test.
func (w *world) in(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.once(fn); err != nil {
		w.t.Fatal(err)
	}
}

// once runs fn in a transaction of the org exactly once, so that a deadlock is seen and not tried again.
func (w *world) once(fn func(tx *store.Tx) error) error {
	ctx := w.t.Context()
	tx, err := store.Begin(ctx, w.App, w.org.ID)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// admin runs a statement as the superuser.
func (w *world) admin(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.Admin.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// value asks the superuser for one value.
func value[T any](w *world, sql string, args ...any) T {
	w.t.Helper()
	rows, err := w.Admin.Query(w.t.Context(), sql, args...)
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// await waits until ok, a look at some state, says yes.
func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			w.t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// wish is a booking that somebody wants. The zero Booking is a new one; Before and After are its buffers.
type wish struct {
	Resource, Booking uuid.UUID
	Span              calendar.Span
	Before, After     time.Duration
	TTL               time.Duration
}

// day is far enough away that no clock changes the meaning of a test: 5 March 2030, New York.
var day = time.Date(2030, 3, 5, 0, 0, 0, 0, newYork())

func newYork() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	return zone
}

// at is half an hour of that day, from the given minute past hour.
func at(hour, minute int) calendar.Span {
	start := day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	return calendar.Span{Start: start, End: start.Add(30 * time.Minute)}
}

// take takes a hold and writes its booking, as a claim does; ok is false when the time is taken.
func (w *world) take(ctx context.Context, tx *store.Tx, x wish) (id uuid.UUID, ok bool, err error) {
	if x.TTL == 0 {
		x.TTL = 5 * time.Minute
	}
	id = x.Booking
	if id == uuid.Nil {
		id = uuid.New()
	}
	cal := calendar.Calendar{Length: x.Span.End.Sub(x.Span.Start), Before: x.Before, After: x.After}
	until, ok, err := store.TakeHold(ctx, tx, x.Resource, id, cal.Reserve(x.Span), x.TTL)
	if err != nil || !ok || x.Booking != uuid.Nil {
		return id, ok, err
	}
	_, err = store.InsertBooking(tx, w.Keys, store.NewBooking{ID: id, CustomerID: w.customer, Expires: until, Now: time.Now(),
		Candidate: store.Candidate{Resource: store.Resource{ID: x.Resource}, Calendar: cal, Span: x.Span}})
	store.NoteBooking(tx, id, "held", nil)
	return id, true, err
}

// book is take in a transaction of its own, of a time that is free.
func (w *world) book(x wish) (id uuid.UUID) {
	w.t.Helper()
	w.in(func(tx *store.Tx) error {
		var ok bool
		var err error
		if id, ok, err = w.take(w.t.Context(), tx, x); err == nil && !ok {
			err = fmt.Errorf("%v is taken", x.Span)
		}
		return err
	})
	return id
}

// confirm makes a held booking firm, in the order of locks that the design asks for.
func (w *world) confirm(resource, id uuid.UUID) {
	w.t.Helper()
	w.in(func(tx *store.Tx) error {
		store.LockResource(tx, resource, calendar.Span{Start: day, End: day.AddDate(0, 0, 1)})
		b, err := store.LockBooking(w.t.Context(), tx, id)
		store.ConfirmBooking(tx, &b)
		return err
	})
}

// find reads a booking as answers show it.
func (w *world) find(id uuid.UUID) (b store.Booking) {
	w.t.Helper()
	w.in(func(tx *store.Tx) (err error) {
		b, err = store.FindBooking(w.t.Context(), tx, id)
		return err
	})
	return b
}

// kinds lists what a booking's timeline says happened.
func (w *world) kinds(id uuid.UUID) (kinds []string) {
	w.t.Helper()
	w.in(func(tx *store.Tx) error {
		events, err := store.Timeline(w.t.Context(), tx, id)
		for _, e := range events {
			kinds = append(kinds, e.Kind)
		}
		return err
	})
	return kinds
}

// doubles counts pairs of live holds that share a seat and a moment though their owners differ: what may
// never be. It does not trust the constraint that is on trial.
func (w *world) doubles() int {
	w.t.Helper()
	return value[int](w, `SELECT count(*) FROM hold a JOIN hold b ON a.org_id = b.org_id AND a.resource_id = b.resource_id
		AND a.seat = b.seat AND a.id < b.id AND a.owner_id <> b.owner_id AND a.during && b.during WHERE a.live AND b.live`)
}

// together starts all of fns at one moment and waits for them.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; fn(i) })
	}
	close(start)
	wg.Wait()
}

// apart runs fn in a transaction that stays open until release is called; fn has been done when apart returns.
func (w *world) apart(fn func(tx *store.Tx) error) (release func()) {
	w.t.Helper()
	ctx := w.t.Context()
	tx, err := store.Begin(ctx, w.App, w.org.ID)
	if err == nil {
		err = fn(tx)
	}
	if err == nil {
		_, err = tx.Exec(ctx, "SELECT") // sends what is queued
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { tx.Rollback(context.Background()) })
	return sync.OnceFunc(func() {
		if err := tx.Commit(ctx); err != nil {
			w.t.Error(err)
		}
	})
}

// phone42 is the customer's.
var phone42 = pii.KnownPhone("+15550100042")
