package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// What a text was that something was taken out of.
const (
	RedactedTranscript = "transcript"
	RedactedNote       = "note"  // a booking's; its id is the booking's
	RedactedReply      = "reply" // a customer's; its id is the inbound text's
)

// Redaction is what the audit trail has of one thing that was taken out of a text. It never has the value.
type Redaction struct {
	Type, Rule string
	Confidence uint8    // percent
	From, To   int      // bytes of the text before, To exclusive
	Action     string   // remove, mask or token
	Hash       [32]byte // keyed: see pii.Keyring.RedactionKey
}

// AddRedactions queues the audit rows of one text, in the order of the text: they are written with what is left of it, or
// not at all. subject is the id of the text's source, engine the version of what redacted it. Nobody but the owner can change or delete
// them afterwards; erasing a customer empties their hashes.
func AddRedactions(tx *Tx, source string, subject uuid.UUID, engine string, all []Redaction) {
	if len(all) == 0 {
		return
	}
	n := len(all)
	types, rules, actions := make([]string, n), make([]string, n), make([]string, n)
	confidence, from, to := make([]int16, n), make([]int32, n), make([]int32, n)
	hashes := make([][]byte, n)
	for i, r := range all {
		types[i], rules[i], actions[i] = r.Type, r.Rule, r.Action
		confidence[i], from[i], to[i] = int16(r.Confidence), int32(r.From), int32(r.To)
		hashes[i] = r.Hash[:]
	}
	tx.Queue(`INSERT INTO redaction (org_id, source, subject, engine, ordinal, type, rule, confidence, from_byte, to_byte, action, hash)
		SELECT $1, $2, $3, $4, n - 1, type, rule, confidence, from_byte, to_byte, action, hash
		  FROM unnest($5::text[], $6::text[], $7::smallint[], $8::int[], $9::int[], $10::text[], $11::bytea[])
		    WITH ORDINALITY AS r(type, rule, confidence, from_byte, to_byte, action, hash, n)`,
		tx.Org, source, subject, engine, types, rules, confidence, from, to, actions, hashes)
}

// countTypes is how much of each type was taken out.
func countTypes(all []Redaction) map[string]int {
	counts := make(map[string]int)
	for _, r := range all {
		counts[r.Type]++
	}
	return counts
}

// FindRedactions reads the audit rows of one text, in the order of the text. db is of a role that sees every org.
func FindRedactions(ctx context.Context, db DB, source string, subject uuid.UUID) ([]Redaction, error) {
	rows, err := db.Query(ctx, `SELECT type, rule, confidence, from_byte, to_byte, action, hash
		FROM redaction WHERE source = $1 AND subject = $2 ORDER BY ordinal`, source, subject)
	return many(rows, err, func(row pgx.CollectableRow) (r Redaction, err error) {
		var confidence int16
		var hash []byte
		err = row.Scan(&r.Type, &r.Rule, &confidence, &r.From, &r.To, &r.Action, &hash)
		r.Confidence = uint8(confidence)
		copy(r.Hash[:], hash)
		return r, err
	})
}
