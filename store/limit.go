package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"holdfast/store/pii"
)

// CodeLimit is a limit that keeps a code from being texted to a number. The zero CodeLimit keeps none.
type CodeLimit struct {
	Name string        // phone_10_minutes, phone_day, prefix or ratio; "" when there is none
	Wait time.Duration // until the oldest of what it counts is out of its window
}

// Addressee is a number as limits count it.
type Addressee struct {
	Phone, Prefix []byte // keyed hashes
	// Defaults are the limits that count where the org has set none: JSON, as in its settings.
	Defaults []byte
}

// AddresseeOf hashes a number.
func AddresseeOf(k *pii.Keyring, org uuid.UUID, p pii.Phone, defaults []byte) Addressee {
	return Addressee{Phone: PhoneHash(k, org, p), Prefix: PrefixHash(k, org, p), Defaults: defaults}
}

const purposePrefix = "phone.prefix"

// prefixRest is how many digits of a number are not of its prefix: fraud by texts walks through blocks of 10,000.
const prefixRest = 4

// PrefixHash is how the numbers of a block are found without being readable.
func PrefixHash(k *pii.Keyring, org uuid.UUID, p pii.Phone) []byte {
	e164 := p.Reveal()
	return k.Fingerprint(org, purposePrefix, e164[:max(0, len(e164)-prefixRest)])
}

// FindCodeLimit tells whether a code may be texted to a number now. It takes no lock: who texts one is in
// line by LockAddressee or LockCustomer.
func FindCodeLimit(ctx context.Context, tx *Tx, a Addressee) (l CodeLimit, err error) {
	err = tx.QueryRow(ctx, `SELECT `+codeLimitColumns+` FROM code_limit($1, $2, $3, $4) l`, tx.Org, a.Phone, a.Prefix, a.Defaults).Scan(&l.Name, &l.Wait)
	return l, err
}

const codeLimitColumns = `COALESCE(l.limited, ''), COALESCE(l.wait, '0')`

// LockAddressee puts the transaction in line with all that would text a code to the number or, when those are limited, to one of its
// prefix, so that of two codes the second is counted after the first. It comes before any resource and any booking.
func LockAddressee(tx *Tx, a Addressee) {
	tx.Queue(`SELECT `+lockConversation(`'claim'`, `$3`)+`, code_turn($2, $3, $4, $5)`, tx.Org.String(), tx.Org, a.Phone, a.Prefix, a.Defaults)
}

// LockCustomer queues LockAddressee for the customer of a booking; the prefix is that of the texts that the number has got, whose
// org is left to row-level security as in ExpireHolds. Of a booking that gets another customer meanwhile it has locked the one
// before.
func LockCustomer(tx *Tx, booking uuid.UUID, defaults []byte) {
	tx.Queue(`SELECT `+lockConversation(`'claim'`, `c.phone_hash`)+`, code_turn($2, c.phone_hash, (
		SELECT m.prefix_hash FROM message m WHERE m.to_hash = c.phone_hash AND m.prefix_hash IS NOT NULL ORDER BY m.created_at DESC LIMIT 1), $4)
		FROM booking b JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id WHERE b.org_id = $2 AND b.id = $3`,
		tx.Org.String(), tx.Org, booking, defaults)
}
