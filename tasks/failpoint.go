package tasks

import (
	"context"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"holdfast/store/failpoint"
)

// failpointHook is a failpoint before and after each command to Redis. What asynq does of its own accord has no scene
// but asynq's.
type failpointHook struct{}

// DialHook leaves dialling alone.
func (failpointHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook surrounds a command.
func (failpointHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return surround(ctx, spotOf(cmd), func() error { return next(ctx, cmd) })
	}
}

// ProcessPipelineHook surrounds a pipeline, which is named by its first command.
func (failpointHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return surround(ctx, "pipeline "+spotOf(cmds[0]), func() error { return next(ctx, cmds) })
	}
}

func surround(ctx context.Context, spot string, do func() error) error {
	switch spot {
	case "hello", "ping", "pipeline client", "pipeline hello": // go-redis makes a connection: whose, is chance
		return do()
	case "sadd": // the first push of a process to a queue: whose, is chance
		ctx = failpoint.Scene(ctx, "asynq", "queues")
	}
	if !failpoint.In(ctx) {
		ctx = failpoint.Scene(ctx, "asynq", "loop")
	}
	failpoint.Here(ctx, "redis "+spot+".before")
	err := do()
	failpoint.Here(ctx, "redis "+spot+".after")
	return err
}

// spotOf names a command; a script by its first keys, which tell asynq's apart, without queues and ids.
func spotOf(cmd redis.Cmder) string {
	args := cmd.Args()
	if name := cmd.Name(); name != "eval" && name != "evalsha" || len(args) < 4 {
		return name
	}
	var keys []string
	for _, a := range args[3:min(6, len(args))] {
		key, _ := a.(string)
		if rest, ok := strings.CutPrefix(key, "asynq:"); ok {
			if strings.HasPrefix(rest, "{") {
				_, rest, _ = strings.Cut(rest, "}:")
			}
			name, _, _ := strings.Cut(rest, ":")
			keys = append(keys, name)
		}
	}
	return "script " + strings.Join(slices.Compact(keys), "+")
}
