package tasks

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/store"
)

// Archive keeps what asynqmon shows as archived equal to the newest dead letters in Postgres. One runs in every
// worker. It also keeps asynq from trimming for itself, which it does badly: silently beyond 10,000, and with a script
// that breaks, and leaves the task nowhere, once some 8,000 entries are older than 90 days.
type Archive struct {
	DB  *DB
	Log *slog.Logger
}

const (
	archiveEvery = 5 * time.Second
	// deadShown is how many dead letters asynqmon's archive shows: the newest.
	deadShown = 1000
	// archiveBatch bounds what Redis is asked for at once.
	archiveBatch = 500
	forgetBudget = time.Second
)

// Run works until ctx ends.
func (a *Archive) Run(ctx context.Context) {
	every(ctx, archiveEvery, func() {
		if err := a.Step(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "archive", "error", store.Safe(err))
		}
	})
}

// Step is one comparison. Redis is read before Postgres: what is archived was dead before, so a task that dies
// meanwhile is not taken for one that was handled.
func (a *Archive) Step(ctx context.Context) error {
	shown, err := a.DB.Broker.archived(ctx, []string{QueueClaim, QueueSend, QueueDefault, QueueLow})
	if err != nil {
		return err
	}
	dead, err := store.DeadTasks(ctx, a.DB.Pool, deadShown)
	if err != nil {
		return err
	}
	var missing []store.TaskRef
	for _, t := range dead {
		if ids := shown[t.Queue]; ids[taskID(t)] {
			delete(ids, taskID(t))
		} else {
			missing = append(missing, t) // its delivery ends in the archive, since only Postgres replays
		}
	}
	for queue, rest := range shown {
		if err := a.DB.Broker.unarchive(ctx, queue, rest); err != nil {
			return err
		}
	}
	return a.DB.Broker.Push(ctx, missing)
}

// archivedKey is asynq's set of archived tasks.
func archivedKey(queue string) string { return "asynq:{" + queue + "}:archived" }

// archived reads the ids that asynq has archived in each queue.
func (b *Broker) archived(ctx context.Context, queues []string) (map[string]map[string]bool, error) {
	shown := make(map[string]map[string]bool)
	for _, q := range queues {
		ids, err := b.rdb.ZRange(ctx, archivedKey(q), 0, -1).Result()
		if err != nil {
			return nil, fmt.Errorf("redis: archive: %w", err)
		}
		shown[q] = make(map[string]bool, len(ids))
		for _, id := range ids {
			shown[q][id] = true
		}
	}
	return shown, nil
}

// unarchive takes entries out of asynq's archive, some at a time.
func (b *Broker) unarchive(ctx context.Context, queue string, ids map[string]bool) error {
	batch := make([]string, 0, archiveBatch)
	for id := range ids {
		batch = append(batch, id)
		if len(batch) == archiveBatch {
			if err := b.forget(ctx, queue, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return b.forget(ctx, queue, batch)
}

// Forget takes a task's entry out of Redis unless it is being worked on. It is a courtesy to who looks at asynqmon: an
// old epoch would be dropped when it is delivered. So it takes no more time than a person waits for gladly, and what it cannot
// do stays undone.
func (b *Broker) Forget(ctx context.Context, t store.TaskRef) {
	if b == nil || b.breaker.open() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetBudget)
	defer cancel()
	b.breaker.note(b.forget(ctx, t.Queue, []string{taskID(t)}))
}

// forget removes ids from wherever they wait or are archived, and then the tasks of those that it found there: what
// stands in none of these places is being worked on, and its hash is asynq's.
func (b *Broker) forget(ctx context.Context, queue string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	prefix := "asynq:{" + queue + "}:"
	found := make([][]*redis.IntCmd, len(ids))
	_, err := b.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			for _, set := range []string{archivedKey(queue), prefix + "retry", prefix + "scheduled"} {
				found[i] = append(found[i], p.ZRem(ctx, set, id))
			}
			if len(ids) == 1 { // a list is walked, so not for hundreds, which are archived
				found[i] = append(found[i], p.LRem(ctx, prefix+"pending", 1, id))
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("redis: forget: %w", err)
	}
	var keys []string
	for i, id := range ids {
		for _, n := range found[i] {
			if n.Val() > 0 {
				keys = append(keys, taskKey(queue, id))
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return b.rdb.Del(ctx, keys...).Err()
}
