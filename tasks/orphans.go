package tasks

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"

	"holdfast/store"
	"holdfast/store/failpoint"
)

// Orphans finds tasks that Redis calls active though nobody works on them: their worker was killed. asynq
// would notice after its lease and more, 60 to 120 s; this takes seconds.
type Orphans struct {
	DB      *DB
	Metrics *Metrics
	Log     *slog.Logger

	inspector *asynq.Inspector
	seen      map[string]sighting
}

type sighting struct {
	since time.Time
	ref   store.TaskRef
}

const (
	orphansEvery = 500 * time.Millisecond
	// orphansPatience is longer than a live worker needs to write down what it has begun (once a second).
	orphansPatience = 1200 * time.Millisecond
)

// Run works until ctx ends.
func (o *Orphans) Run(ctx context.Context) {
	o.inspector = asynq.NewInspectorFromRedisClient(o.DB.Broker.rdb)
	every(ctx, orphansEvery, func() {
		if err := o.Step(ctx); err != nil && ctx.Err() == nil {
			o.Log.WarnContext(ctx, "orphan check", "error", store.Safe(err))
		}
	})
}

// Step is one look. A task counts when it was active for a while, and Postgres says at that moment that it is
// pending in this epoch, not locked, without a live claim and in no live worker's hands.
func (o *Orphans) Step(ctx context.Context) error {
	ctx = failpoint.Scene(ctx, "orphans", "step")
	active, err := o.DB.Broker.active(ctx, []string{QueueClaim, QueueSend, QueueDefault, QueueLow})
	if err != nil {
		return err
	}
	suspects := o.look(active, time.Now())
	if len(suspects) == 0 {
		return nil
	}
	orphans, err := store.OrphanTasks(ctx, o.DB.Pool, suspects)
	if err != nil || len(orphans) == 0 {
		return err
	}
	ctx = failpoint.Scene(ctx, "orphans", "found")
	failpoint.Here(ctx, "bump.before")
	bumped, err := store.BumpTasks(ctx, o.DB.Pool, orphans, true)
	if err != nil {
		return err
	}
	failpoint.Here(ctx, "bump.after")
	o.Metrics.Orphans.Add(float64(len(bumped)))
	o.Log.WarnContext(ctx, "worker lost, tasks taken over", "tasks", len(bumped))
	err = o.DB.Broker.Push(ctx, bumped)
	failpoint.Here(ctx, "recheck.before")
	// The lost worker's relay may have had rows in hand: looked at, and not yet pushed. This comes after the push,
	// or a relay would find the new epochs missing in Redis and make newer ones.
	_, recheckErr := store.RecheckTasks(ctx, o.DB.Pool)
	return errors.Join(err, recheckErr)
}

// look brings what was seen up to date and returns what has been active for longer than patience.
func (o *Orphans) look(active map[string][]string, now time.Time) []store.TaskRef {
	still := make(map[string]sighting)
	var suspects []store.TaskRef
	for queue, ids := range active {
		for _, id := range ids {
			s, known := o.seen[id]
			if !known {
				s.since = now
			}
			if now.Sub(s.since) >= orphansPatience {
				if s.ref.Queue == "" {
					s.ref = o.identify(queue, id)
				}
				if s.ref.Epoch > 0 {
					suspects = append(suspects, s.ref)
				}
			}
			still[id] = s
		}
	}
	o.seen = still
	return suspects
}

// identify asks Redis what an active id stands for. What is gone or not ours has epoch 0.
func (o *Orphans) identify(queue, id string) store.TaskRef {
	ref := store.TaskRef{Queue: queue}
	info, err := o.inspector.GetTaskInfo(queue, id)
	if err != nil {
		if !errors.Is(err, asynq.ErrTaskNotFound) {
			ref.Queue = "" // ask again: a queue that asynq does not know was flushed, and is made known again
		}
		return ref
	}
	d, err := ParseDelivery(id, info.Payload)
	if err != nil {
		return ref
	}
	ref.Org, ref.ID, ref.Epoch, ref.Type = d.Org, d.Task, d.Epoch, info.Type
	return ref
}
