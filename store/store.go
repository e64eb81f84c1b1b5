// Package store holds all SQL: one file per aggregate.
//
// A function takes a DB when it is right alone and a *Tx when it is only right together with others, so
// the compiler asks for the transaction. Everything that belongs to an org runs in a Tx, which names the
// org to row-level security first; without it there are no rows.
package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"
)

// DB is what runs a statement: a pool or a Tx.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// ErrNotFound says that the org has no such row.
var ErrNotFound = errors.New("not found")

// Open makes a pool for url and waits until it answers or ctx ends. maxConns 0 means pgx's default.
func Open(ctx context.Context, url string, maxConns int) (*pgxpool.Pool, error) {
	return OpenPool(ctx, url, Pool{Max: maxConns})
}

// Pool is how a pool is made.
type Pool struct {
	Max    int             // connections at most; 0 means pgx's default
	Warm   bool            // all connections are made at once, and know the tables when they are first used
	Lazy   bool            // none is made before it is used, so that a server that does not answer is no error yet
	Tracer pgx.QueryTracer // sees all statements; nil: nobody does
}

// OpenPool is Open with more to say.
func OpenPool(ctx context.Context, url string, p Pool) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("postgres: the URL cannot be read") // pgx would quote the password's neighbours
	}
	switch cfg.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		// They guess a parameter's type from its Go type, which is not the column's for some of ours.
		return nil, errors.New("postgres: default_query_exec_mode: want cache_statement, cache_describe or describe_exec")
	default:
	}
	if p.Max > 0 {
		cfg.MaxConns = int32(p.Max)
	}
	plainOnLoopback(cfg.ConnConfig)
	cfg.ConnConfig.Tracer = p.Tracer
	cfg.ConnConfig.ConnectTimeout = 3 * time.Second
	cfg.ConnConfig.StatementCacheCapacity = 1024
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		pgxuuid.Register(conn.TypeMap()) // ids travel as 16 bytes, not as text
		if !p.Warm {
			return nil
		}
		return warm(ctx, conn)
	}
	if p.Warm {
		cfg.MinConns = cfg.MaxConns
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if p.Lazy {
		return pool, nil
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: %w", pooled(err))
	}
	return pool, nil
}

// pooled says what to do when a prepared statement is not where it was made: a pooler in transaction mode hands each
// transaction to another connection, and PgBouncer carries statements along from version 1.21 on only.
func pooled(err error) error {
	if code := Code(err); code != "26000" && code != "42P05" {
		return err
	}
	return fmt.Errorf("behind a pooler in transaction mode add ?default_query_exec_mode=cache_describe to the URL: %w", err)
}

// plainOnLoopback does without TLS to a server on this machine where it was only preferred, not asked for: there is
// nobody between, and a server without it costs each connection a first try, which is a process there.
func plainOnLoopback(cfg *pgx.ConnConfig) {
	ip := net.ParseIP(cfg.Host)
	if cfg.Host != "localhost" && (ip == nil || !ip.IsLoopback()) || len(cfg.Fallbacks) != 1 {
		return
	}
	if f := cfg.Fallbacks[0]; f.Host == cfg.Host && f.Port == cfg.Port && f.TLSConfig == nil {
		cfg.TLSConfig, cfg.Fallbacks = nil, nil
	}
}

// Transient reports whether the same statement may succeed when it is sent again: serialization failures,
// deadlocks, lock time-outs, a server that is starting, stopping or gone.
func Transient(err error) bool {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300":
			return true
		}
		return len(pg.Code) == 5 && pg.Code[:2] == "08"
	}
	return false
}

// Code is the SQLSTATE of err, or "" when PostgreSQL did not answer with one. It is what may be logged or
// stored of a database error: messages and details can quote rows.
func Code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

func one[T any](rows pgx.Rows, err error, to pgx.RowToFunc[T]) (T, error) {
	if err != nil {
		var zero T
		return zero, err
	}
	v, err := pgx.CollectOneRow(rows, to)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, ErrNotFound
	}
	return v, err
}

func many[T any](rows pgx.Rows, err error, to pgx.RowToFunc[T]) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, to)
}

// Safe is what may be logged of err: of a database error its code and the names of what it is about, since
// PostgreSQL's own text can quote values.
func Safe(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Sprintf("postgres %s %s %s", pg.Code, pg.TableName, pg.ConstraintName)
	}
	return err.Error()
}
