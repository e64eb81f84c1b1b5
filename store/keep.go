package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// FindKeepable finds the booking that a phone's wish to keep is about when it was asked nothing: the newest that is held, or
// that has expired while its code still lives or a follow-up went out within the time given; else one that is confirmed
// already. Not valid: there is none. Bookings that have begun are left out.
func FindKeepable(ctx context.Context, tx *Tx, phoneHash []byte, within time.Duration) (booking uuid.NullUUID, err error) {
	err = tx.QueryRow(ctx, `SELECT (SELECT b.id FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
		 WHERE c.org_id = $1 AND c.phone_hash = $2 AND b.starts_at > clock_timestamp()
		   AND (b.state = 'confirmed' OR b.state = 'held' AND b.hold_expires_at > clock_timestamp()
		     OR b.state IN ('held', 'expired') AND (
		          EXISTS (SELECT FROM verification v WHERE v.org_id = b.org_id AND v.booking_id = b.id
		                     AND v.state IN ('pending', 'sent') AND v.expires_at > clock_timestamp())
		       OR EXISTS (SELECT FROM message m WHERE m.org_id = b.org_id AND m.booking_id = b.id AND m.kind = 'followup'
		                     AND m.state NOT IN ('queued', 'failed', 'canceled') AND m.claimed_at > clock_timestamp() - $3::interval)))
		 ORDER BY b.state = 'confirmed', b.created_at DESC LIMIT 1)`, tx.Org, phoneHash, within).Scan(&booking)
	return booking, err
}

// ConfirmedLately finds the booking of a phone that was confirmed last, if that was within the time given before at, or after.
func ConfirmedLately(ctx context.Context, tx *Tx, phoneHash []byte, at time.Time, within time.Duration) (booking uuid.NullUUID, err error) {
	err = tx.QueryRow(ctx, `SELECT (SELECT b.id FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
		 WHERE c.org_id = $1 AND c.phone_hash = $2 AND b.state = 'confirmed' AND b.confirmed_at > $3::timestamptz - $4::interval
		 ORDER BY b.confirmed_at DESC LIMIT 1)`, tx.Org, phoneHash, at, within).Scan(&booking)
	return booking, err
}

// HasPhone reports whether a customer's number is the one that is meant.
func HasPhone(ctx context.Context, tx *Tx, customer uuid.UUID, phoneHash []byte) (has bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM customer WHERE org_id = $1 AND id = $2 AND phone_hash = $3)`, tx.Org, customer, phoneHash).Scan(&has)
	return has, err
}

// NewestBooking finds the booking of a phone that was made last, whatever became of it.
func NewestBooking(ctx context.Context, tx *Tx, phoneHash []byte) (booking uuid.NullUUID, err error) {
	err = tx.QueryRow(ctx, `SELECT (SELECT b.id FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
		 WHERE c.org_id = $1 AND c.phone_hash = $2 ORDER BY b.created_at DESC LIMIT 1)`, tx.Org, phoneHash).Scan(&booking)
	return booking, err
}

// LockSeats is LockSeat for a booking that may get the place of a candidate: the days of both are locked, in one order.
func LockSeats(ctx context.Context, tx *Tx, id uuid.UUID, c Candidate) (Booking, Verification, error) {
	other := c.Calendar.Reserve(c.Span)
	tx.Queue(lockDays(`UNION ALL SELECT $1::uuid, $3::uuid, $4::timestamptz, $5::timestamptz`), tx.Org, id, c.Resource.ID, other.Start, other.End)
	tx.Queue(lockBooking, tx.Org, id)
	return readCoded(ctx, tx, id)
}

// GiveTime queues that a locked booking has the place of a candidate, a firm seat of which was taken for it in this
// transaction. What it holds for a time only is let go. b is brought up to date.
func GiveTime(tx *Tx, b *Booking, c Candidate) {
	b.ResourceID, b.Span, b.Before, b.After, b.TimeZone = c.Resource.ID, c.Span, c.Calendar.Before, c.Calendar.After, c.Resource.TimeZone
	tx.Queue(`UPDATE hold SET live = false WHERE org_id = $1 AND owner_id = $2 AND live AND expires_at IS NOT NULL`, tx.Org, b.ID)
	tx.Queue(`UPDATE booking SET resource_id = $3, starts_at = $4, ends_at = $5, buffer_before = $6, buffer_after = $7 WHERE org_id = $1 AND id = $2`,
		tx.Org, b.ID, b.ResourceID, b.Span.Start, b.Span.End, int(b.Before.Minutes()), int(b.After.Minutes()))
}
