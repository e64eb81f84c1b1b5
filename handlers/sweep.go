package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"holdfast/store"
	"holdfast/store/failpoint"
	"holdfast/tasks"
)

// Sweep does everything that is due for one org, up to a batch, in the transaction it is given. It reports how
// many rows it changed and whether there may be more.
type Sweep struct {
	Every time.Duration
	After time.Duration // how long something waits before it is due, where that is no time of its own
	Do    func(ctx context.Context, tx *store.Tx) (n int, more bool, err error)
}

// ticked is what became of a tick, as asynqmon shows it beside the task that brought it.
type ticked struct {
	Rows           *int   `json:"rows,omitempty"`             // that it changed
	TakenByAnother bool   `json:"taken_by_another,omitempty"` // of this window: several schedulers bring one each
	Error          string `json:"error,omitempty"`            // a reason code
}

// report writes it while asynq still calls the task active. asynq writes a result whether or not the task is there
// (rdb.WriteResult is a bare HSET): had it been deleted, a hash without an end would stay. Here that does no harm. An active
// task is deleted by nobody, and whoever has lost its lease has a context that is over, with which nothing is written; only
// a Redis that is emptied in this very moment leaves one such hash, of some bytes, whose id no task will ever have again.
func report(at *asynq.Task, t ticked) {
	w := at.ResultWriter()
	raw, err := json.Marshal(t)
	if w == nil || err != nil { // a task that no server delivered has none
		return
	}
	_, _ = w.Write(raw) // it is for people; the table has it too
}

// tick runs a periodic task unless another process has taken this window. A tick has no task row and never
// fails towards asynq: what it did not get done is due again at the next.
func (r *Runner) tick(ctx context.Context, name string, s Sweep) ticked {
	failpoint.Here(ctx, "take.before")
	window, taken, err := store.TakeTick(ctx, r.DB.Pool, name, s.Every)
	if err != nil {
		r.Log.WarnContext(ctx, "tick not taken", "tick", name, "error", store.Safe(err))
		return ticked{Error: reasonOf(err)}
	}
	if !taken {
		return ticked{TakenByAnother: true}
	}
	failpoint.Here(ctx, "take.after")
	n, err := r.sweep(ctx, name, s)
	failure := ""
	if err != nil {
		failure = reasonOf(err)
		r.Log.WarnContext(ctx, "tick", "tick", name, "rows", n, "error", store.Safe(err))
	}
	r.Metrics.Ticks.WithLabelValues(name).Add(float64(n))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // asynq cuts off a sweep that takes longer than its interval
	defer cancel()
	failpoint.Here(ctx, "finish.before")
	if err := store.FinishTick(ctx, r.DB.Pool, name, window, n, failure); err != nil {
		r.Log.WarnContext(ctx, "tick not finished", "tick", name, "error", store.Safe(err))
	}
	return ticked{Rows: &n, Error: failure}
}

// sweep goes round the orgs that have something due, one batch each, until nobody has more: an org with much
// to do does not keep the others waiting. One org's failure does not stop the others.
func (r *Runner) sweep(ctx context.Context, name string, s Sweep) (total int, err error) {
	orgs, err := store.OrgsDue(ctx, r.DB.Pool, name, s.After)
	if err != nil {
		return 0, err
	}
	for len(orgs) > 0 && ctx.Err() == nil {
		var rest []uuid.UUID
		for _, org := range orgs {
			var n int
			var more bool
			var sealed store.ChainHead
			failed := tasks.InTx(ctx, r.DB, org, func(tx *store.Tx) (err error) {
				n, more, err = s.Do(ctx, tx)
				sealed = tx.Sealed
				return err
			})
			if failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			if sealed.Seq > 0 {
				r.Log.InfoContext(ctx, "audit log sealed", "org", org, "head", sealed)
			}
			total += n
			if more {
				rest = append(rest, org)
			}
		}
		orgs = rest
	}
	return total, err
}

// enqueueEach makes a task of one type for each text that a sweep has found; only texts become tasks.
func enqueueEach(tx *store.Tx, typ tasks.Type[tasks.MessagePayload], texts []uuid.UUID) error {
	for _, id := range texts {
		if _, err := typ.Enqueue(tx, tasks.MessagePayload{Message: id}); err != nil {
			return err
		}
	}
	return nil
}
