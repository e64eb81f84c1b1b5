package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// Block is time that cannot be booked.
type Block struct {
	ID, ResourceID uuid.UUID
	Span           calendar.Span
	Reason         pii.Text
}

// InTheWay is a booking or a block that a new block would overlap.
type InTheWay struct {
	Booking, Block uuid.NullUUID
}

const purposeReason = "block.reason"

// InsertBlock blocks every seat of the resource for the block's span, or nothing: then it returns what is in
// the way.
func InsertBlock(ctx context.Context, tx *Tx, k *pii.Keyring, b Block) ([]InTheWay, error) {
	var reason []byte
	if !b.Reason.IsZero() {
		var err error
		if reason, err = k.Seal(tx.Org, purposeReason, b.Reason.Reveal()); err != nil {
			return nil, err
		}
	}
	rows, err := tx.Query(ctx, `SELECT booking_id, block_id FROM block_take($1, $2, $3, $4, $5)`,
		tx.Org, b.ResourceID, b.ID, b.Span.Start, b.Span.End)
	way, err := many(rows, err, pgx.RowToStructByPos[InTheWay])
	if err != nil || len(way) > 0 {
		return way, err
	}
	tx.Queue(`INSERT INTO block (org_id, id, resource_id, starts_at, ends_at, reason_sealed) VALUES ($1, $2, $3, $4, $5, $6)`,
		tx.Org, b.ID, b.ResourceID, b.Span.Start, b.Span.End, reason)
	return nil, nil
}

// BlockExists reports whether the org has a block that was not deleted.
func BlockExists(ctx context.Context, tx *Tx, id uuid.UUID) (exists bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM block WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL)`, tx.Org, id).Scan(&exists)
	return exists, err
}

// DeleteBlock frees a block's time; ErrNotFound when there is none to delete.
func DeleteBlock(ctx context.Context, tx *Tx, id uuid.UUID) (at time.Time, err error) {
	rows, err := tx.Query(ctx, `UPDATE block SET deleted_at = clock_timestamp()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING deleted_at`, tx.Org, id)
	if at, err = one(rows, err, pgx.RowTo[time.Time]); err == nil {
		ReleaseHold(tx, id)
	}
	return at, err
}
