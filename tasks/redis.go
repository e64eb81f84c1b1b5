package tasks

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
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
	if err := rdb.Ping(ctx).Err(); err != nil {
		_ = rdb.Close()
		return nil, errors.New("redis: does not answer")
	}
	return rdb, nil
}

// MendAcks installs on a worker's client what asynq 0.26 needs: it hands the retries of a failed
// acknowledgement a context that is cancelled already (processor.go: ctx with defer cancel, captured by the
// syncer), so they can never succeed and a finished task would run again. The hook gives such commands, and
// no others, a context of their own.
func MendAcks(rdb *redis.Client) { rdb.AddHook(ackHook{}) }

type ackHook struct{}

// DialHook leaves dialling alone.
func (ackHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessPipelineHook leaves pipelines alone: asynq acknowledges by single scripts.
func (ackHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook replaces a cancelled context of an acknowledgement.
func (ackHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if errors.Is(ctx.Err(), context.Canceled) && acknowledges(cmd) {
			fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			ctx = fresh
		}
		return next(ctx, cmd)
	}
}

// acknowledges reports whether cmd is a script whose first or second key is a queue's active list: asynq's done,
// complete, retry and archive, and its requeue.
func acknowledges(cmd redis.Cmder) bool {
	if name := cmd.Name(); name != "eval" && name != "evalsha" {
		return false
	}
	args := cmd.Args() // eval script numkeys key…
	for _, i := range []int{3, 4} {
		if i < len(args) {
			if key, ok := args[i].(string); ok && strings.HasSuffix(key, ":active") {
				return true
			}
		}
	}
	return false
}
