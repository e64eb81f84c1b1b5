package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// TaskRef names a task in one epoch: all that Redis is told.
type TaskRef struct {
	Org, ID uuid.UUID
	Type    string
	Queue   string
	Epoch   int
}

// NewTask is a task to insert.
type NewTask struct {
	ID      uuid.UUID
	Type    string
	Queue   string
	Payload []byte // JSON, ids only
	Headers []byte // JSON
	Request uuid.NullUUID
	Delay   time.Duration // 0 = now
	GiveUp  time.Duration // from now; a task that is still waiting then is dead
	Dedup   string        // "" = none; else at most one pending task of the type has it
}

// recheckPushed is how long after its push a task is looked at for the first time.
const recheckPushed = 2 * time.Second

// InsertTask queues the insert of n. With a Dedup key that is taken, nothing is inserted. A task of an org that has
// enough of them in Redis stands in line there: FeedTasks takes it out when its turn has come.
func InsertTask(tx *Tx, n NewTask) {
	check := n.Delay
	if check == 0 {
		check = recheckPushed
	}
	inLine := n.Delay == 0 && tx.Full != nil && tx.Full(n.Queue)
	args := []any{tx.Org, n.ID, n.Type, n.Queue, n.Payload, n.Headers, n.Request, n.Delay, check, n.GiveUp, n.Dedup, inLine}
	const cols = `task (org_id, id, type, queue, payload, headers, request_id, run_at, check_at, give_up_at, dedup_key)`
	const vals = `$1::uuid, $2::uuid, $3::text, $4, $5::jsonb, $6::jsonb, $7::uuid,
		clock_timestamp() + $8::interval, CASE WHEN $12::bool THEN 'infinity' ELSE clock_timestamp() + $9::interval END, clock_timestamp() + $10::interval, NULLIF($11::text, '')`
	if n.Dedup == "" {
		tx.Queue(`INSERT INTO `+cols+` VALUES (`+vals+`)`, args...)
	} else {
		tx.Queue(`WITH fresh AS (
			INSERT INTO task_dedup (org_id, type, key, task_id) VALUES ($1, $3, $11, $2) ON CONFLICT DO NOTHING RETURNING 1)
			INSERT INTO `+cols+` SELECT `+vals+` FROM fresh`, args...)
	}
	if n.Delay == 0 && !inLine {
		tx.Enqueued = append(tx.Enqueued, TaskRef{Org: tx.Org, ID: n.ID, Type: n.Type, Queue: n.Queue, Epoch: 1})
	}
}

// Task is a row that a worker has locked.
type Task struct {
	Org, ID   uuid.UUID
	Type      string
	Queue     string
	Payload   []byte
	Request   uuid.NullUUID
	Dedup     string // the key that no other pending task of the type has
	State     string
	Epoch     int
	Attempt   int
	Crashes   int
	Due       bool // its time has come
	Over      bool // its time is over (give_up_at)
	ClaimNo   int
	Claimed   bool   // a call to the outside world was begun and not recorded
	ClaimLive bool   // and its worker is still at it
	Stop      string // how an operator wants it to end: dead, discarded, or ""
	LastError string // the reason code of its last failure

	asked sealedRequest // the request that it answers, as it lies in the database
}

// ErrLocked says that another transaction works on the row at this moment.
var ErrLocked = errors.New("locked")

// TakeTask locks the task's row, and reads with it the request that it answers (OpenRequest). It returns
// ErrLocked when another holds it and ErrNotFound when the org has no such task.
func TakeTask(ctx context.Context, tx *Tx, id uuid.UUID) (Task, error) {
	t := Task{Org: tx.Org, ID: id}
	err := tx.QueryRow(ctx, selectTask+` FOR UPDATE OF t SKIP LOCKED`, tx.Org, id).Scan(t.fields()...)
	if !errors.Is(err, pgx.ErrNoRows) {
		return t, err
	}
	var exists bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM task WHERE org_id = $1 AND id = $2)`, tx.Org, id).Scan(&exists); err != nil {
		return t, err
	}
	if exists {
		return t, ErrLocked
	}
	return t, ErrNotFound
}

const selectTask = `
	SELECT t.type, t.queue, t.payload, t.request_id, COALESCE(t.dedup_key, ''), t.state, t.epoch, t.attempt, t.crashes,
	       t.run_at <= clock_timestamp(), t.give_up_at <= clock_timestamp(), t.claim_no, t.claimed_by IS NOT NULL,
	       t.claimed_by IS NOT NULL AND t.claim_until > clock_timestamp() AND worker_lives(t.claimed_by), COALESCE(t.stop, ''), COALESCE(t.last_error, ''),
	       r.body_sealed, r.booking_id, clock_timestamp(), o.region
	  FROM task t JOIN org o ON o.id = t.org_id LEFT JOIN request r ON r.org_id = t.org_id AND r.id = t.request_id
	 WHERE t.org_id = $1 AND t.id = $2`

// fields lists where selectTask's columns go.
func (t *Task) fields() []any {
	a := &t.asked
	return []any{&t.Type, &t.Queue, &t.Payload, &t.Request, &t.Dedup, &t.State, &t.Epoch, &t.Attempt, &t.Crashes,
		&t.Due, &t.Over, &t.ClaimNo, &t.Claimed, &t.ClaimLive, &t.Stop, &t.LastError, &a.body, &a.booking, &a.now, &a.region}
}

// LockTask is TakeTask for who can wait until another transaction has done with the row.
func LockTask(ctx context.Context, tx *Tx, id uuid.UUID) (Task, error) {
	t := Task{Org: tx.Org, ID: id}
	err := tx.QueryRow(ctx, selectTask+` FOR UPDATE OF t`, tx.Org, id).Scan(t.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, ErrNotFound
	}
	return t, err
}

// ClaimTask queues the note that worker begins a call to the outside world on t, which may take until at
// most limit from now. The claim's number is t.ClaimNo + 1.
func ClaimTask(tx *Tx, t Task, worker uuid.UUID, limit time.Duration) {
	tx.Queue(`UPDATE task SET claimed_by = $3, claim_no = claim_no + 1, claim_until = clock_timestamp() + $4::interval
		WHERE org_id = $1 AND id = $2`, tx.Org, t.ID, worker, limit)
}

// LockClaim queues the lock of the task's row, waiting for it. stands is filled in when the queue goes out: whether
// the claim still stands, since a call that was taken for lost may have been settled by somebody else.
func LockClaim(tx *Tx, id uuid.UUID, claimNo int, stands *bool) {
	tx.QueueRead(func(rows pgx.Rows) (err error) {
		*stands, err = one(rows, nil, pgx.RowTo[bool])
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}, `SELECT state = 'pending' AND claim_no = $3 AND claimed_by IS NOT NULL
		FROM task WHERE org_id = $1 AND id = $2 FOR UPDATE`, tx.Org, id, claimNo)
}

// FinishClaim queues the end of a task whose call was made, if its claim still stands.
func FinishClaim(tx *Tx, t Task, claimNo int) {
	if t.Dedup != "" {
		tx.Queue(`DELETE FROM task_dedup d USING task t WHERE d.org_id = $1 AND d.task_id = $2 AND d.type = $4 AND d.key = $5
			AND t.org_id = $1 AND t.id = $2 AND `+claimStands, tx.Org, t.ID, claimNo, t.Type, t.Dedup)
	}
	tx.Queue(`UPDATE task t SET state = 'done', finished_at = clock_timestamp(), claimed_by = NULL
		WHERE t.org_id = $1 AND t.id = $2 AND `+claimStands, tx.Org, t.ID, claimNo)
}

const claimStands = `t.state = 'pending' AND t.claim_no = $3 AND t.claimed_by IS NOT NULL`

// FinishTask queues t's end in state done, dead or discarded. The row is locked by this transaction.
func FinishTask(tx *Tx, t Task, state, lastError string) {
	if t.Dedup != "" {
		tx.Queue(`DELETE FROM task_dedup WHERE org_id = $1 AND type = $2 AND key = $3 AND task_id = $4`, tx.Org, t.Type, t.Dedup, t.ID)
	}
	tx.Queue(`UPDATE task SET state = $3, finished_at = clock_timestamp(), claimed_by = NULL, last_error = COALESCE(NULLIF($4, ''), last_error)
		WHERE org_id = $1 AND id = $2`, tx.Org, t.ID, state, lastError)
}

// PostponeTask queues t's next run after delay, or when it is to be given up if that is sooner: what it holds must
// be undone then. counted says whether it uses up an attempt. With newEpoch the delay waits here and the relay
// pushes it; without, it waits in Redis and is looked at some seconds after it was due there. A claim is settled by
// that unless it is kept: by a run that ended by accident, which does not know whether its claim was committed.
func PostponeTask(tx *Tx, t Task, delay time.Duration, lastError string, counted, newEpoch, keepClaim bool) {
	var attempt, epoch int
	if counted {
		attempt = 1
	}
	check := delay + 4*time.Second
	if newEpoch {
		epoch, check = 1, delay
	}
	tx.Queue(`UPDATE task SET run_at = LEAST(clock_timestamp() + $3::interval, give_up_at),
		check_at = LEAST(clock_timestamp() + $4::interval, GREATEST(give_up_at, clock_timestamp())),
		attempt = attempt + $5, epoch = epoch + $6, last_error = $7, claimed_by = CASE WHEN $8 THEN claimed_by END
		WHERE org_id = $1 AND id = $2`, tx.Org, t.ID, delay, check, attempt, epoch, lastError, keepClaim)
}

func refs(ctx context.Context, db DB, sql string, args ...any) ([]TaskRef, error) {
	rows, err := db.Query(ctx, sql, args...)
	return many(rows, err, func(r pgx.CollectableRow) (TaskRef, error) {
		var t TaskRef
		err := r.Scan(&t.Org, &t.ID, &t.Type, &t.Queue, &t.Epoch)
		return t, err
	})
}

// DueTasks takes up to limit pending tasks that nobody has looked at for a while, of every org, and moves
// their next look ahead.
func DueTasks(ctx context.Context, db DB, limit int) ([]TaskRef, error) {
	return refs(ctx, db, `SELECT org_id, id, type, queue, epoch FROM task_due($1)`, limit)
}

// BumpTasks gives each of list that is still pending in its epoch, and not being worked on, a new epoch.
// crashed counts against the number of times a task may kill its process. It returns the tasks it changed.
func BumpTasks(ctx context.Context, db DB, list []TaskRef, crashed bool) ([]TaskRef, error) {
	orgs, ids, epochs := columns(list)
	return refs(ctx, db, `SELECT org_id, id, type, queue, epoch FROM task_bump($1, $2, $3, $4)`, orgs, ids, epochs, crashed)
}

// Crowd is how many tasks of a queue an org has in Redis, or will have within half a minute.
type Crowd struct {
	Org   uuid.UUID
	Queue string
	N     int64
	Line  bool // and more wait for their turn
}

// Crowds lists the orgs that have at least so many in one queue, or any in line.
func Crowds(ctx context.Context, db DB, least int) ([]Crowd, error) {
	rows, err := db.Query(ctx, `SELECT COALESCE(c.org_id, p.org_id), COALESCE(c.queue, p.queue), COALESCE(c.n, 0), p.org_id IS NOT NULL
		FROM task_crowd($1) c FULL JOIN task_lines() p ON p.org_id = c.org_id AND p.queue = c.queue`, least)
	return many(rows, err, pgx.RowToStructByPos[Crowd])
}

// FeedTasks takes tasks out of their lines, in turns by org, so that no org has more than most of one queue in Redis. While
// another session feeds it returns none.
func FeedTasks(ctx context.Context, db DB, most int) ([]TaskRef, error) {
	return refs(ctx, db, `SELECT org_id, id, type, queue, epoch FROM task_feed($1)`, most)
}

// LineUpTasks puts in line those of list that are still pending in their epoch, in a new one.
func LineUpTasks(ctx context.Context, db DB, list []TaskRef) (n int64, err error) {
	orgs, ids, epochs := columns(list)
	err = db.QueryRow(ctx, `SELECT task_line_up($1, $2, $3)`, orgs, ids, epochs).Scan(&n)
	return n, err
}

// OrphanTasks tells which of list nobody is working on.
func OrphanTasks(ctx context.Context, db DB, list []TaskRef) ([]TaskRef, error) {
	orgs, ids, epochs := columns(list)
	return refs(ctx, db, `SELECT org_id, id, '', '', epoch FROM task_orphans($1, $2, $3)`, orgs, ids, epochs)
}

// DeadTasks lists the newest dead letters of every org, newest first.
func DeadTasks(ctx context.Context, db DB, limit int) ([]TaskRef, error) {
	return refs(ctx, db, `SELECT org_id, id, type, queue, epoch FROM task_dead_newest($1)`, limit)
}

func columns(list []TaskRef) (orgs, ids []uuid.UUID, epochs []int) {
	for _, t := range list {
		orgs, ids, epochs = append(orgs, t.Org), append(ids, t.ID), append(epochs, t.Epoch)
	}
	return orgs, ids, epochs
}

// RecheckTasks makes all due tasks due for a look at once, after Redis was lost or away, and counts them.
func RecheckTasks(ctx context.Context, db DB) (n int64, err error) {
	err = db.QueryRow(ctx, `SELECT task_recheck()`).Scan(&n)
	return n, err
}

// TaskStat counts the tasks of one type in one state.
type TaskStat struct {
	Type, State string
	N           int64
	OldestDue   time.Time
}

// TaskStats counts pending and dead tasks over all orgs.
func TaskStats(ctx context.Context, db DB) ([]TaskStat, error) {
	rows, err := db.Query(ctx, `SELECT type, state, n, oldest_due FROM task_stats()`)
	return many(rows, err, pgx.RowToStructByPos[TaskStat])
}
