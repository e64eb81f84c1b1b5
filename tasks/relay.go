package tasks

import (
	"context"
	"log/slog"
	"time"

	"holdfast/store"
	"holdfast/store/failpoint"
)

// Relay brings to Redis what a push could not, and brings back what Redis lost. One runs in every worker; they
// share the work by row locks.
type Relay struct {
	DB      *DB
	Metrics *Metrics
	Log     *slog.Logger

	away bool // Redis did not answer last time
}

const (
	relayEvery = 500 * time.Millisecond
	relayBatch = 500
)

// Run works until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	every(ctx, relayEvery, func() {
		if err := r.Step(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "relay", "error", store.Safe(err))
		}
	})
}

// every calls do at once and then at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Step is one look: at Redis itself, then at all rows that are due for one.
func (r *Relay) Step(ctx context.Context) error {
	ctx = failpoint.Scene(ctx, "relay", "step")
	lost, err := r.DB.Broker.lost(ctx)
	if err != nil {
		r.away = true // rows stay due: nothing is looked at until Redis answers
		return err
	}
	if lost || r.away {
		if err := r.recover(ctx); err != nil {
			return err
		}
	}
	r.away = false
	for {
		failpoint.Here(ctx, "due.before")
		due, err := store.DueTasks(ctx, r.DB.Pool, relayBatch)
		if err != nil {
			return err
		}
		failpoint.Here(ctx, "due.after")
		if err := r.carry(ctx, due); err != nil {
			r.away = true
			return err
		}
		if len(due) < relayBatch {
			return nil
		}
	}
}

// recover makes everything due for a look, shows queues and dead letters again, and only then notes that this
// Redis is known: a crash in between does it all once more.
func (r *Relay) recover(ctx context.Context) error {
	ctx = failpoint.Scene(ctx, "relay", "recover")
	failpoint.Here(ctx, "recheck.before")
	n, err := store.RecheckTasks(ctx, r.DB.Pool)
	if err != nil {
		return err
	}
	failpoint.Here(ctx, "recheck.after")
	dead, err := store.DeadTasks(ctx, r.DB.Pool, deadShown)
	if err != nil {
		return err
	}
	if err := r.DB.Broker.Push(ctx, dead); err != nil {
		return err
	}
	r.Log.InfoContext(ctx, "redis was lost or away", "tasks_rechecked", n, "dead_shown", len(dead))
	r.Metrics.RedisLost.Inc()
	return r.DB.Broker.know(ctx)
}

// carry asks Redis about the tasks and pushes those that it does not have, in a new epoch; of an org that has its share
// there already, they wait for their turn.
func (r *Relay) carry(ctx context.Context, due []store.TaskRef) error {
	if len(due) == 0 {
		return nil
	}
	waiting, err := r.DB.Broker.waiting(ctx, due)
	if err != nil {
		return err
	}
	var missing, beyond []store.TaskRef
	for i, t := range due {
		switch {
		case waiting[i]:
		case r.DB.Crowd.full(t.Org, t.Queue):
			beyond = append(beyond, t)
		default:
			missing = append(missing, t)
		}
	}
	if len(beyond) > 0 {
		if _, err := store.LineUpTasks(ctx, r.DB.Pool, beyond); err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	ctx = failpoint.Scene(ctx, "relay", "missing")
	failpoint.Here(ctx, "bump.before")
	bumped, err := store.BumpTasks(ctx, r.DB.Pool, missing, false)
	if err != nil {
		return err
	}
	failpoint.Here(ctx, "bump.after")
	r.Metrics.Relayed.Add(float64(len(bumped)))
	return r.DB.Broker.Push(ctx, bumped)
}
