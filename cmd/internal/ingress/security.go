package ingress

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store"
)

// Kinds of security events, which are reasons of Metrics.Denied too, but for forged signatures: those have several.
const (
	eventCrossOrg     = "cross-org"     // a key on another org's path
	eventMissingScope = "missing-scope" // a key for what it may not do
	eventDeadKey      = "dead-key"      // a key that was revoked or has expired
	eventBadSignature = "bad-signature" // a webhook of a known org, forged or stale
)

// security writes security events in the background, so that no answer's time tells whether there is an org to be told. A
// flood is no row for each request: what is seen for the first time is written at once, and how often the same
// is seen within the minute after that as one more row. Its methods may be called at the same time.
type security struct {
	pool *pgxpool.Pool
	log  *slog.Logger
	lost prometheus.Counter
	wake chan struct{}

	mu    sync.Mutex
	every time.Duration // how long the same is counted before it is written again
	seen  map[sighting]*tally
}

// sighting is what makes two of them the same.
type sighting struct {
	org, key    uuid.UUID
	kind, route string
}

// tally is how often something was seen and not written yet, and when it may be.
type tally struct {
	n   int
	due time.Time
}

// maxSightings bounds what is remembered. Only orgs that exist and keys that were proved are in it, by kind and route.
const maxSightings = 4096

const (
	countEvery = time.Minute
	retryEvery = 5 * time.Second // when it could not be written
	dueEvery   = time.Second
)

func newSecurity(pool *pgxpool.Pool, log *slog.Logger, m *Metrics) *security {
	return &security{pool: pool, log: log, lost: m.EventsLost, wake: make(chan struct{}, 1), every: countEvery, seen: make(map[sighting]*tally)}
}

// Note tells org what was seen. key is uuid.Nil where no key was proved; route is the operation's, without ids. It takes
// no longer when there is much to write.
func (s *security) Note(org, key uuid.UUID, kind, route string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := sighting{org, key, kind, route}
	t := s.seen[what]
	if t == nil {
		if len(s.seen) >= maxSightings {
			s.lost.Inc()
			return
		}
		t = &tally{}
		s.seen[what] = t
		select {
		case s.wake <- struct{}{}:
		default: // it is awake
		}
	}
	t.n++
}

// run writes until ctx ends, and then what is left.
func (s *security) run(ctx context.Context) {
	tick := time.NewTicker(dueEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.write(ctx, true)
			return
		case <-s.wake:
		case <-tick.C:
		}
		s.write(ctx, false)
	}
}

// write writes what is due, or all. What cannot be written is tried again.
func (s *security) write(ctx context.Context, all bool) {
	due := s.take(time.Now(), all)
	if len(due) == 0 {
		return
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	for org, list := range due {
		_, err := store.InTx(ctx, s.pool, org, func(tx *store.Tx) error {
			for what, n := range list {
				store.NoteSecurity(tx, store.SecurityEvent{Kind: what.kind, Key: uuid.NullUUID{UUID: what.key, Valid: what.key != uuid.Nil}, Route: what.route, N: n})
			}
			return nil
		})
		if err != nil {
			s.log.ErrorContext(ctx, "security events are not written", "error", store.Safe(err))
			s.keep(list, all)
		}
	}
}

// take hands out what is due, by org, and forgets what was not seen again.
func (s *security) take(now time.Time, all bool) map[uuid.UUID]map[sighting]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := make(map[uuid.UUID]map[sighting]int)
	for what, t := range s.seen {
		switch {
		case now.Before(t.due) && !all: // it is counted on
		case t.n == 0:
			delete(s.seen, what)
		default:
			if due[what.org] == nil {
				due[what.org] = make(map[sighting]int)
			}
			due[what.org][what] = t.n
			t.n, t.due = 0, now.Add(s.every)
		}
	}
	return due
}

// keep takes back what could not be written. At the end there is no later, and it is lost.
func (s *security) keep(list map[sighting]int, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for what, n := range list {
		t := s.seen[what]
		if last || t == nil {
			s.lost.Add(float64(n))
			continue
		}
		t.n, t.due = t.n+n, time.Now().Add(retryEvery)
	}
}
