package store

import "github.com/google/uuid"

// Move states.
const (
	MovePending  = "pending"
	MoveDone     = "done"
	MoveExpired  = "expired"
	MoveReplaced = "replaced"
	MoveCanceled = "canceled"
)

// EndMove queues the end of a booking's wish for another time, if it has one.
func EndMove(tx *Tx, booking uuid.UUID, state string) {
	tx.Queue(`UPDATE move SET state = $3 WHERE org_id = $1 AND booking_id = $2 AND state = 'pending'`, tx.Org, booking, state)
}
