package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// Move states.
const (
	MovePending  = "pending"
	MoveDone     = "done"
	MoveExpired  = "expired"
	MoveReplaced = "replaced"
	MoveCanceled = "canceled"
)

// Move is a confirmed booking's wish for another time with the same resource.
type Move struct {
	ID            uuid.UUID
	State         string // by the clock: one whose hold has lapsed reads as expired before it is tidied
	Span          calendar.Span
	Before, After time.Duration
	Expires       time.Time     // until when the time is held
	Left          time.Duration // of that; negative once it has lapsed
	CodeState     string        // of the code that proves it; only as part of a Booking
}

// Reserved is what the move takes of a seat: its span and its buffers.
func (m Move) Reserved() calendar.Span {
	return calendar.Span{Start: m.Span.Start.Add(-m.Before), End: m.Span.End.Add(m.After)}
}

const moveColumns = `m.id, CASE WHEN m.state = 'pending' AND m.expires_at <= clock_timestamp() THEN 'expired' ELSE m.state END,
	m.starts_at, m.ends_at, m.buffer_before, m.buffer_after, m.expires_at, m.expires_at - clock_timestamp()`

func scanMove(r pgx.CollectableRow) (m Move, err error) {
	var before, after int
	err = r.Scan(&m.ID, &m.State, &m.Span.Start, &m.Span.End, &before, &after, &m.Expires, &m.Left)
	m.Before, m.After = time.Duration(before)*time.Minute, time.Duration(after)*time.Minute
	return m, err
}

// MoveOf reads the move that a code proves; ErrNotFound when it is the code of a booking.
func MoveOf(ctx context.Context, tx *Tx, verification uuid.UUID) (Move, error) {
	rows, err := tx.Query(ctx, `SELECT `+moveColumns+` FROM verification v
		JOIN move m ON m.org_id = v.org_id AND m.booking_id = v.booking_id AND m.verification_id = v.id
		WHERE v.org_id = $1 AND v.id = $2`, tx.Org, verification)
	return one(rows, err, scanMove)
}

// LatestMove reads a booking's newest move; ErrNotFound when it never had one.
func LatestMove(ctx context.Context, tx *Tx, booking uuid.UUID) (Move, error) {
	rows, err := tx.Query(ctx, `SELECT `+moveColumns+` FROM move m
		WHERE m.org_id = $1 AND m.booking_id = $2 ORDER BY m.created_at DESC LIMIT 1`, tx.Org, booking)
	return one(rows, err, scanMove)
}

// OfferOf is what a booking was made of, at its own resource: its length and its buffers, whatever its service says by
// now. A resource that is no longer offered is a *Refusal.
func OfferOf(ctx context.Context, tx *Tx, b Booking) (Offer, error) {
	minutes, before, after := int(b.Span.End.Sub(b.Span.Start).Minutes()), int(b.Before.Minutes()), int(b.After.Minutes())
	o, err := FindOffer(ctx, tx, b.ResourceID.String(), "", minutes)
	o.Service = &Service{ID: b.ServiceID.UUID, Minutes: minutes, BufferBefore: &before, BufferAfter: &after}
	return o, err
}

// LockMove locks a booking for a change to another time of its resource, buffers included in span: the days of both, in
// ascending order as everywhere, and then the row, in line with those whose lapsed holds are in the way. It reads the
// booking with its newest code.
func LockMove(ctx context.Context, tx *Tx, id uuid.UUID, span calendar.Span) (Booking, Verification, error) {
	tx.Queue(lockDays(`UNION ALL SELECT org_id, resource_id, $3::timestamptz, $4::timestamptz FROM booking WHERE org_id = $1 AND id = $2`), tx.Org, id, span.Start, span.End)
	tx.Queue(`SELECT FROM booking WHERE org_id = $1 AND id IN (
		SELECT $2::uuid UNION SELECT h.booking_id FROM booking b, hold_in_way($1, b.resource_id, $3, $4) h
		 WHERE b.org_id = $1 AND b.id = $2 AND h.expires_at <= clock_timestamp()) ORDER BY id FOR NO KEY UPDATE`, tx.Org, id, span.Start, span.End)
	return readCoded(ctx, tx, id)
}

// HoldMove takes another time for a locked booking that is confirmed, for ttl, beside its own. What it had wished for
// before is let go, with its code. ok is false when no seat is free for all of it; then nothing is changed.
func HoldMove(ctx context.Context, tx *Tx, k *pii.Keyring, b Booking, to Candidate, v Verification, ttl time.Duration) (ok bool, err error) {
	ExpireBooking(tx, b.ID) // an earlier wish may have lapsed
	old := liveHolds(tx, b.ID, `AND expires_at IS NOT NULL`)
	expires, ok, err := TakeHold(ctx, tx, to.Resource.ID, b.ID, to.Calendar.Reserve(to.Span), ttl)
	if err != nil || !ok {
		return false, err
	}
	endHolds(tx, *old)
	EndMove(tx, b.ID, MoveReplaced)
	RevokeCodes(tx, b.ID)
	InsertVerification(tx, k, v.ID, b.ID, v.Generation)
	tx.Queue(`INSERT INTO move (org_id, id, booking_id, resource_id, verification_id, starts_at, ends_at, buffer_before, buffer_after, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, tx.Org, uuid.New(), b.ID, to.Resource.ID, v.ID,
		to.Span.Start, to.Span.End, int(to.Calendar.Before.Minutes()), int(to.Calendar.After.Minutes()), expires)
	tx.Queue(`UPDATE booking SET code_attempts = 0 WHERE org_id = $1 AND id = $2`, tx.Org, b.ID)
	NoteBooking(tx, b.ID, "move_held", map[string]any{"start": to.Span.Start.UTC()})
	return true, nil
}

// MoveHeld gives a locked booking that is held another time, at once and for what is left of its hold. ok is false when
// no seat is free for all of it; then nothing is changed.
func MoveHeld(ctx context.Context, tx *Tx, b Booking, to Candidate) (ok bool, err error) {
	old := liveHolds(tx, b.ID, "")
	_, ok, err = TakeHold(ctx, tx, to.Resource.ID, b.ID, to.Calendar.Reserve(to.Span), b.HoldExpires.Sub(b.ReadAt))
	if err != nil || !ok {
		return false, err
	}
	endHolds(tx, *old)
	tx.Queue(`UPDATE hold SET expires_at = $3 WHERE org_id = $1 AND owner_id = $2 AND live`, tx.Org, b.ID, b.HoldExpires)
	moveBooking(tx, b, to.Span, to.Calendar.Before, to.Calendar.After)
	return true, nil
}

// FinishMove queues that a locked booking is at the time of its move, which is held by the clock: the old time is free,
// and the new one firm. b is brought up to date.
func FinishMove(tx *Tx, b *Booking, m Move) {
	tx.Queue(`UPDATE hold SET live = false WHERE org_id = $1 AND owner_id = $2 AND live AND expires_at IS NULL`, tx.Org, b.ID)
	tx.Queue(`UPDATE hold SET expires_at = NULL WHERE org_id = $1 AND owner_id = $2 AND live`, tx.Org, b.ID)
	finishMove(tx, b, m)
}

// RetakeMove is FinishMove for a move whose hold has lapsed: it takes the time again. ok is false when no seat is free;
// then the booking stays where it is.
func RetakeMove(ctx context.Context, tx *Tx, b *Booking, m Move) (ok bool, err error) {
	ExpireBooking(tx, b.ID) // the sweep may not have come yet
	old := liveHolds(tx, b.ID, "")
	ok, err = TakeFirm(ctx, tx, b.ResourceID, b.ID, m.Reserved())
	if err != nil || !ok {
		return false, err
	}
	endHolds(tx, *old)
	finishMove(tx, b, m)
	return true, nil
}

func finishMove(tx *Tx, b *Booking, m Move) {
	tx.Queue(`UPDATE move SET state = 'done' WHERE org_id = $1 AND id = $2`, tx.Org, m.ID)
	moveBooking(tx, *b, m.Span, m.Before, m.After)
	b.Span, b.Before, b.After, b.Move = m.Span, m.Before, m.After, nil
}

// moveBooking queues that a booking is at another time, which it holds.
func moveBooking(tx *Tx, b Booking, to calendar.Span, before, after time.Duration) {
	tx.Queue(`UPDATE booking SET starts_at = $3, ends_at = $4, buffer_before = $5, buffer_after = $6, code_attempts = CASE state WHEN 'held' THEN code_attempts ELSE 0 END
		WHERE org_id = $1 AND id = $2`, tx.Org, b.ID, to.Start, to.End, int(before.Minutes()), int(after.Minutes()))
	NoteBooking(tx, b.ID, "rescheduled", map[string]any{"from": b.Span.Start.UTC(), "to": to.Start.UTC()})
}

// liveHolds queues the look for the live holds of a booking, which are there with the next statement that is asked for.
func liveHolds(tx *Tx, booking uuid.UUID, which string) *[]uuid.UUID {
	var ids []uuid.UUID
	tx.QueueRead(func(rows pgx.Rows) (err error) {
		ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		return err
	}, `SELECT id FROM hold WHERE org_id = $1 AND owner_id = $2 AND live `+which, tx.Org, booking)
	return &ids
}

func endHolds(tx *Tx, ids []uuid.UUID) {
	tx.Queue(`UPDATE hold SET live = false WHERE org_id = $1 AND id = ANY ($2) AND live`, tx.Org, ids)
}

// DropMove queues the end of a confirmed booking's wish for another time, if it has one: the time is free and the code
// dead. The booking stays where it is.
func DropMove(tx *Tx, booking uuid.UUID, state string) {
	tx.Queue(`UPDATE hold SET live = false WHERE org_id = $1 AND owner_id = $2 AND live AND expires_at IS NOT NULL`, tx.Org, booking)
	EndMove(tx, booking, state)
	RevokeCodes(tx, booking)
}

// EndMove queues the end of a booking's wish for another time, if it has one.
func EndMove(tx *Tx, booking uuid.UUID, state string) {
	tx.Queue(`UPDATE move SET state = $3 WHERE org_id = $1 AND booking_id = $2 AND state = 'pending'`, tx.Org, booking, state)
}
