package tasks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Class is one asynq server: a queue with a concurrency of its own, so that no kind of work waits behind another.
type Class struct {
	Queue       string
	Concurrency int
	Poll        time.Duration // asynq's TaskCheckInterval; its default costs a second
}

// Classes are the servers of a worker. The polls are DESIGN section 3's: 2 ms costs some 3 % of a core when idle.
func Classes(claim, send, normal, low, tick int) []Class {
	return []Class{
		{QueueClaim, claim, 2 * time.Millisecond},
		{QueueSend, send, 5 * time.Millisecond},
		{QueueDefault, normal, 20 * time.Millisecond},
		{QueueLow, low, 20 * time.Millisecond},
		{QueueTick, tick, 20 * time.Millisecond},
	}
}

// forwardEvery is how often asynq moves tasks whose retry is due.
const forwardEvery = 200 * time.Millisecond

// Servers are the asynq servers of one process.
type Servers struct{ list []*asynq.Server }

// StartServers starts one server a class on rdb, which has MendAsynq installed and stays the caller's to close.
// Shutdown waits up to grace for what is being worked on.
func StartServers(rdb *redis.Client, classes []Class, h asynq.Handler, grace time.Duration, log *slog.Logger) (*Servers, error) {
	s := &Servers{}
	for _, c := range classes {
		srv := asynq.NewServerFromRedisClient(rdb, asynq.Config{
			Concurrency:              c.Concurrency,
			Queues:                   map[string]int{c.Queue: 1},
			TaskCheckInterval:        c.Poll,
			DelayedTaskCheckInterval: forwardEvery,
			ShutdownTimeout:          grace,
			RetryDelayFunc:           retryDelay,
			IsFailure:                func(err error) bool { return false },
			Logger:                   asynqLog{log.With("queue", c.Queue)},
			LogLevel:                 asynq.WarnLevel,
		})
		if err := srv.Start(h); err != nil {
			s.Shutdown()
			return nil, err
		}
		s.list = append(s.list, srv)
	}
	return s, nil
}

// Stop makes the servers take no more tasks.
func (s *Servers) Stop() {
	for _, srv := range s.list {
		srv.Stop()
	}
}

// Shutdown stops them and waits for what is being worked on, all at once.
func (s *Servers) Shutdown() {
	s.Stop()
	done := make(chan struct{})
	for _, srv := range s.list {
		go func() { srv.Shutdown(); done <- struct{}{} }()
	}
	for range s.list {
		<-done
	}
}

// Later is what a delivery returns to asynq to be delivered again, in the same epoch.
type Later struct {
	Delay  time.Duration
	Reason string
}

func (l *Later) Error() string { return l.Reason }

// retryDelay is when asynq delivers again. One second is added since asynq cuts times down to the second and so
// may be early, and an early delivery would be dropped. A lease that expired is a worker that was killed: by
// then the orphan check has acted, so that delivery is garbage to be cleared away at once.
func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	var l *Later
	if errors.As(err, &l) {
		return l.Delay + time.Second
	}
	if errors.Is(err, asynq.ErrLeaseExpired) {
		return 0
	}
	return Backoff(3, rand.Float64())
}

// asynqLog gives asynq's messages to slog. They hold task ids and error texts, which are reason codes.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.print(slog.LevelDebug, args) }
func (l asynqLog) Info(args ...any)  { l.print(slog.LevelInfo, args) }
func (l asynqLog) Warn(args ...any)  { l.print(slog.LevelWarn, args) }
func (l asynqLog) Error(args ...any) { l.print(slog.LevelError, args) }
func (l asynqLog) Fatal(args ...any) { l.print(slog.LevelError, args) }

func (l asynqLog) print(level slog.Level, args []any) {
	text := fmt.Sprint(args...)
	// asynq 0.26 complains at each shutdown that it may not close a client which was lent to it.
	if strings.Contains(text, "redis connection is shared") {
		return
	}
	l.log.Log(context.Background(), level, "asynq", "text", text)
}
