package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// What became of the provider's copy of an erased customer's text.
const (
	CopyPending  = "pending"
	CopyRedacted = "done"
	CopyAbsent   = "absent"
	CopyFailed   = "failed"
)

// ErasedText is a text of an erased customer, to him or from him.
type ErasedText struct {
	SID     string        // "" without: the provider has no copy
	Copy    string        // CopyPending …; "" when there is none to speak of
	InLine  bool          // it is on its way to the provider, or nobody knows whether it is there
	Emptied bool          // nothing of it is left here
	Age     time.Duration // since the provider had it, or since it was made
}

// LockErasedText reads and locks a text by its id; ErrNotFound when it is none of an erased customer.
func LockErasedText(ctx context.Context, tx *Tx, id uuid.UUID) (t ErasedText, err error) {
	err = tx.QueryRow(ctx, `WITH m AS MATERIALIZED (
		SELECT provider_sid, redacted, state IN ('queued', 'sending', 'unknown') AS flies, to_hash IS NULL AS emptied, clock_timestamp() - COALESCE(accepted_at, created_at) AS age
		  FROM message WHERE org_id = $1 AND id = $2 AND erased_for IS NOT NULL FOR UPDATE),
	i AS MATERIALIZED (
		SELECT provider_sid, redacted, false, true, clock_timestamp() - created_at FROM inbound WHERE org_id = $1 AND id = $2 AND erased_for IS NOT NULL FOR UPDATE)
	SELECT COALESCE(provider_sid, ''), COALESCE(redacted, ''), flies, emptied, age FROM (SELECT * FROM m UNION ALL SELECT * FROM i) x`, tx.Org, id).
		Scan(&t.SID, &t.Copy, &t.InLine, &t.Emptied, &t.Age)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, ErrNotFound
	}
	return t, err
}

// EmptyText queues that nothing is left of a text to an erased customer of which it is known by now what became.
func EmptyText(tx *Tx, id uuid.UUID) {
	tx.Queue(`UPDATE message SET to_hash = NULL, to_sealed = NULL, body_hash = NULL WHERE org_id = $1 AND id = $2 AND erased_for IS NOT NULL`, tx.Org, id)
}

// SettleCopy queues what became of the provider's copy of an erased customer's text; "": there never was one.
func SettleCopy(tx *Tx, id uuid.UUID, copied string) {
	for _, table := range []string{"message", "inbound"} {
		tx.Queue(`UPDATE `+table+` SET redacted = NULLIF($3, '') WHERE org_id = $1 AND id = $2 AND erased_for IS NOT NULL`, tx.Org, id, copied)
	}
}
