package store

import (
	"context"
	"time"
)

// TakePace asks whether a text of a sender pool may go that sends one every so often: 0 when it may, and then it has
// been counted, else how long to wait. ahead is how far the pool may be behind with what was sent: who may run further
// ahead goes first. Codes and others wait in lines of their own.
func TakePace(ctx context.Context, tx *Tx, pool string, every, ahead time.Duration, code bool) (wait time.Duration, err error) {
	err = tx.QueryRow(ctx, `SELECT sms_pace_take($1, $2, $3, $4, $5)`, tx.Org, pool, every, ahead, code).Scan(&wait)
	return wait, err
}
