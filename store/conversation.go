package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Asked is a request that a key was used for.
type Asked struct {
	ID      uuid.UUID
	Booking uuid.NullUUID // what it is about; not of one that has made a booking
}

// FindAsked finds the request that an idempotency key of a source was used for; ErrNotFound when it is new.
func FindAsked(ctx context.Context, tx *Tx, k *pii.Keyring, source, key string) (a Asked, err error) {
	err = tx.QueryRow(ctx, `SELECT id, booking_id FROM request WHERE org_id = $1 AND source = $2 AND idem_key = $3`,
		tx.Org, source, keyHash(k, tx.Org, source, key)).Scan(&a.ID, &a.Booking)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, ErrNotFound
	}
	return a, err
}

// FindPending finds a request of the same conversation for the same thing that is not answered yet; ErrNotFound
// when there is none. A voice agent that asks again brings another key.
func FindPending(ctx context.Context, tx *Tx, k *pii.Keyring, r Request) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `SELECT id FROM request WHERE org_id = $1 AND conversation = $2 AND source = $3
		AND done_at IS NULL AND fingerprint = $4 ORDER BY created_at LIMIT 1`,
		tx.Org, conversationHash(k, tx.Org, r.Conversation), r.Source, r.fingerprint(tx.Org, k)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, ErrNotFound
	}
	return id, err
}

// Caller is what a conversation may be about.
type Caller struct {
	Locale   string          // "" = the org's
	Bookings []CallerBooking // of the conversation first, newest first
}

// CallerBooking is a booking that was made in a conversation, or is one of the caller's number.
type CallerBooking struct {
	ID       uuid.UUID
	Here     bool   // made in this conversation
	State    string // by the clock
	CodeLive bool   // a code would be accepted, or is about to be sent
}

// LoadCaller looks it up, at most ten bookings of each kind. phoneHash is that of the number that the platform
// says is calling; nil when there is none.
func LoadCaller(ctx context.Context, tx *Tx, k *pii.Keyring, source, conversation string, phoneHash []byte) (c Caller, err error) {
	var who uuid.NullUUID
	err = tx.QueryRow(ctx, `SELECT c.id, COALESCE(c.locale, '') FROM (VALUES (1)) one
		LEFT JOIN customer c ON c.org_id = $1 AND c.phone_hash = $2`, tx.Org, phoneHash).Scan(&who, &c.Locale)
	if err != nil {
		return c, err
	}
	rows, err := tx.Query(ctx, `WITH here AS (
		SELECT (answer->>'id')::uuid AS id FROM request
		 WHERE org_id = $1 AND conversation = $2 AND source = $3 AND kind = 'booking' AND status = 201
		 ORDER BY created_at DESC LIMIT 10),
		theirs AS (SELECT id FROM booking WHERE org_id = $1 AND customer_id = $4 ORDER BY created_at DESC LIMIT 10),
		talk AS (SELECT id, bool_or(here) AS here FROM (SELECT id, true AS here FROM here UNION ALL SELECT id, false FROM theirs) x GROUP BY id)
		SELECT b.id, t.here, CASE WHEN b.state = 'held' AND b.hold_expires_at <= clock_timestamp() THEN 'expired' ELSE b.state END,
		       (b.state IN ('held', 'expired') OR b.state = 'confirmed' AND EXISTS (SELECT FROM move m WHERE m.org_id = b.org_id
		           AND m.booking_id = b.id AND m.state IN ('pending', 'expired'))) AND EXISTS (SELECT FROM verification v WHERE v.org_id = b.org_id AND v.booking_id = b.id
		           AND v.state IN ('pending', 'sent') AND COALESCE(v.expires_at > clock_timestamp(), true))
		  FROM talk t JOIN booking b ON b.org_id = $1 AND b.id = t.id
		 ORDER BY t.here DESC, b.created_at DESC`, tx.Org, conversationHash(k, tx.Org, conversation), source, who)
	c.Bookings, err = many(rows, err, pgx.RowToStructByPos[CallerBooking])
	return c, err
}

// ResourceName reads what people call a resource.
func ResourceName(ctx context.Context, tx *Tx, id uuid.UUID) (name string, err error) {
	err = tx.QueryRow(ctx, `SELECT name FROM resource WHERE org_id = $1 AND id = $2`, tx.Org, id).Scan(&name)
	return name, err
}

// Named is something that people call by a name.
type Named struct {
	ID         uuid.UUID
	Slug, Name string
	TimeZone   string // of a resource
}

// Names lists the active services and resources of an org, by name.
func Names(ctx context.Context, tx *Tx) (services, resources []Named, err error) {
	rows, err := tx.Query(ctx, `SELECT id, slug, name, '' FROM service WHERE org_id = $1 AND active ORDER BY name, slug`, tx.Org)
	if services, err = many(rows, err, pgx.RowToStructByPos[Named]); err != nil {
		return nil, nil, err
	}
	rows, err = tx.Query(ctx, `SELECT id, slug, name, time_zone FROM resource WHERE org_id = $1 AND active ORDER BY name, slug`, tx.Org)
	resources, err = many(rows, err, pgx.RowToStructByPos[Named])
	return services, resources, err
}
