package store

import "context"

// accountPool is SMSAccount.Pool of the row a of sms_account.
const accountPool = `COALESCE(NULLIF(a.messaging_service_sid, ''), a.from_number)`

// itsPool is the sender pool $2 of org $1; when that is empty, the account's as it is at this moment, which is what
// LockOutgoing looks at before a text goes out.
const itsPool = `COALESCE(NULLIF($2, ''), (SELECT ` + accountPool + ` FROM sms_account a WHERE a.org_id = $1))`

// Suppress queues that a phone wants no more texts from a sender pool; "" is the org's own.
func Suppress(tx *Tx, pool string, phoneHash []byte) {
	tx.Queue(`INSERT INTO suppression (org_id, pool, phone_hash) SELECT $1, p.pool, $3 FROM (SELECT `+itsPool+`) p(pool)
		WHERE p.pool IS NOT NULL ON CONFLICT DO NOTHING`, tx.Org, pool, phoneHash)
}

// OptOut is Suppress for the org's own sender pool, OptIn the end of it.
func OptOut(tx *Tx, phoneHash []byte) { Suppress(tx, "", phoneHash) }

// OptIn queues the end of an opt-out: see OptOut.
func OptIn(tx *Tx, phoneHash []byte) {
	tx.Queue(`DELETE FROM suppression WHERE org_id = $1 AND pool = `+itsPool+` AND phone_hash = $3`, tx.Org, "", phoneHash)
}

// Suppressed reports whether a phone has opted out of a sender pool; "" is the org's own.
func Suppressed(ctx context.Context, tx *Tx, pool string, phoneHash []byte) (out bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM suppression WHERE org_id = $1 AND pool = `+itsPool+` AND phone_hash = $3)`,
		tx.Org, pool, phoneHash).Scan(&out)
	return out, err
}

// NoteLive queues an event in the timelines of a phone's bookings that are still ahead: held or confirmed.
func NoteLive(tx *Tx, phoneHash []byte, kind string) {
	tx.Queue(`INSERT INTO booking_event (org_id, booking_id, kind)
		SELECT b.org_id, b.id, $3 FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
		 WHERE c.org_id = $1 AND c.phone_hash = $2
		   AND (b.state = 'confirmed' AND b.starts_at > clock_timestamp() OR b.state = 'held' AND b.hold_expires_at > clock_timestamp())
		 ORDER BY b.id`, tx.Org, phoneHash, kind)
}
