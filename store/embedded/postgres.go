package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// StartPostgres starts PostgreSQL alone; Start describes what it returns and when. Its superuser is
// "postgres" with a random password, its time zone UTC, its locale C with UTF-8.
func StartPostgres(ctx context.Context, o Options) (*Server, error) {
	s := &Server{URL: o.DatabaseURL, name: "postgres"}
	if s.URL != "" {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.startPostgres(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	o.log().InfoContext(ctx, "postgres started", "port", s.port, "pid", s.PID)
	return s, nil
}

func (s *Server) startPostgres(ctx context.Context, o Options) error {
	p, err := settle(o)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if s.owner, err = p.own("postgres"); err != nil { //nolint:contextcheck // waits half a second at most
		return fmt.Errorf("postgres: %w", err)
	}
	pg := &postgres{place: p, durable: o.Durable}
	if err := pg.prepare(ctx, o); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	s.launch = pg.launch
	if err := s.start(ctx, p, o.PostgresPort); err != nil {
		return err
	}
	s.URL = pg.url(s.port)
	return nil
}

// postgres is what a start and every restart share.
type postgres struct {
	place
	durable  bool
	bin      binaries
	data     string
	password string
}

// prepare finds the binaries and makes the data folder ready.
func (pg *postgres) prepare(ctx context.Context, o Options) (err error) {
	if pg.data, err = pg.folder("postgres", "postgres"); err != nil {
		return err
	}
	version, err := os.ReadFile(filepath.Join(pg.data, "PG_VERSION"))
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return err
	}
	if pg.bin, err = findPostgres(ctx, strings.TrimSpace(string(version))); errors.Is(err, errNotFound) && o.Downloads {
		pg.bin, err = downloadPostgres(o, pg.as)
	}
	if err != nil {
		return err
	}
	if pg.password, err = pg.secret(fresh); err != nil || !fresh {
		return err
	}
	o.log().InfoContext(ctx, "postgres: making a database cluster", "data", pg.data, "binaries", pg.bin.dir)
	return pg.initdb(ctx)
}

// secret is the superuser's password, made when the data is.
func (pg *postgres) secret(fresh bool) (string, error) {
	file := filepath.Join(pg.dataDir, "postgres.password")
	b, err := os.ReadFile(file) // #nosec G304 -- our own file
	if err == nil {
		return string(b), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if !fresh {
		return "", fmt.Errorf("%s is gone and with it the password of %s: delete both and begin anew", file, pg.data)
	}
	password := rand.Text()
	return password, os.WriteFile(file, []byte(password), 0o600)
}

// initdb makes the cluster aside and renames it into place: a parent killed meanwhile leaves no half.
// It holds the server's lock for the same reason.
func (pg *postgres) initdb(ctx context.Context) error {
	lock, err := lockFile(ctx, pg.file("postgres.lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	aside, words := pg.data+".new", pg.file("postgres.password.new")
	if err := errors.Join(os.RemoveAll(aside), os.Mkdir(aside, 0o700), pg.as.give(aside),
		os.WriteFile(words, []byte(pg.password), 0o600), pg.as.give(words)); err != nil {
		return err
	}
	defer os.Remove(words)
	args := []string{"-D", aside, "-U", "postgres", "--auth=scram-sha-256", "--pwfile=" + words, "--encoding=UTF8", "--locale=C"}
	if !pg.durable {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(pg.bin.dir, "initdb"), args...) // #nosec G204 -- a program of PostgreSQL, found among its known places
	cmd.Dir, cmd.SysProcAttr, cmd.ExtraFiles = aside, pg.as.procAttr(), []*os.File{lock}
	cmd.Env = command{dir: pg.home, env: pg.bin.env()}.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return errors.Join(os.Remove(pg.data), os.Rename(aside, pg.data))
}

// launch starts the server and returns when it takes connections.
func (pg *postgres) launch(ctx context.Context, port int) (process, error) {
	g, err := command{
		argv: append([]string{filepath.Join(pg.bin.dir, "postgres")}, pg.args(port)...),
		env:  pg.bin.env(), dir: pg.data, as: pg.as,
		log: filepath.Join(pg.dataDir, "postgres.log"), lock: pg.file("postgres.lock"),
		stop: "INT", grace: 15, // fast shutdown, which writes a checkpoint
	}.run(ctx)
	if err != nil {
		return nil, err
	}
	return g.ready(ctx, port, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, pg.url(port))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// args is the whole configuration: on the command line, so that it holds for old data folders too.
func (pg *postgres) args(port int) []string {
	settings := []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC", "log_timezone=UTC",
		"max_connections=200", "shared_buffers=128MB", "jit=off",
		"log_error_verbosity=terse", "log_min_error_statement=panic", // details, contexts and statements quote rows
		"wal_level=minimal", "max_wal_senders=0", // nobody replicates it, so bulk loads may skip the log
	}
	if !pg.durable {
		// synchronous_commit stays on: off, kill -9 of the server would lose commits, which tests of
		// crashes must not see; and without fsync it costs next to nothing.
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	args := []string{"-D", pg.data, "-p", strconv.Itoa(port)}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

func (pg *postgres) url(port int) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword("postgres", pg.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/postgres"}
	return u.String()
}
