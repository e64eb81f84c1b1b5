package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const formerCustomers = `SELECT c.id FROM (
	  SELECT DISTINCT m.to_hash FROM booking b JOIN message m ON m.org_id = b.org_id AND m.booking_id = b.id WHERE b.org_id = $1 AND b.customer_id = $2) h
	CROSS JOIN LATERAL (SELECT x.id FROM customer x WHERE x.phone_hash = h.to_hash AND x.org_id = $1 OFFSET 0) c
	WHERE c.id <> $2 AND NOT EXISTS (SELECT FROM booking b WHERE b.org_id = $1 AND b.customer_id = c.id)`

// onceBookings are those that phone $2 was texted about and that are another customer's than $3.
const onceBookings = `SELECT b.id FROM (
	  SELECT DISTINCT m.booking_id FROM (SELECT booking_id FROM message WHERE org_id = $1 AND to_hash = $2 OFFSET 0) m) t
	CROSS JOIN LATERAL (SELECT x.id FROM booking x WHERE x.id = t.booking_id AND x.org_id = $1 AND x.customer_id <> $3 OFFSET 0) b`

// FormerCustomers lists who had a customer's bookings until they were given to his number, and has none: a number that was
// mistyped, or is no more. What is known of one was told of him. It is asked before he is erased.
func FormerCustomers(ctx context.Context, tx *Tx, customer uuid.UUID) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, formerCustomers, tx.Org, customer)
	return many(rows, err, pgx.RowTo[uuid.UUID])
}

// HasBookings reports whether a customer has any booking.
func HasBookings(ctx context.Context, tx *Tx, customer uuid.UUID) (has bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM booking WHERE org_id = $1 AND customer_id = $2)`, tx.Org, customer).Scan(&has)
	return has, err
}
