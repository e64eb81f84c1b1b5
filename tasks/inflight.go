package tasks

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
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
func (w *Worker) Heartbeat(ctx context.Context, db *DB, log *slog.Logger) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		beat, cancel := context.WithTimeout(ctx, time.Second)
		err := store.SeeWorker(beat, db.Pool, w.ID, w.inFlight())
		cancel()
		if err != nil && ctx.Err() == nil {
			log.Warn("heartbeat missed", "worker", w.ID, "error", store.Safe(err))
		}
		select {
		case <-ctx.Done():
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			if err := store.DropWorker(bye, db.Pool, w.ID); err != nil {
				log.Warn("worker not taken off", "worker", w.ID, "error", store.Safe(err))
			}
			return
		case <-tick.C:
		}
	}
}
