package tasks

import (
	"context"
	"log/slog"
	"sync"
)

// Upkeep is what a worker does besides its tasks: it tells that it lives, keeps Redis supplied, and takes over from
// workers that were lost. It ends with ctx, and w is taken off then.
func Upkeep(ctx context.Context, db *DB, w *Worker, metrics *Metrics, log *slog.Logger) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { w.Heartbeat(ctx, db, log) })
	wg.Go(func() { (&Relay{DB: db, Metrics: metrics, Log: log}).Run(ctx) })
	wg.Go(func() { (&Feeder{DB: db, Log: log}).Run(ctx) })
	wg.Go(func() { (&Orphans{DB: db, Metrics: metrics, Log: log}).Run(ctx) })
}
