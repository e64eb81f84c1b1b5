package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// meetTables plans a look at each table of a booking's way, and looks at none.
const meetTables = `SELECT 1 FROM org WHERE false UNION ALL SELECT 1 FROM settings WHERE false UNION ALL SELECT 1 FROM sms_account WHERE false UNION ALL SELECT 1 FROM suppression WHERE false UNION ALL SELECT 1 FROM sms_breaker WHERE false
	UNION ALL SELECT 1 FROM resource WHERE false UNION ALL SELECT 1 FROM opening_hours WHERE false UNION ALL SELECT 1 FROM service WHERE false UNION ALL SELECT 1 FROM service_resource WHERE false
	UNION ALL SELECT 1 FROM customer WHERE false UNION ALL SELECT 1 FROM booking WHERE false UNION ALL SELECT 1 FROM booking_event WHERE false UNION ALL SELECT 1 FROM hold WHERE false
	UNION ALL SELECT 1 FROM verification WHERE false UNION ALL SELECT 1 FROM message WHERE false UNION ALL SELECT 1 FROM request WHERE false UNION ALL SELECT 1 FROM task WHERE false
	UNION ALL SELECT 1 FROM task_dedup WHERE false`

// warm makes a new connection know the tables. PostgreSQL reads the catalog when a connection first meets a table, a
// policy or a function, which costs a tenth of a second of a core for all of ours; a customer should not wait for that.
// It changes nothing: without an org's name there are no rows.
func warm(ctx context.Context, conn *pgx.Conn) error {
	batch := &pgx.Batch{}
	batch.Queue(meetTables)
	batch.Queue("SELECT FROM hold_take($1, $1, $1, now(), now() + interval '1 min', interval '1 min')", uuid.Nil)
	batch.Queue(`SELECT FROM code_turn($1, '', '', '{"phone": {"per_day": 1}, "prefix": {"per_hour": 1}, "ratio": {"confirmed_percent": 1, "after_texts": 1}}')`, uuid.Nil)
	return conn.SendBatch(ctx, batch).Close()
}
