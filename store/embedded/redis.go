package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// StartRedis starts Redis alone, with 1,024 databases and no password; Start describes what it returns
// and when. Without a redis-server on the machine it is miniredis inside this process, which keeps its
// data in memory: Kill and Close empty it, and PID is 0.
func StartRedis(ctx context.Context, o Options) (*Server, error) {
	s := &Server{URL: o.RedisURL, name: "redis"}
	if s.URL != "" {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	bin, err := findRedis()
	if err != nil && !errors.Is(err, errNotFound) {
		return nil, fmt.Errorf("redis: %w", err)
	}
	if err := s.startRedis(ctx, o, bin); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	o.log().InfoContext(ctx, "redis started", "port", s.port, "pid", s.PID, "in_process", bin.dir == "")
	return s, nil
}

// startRedis runs the redis-server in bin, or miniredis when bin is empty.
func (s *Server) startRedis(ctx context.Context, o Options, bin binaries) error {
	p, err := settle(o)
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	if s.owner, err = p.own("redis"); err != nil { //nolint:contextcheck // waits half a second at most
		return fmt.Errorf("redis: %w", err)
	}
	r := &redisServer{place: p, durable: o.Durable, bin: bin}
	if r.data, err = p.folder("redis", "redis"); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	s.launch = r.launch
	if bin.dir == "" {
		s.launch = launchMini
	}
	if err := s.start(ctx, p, o.RedisPort); err != nil {
		return err
	}
	s.URL = "redis://" + address(s.port)
	return nil
}

// redisServer is what a start and every restart share.
type redisServer struct {
	place
	durable bool
	bin     binaries
	data    string
}

// launch starts the server and returns when it takes commands.
func (r *redisServer) launch(ctx context.Context, port int) (process, error) {
	g, err := command{
		argv: append([]string{filepath.Join(r.bin.dir, "redis-server")}, r.args(port)...),
		env:  r.bin.env(), dir: r.data, as: r.as,
		log: filepath.Join(r.dataDir, "redis.log"), lock: r.file("redis.lock"),
		stop: "TERM", grace: 5,
	}.run(ctx)
	if err != nil {
		return nil, err
	}
	c := redis.NewClient(&redis.Options{Addr: address(port), MaxRetries: -1, PoolSize: 1})
	defer c.Close()
	return g.ready(ctx, port, func(ctx context.Context) error {
		// Without a password another Redis that won a race for the port would answer as well.
		info, err := c.Info(ctx, "server").Result()
		if err == nil && !strings.Contains(info, "process_id:"+strconv.Itoa(g.child)+"\r\n") {
			err = errPortTaken
		}
		if err == nil {
			err = c.Ping(ctx).Err() // which waits until the data is loaded
		}
		return err
	})
}

func (r *redisServer) args(port int) []string {
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", r.data,
		"--databases", "1024", "--maxmemory-policy", "noeviction", "--save", ""}
	if r.durable {
		args = append(args, "--appendonly", "yes", "--appendfsync", "everysec")
	}
	return args
}

// mini is miniredis as a process.
type mini struct{ m *miniredis.Miniredis }

func launchMini(_ context.Context, port int) (process, error) {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(address(port)); err != nil {
		return nil, fmt.Errorf("%w: %w", errPortTaken, err)
	}
	m.ClockTTL(true) // by default its keys never expire: its time stands still
	return mini{m}, nil
}

func (mini) pid() int      { return 0 }
func (m mini) kill() error { m.m.Close(); return nil }
func (m mini) stop() error { m.m.Close(); return nil }

// EmptyRedisDB empties one logical database of the server of rawURL and returns the URL that names it. n is
// reduced to the databases that the server has; 0 is never used.
func EmptyRedisDB(ctx context.Context, rawURL string, n int) (string, error) {
	opt, err := redis.ParseURL(rawURL)
	if err != nil {
		return "", errors.New("redis: the URL cannot be read")
	}
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	have := 16
	if conf, err := rdb.ConfigGet(ctx, "databases").Result(); err == nil {
		if v, err := strconv.Atoi(conf["databases"]); err == nil {
			have = v
		}
	}
	opt.DB = 1 + n%(have-1)
	in := redis.NewClient(opt)
	defer in.Close()
	if err := in.FlushDB(ctx).Err(); err != nil {
		return "", fmt.Errorf("redis: %w", err)
	}
	return fmt.Sprintf("redis://%s/%d", opt.Addr, opt.DB), nil
}

// Flush empties every database of the server of rawURL, as an operator's FLUSHALL does.
func Flush(ctx context.Context, rawURL string) error {
	opt, err := redis.ParseURL(rawURL)
	if err != nil {
		return errors.New("redis: the URL cannot be read")
	}
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	return rdb.FlushAll(ctx).Err()
}
