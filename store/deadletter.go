package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ReviveTask lets a dead letter run again as if it were new, in a new epoch, for as long as it had at first and at
// most giveUp. It reports whether it could: not while another pending task has its deduplication key. The row is locked by
// this transaction.
func ReviveTask(ctx context.Context, tx *Tx, t Task, giveUp time.Duration) (revived bool, err error) {
	if t.Dedup != "" {
		tag, err := tx.Exec(ctx, `INSERT INTO task_dedup (org_id, type, key, task_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			tx.Org, t.Type, t.Dedup, t.ID)
		if err != nil || tag.RowsAffected() == 0 {
			return false, err
		}
	}
	tx.Queue(`UPDATE task SET state = 'pending', epoch = epoch + 1, attempt = 0, crashes = 0, claimed_by = NULL, stop = NULL,
		run_at = clock_timestamp(), check_at = clock_timestamp() + $3::interval,
		give_up_at = clock_timestamp() + LEAST(give_up_at - created_at, $4::interval), finished_at = NULL
		WHERE org_id = $1 AND id = $2`, tx.Org, t.ID, recheckPushed, giveUp)
	enqueueNext(tx, t)
	return true, nil
}

// HastenTask queues that a pending task is due now, in a new epoch; and with stop ("dead" or "discarded") that this
// delivery is its last and ends it so. The row is locked by this transaction.
func HastenTask(tx *Tx, t Task, stop string) {
	tx.Queue(`UPDATE task SET epoch = epoch + 1, run_at = clock_timestamp(), check_at = clock_timestamp() + $3::interval,
		stop = COALESCE(NULLIF($4, ''), stop) WHERE org_id = $1 AND id = $2`, tx.Org, t.ID, recheckPushed, stop)
	enqueueNext(tx, t)
}

// enqueueNext has t pushed in its next epoch once tx has committed.
func enqueueNext(tx *Tx, t Task) {
	tx.Enqueued = append(tx.Enqueued, TaskRef{Org: tx.Org, ID: t.ID, Type: t.Type, Queue: t.Queue, Epoch: t.Epoch + 1})
}

// TaskOrg tells whose task it is; ErrNotFound when no org has it. db is of a role that sees every org.
func TaskOrg(ctx context.Context, db DB, id uuid.UUID) (uuid.UUID, error) {
	rows, err := db.Query(ctx, `SELECT o.id FROM org o, LATERAL (SELECT FROM task t WHERE t.org_id = o.id AND t.id = $1 OFFSET 0) t`, id)
	return one(rows, err, pgx.RowTo[uuid.UUID])
}

// DeadLetter is a dead task as operators see it. It holds ids, states, times and reason codes.
type DeadLetter struct {
	ID       uuid.UUID       `json:"id"`
	Org      string          `json:"org"` // its slug
	Type     string          `json:"type"`
	Reason   string          `json:"reason"`
	DiedAt   time.Time       `json:"died_at"`
	Age      time.Duration   `json:"-"`        // since it died, by the database's clock
	Attempts int             `json:"attempts"` // runs that counted, the last included
	About    json.RawMessage `json:"about"`    // its payload, and the booking where one is known
}

// DeadLetterFilter says which dead letters are listed.
type DeadLetterFilter struct {
	Org   uuid.NullUUID // of one org
	Type  string        // "" = every type
	Limit int           // at most so many, the newest; 0 = all
}

const deadLetterAbout = `t.payload || jsonb_strip_nulls(jsonb_build_object('booking', COALESCE(m.booking_id, r.booking_id)))`

const deadLetterJoins = `task t JOIN org o ON o.id = t.org_id
	LEFT JOIN request r ON r.org_id = t.org_id AND r.id = t.request_id
	LEFT JOIN message m ON m.org_id = t.org_id AND m.id = (t.payload->>'message')::uuid`

// DeadLetters lists dead letters, the last to die first. db is of a role that sees every org.
func DeadLetters(ctx context.Context, db DB, f DeadLetterFilter) ([]DeadLetter, error) {
	rows, err := db.Query(ctx, `SELECT t.id, o.slug, t.type, COALESCE(t.last_error, ''), t.finished_at,
		       clock_timestamp() - t.finished_at, t.attempt + 1, `+deadLetterAbout+`
		  FROM `+deadLetterJoins+`
		 WHERE t.state = 'dead' AND ($1::uuid IS NULL OR t.org_id = $1) AND ($2 = '' OR t.type = $2)
		 ORDER BY t.finished_at DESC LIMIT NULLIF($3, 0)`, f.Org, f.Type, f.Limit)
	return many(rows, err, pgx.RowToStructByPos[DeadLetter])
}

// TaskDetail is everything of a task's row but its headers.
type TaskDetail struct {
	ID         uuid.UUID       `json:"id"`
	Org        string          `json:"org"`
	Type       string          `json:"type"`
	Queue      string          `json:"queue"`
	State      string          `json:"state"`
	Reason     string          `json:"reason,omitempty"`
	Stop       string          `json:"stop,omitempty"`
	About      json.RawMessage `json:"about"`
	Request    *uuid.UUID      `json:"request,omitempty"`
	Epoch      int             `json:"epoch"`
	Attempt    int             `json:"attempt"` // counted runs that were to be repeated
	Crashes    int             `json:"crashes"`
	ClaimNo    int             `json:"calls"`
	CreatedAt  time.Time       `json:"created_at"`
	RunAt      time.Time       `json:"run_at"`
	GiveUpAt   time.Time       `json:"give_up_at"`
	FinishedAt *time.Time      `json:"finished_at,omitempty"`
	Actions    []TaskAction    `json:"actions"`
}

// TaskAction is what somebody did to a task.
type TaskAction struct {
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	Action string    `json:"action"` // task.replay, task.discard, task.hasten, task.stop
	Why    string    `json:"why"`
}

// FindTask reads a task of org with what was done to it, oldest first. db is of a role that sees every org.
func FindTask(ctx context.Context, db DB, org, id uuid.UUID) (TaskDetail, error) {
	rows, err := db.Query(ctx, `SELECT t.id, o.slug, t.type, t.queue, t.state, COALESCE(t.last_error, ''), COALESCE(t.stop, ''), `+deadLetterAbout+`,
		       t.request_id, t.epoch, t.attempt, t.crashes, t.claim_no, t.created_at, t.run_at, t.give_up_at, t.finished_at
		  FROM `+deadLetterJoins+` WHERE t.org_id = $1 AND t.id = $2`, org, id)
	d, err := one(rows, err, func(r pgx.CollectableRow) (d TaskDetail, err error) {
		err = r.Scan(&d.ID, &d.Org, &d.Type, &d.Queue, &d.State, &d.Reason, &d.Stop, &d.About, &d.Request, &d.Epoch, &d.Attempt, &d.Crashes,
			&d.ClaimNo, &d.CreatedAt, &d.RunAt, &d.GiveUpAt, &d.FinishedAt)
		return d, err
	})
	if err != nil {
		return d, err
	}
	rows, err = db.Query(ctx, `SELECT at, actor, action, COALESCE(detail->>'why', '') FROM audit_log
		WHERE org_id = $1 AND subject = $2 ORDER BY id`, org, id.String())
	d.Actions, err = many(rows, err, pgx.RowToStructByPos[TaskAction])
	return d, err
}
