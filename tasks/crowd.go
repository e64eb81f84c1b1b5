package tasks

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// Share is how many tasks of one queue an org may have in Redis. What it has beyond waits in Postgres and is fed in turns
// with other orgs': Redis's lists are first in, first out, and nobody should stand behind the whole of another's burst.
const Share = 200

// How often a process asks Postgres how many there are; in between it counts what it pushes itself. While an org has half of
// its share and more it asks more often, since what was done meanwhile it does not count. Who stands in line is fed, however often it asks.
const (
	crowdEvery = 250 * time.Millisecond
	crowdNear  = 25 * time.Millisecond
)

// Crowd knows, for the orgs that have many tasks in Redis, how many. A nil Crowd knows none. It is safe for concurrent use.
type Crowd struct {
	DB  store.DB
	Log *slog.Logger

	mu   sync.Mutex
	n    map[line]int
	near bool // somebody has half of a share
}

// line is where tasks of an org stand in a queue.
type line struct {
	org   uuid.UUID
	queue string
}

// Run keeps it up to date until ctx ends.
func (c *Crowd) Run(ctx context.Context) {
	var last time.Time
	every(ctx, crowdNear, func() {
		if !c.isNear() && time.Since(last) < crowdEvery {
			return
		}
		last = time.Now()
		if err := c.Look(ctx); err != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "crowd", "error", store.Safe(err))
		}
	})
}

// Look asks Postgres.
func (c *Crowd) Look(ctx context.Context) error {
	crowds, err := store.Crowds(ctx, c.DB, Share/4)
	if err != nil {
		return err
	}
	n := make(map[line]int, len(crowds))
	for _, k := range crowds {
		n[line{k.Org, k.Queue}] = int(k.N)
		if k.Line { // who comes now stands behind them
			n[line{k.Org, k.Queue}] = Share
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n, c.near = n, false
	return nil
}

func (c *Crowd) isNear() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.near
}

// full tells whether the org has its share of a queue, and counts one more if it has not.
func (c *Crowd) full(org uuid.UUID, queue string) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := line{org, queue}
	if c.n[at] >= Share {
		return true
	}
	c.near = c.near || c.n[at] >= Share/2
	if c.n == nil {
		c.n = make(map[line]int)
	}
	c.n[at]++
	return false
}

// Feeder takes tasks that wait for their turn to Redis. One runs in every worker; one at a time feeds.
type Feeder struct {
	DB  *DB
	Log *slog.Logger
}

// feedEvery is how often. An org that fills its share each time gets through 2,000 tasks of a queue a second.
const feedEvery = 100 * time.Millisecond

// Run works until ctx ends.
func (f *Feeder) Run(ctx context.Context) {
	every(ctx, feedEvery, func() {
		if err := f.Step(ctx); err != nil && ctx.Err() == nil {
			f.Log.WarnContext(ctx, "feeder", "error", store.Safe(err))
		}
	})
}

// Step feeds once. What was taken out and could not be pushed is the relay's, as any other task.
func (f *Feeder) Step(ctx context.Context) error {
	fed, err := store.FeedTasks(ctx, f.DB.Pool, Share)
	if err != nil || len(fed) == 0 {
		return err
	}
	return f.DB.Broker.Push(ctx, fed)
}
