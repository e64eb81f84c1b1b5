package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// SecurityEvent is something that an org's operator should look at. None of it holds personal data.
type SecurityEvent struct {
	At    time.Time     // when it was written: after the last time that it was seen
	Kind  string        // cross-org, bad-signature, …
	Key   uuid.NullUUID // the API key that was used
	KeyAs string        // that key's prefix, where the event is read
	Route string        // as the document has it, without ids
	N     int           // how often it was seen; 0 is written as once
}

// NoteSecurity queues a security event under the transaction's org. At is the database's to say.
func NoteSecurity(tx *Tx, e SecurityEvent) {
	tx.Queue(`INSERT INTO security_event (org_id, kind, key_id, route, n) VALUES ($1, $2, $3, $4, $5)`, tx.Org, e.Kind, e.Key, e.Route, max(e.N, 1))
}

// ListSecurityEvents reads the newest events of an org that are not older than since, newest first, limit at most.
func ListSecurityEvents(ctx context.Context, db DB, org uuid.UUID, since time.Duration, limit int) ([]SecurityEvent, error) {
	rows, err := db.Query(ctx, `SELECT e.at, e.kind, e.key_id, COALESCE(k.prefix, ''), e.route, e.n
		FROM security_event e LEFT JOIN api_key k ON k.org_id = e.org_id AND k.id = e.key_id
		WHERE e.org_id = $1 AND e.at > clock_timestamp() - $2::interval ORDER BY e.id DESC LIMIT $3`, org, since, limit)
	return many(rows, err, pgx.RowToStructByPos[SecurityEvent])
}
