package ingress

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
	"holdfast/tasks"
)

// pollEvery is how often the waiter looks for itself: what is lost when Redis is away.
const pollEvery = 250 * time.Millisecond

// waiter wakes who waits for the answer to a request. There is one in a process: one subscription and one
// query serve all who wait.
type waiter struct {
	pool    *pgxpool.Pool
	log     *slog.Logger
	metrics *Metrics
	every   time.Duration   // pollEvery
	ctx     context.Context //nolint:containedctx // its life is the waiter's: close ends it
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu      sync.Mutex
	tickets map[uuid.UUID]*ticket
	kick    chan struct{} // somebody waits, where nobody did
}

// ticket is a request that somebody waits for.
type ticket struct {
	org, id uuid.UUID
	since   time.Time
	holders int
	done    chan struct{} // closed when the request has been answered
}

// startWaiter subscribes at once, so before anything can be pushed.
func startWaiter(db *tasks.DB, log *slog.Logger, m *Metrics) *waiter {
	ctx, cancel := context.WithCancel(context.Background())
	w := &waiter{pool: db.Pool, log: log, metrics: m, every: pollEvery, ctx: ctx, cancel: cancel,
		tickets: make(map[uuid.UUID]*ticket), kick: make(chan struct{}, 1)}
	if db.Broker != nil {
		answered := db.Broker.Answered(ctx)
		w.wg.Go(func() {
			for id := range answered {
				w.tell(id)
			}
		})
	}
	w.wg.Go(w.poll)
	return w
}

func (w *waiter) close() {
	w.cancel()
	w.wg.Wait()
}

// join begins to wait. It comes before the transaction whose answer is awaited, and leave after all.
func (w *waiter) join(org, id uuid.UUID) *ticket {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.tickets[id]
	if !ok {
		t = &ticket{org: org, id: id, since: time.Now(), done: make(chan struct{})}
		w.tickets[id] = t
		select {
		case w.kick <- struct{}{}:
		default:
		}
	}
	t.holders++
	w.metrics.Waiting.Inc()
	return t
}

// leave ends a wait. A nil ticket is nobody's.
func (w *waiter) leave(t *ticket) {
	if t == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.metrics.Waiting.Dec()
	if t.holders--; t.holders == 0 && w.tickets[t.id] == t {
		delete(w.tickets, t.id)
	}
}

// tell wakes who waits for a request. Most ids are other processes' and nobody's here.
func (w *waiter) tell(id uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, ok := w.tickets[id]; ok {
		delete(w.tickets, id)
		close(t.done)
	}
}

// wait reports whether t was answered before limit, the client's end or the waiter's.
func (w *waiter) wait(ctx context.Context, t *ticket, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	result, answered := "answered", true
	select {
	case <-t.done:
	case <-timer.C:
		result, answered = "ran-out", false
	case <-ctx.Done():
		result, answered = "gone", false
	case <-w.ctx.Done():
		result, answered = "ran-out", false
	}
	w.metrics.Waits.WithLabelValues(result).Inc()
	return answered
}

// poll looks for answers of which no news came. It rests while nobody waits.
func (w *waiter) poll() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.kick:
		}
		for w.busy() {
			timer.Reset(w.every)
			select {
			case <-w.ctx.Done():
				return
			case <-timer.C:
			}
			w.look()
		}
	}
}

func (w *waiter) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tickets) > 0
}

// look asks Postgres for all who have waited longer than news takes.
func (w *waiter) look() {
	orgs, ids := w.overdue(time.Now().Add(-w.every / 2))
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Second)
	defer cancel()
	done, err := store.RequestsDone(ctx, w.pool, orgs, ids)
	if err != nil && w.ctx.Err() == nil {
		w.log.WarnContext(ctx, "waiter cannot look for answers", "error", store.Safe(err), "waiting", len(ids))
	}
	for _, id := range done {
		w.tell(id)
	}
}

func (w *waiter) overdue(before time.Time) (orgs, ids []uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, t := range w.tickets {
		if t.since.Before(before) {
			orgs, ids = append(orgs, t.org), append(ids, id)
		}
	}
	return orgs, ids
}
