package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Written is how many rows orgs have of what requests and webhooks write, and the sum of their settings' versions.
type Written struct{ Requests, Tasks, Bookings, BookingEvents, Messages, Inbound, Transcripts, Customers, Suppressions, AuditRows, Settings int64 }

// CountWritten counts them. It reads every row of these orgs: it is for a look from outside, as the audit role.
func CountWritten(ctx context.Context, db DB, orgs ...uuid.UUID) (Written, error) {
	rows, err := db.Query(ctx, `SELECT (SELECT count(*) FROM request WHERE org_id = ANY ($1)), (SELECT count(*) FROM task WHERE org_id = ANY ($1)),
		(SELECT count(*) FROM booking WHERE org_id = ANY ($1)), (SELECT count(*) FROM booking_event WHERE org_id = ANY ($1)),
		(SELECT count(*) FROM message WHERE org_id = ANY ($1)), (SELECT count(*) FROM inbound WHERE org_id = ANY ($1)),
		(SELECT count(*) FROM transcript WHERE org_id = ANY ($1)), (SELECT count(*) FROM customer WHERE org_id = ANY ($1)),
		(SELECT count(*) FROM suppression WHERE org_id = ANY ($1)), (SELECT count(*) FROM audit_log WHERE org_id = ANY ($1)),
		(SELECT COALESCE(sum(version), 0) FROM settings WHERE org_id = ANY ($1))`, orgs)
	return one(rows, err, pgx.RowToStructByPos[Written])
}
