package tasks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/store/failpoint"
)

// OpenRedis makes a client for url and waits until it answers. Its time-outs are short: whoever uses it has
// Postgres to fall back on.
func OpenRedis(ctx context.Context, url string) (*redis.Client, error) {
	opt, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("redis: the URL cannot be read") // the error would quote it
	}
	opt.ContextTimeoutEnabled = true
	opt.DialTimeout = time.Second
	opt.MaxRetries = 1
	opt.DialerRetries = 1
	opt.MaintNotificationsConfig = nil
	rdb := redis.NewClient(opt)
	if failpoint.On {
		rdb.AddHook(failpointHook{})
	}
	if err := rdb.Ping(ctx).Err(); err != nil {
		_ = rdb.Close()
		return nil, errors.New("redis: does not answer")
	}
	return rdb, nil
}

// MendAsynq installs on a worker's client what asynq 0.26 needs of its Redis:
//
//   - It hands the retries of a failed acknowledgement a context that is cancelled already (processor.go: ctx with
//     defer cancel, captured by the syncer), so they can never succeed and a finished task would run again. The
//     hook gives such commands, and no others, a context of their own.
//   - It does not pause after a failed dequeue (processor.go: exec returns at once), so that a Redis that is away
//     costs a core. The hook pauses for it.
func MendAsynq(rdb *redis.Client) { rdb.AddHook(asynqHook{}) }

// awayPause is how long a dequeue that could not reach Redis pauses.
const awayPause = 250 * time.Millisecond

type asynqHook struct{}

// DialHook leaves dialling alone.
func (asynqHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessPipelineHook leaves pipelines alone: asynq acknowledges by single scripts.
func (asynqHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook replaces a cancelled context of an acknowledgement and pauses after a failed dequeue.
func (asynqHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if errors.Is(ctx.Err(), context.Canceled) && hasKey(cmd, ":active", 3, 4) {
			fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			ctx = fresh
		}
		err := next(ctx, cmd)
		var away net.Error
		if errors.As(err, &away) && hasKey(cmd, ":pending", 3) {
			select {
			case <-ctx.Done():
			case <-time.After(awayPause):
			}
		}
		return err
	}
}

// hasKey reports whether cmd is a script of which an argument at one of the places (eval script numkeys key …) is
// a key with the suffix. ":active" first or second are asynq's done, complete, retry, archive and requeue;
// ":pending" first is its dequeue.
func hasKey(cmd redis.Cmder, suffix string, places ...int) bool {
	if name := cmd.Name(); name != "eval" && name != "evalsha" {
		return false
	}
	args := cmd.Args()
	for _, i := range places {
		if i < len(args) {
			if key, ok := args[i].(string); ok && strings.HasSuffix(key, suffix) {
				return true
			}
		}
	}
	return false
}

// LogRedis gives go-redis's own messages, which are about connections, to log at level debug. It is for main: the
// logger is one for the whole process.
func LogRedis(log *slog.Logger) { redis.SetLogger(redisLog{log}) }

type redisLog struct{ log *slog.Logger }

// Printf implements go-redis's logger.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis", "text", fmt.Sprintf(format, args...))
}
