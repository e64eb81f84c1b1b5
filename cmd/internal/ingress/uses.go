package ingress

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
)

// keyUses notes when keys are used: in memory, and now and then in the database, so that it costs no request a
// write. Its methods may be called at the same time.
type keyUses struct {
	pool *pgxpool.Pool
	log  *slog.Logger

	mu   sync.Mutex
	uses map[keyRef]*keyUse
}

type keyRef struct{ org, id uuid.UUID }

type keyUse struct{ last, written time.Time }

const (
	usesEvery = 15 * time.Second // how often what was noted is written
	useMoves  = time.Minute      // a use that is no later than this after the one that was written is not
	useIdle   = 5 * time.Minute  // then it is forgotten here
)

func newKeyUses(pool *pgxpool.Pool, log *slog.Logger) *keyUses {
	return &keyUses{pool: pool, log: log, uses: make(map[keyRef]*keyUse)}
}

// note says that a key was proved.
func (u *keyUses) note(k store.Key) {
	now := time.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	ref := keyRef{k.Org, k.ID}
	if of := u.uses[ref]; of != nil {
		of.last = now
		return
	}
	u.uses[ref] = &keyUse{last: now}
}

// run writes until ctx ends, and then once more.
func (u *keyUses) run(ctx context.Context) {
	tick := time.NewTicker(usesEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		u.write(ctx, time.Now())
	}
}

// write writes what has moved. A use that cannot be written is lost: the next one counts as much.
func (u *keyUses) write(ctx context.Context, now time.Time) {
	moved := u.take(now)
	if len(moved) == 0 {
		return
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	for org, ids := range moved {
		_, err := store.InTx(ctx, u.pool, org, func(tx *store.Tx) error { store.NoteKeyUse(tx, ids); return nil })
		if err != nil {
			u.log.WarnContext(ctx, "uses of keys are not written", "error", store.Safe(err))
		}
	}
}

// take hands out the keys whose last use has moved, by org.
func (u *keyUses) take(now time.Time) map[uuid.UUID][]uuid.UUID {
	u.mu.Lock()
	defer u.mu.Unlock()
	moved := make(map[uuid.UUID][]uuid.UUID)
	for ref, of := range u.uses {
		switch {
		case of.last.Sub(of.written) >= useMoves:
			moved[ref.org] = append(moved[ref.org], ref.id)
			of.written = now
		case now.Sub(of.last) > useIdle:
			delete(u.uses, ref)
		}
	}
	return moved
}
