package handlers

import (
	"context"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// BookingReschedule does booking:reschedule. A hold moves at once. What is confirmed keeps its time until a code proves
// that its customer wants the other one, which is held for that.
type BookingReschedule struct {
	Keys    *pii.Keyring
	HoldTTL time.Duration
	// SendGiveUp is when a code text that was never sent is given up (HOLDFAST_CODE_TTL).
	SendGiveUp time.Duration
	Limited    *Limited // nil: counted nowhere
}

// RescheduleBody asks for another time: POST …/reschedule. Resource, service and length stay.
type RescheduleBody struct {
	Start string `json:"start"`
}

// Check finds the first field that breaks a rule that needs no database.
func (b RescheduleBody) Check() *Problem {
	if b.Start == "" {
		return NewProblem("missing-field", "start", "when shall it begin?")
	}
	return checkTime("start", b.Start)
}

// Answer does the task.
func (h *BookingReschedule) Answer(ctx context.Context, tx *store.Tx, req store.Opened, body RescheduleBody) (store.Answer, error) {
	store.LockCustomer(tx, req.BookingID.UUID, settings.DefaultLimits) // a code may go to the number
	b, err := store.FindBooking(ctx, tx, req.BookingID.UUID)
	if err != nil {
		return store.Answer{}, err
	}
	w, problem, err := wishFor(ctx, tx, b, body.Start)
	switch {
	case err != nil || problem != nil || w.there(b):
	case w.own(b):
		problem, err = w.stay(ctx, tx, b.ID)
	default:
		problem, err = h.move(ctx, tx, b.ID, w)
	}
	h.Limited.Note(ctx, tx.Org, problem)
	if err != nil || problem != nil {
		return bookingAnswer(b, problem), err
	}
	b, err = store.FindBooking(ctx, tx, b.ID)
	return bookingAnswer(b, nil), err
}

// move judges the booking once more, now that it is locked, and moves it, or holds its new time.
func (h *BookingReschedule) move(ctx context.Context, tx *store.Tx, id uuid.UUID, w anotherTime) (*Problem, error) {
	b, code, err := store.LockMove(ctx, tx, id, w.to.Calendar.Reserve(w.to.Span))
	if err != nil {
		return nil, err
	}
	if p, err := movable(ctx, tx, b); p != nil || err != nil || w.there(b) {
		return p, err
	}
	if w.own(b) { // somebody has moved it there meanwhile
		unwish(tx, b, code)
		return nil, nil
	}
	if b.State == store.BookingHeld {
		ok, err := store.MoveHeld(ctx, tx, b, w.to)
		return w.orTaken(ctx, tx, b, ok, err)
	}
	r, p, err := mayMove(ctx, tx, h.Keys, b)
	if p != nil || err != nil {
		return p, err
	}
	next := store.Verification{ID: uuid.New(), Generation: code.Generation + 1}
	ok, err := store.HoldMove(ctx, tx, h.Keys, b, w.to, next, h.HoldTTL)
	if err != nil || !ok {
		return w.orTaken(ctx, tx, b, ok, err)
	}
	return nil, textCode(tx, h.Keys, sms.KindMoveCode, b.ID, next.ID, r.to, h.SendGiveUp)
}

// stay ends the wish for another time of a booking that is to stay where it is. It takes neither a seat nor a code.
func (w anotherTime) stay(ctx context.Context, tx *store.Tx, id uuid.UUID) (*Problem, error) {
	b, err := store.LockBooking(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	p, err := movable(ctx, tx, b)
	if p != nil || err != nil || !w.own(b) {
		return p, err
	}
	code, err := store.LatestVerification(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	unwish(tx, b, code)
	return nil, nil
}

// unwish ends the wish for another time of a locked booking, if it has one: its time is held, or only its code lives, which
// would take that time again. A live code of what is confirmed is that of a move.
func unwish(tx *store.Tx, b store.Booking, newest store.Verification) {
	if b.State != store.BookingConfirmed || b.Move == nil && !newest.Live() {
		return
	}
	store.DropMove(tx, b.ID, store.MoveReplaced)
	store.NoteBooking(tx, b.ID, "move_dropped", nil)
}

// CheckReschedule tells why a booking would not be moved to start; it changes nothing. Whether somebody has taken the
// time is the task's business. The ingress asks before it writes a request.
func CheckReschedule(ctx context.Context, tx *store.Tx, keys *pii.Keyring, booking uuid.UUID, start string) (*Problem, error) {
	b, err := store.FindBooking(ctx, tx, booking)
	if err != nil {
		return nil, err
	}
	w, p, err := wishFor(ctx, tx, b, start)
	if p != nil || err != nil || w.own(b) || w.there(b) || b.State == store.BookingHeld {
		return p, err
	}
	_, p, err = mayMove(ctx, tx, keys, b)
	return p, err
}

// anotherTime is a time that is wished for, and what is offered at it.
type anotherTime struct {
	start time.Time
	offer store.Offer
	to    store.Candidate // zero when the booking is there already
}

// wishFor reads a wish for another time of a booking, and checks it as a claim's is. A *store.Refusal tells what is wrong
// with the time.
func wishFor(ctx context.Context, tx *store.Tx, b store.Booking, start string) (w anotherTime, p *Problem, err error) {
	if p, err = movable(ctx, tx, b); p != nil || err != nil {
		return w, p, err
	}
	// What it has already may lie outside of today's hours.
	if w.start, err = calendar.ParseStart(start, store.Resource{TimeZone: b.TimeZone}.Zone()); err == nil && (w.own(b) || w.there(b)) {
		return w, nil, nil
	}
	if w.offer, err = store.OfferOf(ctx, tx, b); err != nil {
		return w, nil, err
	}
	at, err := store.CheckSlot(w.offer, start, b.ReadAt)
	if err != nil {
		return w, nil, err
	}
	w.to = at[0]
	return w, nil, nil
}

// own reports whether the booking is at that time already.
func (w anotherTime) own(b store.Booking) bool { return b.Span.Start.Equal(w.start) }

// there reports whether the booking has that time held for its move.
func (w anotherTime) there(b store.Booking) bool {
	return b.Move != nil && b.Move.Span.Start.Equal(w.start)
}

// orTaken is the problem of a time that is taken, with free ones near it; nil when it was not.
func (w anotherTime) orTaken(ctx context.Context, tx *store.Tx, b store.Booking, ok bool, err error) (*Problem, error) {
	if ok || err != nil {
		return nil, err
	}
	free, err := store.Alternatives(ctx, tx, w.offer, w.start, b.ReadAt, maxAlternatives)
	p := NewProblem("slot-taken", "start", "")
	p.Alternatives = alternatives(free)
	return p, err
}

// movable tells why a booking can have no other time, by how it stands.
func movable(ctx context.Context, tx *store.Tx, b store.Booking) (*Problem, error) {
	switch {
	case b.State == store.BookingExpired:
		return holdExpired(ctx, tx, b)
	case b.State == store.BookingHeld, b.State == store.BookingConfirmed && b.Span.Start.After(b.ReadAt):
		return nil, nil
	}
	return NewProblem("booking-ended", "", ""), nil
}

// mayMove judges a wish to move what is confirmed: a code has to reach its customer.
func mayMove(ctx context.Context, tx *store.Tx, keys *pii.Keyring, b store.Booking) (r resending, p *Problem, err error) {
	c, err := store.LoadCustomer(ctx, tx, keys, b.CustomerID)
	if err != nil {
		return r, nil, err
	}
	r.to = c.Phone
	s, err := store.FindSends(ctx, tx, b.ID, addressee(keys, tx.Org, r.to))
	switch {
	case err != nil:
	case !s.CanText:
		p = noTexts()
	case s.OptedOut:
		p = NewProblem("opted-out", "", "")
	default:
		if p = paced(s, b, store.Verification{}); p == nil {
			p = limited(s.Limit, "")
		}
	}
	return r, p, err
}
