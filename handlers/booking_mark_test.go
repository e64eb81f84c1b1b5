package handlers

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

// begins makes a booking's time, and its hold's, begin a moment ago, as if it had always been that time.
func (r *rig) begins(booking uuid.UUID) {
	r.t.Helper()
	r.exec(`WITH by AS (SELECT date_trunc('second', now()) - starts_at AS d, date_trunc('second', now()) AS at FROM booking WHERE id = $1),
		held AS (UPDATE hold SET starts_at = starts_at + by.d, ends_at = ends_at + by.d FROM by WHERE booking_id = $1 AND live AND expires_at IS NULL),
		said AS (UPDATE request SET answer = jsonb_set(answer::jsonb, '{start}', to_jsonb(by.at)) FROM by WHERE booking_id = $1 AND answer->'start' IS NOT NULL)
		UPDATE booking SET starts_at = starts_at + by.d, ends_at = ends_at + by.d FROM by WHERE id = $1`, booking)
}

// From its start on a booking can be marked, and marked otherwise; its seat is free, and it is told. What it was to be
// moved to is free too.
func TestMark(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	mark := func(state string) reply { return m.does(tasks.BookingMark, MarkBody{State: state}, m.id) }
	m.expect(mark("no_show"), 409, "not-begun")
	m.expect(m.to(m.id, at(2, 11, 0)), 200, "confirmed")
	code := m.lastCode(ana)
	m.begins(m.id)
	v := mark("no_show")
	if m.expect(v, 200, "no_show"); v.Move != nil || v.CodeState != "verified" {
		t.Errorf("%+v", v.BookingView)
	}
	if n := query[int](m.rig, "SELECT count(*) FROM hold WHERE live"); n != 0 {
		t.Errorf("%d live holds", n)
	}
	m.expect(m.gives(m.id, code), 409, "booking-ended")
	m.fine()
	m.expect(mark("no_show"), 200, "no_show")
	m.expect(mark("completed"), 200, "completed")
	m.expect(mark("no_show"), 200, "no_show")
	m.runAll(m.run)
	if got := m.timeline(m.id); !slices.Equal(got[5:], []string{"text_accepted", "no_show", "completed", "no_show"}) {
		t.Errorf("timeline %v", got)
	}
	m.expect(m.does(tasks.BookingCancel, struct{}{}, m.id), 409, "booking-ended")
	m.fine()

	// What is over by itself can be corrected; what was never confirmed cannot be marked.
	over := m.confirmed(bob, at(2, 12, 0))
	m.exec("UPDATE booking SET starts_at = now() - interval '1 h', ends_at = now() WHERE id = $1", over)
	_, err := store.InTx(t.Context(), m.db.App, m.org.ID, func(tx *store.Tx) error { _, _, err := store.CompleteBookings(t.Context(), tx); return err })
	m.must(err)
	m.expect(m.does(tasks.BookingMark, MarkBody{State: "no_show"}, over), 200, "no_show")
	held := m.book(eve, at(2, 13, 0))
	m.expect(m.does(tasks.BookingMark, MarkBody{State: "no_show"}, held), 409, "booking-ended")
	m.does(tasks.BookingCancel, struct{}{}, held)
	m.expect(m.does(tasks.BookingMark, MarkBody{State: "completed"}, held), 409, "booking-ended")
	m.fine()
}

// What is over by itself has no wish for another time any more, and no live code, whose text may be long gone.
func TestOverEndsItsMove(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.expect(m.to(m.id, at(2, 14, 0)), 200, "confirmed")
	m.exec("UPDATE booking SET starts_at = now() - interval '1 h', ends_at = now() WHERE id = $1", m.id)
	m.sweepNow(m.run, tasks.BookingsComplete)
	live := query[int](m.rig, "SELECT count(*) FROM verification WHERE booking_id = $1 AND state IN ('pending', 'sent')", m.id)
	if b := m.booking(m.id); b.State != store.BookingCompleted || b.CodeState != "verified" || live != 0 {
		t.Errorf("it is %s, its code %s, with %d live", b.State, b.CodeState, live)
	}
}

// Bookings that are to be moved to one free time, and claims of it, at once and by real workers: one gets it.
func TestMovesAndClaimsInParallel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.start()
	var ids []uuid.UUID
	for i := range 5 {
		phone := "+1555010007" + string(rune('0'+i))
		id := r.hold(phone, at(3, 9+i, 0))
		r.expect(r.verify(id, r.codeIn(r.texts(phone, 1)[0])), 200, "confirmed")
		ids = append(ids, id)
	}
	r.idle(10 * time.Second)
	for day := 4; day < 7; day++ {
		r.exec("UPDATE message SET created_at = created_at - interval '3 min'")
		r.exec("UPDATE booking SET confirmed_at = confirmed_at - interval '3 min', hold_expires_at = hold_expires_at - interval '3 min' WHERE state = 'confirmed'")
		var asked []uuid.UUID
		for i, id := range ids {
			asked = append(asked, r.ask(tasks.BookingReschedule, RescheduleBody{Start: at(day, 10, 0)}, id),
				r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: at(day, 10, 0), Customer: CustomerBody{Phone: "+1555010008" + string(rune('0'+i))}}, uuid.Nil))
		}
		kinds := map[string]int{}
		for _, a := range asked {
			kinds[r.read(a).kind()]++
		}
		if kinds["slot-taken"] != len(asked)-1 || kinds["held"]+kinds["confirmed"] != 1 {
			t.Errorf("%v", kinds)
		}
	}
	r.idle(10 * time.Second)
	r.fine()
}
