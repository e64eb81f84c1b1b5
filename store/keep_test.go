package store_test

import (
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/calendar"
)

// Two bookings that change places lock both of them in one order, whichever is whose own: neither waits for what the other
// has. The lock takes its time here, so that they meet.
func TestPlacesAreLockedInOneOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.admin(`ALTER FUNCTION resource_lock(uuid, uuid, timestamptz, timestamptz) RENAME TO resource_lock_at_once`)
	w.admin(`CREATE FUNCTION resource_lock(p_org uuid, p_resource uuid, p_from timestamptz, p_to timestamptz) RETURNS void
		LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM resource_lock_at_once(p_org, p_resource, p_from, p_to); PERFORM pg_sleep(0.05); END $$`)
	places := []store.Candidate{
		{Resource: store.Resource{ID: w.org.Chair}, Span: at(10, 0)}, {Resource: store.Resource{ID: w.org.Table}, Span: at(10, 0)},
		{Resource: store.Resource{ID: w.org.Chair}, Span: calendar.Span{Start: at(10, 0).Start.AddDate(0, 0, 1), End: at(10, 0).End.AddDate(0, 0, 1)}},
	}
	ids := make([]uuid.UUID, len(places))
	for i, p := range places {
		ids[i] = w.book(wish{Resource: p.Resource.ID, Span: p.Span})
		w.in(func(tx *store.Tx) error { store.InsertVerification(tx, w.Keys, uuid.New(), ids[i], 1); return nil })
	}
	for _, pair := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
		together(2, func(i int) {
			own, other := pair[i], pair[1-i]
			err := w.once(func(tx *store.Tx) error {
				b, _, err := store.LockSeats(t.Context(), tx, ids[own], places[other])
				if err == nil && b.ID != ids[own] {
					t.Error("another booking")
				}
				return err
			})
			if err != nil {
				t.Errorf("places %v: %v", pair, err)
			}
		})
	}
}
