// Package boot builds a running Holdfast from its configuration: left to right, and taken down right to left.
package boot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"holdfast/cmd/internal/config"
	"holdfast/cmd/internal/ingress"
	"holdfast/cmd/internal/ops"
	"holdfast/cmd/internal/telemetry"
	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Parts says which parts of Holdfast a process runs.
type Parts struct {
	Ingress, Worker, Scheduler bool

	Tracer pgx.QueryTracer // sees all statements; nil: nobody does
}

// needs lists the parts for config.Requires.
func (p Parts) needs() []config.Part {
	var list []config.Part
	for part, on := range map[config.Part]bool{config.Ingress: p.Ingress, config.Worker: p.Worker, config.Scheduler: p.Scheduler} {
		if on {
			list = append(list, part)
		}
	}
	return list
}

// System is a running Holdfast.
type System struct {
	APIURL, OpsURL string // "" when the part does not run

	cfg     config.Config
	log     *slog.Logger
	metrics *telemetry.Metrics
	codes   *handlers.UnknownCodes
	limited *handlers.Limited
	tracer  pgx.QueryTracer
	keys    *pii.Keyring
	pool    *pgxpool.Pool
	rdb     *redis.Client
	db      *tasks.DB
	closers []func()
	failed  chan error
	ready   []ops.Probe
}

// Start starts parts. The caller ends them with Close. What goes wrong later arrives at Failed.
func Start(ctx context.Context, cfg config.Config, parts Parts, log *slog.Logger) (*System, error) {
	if err := errors.Join(cfg.Validate(), cfg.Requires(parts.needs()...)); err != nil {
		return nil, err
	}
	s := &System{cfg: cfg, log: log, metrics: telemetry.NewMetrics(), tracer: parts.Tracer, failed: make(chan error, 4)}
	s.codes = handlers.NewUnknownCodes(s.metrics.Registry)
	s.limited = handlers.NewLimited(s.metrics.Registry, log)
	if err := s.start(ctx, parts); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *System) start(ctx context.Context, parts Parts) error {
	steps := []func(context.Context) error{s.openRedis}
	if parts.Ingress || parts.Worker {
		steps = append(steps, s.openPostgres)
	}
	if parts.Worker {
		steps = append(steps, s.startWorker)
	}
	if parts.Scheduler {
		steps = append(steps, s.startScheduler)
	}
	if parts.Ingress {
		steps = append(steps, s.startIngress)
	}
	for _, step := range append(steps, s.startOps) {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// onClose adds what Close does, before everything added earlier.
func (s *System) onClose(do func()) { s.closers = append(s.closers, do) }

// Close takes everything down in order: no new work comes in, work in hand is finished, connections go last.
func (s *System) Close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

// Failed tells of a part that stopped by itself.
func (s *System) Failed() <-chan error { return s.failed }

func (s *System) openRedis(ctx context.Context) error {
	rdb, err := tasks.OpenRedis(ctx, s.cfg.RedisURL.Reveal())
	if err != nil {
		return err
	}
	s.rdb = rdb
	s.onClose(func() { _ = rdb.Close() })
	s.ready = append(s.ready, ops.Probe{Name: "redis", Check: func(ctx context.Context) error { return rdb.Ping(ctx).Err() }})
	return nil
}

func (s *System) openPostgres(ctx context.Context) error {
	if err := s.openKeyring(ctx); err != nil {
		return err
	}
	var err error
	conns := int(s.cfg.DBMaxConns)
	if conns == 0 {
		conns = defaultConns(runtime.GOMAXPROCS(0))
	}
	if s.pool, err = store.OpenPool(ctx, s.cfg.DatabaseURL.Reveal(), store.Pool{Max: conns, Warm: true, Tracer: s.tracer}); err != nil {
		return err
	}
	s.onClose(s.pool.Close)
	if err := errors.Join(store.CheckRole(ctx, s.pool), store.CheckPolicies(ctx, s.pool)); err != nil {
		return err
	}
	version, err := store.ServerVersion(ctx, s.pool)
	if err != nil {
		return err
	}
	for _, flaw := range store.Flaws(version) {
		s.log.WarnContext(ctx, "this version of PostgreSQL has a known fault of row-level security: update it", "version", version, "fault", flaw)
	}
	s.db = &tasks.DB{Pool: s.pool, Broker: tasks.NewBroker(s.rdb), Crowd: &tasks.Crowd{DB: s.pool, Log: s.log}}
	crowd, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { s.db.Crowd.Run(crowd) })
	s.onClose(func() { stop(); wg.Wait() })
	s.ready = append(s.ready, ops.Probe{Name: "postgres", Check: s.pool.Ping})
	return nil
}

// openKeyring makes the keys, and follows the file that they are in.
func (s *System) openKeyring(ctx context.Context) error {
	keys, file, err := OpenKeyring(s.cfg, s.log)
	if err != nil {
		return err
	}
	s.keys = keys
	s.metrics.Registry.MustRegister(keysetMetrics{keys})
	if file == nil {
		return nil
	}
	loop, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { file.Run(loop) })
	s.onClose(func() { stop(); wg.Wait() })
	return nil
}

// defaultConns is for a machine of so many cores that PostgreSQL may share. A connection is held only while a
// transaction runs, and most of that is work for a core or a sync that one commit does for all; more connections than
// this wait for each other, and each costs a tenth of a second of a core before it knows the tables.
func defaultConns(cores int) int { return min(max(8, 4*cores), 40) }

func (s *System) startWorker(ctx context.Context) error {
	rdb, err := tasks.OpenRedis(ctx, s.cfg.RedisURL.Reveal())
	if err != nil {
		return err
	}
	tasks.MendAsynq(rdb)
	s.onClose(func() { _ = rdb.Close() })

	cfg, worker, metrics := s.cfg, tasks.NewWorker(), tasks.NewMetrics(s.metrics.Registry)
	s.metrics.Registry.MustRegister(tasks.Backlog{Pool: s.pool},
		tasks.TickMetrics{Pool: s.pool, Table: tasks.PeriodicTable(cfg.SweepInterval), Begun: time.Now()})
	run := &handlers.Runner{DB: s.db, Worker: worker, Metrics: metrics, Log: s.log, CallLimit: cfg.HTTPTimeout,
		Mux: newMux(cfg, s.keys, metrics, s.codes, s.limited, s.metrics.Registry)}

	loops, stop := context.WithCancel(context.WithoutCancel(ctx)) // they end with Close, not with the signal
	var wg sync.WaitGroup
	wg.Go(func() { tasks.Upkeep(loops, s.db, worker, metrics, s.log) })
	archive := &tasks.Archive{DB: s.db, Log: s.log}
	if err := archive.Step(ctx); err != nil { // before anything is archived: asynq's own way breaks on a large one
		s.log.WarnContext(ctx, "archive", "error", store.Safe(err))
	}
	wg.Go(func() { archive.Run(loops) })
	s.onClose(func() { stop(); wg.Wait() })

	classes := tasks.Classes(cfg.ClaimConcurrency, cfg.SendConcurrency, cfg.DefaultConcurrency, cfg.LowConcurrency, cfg.TickConcurrency)
	servers, err := tasks.StartServers(rdb, classes, run, cfg.ShutdownTimeout, s.log)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	s.onClose(servers.Shutdown)
	return nil
}

func (s *System) startScheduler(context.Context) error {
	stop, err := tasks.StartScheduler(s.rdb, tasks.PeriodicTable(s.cfg.SweepInterval), s.log)
	if err != nil {
		return err
	}
	s.onClose(stop)
	return nil
}

func (s *System) startIngress(context.Context) error {
	metrics := ingress.NewMetrics()
	metrics.Register(s.metrics.Registry)
	o := ingress.Options{DB: s.db, Keys: s.keys, PublicURL: s.cfg.PublicURL, Log: s.log, Metrics: metrics, Codes: s.codes, Limited: s.limited,
		Installation: installation(s.cfg)}
	in, err := ingress.New(o) //nolint:contextcheck // requests bring contexts of their own
	if err != nil {
		return fmt.Errorf("ingress: %w", err)
	}
	s.onClose(in.Close)
	srv := ingress.Server(s.cfg.APIAddr, telemetry.HTTP(s.metrics, s.log, in.Handler()))
	s.APIURL, err = s.serve(srv) //nolint:contextcheck // Close has no context to pass on
	return err
}

func (s *System) startOps(context.Context) error {
	o := ops.Options{Token: s.cfg.OpsToken, Registry: s.metrics.Registry, RedisURL: s.cfg.RedisURL, Ready: ops.AllOf(s.ready...), Log: s.log}
	if s.db != nil { // a scheduler alone has no Postgres to ask first
		verbs := &ops.TaskVerbs{Operator: Operator(s.cfg, s.keys, s.db), Redis: asynq.NewInspectorFromRedisClient(s.rdb), Log: s.log}
		o.QueueAction = verbs.Before
	}
	h, err := ops.New(o)
	if err != nil {
		return fmt.Errorf("ops: %w", err)
	}
	s.onClose(func() { _ = h.Close() })
	// No write time-out: a profile takes as long as it was asked to.
	srv := &http.Server{Addr: s.cfg.OpsAddr, Handler: telemetry.HTTP(s.metrics, s.log, h), ReadHeaderTimeout: 5 * time.Second}
	s.OpsURL, err = s.serve(srv) //nolint:contextcheck // Close has no context to pass on
	return err
}

// serve listens now, so that an address in use is an error here, and answers in the background.
func (s *System) serve(srv *http.Server) (url string, err error) {
	l, err := net.Listen("tcp", srv.Addr)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", srv.Addr, err)
	}
	srv.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("listener on %s: %w", srv.Addr, err)
		}
	}()
	s.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	})
	return "http://" + reachable(l.Addr()), nil
}

// reachable is an address that a client on this machine can use: a listener on all addresses is on loopback too.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
