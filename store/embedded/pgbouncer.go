package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// StartPgBouncer starts PgBouncer in transaction mode before the PostgreSQL server of server, for one role: the one that
// server, a URL with user, password and database, names. It opens at most conns connections there and hands each from
// client to client, transaction by transaction. Start describes what it returns and when.
func StartPgBouncer(ctx context.Context, o Options, server string, conns int) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s := &Server{name: "pgbouncer"}
	if err := s.startPgBouncer(ctx, o, server, conns); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	o.log().InfoContext(ctx, "pgbouncer started", "port", s.port, "pid", s.PID)
	return s, nil
}

func (s *Server) startPgBouncer(ctx context.Context, o Options, server string, conns int) error {
	behind, err := url.Parse(server)
	if err != nil {
		return errors.New("pgbouncer: the server's URL cannot be read") // its text holds a password
	}
	bin, err := findPgBouncer()
	if err != nil {
		return fmt.Errorf("pgbouncer: %w", err)
	}
	p, err := settle(o)
	if err != nil {
		return fmt.Errorf("pgbouncer: %w", err)
	}
	if s.owner, err = p.own("pgbouncer"); err != nil { //nolint:contextcheck // waits half a second at most
		return fmt.Errorf("pgbouncer: %w", err)
	}
	b := &bouncer{place: p, bin: bin, behind: behind, conns: conns}
	if b.data, err = p.folder("pgbouncer", "pgbouncer"); err != nil {
		return fmt.Errorf("pgbouncer: %w", err)
	}
	s.launch = b.launch
	if err := s.start(ctx, p, 0); err != nil {
		return err
	}
	s.URL = b.url(s.port)
	return nil
}

// bouncer is what a start and every restart share.
type bouncer struct {
	place
	bin    binaries
	behind *url.URL
	conns  int
	data   string
}

// url is the server's, by way of the bouncer on port.
func (b *bouncer) url(port int) string {
	u := *b.behind
	u.Host = address(port)
	return u.String()
}

// launch starts the server and returns when it takes connections.
func (b *bouncer) launch(ctx context.Context, port int) (process, error) {
	ini, err := b.configure(port)
	if err != nil {
		return nil, err
	}
	g, err := command{
		argv: []string{filepath.Join(b.bin.dir, "pgbouncer"), ini},
		env:  b.bin.env(), dir: b.data, as: b.as,
		log: filepath.Join(b.dataDir, "pgbouncer.log"), lock: b.file("pgbouncer.lock"),
		stop: "INT", grace: 5,
	}.run(ctx)
	if err != nil {
		return nil, err
	}
	return g.ready(ctx, port, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, b.url(port))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// configure writes what pgbouncer reads: its settings, and the role's password, with which clients come in and it goes on.
func (b *bouncer) configure(port int) (ini string, err error) {
	password, _ := b.behind.User.Password()
	users := filepath.Join(b.data, "users")
	ini = filepath.Join(b.data, "pgbouncer.ini")
	text := strings.Join([]string{
		"[databases]", "* = host=" + b.behind.Hostname() + " port=" + b.behind.Port(),
		"[pgbouncer]", "listen_addr = 127.0.0.1", "listen_port = " + strconv.Itoa(port), "unix_socket_dir =",
		"auth_type = scram-sha-256", "auth_file = " + users, "pool_mode = transaction", "max_client_conn = 1000",
		"default_pool_size = " + strconv.Itoa(b.conns), "",
	}, "\n")
	for file, content := range map[string]string{users: fmt.Sprintf("%q %q\n", b.behind.User.Username(), password), ini: text} {
		if err := errors.Join(os.WriteFile(file, []byte(content), 0o600), b.as.give(file)); err != nil {
			return "", err
		}
	}
	return ini, nil
}
