package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"holdfast/store"
)

// sentinelKey holds the run_id of the Redis that the relay knows. A flush takes it away; a restart without
// persistence takes it away, and one with persistence changes the run_id: then the last second may be missing.
const sentinelKey = "holdfast:sentinel"

func (b *Broker) runID(ctx context.Context) (string, error) {
	info, err := b.rdb.Info(ctx, "server").Result()
	if err != nil {
		return "", fmt.Errorf("redis: info: %w", err)
	}
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(line, "run_id:"); ok {
			return strings.TrimSpace(id), nil
		}
	}
	return "unknown", nil // miniredis has none
}

// lost reports whether Redis may have lost what it held since know was called.
func (b *Broker) lost(ctx context.Context) (bool, error) {
	id, err := b.runID(ctx)
	if err != nil {
		return false, err
	}
	known, err := b.rdb.Get(ctx, sentinelKey).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("redis: sentinel: %w", err)
	}
	return known != id, nil
}

// know notes that this Redis has been brought up to date. It also makes the queues visible again: asynq's
// clients add a queue to this set only once in their lives.
func (b *Broker) know(ctx context.Context) error {
	id, err := b.runID(ctx)
	if err != nil {
		return err
	}
	if err := b.rdb.SAdd(ctx, "asynq:queues", QueueClaim, QueueSend, QueueDefault, QueueLow, QueueTick).Err(); err != nil {
		return fmt.Errorf("redis: queues: %w", err)
	}
	return b.rdb.Set(ctx, sentinelKey, id, 0).Err()
}

// waiting tells, for each of list, whether Redis will still deliver it or is delivering it.
func (b *Broker) waiting(ctx context.Context, list []store.TaskRef) ([]bool, error) {
	states := make([]*redis.StringCmd, len(list))
	_, err := b.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, t := range list {
			states[i] = p.HGet(ctx, taskKey(t.Queue, taskID(t)), "state")
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("redis: states: %w", err)
	}
	waiting := make([]bool, len(list))
	for i, s := range states {
		switch s.Val() {
		case "pending", "active", "scheduled", "retry":
			waiting[i] = true
		}
	}
	return waiting, nil
}

// taskKey is where asynq keeps a task (internal/base TaskKey; a test compares).
func taskKey(queue, id string) string { return "asynq:{" + queue + "}:t:" + id }

// activeKey is asynq's list of tasks that are being worked on.
func activeKey(queue string) string { return "asynq:{" + queue + "}:active" }

// active lists the ids of what is being worked on in the queues.
func (b *Broker) active(ctx context.Context, queues []string) (map[string][]string, error) {
	lists := make([]*redis.StringSliceCmd, len(queues))
	_, err := b.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, q := range queues {
			lists[i] = p.LRange(ctx, activeKey(q), 0, -1)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("redis: active: %w", err)
	}
	ids := make(map[string][]string)
	for i, q := range queues {
		ids[q] = lists[i].Val()
	}
	return ids, nil
}
