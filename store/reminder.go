package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// takeReminders thinks of the reminders that are due. Of several that have passed since, as through an outage, the last
// counts: an org has three at most, so that two steps of reminder_next find it. The occasion names start and lead, so
// that a booking is reminded anew when it has moved, and never twice of the same.
const takeReminders = `WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS at),
	due AS (
	SELECT b.id, b.reminder_at FROM booking b WHERE b.org_id = $1 AND b.reminder_at <= (SELECT at FROM clock)
	 ORDER BY b.reminder_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED),
	taken AS (UPDATE booking b SET reminder_at = CASE WHEN b.state = 'confirmed' THEN reminder_next($1, b.starts_at, (SELECT at FROM clock)) END
	      FROM due WHERE b.org_id = $1 AND b.id = due.id
	    RETURNING b.id, b.customer_id, b.starts_at, b.state, due.reminder_at AS first),
	last AS (SELECT t.*, (SELECT max(x) FROM (VALUES (t.first), (second.at), (reminder_next($1, t.starts_at, second.at))) v(x)
	                       WHERE x <= (SELECT at FROM clock)) AS at
	           FROM taken t, LATERAL (SELECT reminder_next($1, t.starts_at, t.first) AS at) second WHERE t.state = 'confirmed'),
	made AS (INSERT INTO message (org_id, id, kind, occasion, booking_id, to_hash)
	    SELECT $1, uuid_v7(), 'reminder', format('reminder:%s:%s', floor(extract(epoch FROM l.starts_at))::bigint,
	           round(extract(epoch FROM l.starts_at - l.at) / 60)::int), l.id, c.phone_hash
	      FROM last l JOIN customer c ON c.org_id = $1 AND c.id = l.customer_id
	    ON CONFLICT (booking_id, occasion, org_id) WHERE occasion IS NOT NULL DO NOTHING RETURNING id)
	SELECT (SELECT count(*) FROM taken), ARRAY(SELECT id FROM made)`

// TakeReminders takes up to 500 bookings of the transaction's org that are due for a reminder, inserts its text, and
// moves each to its next one. It returns the texts, how many bookings it took, and whether there may be more. Rows that
// somebody works on are left for the next sweep.
func TakeReminders(ctx context.Context, tx *Tx) (messages []uuid.UUID, n int, more bool, err error) {
	if err = tx.QueryRow(ctx, takeReminders, tx.Org, sweepBatch).Scan(&n, &messages); err != nil {
		return nil, 0, false, fmt.Errorf("reminders: %w", err)
	}
	return messages, n, n == sweepBatch, nil
}

// MoveReminders queues that the confirmed bookings ahead follow the org's reminders as they have just been set. A
// reminder that is due already is left to the sweep, which would not find it else. The rows are locked in the order of LockMove. All
// of them are changed with the settings, so that the PUT of an org with very many bookings takes seconds.
func MoveReminders(tx *Tx) {
	tx.Queue(`WITH ahead AS MATERIALIZED (
		SELECT b.id FROM booking b WHERE b.org_id = $1 AND b.state = 'confirmed' AND b.starts_at > (SELECT clock_timestamp())
		   AND COALESCE(b.reminder_at > clock_timestamp(), true)
		   AND b.reminder_at IS DISTINCT FROM reminder_next($1, b.starts_at, clock_timestamp())
		 ORDER BY b.id FOR NO KEY UPDATE)
		UPDATE booking b SET reminder_at = reminder_next($1, b.starts_at, clock_timestamp())
		 WHERE b.org_id = $1 AND b.id = ANY (ARRAY(SELECT id FROM ahead))`, tx.Org)
}

// Reminder is what decides whether a reminder is still worth sending.
type Reminder struct {
	State  string        // of its booking
	Theirs bool          // the number is still that of the booking's customer
	Moved  bool          // the booking is at another time than the one that the text was made for
	Lead   time.Duration // how long before the start it was to be sent
	Left   time.Duration // until the start; negative once it has begun
	Now    time.Time     // by the database's clock
}

// FindReminder reads it for a text.
func FindReminder(ctx context.Context, tx *Tx, message uuid.UUID) (r Reminder, err error) {
	var start, epoch, minutes int64
	var occasion string
	err = tx.QueryRow(ctx, `SELECT b.state, COALESCE(c.phone_hash = m.to_hash, false), floor(extract(epoch FROM b.starts_at))::bigint, m.occasion,
		       b.starts_at - clock_timestamp(), clock_timestamp()
		  FROM message m JOIN booking b ON b.org_id = m.org_id AND b.id = m.booking_id
		  JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id
		 WHERE m.org_id = $1 AND m.id = $2`, tx.Org, message).Scan(&r.State, &r.Theirs, &start, &occasion, &r.Left, &r.Now)
	if err != nil {
		return r, fmt.Errorf("reminder: %w", err)
	}
	if _, err := fmt.Sscanf(occasion, "reminder:%d:%d", &epoch, &minutes); err != nil {
		return r, fmt.Errorf("reminder: occasion: %w", err)
	}
	r.Moved, r.Lead = start != epoch, time.Duration(minutes)*time.Minute
	return r, nil
}
