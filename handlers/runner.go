package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/hibiken/asynq"

	"holdfast/store"
	"holdfast/store/failpoint"
	"holdfast/store/logctx"
	"holdfast/tasks"
)

// Runner is the middleware around every handler: it takes the task's row, runs the handler, and commits what
// it did together with what happens next. It is an asynq.Handler and safe for concurrent use.
type Runner struct {
	DB      *tasks.DB
	Mux     *Mux
	Worker  *tasks.Worker
	Metrics *tasks.Metrics
	Log     *slog.Logger
	// CallLimit is how long a call to the outside world may take (HOLDFAST_HTTP_TIMEOUT).
	CallLimit time.Duration
}

const (
	// maxCrashes is how often a task may kill its process before it is given up.
	maxCrashes = 3
	// claimSlack is added to CallLimit: until then the worker that claimed is believed to be at it.
	claimSlack = 2 * time.Second
	// rowBusy is when to ask again for a row that another delivery holds.
	rowBusy = time.Second
	// maxInRedis is the longest delay that waits in asynq's retry set, where operators see it.
	maxInRedis = time.Minute
	// stopped is why a task ends that an operator has ended.
	stopped = "stopped-by-operator"
	// reruns is how often a transaction that lost a race runs again at once.
	reruns = 3
)

// ProcessTask handles one delivery. What it returns is for asynq alone: nil acknowledges, *tasks.Later asks
// for another delivery, asynq.SkipRetry archives.
func (r *Runner) ProcessTask(ctx context.Context, at *asynq.Task) error {
	if sweep, ok := r.Mux.sweeps[at.Type()]; ok {
		report(at, r.tick(failpoint.Scene(ctx, at.Type(), "tick"), at.Type(), sweep))
		return nil
	}
	id, _ := asynq.GetTaskID(ctx)
	d, err := tasks.ParseDelivery(id, at.Payload())
	if err != nil {
		r.Log.WarnContext(ctx, "foreign message dropped", "type", at.Type())
		return nil
	}
	defer r.Worker.Begin(d.Task)()
	ctx = logctx.With(ctx, slog.String("task_id", d.Task.String()), slog.String("task_type", at.Type()), slog.String("org_id", d.Org.String()))
	ctx = failpoint.Scene(ctx, at.Type(), "work")
	start := time.Now()
	res := r.deliver(ctx, d)
	r.Metrics.Runs.WithLabelValues(at.Type(), res.label).Inc()
	r.Metrics.Seconds.WithLabelValues(at.Type()).Observe(time.Since(start).Seconds())
	return res.toAsynq
}

// result is what became of a delivery.
type result struct {
	label   string // for metrics
	toAsynq error
}

var (
	done    = result{label: "done"}
	garbage = result{label: "garbage"}
)

func again(label string, after time.Duration) result {
	return result{label, &tasks.Later{Delay: after, Reason: label}}
}

// deliver runs the task once; a transaction that lost a race against another runs again at once.
func (r *Runner) deliver(ctx context.Context, d tasks.Delivery) result {
	for try := 1; ; try++ {
		res, err := r.attempt(ctx, d)
		if err == nil {
			return res
		}
		if code := store.Code(err); try < reruns && (code == "40001" || code == "40P01" || code == "23505") {
			continue
		}
		return r.accident(ctx, d, err)
	}
}

// attempt takes the row and runs the handler in its transaction. An error means that nothing was committed,
// or that it is not known.
func (r *Runner) attempt(ctx context.Context, d tasks.Delivery) (result, error) {
	tx, err := r.DB.Begin(ctx, d.Org)
	if err != nil {
		return result{}, err
	}
	defer tx.Rollback(ctx)
	t, err := store.TakeTask(ctx, tx, d.Task)
	if res, stop := judge(t, err, d.Epoch); stop {
		return res, nil
	}
	if err != nil {
		return result{}, err
	}
	h, known := r.Mux.routes[t.Type]
	switch {
	case !known: // a newer version enqueued it: a worker that knows it will come
		return r.finish(ctx, tx, t, h, tasks.Snooze("unknown-type", time.Second))
	case t.Crashes > maxCrashes:
		return r.finish(ctx, tx, t, h, tasks.Dead("crashed", nil))
	case t.Claimed && h.abandoned != nil: // even when it is to be given up: the call may have been made
		ctx = failpoint.Scene(ctx, t.Type, "abandoned")
		return r.finish(ctx, tx, t, h, safely(func() error { return h.abandoned(ctx, tx, t) }))
	case t.Stop != "":
		return r.finish(ctx, tx, t, h, tasks.Dead(stopped, nil))
	case t.Over:
		return r.finish(ctx, tx, t, h, tasks.Dead("gave-up", nil))
	}
	var next call
	err = safely(func() (err error) { next, err = h.work(ctx, tx, t); return err })
	if err != nil || next == nil {
		return r.finish(ctx, tx, t, h, err)
	}
	return r.call(ctx, tx, t, h, next)
}

// judge decides what needs no handler: an old epoch, a row that is not pending or not due, a live claim.
func judge(t store.Task, err error, epoch int) (result, bool) {
	switch {
	case errors.Is(err, store.ErrLocked):
		return again("locked", rowBusy), true
	case errors.Is(err, store.ErrNotFound):
		return garbage, true
	case err != nil:
		return result{}, false
	case t.State == "dead":
		// Only Postgres replays. The delivery lands in asynq's archive, where operators see dead letters.
		return result{"dead", fmt.Errorf("%s: %w", t.LastError, asynq.SkipRetry)}, true
	case t.State != "pending", t.Epoch != epoch, !t.Due, t.ClaimLive:
		return garbage, true
	}
	return result{}, false
}

// call commits the claim, makes the call and records what came of it. From here on nothing is cancelled: a
// result that exists is recorded.
func (r *Runner) call(ctx context.Context, tx *store.Tx, t store.Task, h route, next call) (result, error) {
	store.ClaimTask(tx, t, r.Worker.ID, r.CallLimit+claimSlack)
	deadline := time.Now().Add(r.CallLimit) // counted from before the commit: the call never outlives the claim
	ctx = failpoint.Scene(ctx, t.Type, "claim")
	if err := r.commit(ctx, tx); err != nil {
		return result{}, err
	}
	ctx = failpoint.Scene(context.WithoutCancel(ctx), t.Type, "call")
	failpoint.Here(ctx, "before")
	callCtx, cancel := context.WithDeadline(ctx, deadline)
	record := func(context.Context, *store.Tx) error { return nil }
	failed := safely(func() error { record = next(callCtx); return nil })
	cancel()
	failpoint.Here(ctx, "after")
	if failed != nil { // a panic within the call: its outcome is unknown, so the claim is left to be found abandoned
		r.Log.ErrorContext(ctx, "call panicked", "error", failed)
		return again("abandoned", r.CallLimit+claimSlack), nil
	}
	return r.record(failpoint.Scene(ctx, t.Type, "record"), t, h, record)
}

// record writes down the result of a call, trying for some seconds. When Postgres stays away the claim is found
// abandoned later.
func (r *Runner) record(ctx context.Context, t store.Task, h route, record func(context.Context, *store.Tx) error) (result, error) {
	for try := 0; ; try++ {
		res, err := r.recordOnce(ctx, t, h, record)
		if err == nil || try == 5 {
			if err != nil {
				r.Log.ErrorContext(ctx, "result not recorded", "error", store.Safe(err))
				res = again("unrecorded", r.CallLimit+claimSlack)
			}
			return res, nil
		}
		time.Sleep(100 * time.Millisecond << try)
	}
}

func (r *Runner) recordOnce(ctx context.Context, t store.Task, h route, record func(context.Context, *store.Tx) error) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tx, err := r.DB.Begin(ctx, t.Org)
	if err != nil {
		return result{}, err
	}
	defer tx.Rollback(ctx)
	var stands bool
	store.LockClaim(tx, t.ID, t.ClaimNo+1, &stands)
	err = safely(func() error { return record(ctx, tx) })
	if err == nil { // what happened is written down whether or not the claim stands, so all of it is one round trip
		store.FinishClaim(tx, t, t.ClaimNo+1)
		err := r.commit(ctx, tx)
		if !stands {
			return result{label: "stolen"}, err
		}
		return done, err
	}
	if err := tx.Flush(ctx); err != nil {
		return result{}, err
	}
	if stands {
		return r.finish(ctx, tx, t, h, err)
	}
	return r.recordStolen(ctx, tx, t, h, err)
}

// recordStolen ends the record of a failed call whose task somebody settled meanwhile. What happened in the world is
// written down, undone too when it has failed for good; but the task is left alone. A result that only says to run
// again is dropped: nobody would, and whoever took the claim for lost is looking into it.
func (r *Runner) recordStolen(ctx context.Context, tx *store.Tx, t store.Task, h route, err error) (result, error) {
	stolen := result{label: "stolen"}
	var o *tasks.Outcome
	if !errors.As(err, &o) {
		return result{}, err
	}
	if o.Verdict != tasks.VerdictDead {
		return stolen, nil
	}
	if h.undo != nil {
		if err := safely(func() error { return h.undo(ctx, tx, t, o.Reason) }); err != nil {
			return result{}, err
		}
	}
	return stolen, r.commit(ctx, tx)
}

// finish commits what the handler wrote together with what happens next. An accident is returned: nothing of
// it is committed.
func (r *Runner) finish(ctx context.Context, tx *store.Tx, t store.Task, h route, err error) (result, error) {
	var o *tasks.Outcome
	switch {
	case err == nil:
		store.FinishTask(tx, t, "done", "")
		return done, r.commit(ctx, tx)
	case !errors.As(err, &o):
		return result{}, err
	case o.Verdict == tasks.VerdictDead:
		return r.dead(ctx, tx, t, h, o)
	case o.Verdict == tasks.VerdictRetry && lastAttempt(t):
		return r.dead(ctx, tx, t, h, &tasks.Outcome{Verdict: tasks.VerdictDead, Reason: o.Reason, Err: o.Err})
	}
	if o.Err != nil {
		r.Log.InfoContext(ctx, "task postponed", "reason", o.Reason, "error", store.Safe(o.Err))
	}
	delay := o.Delay
	if delay <= 0 {
		delay = tasks.Backoff(t.Attempt, rand.Float64())
	}
	return r.postpone(ctx, tx, t, delay, o.Reason, o.Verdict == tasks.VerdictRetry, false)
}

func lastAttempt(t store.Task) bool {
	for _, info := range tasks.All() {
		if info.Name == t.Type {
			return t.Attempt+1 >= info.MaxAttempts
		}
	}
	return false
}

func (r *Runner) postpone(ctx context.Context, tx *store.Tx, t store.Task, delay time.Duration, reason string, counted, keepClaim bool) (result, error) {
	ctx = failpoint.Scene(ctx, t.Type, "postpone")
	inRedis := delay <= maxInRedis
	store.PostponeTask(tx, t, delay, reason, counted, !inRedis, keepClaim)
	if err := r.commit(ctx, tx); err != nil {
		return result{}, err
	}
	label := "snooze"
	if counted {
		label = "retry"
	}
	if inRedis {
		return result{label, &tasks.Later{Delay: delay, Reason: reason}}, nil
	}
	return result{label: label}, nil
}

// dead makes the task a dead letter, undoes what it left, and answers whoever waits for it, in one commit.
func (r *Runner) dead(ctx context.Context, tx *store.Tx, t store.Task, h route, o *tasks.Outcome) (result, error) {
	ctx = failpoint.Scene(ctx, t.Type, "dead")
	if h.undo != nil {
		if err := safely(func() error { return h.undo(ctx, tx, t, o.Reason) }); err != nil {
			return result{}, &undoError{reason: o.Reason, err: err}
		}
	}
	state := "dead"
	if o.Reason == stopped {
		state = t.Stop
	}
	store.FinishTask(tx, t, state, o.Reason)
	if state == "discarded" && h.forget != nil {
		if err := safely(func() error { return h.forget(ctx, tx, t) }); err != nil {
			return result{}, err
		}
	}
	if t.Request.Valid {
		store.AnswerRequest(tx, t.Request.UUID, NewProblem("request-failed", "", "").Answer())
	}
	if err := r.commit(ctx, tx); err != nil {
		return result{}, err
	}
	attrs := []any{"state", state, "reason", o.Reason}
	if o.Err != nil {
		attrs = append(attrs, "error", store.Safe(o.Err))
	}
	r.Log.ErrorContext(ctx, "task given up", attrs...)
	if state == "discarded" {
		return result{label: state}, nil
	}
	return result{"dead", fmt.Errorf("%s: %w", o.Reason, asynq.SkipRetry)}, nil
}

func (r *Runner) commit(ctx context.Context, tx *store.Tx) error {
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	tasks.Announce(ctx, r.DB.Broker, tx)
	return nil
}

// undoError is a task that should be dead but could not be undone: it is tried again, and when its attempts
// are used up it is dead without, marked so that an audit finds it.
type undoError struct {
	reason string
	err    error
}

func (e *undoError) Error() string { return "undo: " + e.reason }
func (e *undoError) Unwrap() error { return e.err }

// accident records a failed run in a transaction of its own: the next try, or the end of tries. It changes the
// row only if it is as the run saw it, since a commit may have succeeded though its answer was lost.
func (r *Runner) accident(ctx context.Context, d tasks.Delivery, cause error) result {
	r.Log.WarnContext(ctx, "task failed", "error", store.Safe(cause))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	res, err := r.recordAccident(ctx, d, cause)
	if err != nil {
		r.Log.WarnContext(ctx, "failure not recorded", "error", store.Safe(err))
		return again("unrecorded", tasks.Backoff(1, rand.Float64()))
	}
	return res
}

func (r *Runner) recordAccident(ctx context.Context, d tasks.Delivery, cause error) (result, error) {
	tx, err := r.DB.Begin(ctx, d.Org)
	if err != nil {
		return result{}, err
	}
	defer tx.Rollback(ctx)
	t, err := store.TakeTask(ctx, tx, d.Task)
	if res, stop := judge(t, err, d.Epoch); stop || err != nil {
		return res, err
	}
	reason := reasonOf(cause)
	var undo *undoError
	switch undoing := errors.As(cause, &undo); {
	case undoing && lastAttempt(t):
		return r.dead(ctx, tx, t, route{}, &tasks.Outcome{Reason: "undo-failed", Err: cause})
	case lastAttempt(t):
		return r.dead(ctx, tx, t, r.Mux.routes[t.Type], &tasks.Outcome{Reason: reason, Err: cause})
	}
	// A claim stays: its commit may be what succeeded, and then it is to be found abandoned, not forgotten.
	return r.postpone(ctx, tx, t, tasks.Backoff(t.Attempt, rand.Float64()), reason, true, true)
}

// reasonOf is a short code for an accident: it goes to Redis and to operators, so it quotes nothing.
func reasonOf(err error) string {
	var p *panicError
	switch {
	case errors.As(err, &p):
		return "panic"
	case store.Code(err) != "":
		return "postgres-" + store.Code(err)
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "error"
}

// panicError is a handler's panic. Its value may be anything, so it is not printed.
type panicError struct{ stack []byte }

func (e *panicError) Error() string { return "panic\n" + string(e.stack) }

// safely turns a panic into an error, so that the transaction is ended in order.
func safely(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{debug.Stack()}
		}
	}()
	return do()
}
