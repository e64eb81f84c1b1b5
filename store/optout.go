package store

// accountPool is SMSAccount.Pool of the row a of sms_account.
const accountPool = `COALESCE(NULLIF(a.messaging_service_sid, ''), a.from_number)`

// OptOut queues that a phone wants no more texts from the org's sender, OptIn that it does again. The pool is that of the
// account as it is at this moment: what LockOutgoing looks at before a text goes out.
func OptOut(tx *Tx, phoneHash []byte) {
	tx.Queue(`INSERT INTO suppression (org_id, pool, phone_hash)
		SELECT a.org_id, `+accountPool+`, $2 FROM sms_account a WHERE a.org_id = $1
		ON CONFLICT DO NOTHING`, tx.Org, phoneHash)
}

// OptIn queues the end of an opt-out: see OptOut.
func OptIn(tx *Tx, phoneHash []byte) {
	tx.Queue(`DELETE FROM suppression x USING sms_account a WHERE x.org_id = $1 AND a.org_id = x.org_id
		AND x.pool = `+accountPool+` AND x.phone_hash = $2`, tx.Org, phoneHash)
}

// NoteLive queues an event in the timelines of a phone's bookings that are still ahead: held or confirmed.
func NoteLive(tx *Tx, phoneHash []byte, kind string) {
	tx.Queue(`INSERT INTO booking_event (org_id, booking_id, kind)
		SELECT b.org_id, b.id, $3 FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
		 WHERE c.org_id = $1 AND c.phone_hash = $2
		   AND (b.state = 'confirmed' AND b.starts_at > clock_timestamp() OR b.state = 'held' AND b.hold_expires_at > clock_timestamp())
		 ORDER BY b.id`, tx.Org, phoneHash, kind)
}
