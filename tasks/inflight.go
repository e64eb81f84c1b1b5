package tasks

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store"
	"holdfast/store/failpoint"
)

// Worker is this process as a runner of tasks: its id, and what it is working on.
type Worker struct {
	ID uuid.UUID

	mu   sync.Mutex
	busy map[uuid.UUID]int
}

// NewWorker gives this process an id of its own.
func NewWorker() *Worker { return &Worker{ID: uuid.New(), busy: make(map[uuid.UUID]int)} }

// Begin notes that a delivery of task is being worked on; the function returned ends it.
func (w *Worker) Begin(task uuid.UUID) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[task]++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.busy[task]--; w.busy[task] == 0 {
			delete(w.busy, task)
		}
	}
}

func (w *Worker) inFlight() []uuid.UUID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]uuid.UUID, 0, len(w.busy))
	for id := range w.busy {
		ids = append(ids, id)
	}
	return ids
}

// Heartbeat tells Postgres each second that the worker lives and what it is working on, until ctx ends; then
// it takes itself off. Others count it as dead when it was not seen for 3 s.
//
// It has a connection of its own, not one of the pool's: a worker whose connections are all in use is alive.
func (w *Worker) Heartbeat(ctx context.Context, db *DB, log *slog.Logger) {
	ctx = failpoint.Scene(ctx, "worker", "heartbeat")
	h := heart{db: db}
	defer h.close(context.WithoutCancel(ctx))
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		failpoint.Here(ctx, "seen.before")
		err := h.do(ctx, func(ctx context.Context, conn *pgx.Conn) error { return store.SeeWorker(ctx, conn, w.ID, w.inFlight()) })
		failpoint.Here(ctx, "seen.after")
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "heartbeat missed", "worker", w.ID, "error", store.Safe(err))
		}
		select {
		case <-ctx.Done():
			err := h.do(context.WithoutCancel(ctx), func(ctx context.Context, conn *pgx.Conn) error { return store.DropWorker(ctx, conn, w.ID) })
			if err != nil {
				log.WarnContext(ctx, "worker not taken off", "worker", w.ID, "error", store.Safe(err))
			}
			return
		case <-tick.C:
		}
	}
}

// heart is a connection outside the pool that is made again when it breaks.
type heart struct {
	db   *DB
	conn *pgx.Conn
}

// do runs one statement, within a second.
func (h *heart) do(ctx context.Context, beat func(ctx context.Context, conn *pgx.Conn) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if h.conn == nil || h.conn.IsClosed() {
		if h.conn, err = pgx.ConnectConfig(ctx, h.db.Pool.Config().ConnConfig); err != nil {
			h.conn = nil
			return err
		}
	}
	return beat(ctx, h.conn)
}

func (h *heart) close(ctx context.Context) {
	if h.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = h.conn.Close(ctx) // it is the last thing that this connection does
}
