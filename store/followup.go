package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// takeFollowups thinks of the follow-ups that are due: each booking is thought of once, and has one such text at most,
// whoever else is at it.
const takeFollowups = `WITH due AS (
	SELECT b.id FROM booking b WHERE b.org_id = $1 AND b.followup_from <= (SELECT clock_timestamp()) - $2::interval
	 ORDER BY b.followup_from LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED),
	taken AS (UPDATE booking b SET followup_from = NULL FROM due WHERE b.org_id = $1 AND b.id = due.id
	    RETURNING b.id, b.customer_id, b.state),
	made AS (INSERT INTO message (org_id, id, kind, occasion, booking_id, to_hash)
	    SELECT $1, uuid_v7(), 'followup', 'followup', t.id, c.phone_hash
	      FROM taken t JOIN customer c ON c.org_id = $1 AND c.id = t.customer_id WHERE t.state = 'expired' AND $4
	    ON CONFLICT (booking_id, occasion, org_id) WHERE occasion IS NOT NULL DO NOTHING RETURNING id)
	SELECT (SELECT count(*) FROM taken), ARRAY(SELECT id FROM made)`

// TakeFollowups takes up to 500 bookings of the transaction's org whose hold ended unconfirmed at least after ago, and
// inserts a text for each that is still expired; none when the org wants none. It returns the texts, how many bookings
// it took, and whether there may be more. Rows that somebody works on are left for the next sweep.
func TakeFollowups(ctx context.Context, tx *Tx, after time.Duration, wanted bool) (messages []uuid.UUID, n int, more bool, err error) {
	if err = tx.QueryRow(ctx, takeFollowups, tx.Org, after, sweepBatch, wanted).Scan(&n, &messages); err != nil {
		return nil, 0, false, fmt.Errorf("follow-ups: %w", err)
	}
	return messages, n, n == sweepBatch, nil
}

// Followup is what decides whether a follow-up is still worth sending, and what it may say, by the database's clock at
// Booking.ReadAt.
type Followup struct {
	Booking   Booking
	Name      pii.Name
	Notes     pii.Text // zero when something was taken out of them
	Theirs    bool     // the number is still that of the booking's customer
	Coded     bool     // a text brought the code to the number, for all that is known
	Rebooked  bool     // the customer has a later booking, held or once confirmed
	Free      bool     // a seat is free for the booking's time
	Day, Week int      // other follow-ups that were sent to the number within a day and a week
}

// FindFollowup reads it for a text.
func FindFollowup(ctx context.Context, tx *Tx, k *pii.Keyring, message, booking uuid.UUID) (f Followup, err error) {
	var name, notes []byte
	tx.QueueRead(func(rows pgx.Rows) (err error) {
		f.Booking, err = one(rows, nil, scanBooking)
		return err
	}, selectBooking, tx.Org, booking)
	err = tx.QueryRow(ctx, `SELECT c.name_sealed,
		       CASE WHEN NOT EXISTS (SELECT FROM redaction x WHERE x.org_id = $1 AND x.source = 'note' AND x.subject = b.id) THEN b.notes_sealed END,
		       COALESCE(c.phone_hash = m.to_hash, false),
		       EXISTS (SELECT FROM message x WHERE x.org_id = $1 AND x.booking_id = b.id AND x.kind = 'code' AND x.to_hash = m.to_hash
		           AND x.state IN ('accepted', 'sent', 'delivered')),
		       EXISTS (SELECT FROM booking x WHERE x.org_id = $1 AND x.customer_id = b.customer_id AND x.created_at > b.created_at
		           AND (x.state = 'held' AND x.hold_expires_at > clock_timestamp() OR x.confirmed_at IS NOT NULL AND x.state <> 'canceled')),
		       EXISTS (SELECT FROM hold_free($1, b.resource_id, b.id, b.starts_at - b.buffer_before * interval '1 min', b.ends_at + b.buffer_after * interval '1 min')),
		       sent.day, sent.week
		  FROM message m JOIN booking b ON b.org_id = m.org_id AND b.id = m.booking_id
		  JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id,
		  LATERAL (SELECT count(*) FILTER (WHERE x.claimed_at > clock_timestamp() - interval '1 day') AS day,
		                  count(*) FILTER (WHERE x.claimed_at > clock_timestamp() - interval '7 days') AS week
		             FROM message x WHERE x.org_id = $1 AND x.to_hash = m.to_hash AND x.kind = 'followup' AND x.id <> m.id
		              AND x.state NOT IN ('queued', 'failed', 'canceled')
		              AND x.created_at > (SELECT clock_timestamp()) - interval '14 days') sent -- a week, and all that a text may wait
		 WHERE m.org_id = $1 AND m.id = $2`, tx.Org, message).
		Scan(&name, &notes, &f.Theirs, &f.Coded, &f.Rebooked, &f.Free, &f.Day, &f.Week)
	if err != nil {
		return f, fmt.Errorf("follow-up: %w", err)
	}
	if f.Name, err = openName(tx, k, name); err != nil {
		return f, err
	}
	clear, err := k.Open(tx.Org, purposeNotes, notes)
	f.Notes = pii.NewText(clear)
	return f, err
}

// BookedName reads the name of a booking's customer, zero without one.
func BookedName(ctx context.Context, tx *Tx, k *pii.Keyring, booking uuid.UUID) (pii.Name, error) {
	var name []byte
	err := tx.QueryRow(ctx, `SELECT c.name_sealed FROM booking b JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id
		WHERE b.org_id = $1 AND b.id = $2`, tx.Org, booking).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return pii.Name{}, ErrNotFound
	}
	if err != nil {
		return pii.Name{}, err
	}
	return openName(tx, k, name)
}

func openName(tx *Tx, k *pii.Keyring, sealed []byte) (pii.Name, error) {
	clear, err := k.Open(tx.Org, purposeName, sealed)
	return pii.NewName(clear), err
}
