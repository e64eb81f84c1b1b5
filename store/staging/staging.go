// Package staging does to the rows of a running system what time would do, and reads what only a harness asks: for
// cmd/internal/bench and cmd/internal/chaos. Nothing that serves anybody uses it.
package staging

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store"
)

// far is where the bookings of Lapse are: nobody else books so far ahead.
const far = "timestamptz '2200-01-01'"

// Lapse writes n holds of a resource for bookings far ahead, with a code text that was accepted for each, and lets all of
// them lapse at one moment. db is the owner's.
func Lapse(ctx context.Context, db store.DB, org, resource uuid.UUID, n int) error {
	_, err := db.Exec(ctx, `WITH who AS (
		INSERT INTO customer (org_id, id, phone_hash, phone_sealed, phone_last2) VALUES ($1, gen_random_uuid(), sha256('staging'), '\x00', '00') RETURNING id),
	made AS (
		INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at)
		SELECT $1, gen_random_uuid(), $2, who.id, 'held', `+far+` + n * interval '15 min', `+far+` + n * interval '15 min' + interval '10 min',
		       clock_timestamp() + interval '1 hour' FROM who, generate_series(1, $3::int) n
		RETURNING id, starts_at, ends_at, hold_expires_at),
	held AS (
		INSERT INTO hold (org_id, resource_id, seat, booking_id, starts_at, ends_at, expires_at)
		SELECT $1, $2, 0, id, starts_at, ends_at, hold_expires_at FROM made),
	texted AS (
		INSERT INTO message (org_id, id, kind, booking_id, to_hash, to_sealed, state, provider_sid, accepted_at)
		SELECT $1, gen_random_uuid(), 'code', id, sha256('staging'), '\x00', 'delivered', 'SM' || md5(id::text), clock_timestamp() FROM made)
	INSERT INTO booking_event (org_id, booking_id, kind) SELECT $1, id, 'held' FROM made`, org, resource, n)
	if err == nil {
		_, err = db.Exec(ctx, `WITH b AS (UPDATE booking SET hold_expires_at = clock_timestamp() WHERE org_id = $1 AND starts_at >= `+far+`)
			UPDATE hold SET expires_at = clock_timestamp() WHERE org_id = $1 AND starts_at >= `+far, org)
	}
	if err != nil {
		return fmt.Errorf("%d holds: %s", n, store.Safe(err))
	}
	return nil
}

// Lapsed counts those that no sweep has ended yet.
func Lapsed(ctx context.Context, db store.DB, org uuid.UUID) (n int, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM hold WHERE org_id = $1 AND live AND starts_at >= `+far, org).Scan(&n)
	return n, err
}

// Nudge moves confirmed bookings that are far ahead to where their first reminder, a day before by default, is due within
// seconds: each to a resource of its own, so that they are in nobody's way. db is a superuser's.
func Nudge(ctx context.Context, db store.DB) error {
	_, err := db.Exec(ctx, `WITH far AS MATERIALIZED (
		SELECT b.org_id, b.id, gen_random_uuid() AS resource, clock_timestamp() + interval '1 day' + random() * interval '5 s' AS at
		  FROM booking b WHERE b.state = 'confirmed' AND b.reminder_at > clock_timestamp() + interval '1 hour'
		   AND NOT EXISTS (SELECT FROM message m WHERE m.org_id = b.org_id AND m.booking_id = b.id AND m.kind = 'reminder')
		 ORDER BY b.id FOR UPDATE SKIP LOCKED),
	apart AS (
		INSERT INTO resource (org_id, id, slug, name, time_zone)
		SELECT org_id, resource, 'nudged-' || replace(id::text, '-', ''), 'Nudged', 'UTC' FROM far),
	moved AS (
		UPDATE booking b SET resource_id = f.resource, starts_at = f.at, ends_at = f.at + interval '10 min', buffer_before = 0, buffer_after = 0
		  FROM far f WHERE b.org_id = f.org_id AND b.id = f.id)
	UPDATE hold h SET resource_id = f.resource, seat = 0, starts_at = f.at, ends_at = f.at + interval '10 min'
	  FROM far f WHERE h.org_id = f.org_id AND h.owner_id = f.id AND h.live`)
	return err
}

// Due is a text that is to go out once: a follow-up or a reminder.
type Due struct {
	Booking, Kind string
	Message       *string // nil: it was never made
	State, Class  string
}

// Once lists the follow-ups and reminders that there are, and those that should be: of a hold that lapsed although its
// code's text had been accepted well before, and of a booking that Nudge has moved. db is a superuser's.
func Once(ctx context.Context, db store.DB) ([]Due, error) {
	rows, err := db.Query(ctx, `SELECT b.id::text, k.kind, m.id::text, COALESCE(m.state, ''), COALESCE(m.error_class, '')
		  FROM booking b CROSS JOIN (VALUES ('followup'), ('reminder')) k (kind)
		  LEFT JOIN message m ON m.org_id = b.org_id AND m.booking_id = b.id AND m.kind = k.kind
		 WHERE m.id IS NOT NULL OR CASE k.kind
		       WHEN 'followup' THEN b.state = 'expired' AND EXISTS (SELECT FROM booking_event e
		             JOIN message c ON c.org_id = e.org_id AND c.booking_id = e.booking_id AND c.kind = 'code'
		             WHERE e.org_id = b.org_id AND e.booking_id = b.id AND e.kind = 'expired' AND c.accepted_at < e.at - interval '1 s')
		       ELSE b.state = 'confirmed' AND EXISTS (SELECT FROM resource r WHERE r.org_id = b.org_id AND r.id = b.resource_id AND r.slug LIKE 'nudged-%') END`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Due])
}
