package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store/failpoint"
)

// Tx is a transaction of one org. It saves round trips by one mechanism: a statement whose answer nobody
// needs is queued, and goes out with the next one that is asked for, or with the commit. BEGIN and the
// org's name for row-level security are simply the first two in the queue.
//
// A Tx belongs to one goroutine.
type Tx struct {
	// Org is the org whose rows this transaction sees.
	Org uuid.UUID
	// Enqueued are the tasks that were inserted, to be pushed once it has committed.
	Enqueued []TaskRef
	// Full tells whether the org has so many tasks of a queue in Redis that another one waits here; nil: never. It is
	// asked once for each task that is enqueued, and counts it.
	Full func(queue string) bool
	// Answered are the requests that got their answer, to be told of once it has committed.
	Answered []uuid.UUID
	// Sealed is the head of the org's audit chain, if links were added, to be logged once it has committed.
	Sealed ChainHead

	conn  *pgxpool.Conn
	queue *pgx.Batch
	reads map[int]func(pgx.Rows) error // by place in the queue
	begun bool
}

// triesInTx is how often a transaction that lost against another (40001, 40P01) runs.
const triesInTx = 3

// InTx runs fn in a transaction of org and commits what it did, or rolls back when it returns an error. It
// may run fn again after a serialization failure or a deadlock, so fn must not act on anything but tx. The
// Tx is returned for what it collected.
func InTx(ctx context.Context, pool *pgxpool.Pool, org uuid.UUID, fn func(tx *Tx) error) (*Tx, error) {
	for try := 1; ; try++ {
		tx, err := runTx(ctx, pool, org, fn)
		if code := Code(err); err != nil && try < triesInTx && (code == "40001" || code == "40P01") {
			continue
		}
		return tx, err
	}
}

func runTx(ctx context.Context, pool *pgxpool.Pool, org uuid.UUID, fn func(tx *Tx) error) (*Tx, error) {
	tx, err := Begin(ctx, pool, org)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(ctx)
	if err := fn(tx); err != nil {
		return nil, err
	}
	return tx, tx.Commit(ctx)
}

// Begin takes a connection for a transaction of org. Nothing is sent yet. The caller ends it with Commit
// or Rollback.
func Begin(ctx context.Context, pool *pgxpool.Pool, org uuid.UUID) (*Tx, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	t := &Tx{Org: org, conn: conn, queue: &pgx.Batch{}}
	t.queue.Queue("begin")
	t.queue.Queue("select set_config('app.org_id', $1, true)", org.String())
	return t, nil
}

// Queue adds a statement to go out with the next one that is asked for. Its error, if any, is reported there.
func (t *Tx) Queue(sql string, args ...any) { t.queue.Queue(sql, args...) }

// QueueRead is Queue for a statement whose rows are wanted, but not yet: read gets them when the queue goes out,
// with the next statement that is asked for or with the commit. It must go through all rows, and it decides nothing:
// when they come with the commit, an error of its own is reported and the commit stands. An error of the statement
// undoes the transaction as any other.
func (t *Tx) QueueRead(read func(pgx.Rows) error, sql string, args ...any) {
	if t.reads == nil {
		t.reads = make(map[int]func(pgx.Rows) error)
	}
	t.reads[t.queue.Len()] = read
	t.queue.Queue(sql, args...)
}

// Flush sends what is queued, so that everything read by QueueRead is there.
func (t *Tx) Flush(ctx context.Context) error {
	if t.queue.Len() == 0 {
		return nil
	}
	res, err := t.flush(ctx, t.queue.Len())
	if err != nil {
		return err
	}
	return res.Close()
}

// Query sends what is queued and then sql. The rows must be closed before the next statement.
func (t *Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if t.queue.Len() == 0 {
		return t.conn.Query(ctx, sql, args...)
	}
	t.queue.Queue(sql, args...)
	res, err := t.flush(ctx, t.queue.Len()-1)
	if err != nil {
		return nil, err
	}
	rows, err := res.Query()
	if err != nil {
		return nil, errors.Join(err, res.Close())
	}
	return &batchRows{Rows: rows, res: res}, nil
}

// QueryRow is Query for one row. Scan closes it.
func (t *Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := t.Query(ctx, sql, args...)
	return oneRow{rows, err}
}

// Exec sends what is queued and then sql.
func (t *Tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if t.queue.Len() == 0 {
		return t.conn.Exec(ctx, sql, args...)
	}
	t.queue.Queue(sql, args...)
	res, err := t.flush(ctx, t.queue.Len()-1)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := res.Exec()
	return tag, errors.Join(err, res.Close())
}

// flush sends the queue and reads the answers of its first n statements.
func (t *Tx) flush(ctx context.Context, n int) (pgx.BatchResults, error) {
	batch, reads := t.queue, t.reads
	t.queue, t.reads, t.begun = &pgx.Batch{}, nil, true
	res := t.conn.SendBatch(ctx, batch)
	for i := range n {
		if err := next(res, reads[i]); err != nil {
			_ = res.Close()
			return nil, err
		}
	}
	return res, nil
}

// next takes the answer of the next statement of a batch, for read if there is one.
func next(res pgx.BatchResults, read func(pgx.Rows) error) error {
	if read == nil {
		_, err := res.Exec()
		return err
	}
	rows, err := res.Query()
	if err != nil {
		return err
	}
	err = read(rows)
	rows.Close()
	return errors.Join(err, rows.Err())
}

// Commit sends what is queued together with COMMIT. After an error the outcome is unknown when the
// connection was lost; otherwise nothing was changed, unless it is an error of a reader's own (see QueueRead).
func (t *Tx) Commit(ctx context.Context) error {
	failpoint.Here(ctx, "commit.before")
	t.queue.Queue("commit")
	res, err := t.flush(ctx, t.queue.Len()-1)
	if err != nil {
		return err
	}
	tag, err := res.Exec()
	if err := errors.Join(err, res.Close()); err != nil {
		return err
	}
	failpoint.Here(ctx, "commit.after")
	t.conn.Release()
	t.conn = nil
	if tag.String() == "ROLLBACK" { // the answer to a commit after an error that somebody passed over
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// Rollback undoes everything and gives the connection back. After Commit it does nothing.
func (t *Tx) Rollback(ctx context.Context) {
	if t.conn == nil {
		return
	}
	if t.begun {
		// A cancelled request must not cost the pool its connection.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = t.conn.Exec(ctx, "rollback") // a connection that cannot roll back is closed by Release
	}
	t.conn.Release()
	t.conn = nil
}

// batchRows are rows of a batch: closing them ends the batch.
type batchRows struct {
	pgx.Rows
	res pgx.BatchResults
	err error
}

func (r *batchRows) Close() {
	r.Rows.Close()
	if err := r.res.Close(); err != nil && r.err == nil {
		r.err = err
	}
}

func (r *batchRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

type oneRow struct {
	rows pgx.Rows
	err  error
}

func (r oneRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		r.rows.Close()
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
