package ingress

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
)

// cacheSize bounds each cache: more orgs than one installation serves at a time.
const cacheSize = 4096

// cache remembers what was found for a short while. What was not found is never remembered, so a new key or
// secret works at once.
type cache[K comparable, V any] struct {
	believe time.Duration
	mu      sync.Mutex
	entries map[K]entry[V]
}

type entry[V any] struct {
	value V
	until time.Time
}

func newCache[K comparable, V any](believe time.Duration) *cache[K, V] {
	return &cache[K, V]{believe: believe, entries: make(map[K]entry[V])}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[k]
	if !ok || time.Now().After(e.until) {
		var zero V
		return zero, false
	}
	return e.value, true
}

// put remembers v from since, when the look-up began: what it found may have changed while it ran.
func (c *cache[K, V]) put(k K, v V, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= cacheSize {
		c.trim(time.Now())
	}
	c.entries[k] = entry[V]{v, since.Add(c.believe)}
}

// trim drops what is over, and when that is nothing, anything: entries are cheap to find again.
func (c *cache[K, V]) trim(now time.Time) {
	for k, e := range c.entries {
		if now.After(e.until) {
			delete(c.entries, k)
		}
	}
	for k := range c.entries {
		if len(c.entries) < cacheSize {
			return
		}
		delete(c.entries, k)
	}
}

// forget drops what is remembered of some keys. A look-up that is under way may still bring back what it found.
func (c *cache[K, V]) forget(which func(K) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.entries {
		if which(k) {
			delete(c.entries, k)
		}
	}
}

// find is the remembered value of k, or what load finds.
func (c *cache[K, V]) find(k K, load func() (V, error)) (V, error) {
	if v, ok := c.get(k); ok {
		return v, nil
	}
	return c.fresh(k, load)
}

// met reports whether k was found once, though that may not be believed any more.
func (c *cache[K, V]) met(k K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.entries[k]
	return ok
}

// fresh is what load finds.
func (c *cache[K, V]) fresh(k K, load func() (V, error)) (V, error) {
	since := time.Now()
	v, err := load()
	if err == nil {
		c.put(k, v, since)
	}
	return v, err
}

// org reads an org's own row.
func (in *Ingress) org(ctx context.Context, id uuid.UUID) (store.Org, error) {
	return in.orgs.find(id, func() (store.Org, error) { return read(ctx, in, id, store.LoadOrg) })
}

// read runs one look-up of an org.
func read[T any](ctx context.Context, in *Ingress, org uuid.UUID, look func(context.Context, *store.Tx) (T, error)) (v T, err error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	_, err = store.InTx(ctx, in.db.Pool, org, func(tx *store.Tx) error {
		v, err = look(ctx, tx)
		return err
	})
	return v, err
}

// clock is the database's clock, by this machine's and the difference between them. It serves checks before a
// write; what counts is judged by clock_timestamp() in the task's own transaction.
type clock struct {
	pool *pgxpool.Pool

	mu       sync.Mutex
	ahead    time.Duration
	measured time.Time
}

// measureEvery is how long a difference is believed.
const measureEvery = 5 * time.Second

func (c *clock) now(ctx context.Context) (time.Time, error) {
	c.mu.Lock()
	ahead, measured := c.ahead, c.measured
	c.mu.Unlock()
	if !measured.IsZero() && time.Since(measured) < measureEvery {
		return time.Now().Add(ahead), nil
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	start := time.Now()
	there, err := store.Now(ctx, c.pool)
	if err != nil {
		return time.Time{}, err
	}
	end := time.Now()
	ahead = there.Sub(start.Add(end.Sub(start) / 2))
	c.mu.Lock()
	c.ahead, c.measured = ahead, end
	c.mu.Unlock()
	return end.Add(ahead), nil
}
