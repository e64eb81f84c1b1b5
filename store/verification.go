package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// MaxCodeAttempts is how many wrong codes a booking takes; the last one revokes (Twilio Verify's number too).
const MaxCodeAttempts = 5

// Verification is one generation of a booking's code.
type Verification struct {
	ID         uuid.UUID
	BookingID  uuid.UUID
	Generation int
	KID        int16
	State      string // pending, sent, verified, revoked
	Expired    bool   // by the clock
	Left       time.Duration
}

// Live reports whether the code would be accepted.
func (v Verification) Live() bool { return v.Pending() && !v.Expired }

// Pending reports whether the code was neither used nor revoked.
func (v Verification) Pending() bool { return v.State == "pending" || v.State == "sent" }

// Code derives the code.
func (v Verification) Code(k *pii.Keyring, org uuid.UUID) (pii.Code, error) {
	return k.Code(org, v.ID, v.Generation, v.KID)
}

// InsertVerification queues a new code of a booking.
func InsertVerification(tx *Tx, k *pii.Keyring, id, booking uuid.UUID, generation int) {
	tx.Queue(`INSERT INTO verification (org_id, id, booking_id, generation, kid) VALUES ($1, $2, $3, $4, $5)`,
		tx.Org, id, booking, generation, k.CodeKID())
}

const verificationColumns = `id, booking_id, generation, kid, state, COALESCE(expires_at <= clock_timestamp(), false),
	COALESCE(expires_at - clock_timestamp(), '0')`

// LatestVerification reads a booking's newest code; ErrNotFound when it has none.
func LatestVerification(ctx context.Context, tx *Tx, booking uuid.UUID) (Verification, error) {
	rows, err := tx.Query(ctx, `SELECT `+verificationColumns+` FROM verification
		WHERE org_id = $1 AND booking_id = $2 ORDER BY generation DESC LIMIT 1`, tx.Org, booking)
	return one(rows, err, pgx.RowToStructByPos[Verification])
}

// StartCode queues the beginning of a code's life, with the first text that is claimed for sending.
func StartCode(tx *Tx, id uuid.UUID, ttl time.Duration) {
	tx.Queue(`UPDATE verification SET first_sent_at = clock_timestamp(), expires_at = clock_timestamp() + $3::interval
		WHERE org_id = $1 AND id = $2 AND first_sent_at IS NULL`, tx.Org, id, ttl)
}

// SentCode queues that a text with the code was accepted by the provider.
func SentCode(tx *Tx, id uuid.UUID) {
	tx.Queue(`UPDATE verification SET state = CASE state WHEN 'pending' THEN 'sent' ELSE state END WHERE org_id = $1 AND id = $2`, tx.Org, id)
}

// UseCode queues the end of a code that was right.
func UseCode(tx *Tx, id uuid.UUID) {
	tx.Queue(`UPDATE verification SET state = CASE WHEN state IN ('pending', 'sent') THEN 'verified' ELSE state END WHERE org_id = $1 AND id = $2`, tx.Org, id)
}

// RevokeCodes queues the end of a booking's live code.
func RevokeCodes(tx *Tx, booking uuid.UUID) {
	tx.Queue(`UPDATE verification SET state = 'revoked' WHERE org_id = $1 AND booking_id = $2 AND state IN ('pending', 'sent')`, tx.Org, booking)
}

// CountWrongCode queues a wrong guess against a locked booking.
func CountWrongCode(tx *Tx, booking uuid.UUID) {
	tx.Queue(`UPDATE booking SET code_attempts = code_attempts + 1 WHERE org_id = $1 AND id = $2`, tx.Org, booking)
}

// OpenCodes lists the live codes of the bookings of a phone, which a customer may be answering: newest first, at most three.
func OpenCodes(ctx context.Context, tx *Tx, phoneHash []byte) ([]Verification, error) {
	rows, err := tx.Query(ctx, `SELECT v.id, v.booking_id, v.generation, v.kid, v.state
		  FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
		  JOIN verification v ON v.org_id = b.org_id AND v.booking_id = b.id
		 WHERE c.org_id = $1 AND c.phone_hash = $2 AND v.state IN ('pending', 'sent') AND v.expires_at > clock_timestamp()
		 ORDER BY v.created_at DESC LIMIT 3`, tx.Org, phoneHash)
	return many(rows, err, func(r pgx.CollectableRow) (v Verification, err error) {
		err = r.Scan(&v.ID, &v.BookingID, &v.Generation, &v.KID, &v.State)
		return v, err
	})
}

// UsedCode reports whether the phone has a code that was used and would still be alive.
func UsedCode(ctx context.Context, tx *Tx, phoneHash []byte) (used bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM customer c
		  JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
		  JOIN verification v ON v.org_id = b.org_id AND v.booking_id = b.id
		 WHERE c.org_id = $1 AND c.phone_hash = $2 AND v.state = 'verified' AND v.expires_at > clock_timestamp())`,
		tx.Org, phoneHash).Scan(&used)
	return used, err
}
