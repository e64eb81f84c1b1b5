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

// FindCodeLimit tells whether a code may be texted to a number now. It takes no lock: who texts one locks the number's
// claims first (LockConversation, LockCustomer).
func FindCodeLimit(ctx context.Context, tx *Tx, a Addressee) (l CodeLimit, err error) {
	err = tx.QueryRow(ctx, `SELECT `+codeLimitColumns+` FROM code_limit($1, $2, $3, $4) l`, tx.Org, a.Phone, a.Prefix, a.Defaults).Scan(&l.Name, &l.Wait)
	return l, err
}

const codeLimitColumns = `COALESCE(l.limited, ''), COALESCE(l.wait, '0')`

// LockCustomer queues LockConversation of claims for the customer of a booking, so that of two codes to one number the
// second is counted after the first. Of a booking that gets another customer meanwhile it has locked the one before.
func LockCustomer(tx *Tx, booking uuid.UUID) {
	tx.Queue(`SELECT `+lockConversation(`'claim'`, `c.phone_hash`)+` FROM booking b
		JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id WHERE b.org_id = $2 AND b.id = $3`, tx.Org.String(), tx.Org, booking)
}
