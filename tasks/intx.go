package tasks

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
)

// DB is Postgres and the way from it to Redis.
type DB struct {
	Pool   *pgxpool.Pool
	Broker *Broker
	Crowd  *Crowd // nil: every task is pushed at once
}

// Begin is store.Begin for a transaction that may enqueue.
func (db *DB) Begin(ctx context.Context, org uuid.UUID) (*store.Tx, error) {
	tx, err := store.Begin(ctx, db.Pool, org)
	if err == nil {
		db.fair(tx)
	}
	return tx, err
}

// fair makes tasks of an org that has its share in Redis wait for their turn.
func (db *DB) fair(tx *store.Tx) {
	tx.Full = func(queue string) bool { return db.Crowd.full(tx.Org, queue) }
}

// pushBudget bounds what a commit spends on bringing the news to Redis; the relay does what it could not.
const pushBudget = 100 * time.Millisecond

// InTx runs fn in a transaction of org (see store.InTx) and afterwards tells Redis what was enqueued and who
// was answered.
func InTx(ctx context.Context, db *DB, org uuid.UUID, fn func(tx *store.Tx) error) error {
	tx, err := store.InTx(ctx, db.Pool, org, func(tx *store.Tx) error {
		db.fair(tx)
		return fn(tx)
	})
	if err != nil {
		return err
	}
	Announce(ctx, db.Broker, tx)
	return nil
}

// Announce tells Redis of a committed transaction. It cannot fail: news that is lost is repaired by the relay,
// and whoever waits for an answer polls as well.
func Announce(ctx context.Context, b *Broker, tx *store.Tx) {
	if b == nil || len(tx.Enqueued)+len(tx.Answered) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushBudget)
	defer cancel()
	b.announce(ctx, tx.Enqueued, tx.Answered)
}
