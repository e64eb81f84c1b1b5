package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"holdfast/store/pii"
)

// MaxCodeSends is how many texts with a code one booking gets, whatever their numbers.
const MaxCodeSends = 3

// MoveWindow is how long a text with a code for another time counts, of a booking that is confirmed.
const MoveWindow = 24 * time.Hour

// Sends is what must be known of a booking before another code is texted to a number.
type Sends struct {
	// Codes are texts with a code of the booking, over all numbers. Of one that is confirmed only those of the last
	// MoveWindow count, since the confirmation, whose code was not used: who answers has been reached.
	Codes    int
	Oldest   time.Duration // since the first of them was made
	ToNumber bool          // one of them went to the number asked about
	Since    time.Duration // since the last of those was made
	Own      bool          // the number is the customer's own already
	OptedOut bool          // the number wants no texts from the org's sender
	CanText  bool          // a text would go out: the org has credentials, and its breaker lets one pass
	Limit    CodeLimit     // of the number

	Countries []string // those whose phones the org texts
}

// FindSends looks it up for a booking that exists, and the number that a code is to go to.
func FindSends(ctx context.Context, tx *Tx, booking uuid.UUID, to Addressee) (s Sends, err error) {
	err = tx.QueryRow(ctx, `WITH who AS (
		SELECT $3::bytea AS hash, c.phone_hash AS own, GREATEST(b.confirmed_at, clock_timestamp() - $4::interval) AS after, b.confirmed_at
		  FROM booking b
		  JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id WHERE b.org_id = $1 AND b.id = $2)
		SELECT count(m.id), COALESCE(max(clock_timestamp() - m.created_at), '0'), count(m.id) FILTER (WHERE m.to_hash = w.hash) > 0,
		       COALESCE(min(clock_timestamp() - m.created_at) FILTER (WHERE m.to_hash = w.hash), '0'), w.hash IS NOT DISTINCT FROM w.own,
		       EXISTS (SELECT FROM sms_account a JOIN suppression x ON x.org_id = a.org_id AND x.phone_hash = w.hash
		            AND x.pool = `+accountPool+` WHERE a.org_id = $1), `+mayText+`, `+orgCountries+`, `+codeLimitColumns+`
		  FROM code_limit($1, $3, $5, $6) l, who w LEFT JOIN message m ON m.org_id = $1 AND m.booking_id = $2 AND m.kind IN ('code', 'move_code') AND m.state <> 'canceled'
		       AND (w.confirmed_at IS NULL OR m.created_at > w.after AND NOT EXISTS (
		            SELECT FROM verification v WHERE v.org_id = $1 AND v.id = m.verification_id AND v.state = 'verified'))
		 GROUP BY w.hash, w.own, l.limited, l.wait`, tx.Org, booking, to.Phone, MoveWindow, to.Prefix, to.Defaults).
		Scan(&s.Codes, &s.Oldest, &s.ToNumber, &s.Since, &s.Own, &s.OptedOut, &s.CanText, &s.Countries, &s.Limit.Name, &s.Limit.Wait)
	return s, err
}

// FindCustomer finds a customer by phone; not valid when the org knows none with it.
func FindCustomer(ctx context.Context, tx *Tx, k *pii.Keyring, p pii.Phone) (id uuid.NullUUID, err error) {
	err = tx.QueryRow(ctx, `SELECT (SELECT id FROM customer WHERE org_id = $1 AND phone_hash = $2)`,
		tx.Org, PhoneHash(k, tx.Org, p)).Scan(&id)
	return id, err
}

// GiveBooking queues that a locked booking is another customer's.
func GiveBooking(tx *Tx, booking, customer uuid.UUID) {
	tx.Queue(`UPDATE booking SET customer_id = $3 WHERE org_id = $1 AND id = $2`, tx.Org, booking, customer)
}
