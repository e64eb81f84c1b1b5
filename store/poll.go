package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// pollAfter is when the provider is asked what became of a text that it has and has told no end of: first after its
// acceptance, then from one time to the next. After the last nobody asks: not every carrier reports a delivery.
var pollAfter = []time.Duration{2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// DuePolls takes up to 500 texts of the transaction's org that the provider is to be asked about now.
func DuePolls(ctx context.Context, tx *Tx) (messages []uuid.UUID, more bool, err error) {
	rows, err := tx.Query(ctx, `WITH due AS (
		SELECT id FROM message WHERE org_id = $1 AND poll_at <= (SELECT clock_timestamp())
		 ORDER BY poll_at LIMIT $2 FOR UPDATE SKIP LOCKED)
		UPDATE message m SET polls = m.polls + 1, poll_at = clock_timestamp() + ($3::interval[])[m.polls + 2]
		  FROM due WHERE m.org_id = $1 AND m.id = due.id RETURNING m.id`, tx.Org, sweepBatch, pollAfter)
	messages, err = many(rows, err, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, false, fmt.Errorf("due polls: %w", err)
	}
	return messages, len(messages) == sweepBatch, nil
}
