package tasks

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Periodic is a task that runs by the clock. It has no row: a tick that is lost is made good by the next, since
// sweeps do everything that is due.
type Periodic struct {
	Name  string
	Every time.Duration
}

// Names of periodic tasks.
const (
	HoldsExpire      = "holds:expire"
	BookingsComplete = "bookings:complete"
	FollowupsScan    = "followups:scan"
	RemindersScan    = "reminders:scan"
	MessagesScan     = "messages:scan"
	AuditSeal        = "audit:seal"
)

// PeriodicTable lists them. sweep is HOLDFAST_SWEEP_INTERVAL.
func PeriodicTable(sweep time.Duration) []Periodic {
	return []Periodic{
		{HoldsExpire, sweep},
		{BookingsComplete, max(sweep, time.Minute)},
		{FollowupsScan, sweep},
		{RemindersScan, sweep},
		{MessagesScan, sweep},
		{AuditSeal, time.Second},
	}
}

// keepTicks is how long asynqmon shows ticks that are done, with their results.
const keepTicks = time.Hour

// StartScheduler enqueues ticks, in as many processes as you like: the handler of a tick takes it in Postgres,
// so that one tick has one effect. The function returned stops it.
func StartScheduler(rdb *redis.Client, table []Periodic, log *slog.Logger) (stop func(), err error) {
	s := asynq.NewSchedulerFromRedisClient(rdb, &asynq.SchedulerOpts{
		Location: time.UTC,
		Logger:   asynqLog{log},
		LogLevel: asynq.WarnLevel,
		PostEnqueueFunc: func(_ *asynq.TaskInfo, err error) {
			if err != nil {
				log.Warn("tick not enqueued", "error", err)
			}
		},
	})
	for _, p := range table {
		// With no retry at all, asynq would archive a tick that was cut off or whose worker was killed, as if it
		// were a dead letter. IsFailure never counts, so this one is never used up.
		_, err := s.Register("@every "+p.Every.String(), asynq.NewTask(p.Name, nil),
			asynq.Queue(QueueTick), asynq.MaxRetry(1), asynq.Retention(keepTicks), asynq.Timeout(max(p.Every, time.Second).Round(time.Second)))
		if err != nil {
			return nil, fmt.Errorf("periodic %s: %w", p.Name, err)
		}
	}
	if err := s.Start(); err != nil {
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	return s.Shutdown, nil
}
