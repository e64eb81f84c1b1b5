package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/migrations"
	"holdfast/store"
	"holdfast/store/embedded"
)

// Times of the system under test. They are short, so that what they bound happens within a run.
const (
	httpTimeout = 2 * time.Second
	grace       = 3 * time.Second // longer than any delay that a fault adds to a call
	sweep       = time.Second

	followupDelay = time.Second
	holdTTL       = 20 * time.Second
	codeTTL       = 60 * time.Second
)

// binaries are the programs that run.
type binaries struct {
	holdfast  string
	twiliosim string
	armed     string // holdfast with its failpoints
}

// build compiles them into dir.
func build(ctx context.Context, dir string) (b binaries, err error) {
	b = binaries{filepath.Join(dir, "holdfast"), filepath.Join(dir, "twiliosim"), filepath.Join(dir, "holdfast-failpoints")}
	for _, args := range [][]string{
		{"-o", b.holdfast, "holdfast/cmd/holdfast"}, {"-o", b.twiliosim, "holdfast/cmd/twiliosim"},
		{"-tags", "failpoints", "-o", b.armed, "holdfast/cmd/holdfast"},
	} {
		out, err := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...).CombinedOutput() // #nosec G204 -- arguments of this package's own
		if err != nil {
			return b, fmt.Errorf("build: %w\n%s", err, out)
		}
	}
	return b, nil
}

// system is everything: servers, proxies and processes.
type system struct {
	bin     binaries
	dir     string // of data and logs
	servers *embedded.Servers
	proxies *proxies
	env     []string // of every part

	hooks     *endpoint
	double    *process
	ingress   *process
	workers   []*process
	scheduler []*process

	doubleURL        string // past the proxy: the harness asks the double what it has seen
	apiURL           string // through the proxy
	directURL        string // past the proxy
	appURL, auditURL string // past the proxy
	account, token   string
	org, key         string
	resources        []string
	logs             []io.Closer
	pool             *pgxpool.Pool
}

// parts says how many of each part there are, and how long holds last if not as usual.
type parts struct {
	workers, schedulers int
	hold                time.Duration
}

// start brings a system up below dir, with an org that can be booked.
func start(ctx context.Context, dir string, bin binaries, p parts) (*system, error) {
	s := &system{bin: bin, dir: dir, proxies: newProxies()}
	if err := s.start(ctx, p); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *system) start(ctx context.Context, p parts) error {
	if err := os.MkdirAll(s.logDir(), 0o711); err != nil { // #nosec G301 -- PostgreSQL's user must pass through
		return err
	}
	var err error
	if s.servers, err = embedded.Start(ctx, embedded.Options{DataDir: filepath.Join(s.dir, "data")}); err != nil {
		return err
	}
	if err := s.startDouble(ctx); err != nil {
		return err
	}
	s.hooks = newEndpoint()
	api, err := freeAddr()
	if err != nil {
		return err
	}
	s.directURL = "http://" + api
	for of, upstream := range map[**toxiproxy.Proxy]string{&s.proxies.postgres: hostOf(s.servers.AdminURL), &s.proxies.redis: hostOf(s.servers.RedisURL),
		&s.proxies.double: hostOf(s.doubleURL), &s.proxies.ingress: api} {
		if *of, err = s.proxies.before(upstream, upstream); err != nil {
			return err
		}
	}
	s.apiURL = through(s.proxies.ingress, s.directURL)
	if p.hold == 0 {
		p.hold = holdTTL
	}
	if err := s.settle(ctx, api, p.hold); err != nil {
		return err
	}
	if s.pool, err = store.Open(ctx, s.appURL, 2); err != nil {
		return err
	}
	s.startParts(ctx, p)
	return s.ready(ctx)
}

func (s *system) logDir() string { return filepath.Join(s.dir, "logs") }

// logFile is where a part tells of itself, in all of its lives.
func (s *system) logFile(name string) io.Writer {
	f, err := os.OpenFile(filepath.Join(s.logDir(), name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) // #nosec G304 -- a name of ours
	if err != nil {
		return io.Discard
	}
	s.logs = append(s.logs, f)
	return f
}

// startDouble starts the double of the provider, which outlives everything else: its record is evidence.
func (s *system) startDouble(ctx context.Context) error {
	s.account, s.token = "AC"+hex(16), hex(16)
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	s.doubleURL = "http://" + addr
	s.double = &process{name: "double", args: []string{s.bin.twiliosim, "--addr", addr, "--account", s.account + ":" + s.token},
		env: func() []string { return nil }, log: s.logFile("double")}
	s.double.keep(ctx)
	return until(ctx, time.Minute, "the double", func() bool { return answers(addr) })
}

// settle makes the database and the org, by the commands that an operator has.
func (s *system) settle(ctx context.Context, api string, hold time.Duration) error {
	role := func(name string) string {
		u, _ := url.Parse(s.adminURL()) // it is ours
		u.User = url.UserPassword(name, rand.Text())
		return u.String()
	}
	s.appURL, s.auditURL = role(migrations.RoleApp), role(migrations.RoleAudit)
	keys, err := s.holdfast(ctx, "", "keys")
	if err != nil {
		return err
	}
	s.env = append(strings.Fields(keys), "HOLDFAST_OWNER_DATABASE_URL="+role(migrations.RoleOwner), "HOLDFAST_AUDIT_DATABASE_URL="+s.auditURL,
		"HOLDFAST_ADMIN_DATABASE_URL="+s.servers.AdminURL, "HOLDFAST_DATABASE_URL="+s.appURL,
		"HOLDFAST_ENDPOINT_ALLOW=127.0.0.0/8")
	if _, err := s.holdfast(ctx, "", "migrate", "up"); err != nil {
		return err
	}
	if s.org, err = s.holdfast(ctx, "", "org", "create", "north", "--name", "North Street Dental", "--time-zone", "America/New_York"); err != nil {
		return err
	}
	for _, r := range [][]string{{"chair-1"}, {"chair-2"}, {"chair-3"}, {"room", "--seats", "2", "--buffer-after", "5"}} {
		id, err := s.holdfast(ctx, "", append([]string{"org", "resource", "create", "north", "--name", "Resource", "--minutes", "10"}, r...)...)
		if err != nil {
			return err
		}
		s.resources = append(s.resources, id)
	}
	const sender = "+15005550006"
	if _, err := s.holdfast(ctx, s.token+"\n", "org", "credentials", "set", "north", "--account-sid", s.account, "--from", sender, "--no-check"); err != nil {
		return err
	}
	if s.key, err = s.holdfast(ctx, "", "org", "key", "create", "north"); err != nil {
		return err
	}
	if s.hooks.secret, err = s.holdfast(ctx, "", "org", "endpoint-secret", "create", "north"); err != nil {
		return err
	}
	if _, err = s.holdfast(ctx, `{"endpoint":{"url":"`+s.hooks.URL+`/"},"limits":`+noLimits+`}`, "org", "settings", "set", "north"); err != nil {
		return err
	}
	s.env = append(s.env, "HOLDFAST_DATABASE_URL="+through(s.proxies.postgres, s.appURL), "HOLDFAST_REDIS_URL="+through(s.proxies.redis, s.servers.RedisURL),
		"HOLDFAST_TWILIO_BASE_URL="+through(s.proxies.double, s.doubleURL), "HOLDFAST_PUBLIC_URL="+s.apiURL, "HOLDFAST_API_ADDR="+api,
		"HOLDFAST_OPS_ADDR=127.0.0.1:0", "HOLDFAST_OPS_TOKEN="+rand.Text(), "HOLDFAST_LOG_FORMAT=json", "HOLDFAST_SHUTDOWN_TIMEOUT=5s", "HOLDFAST_DB_MAX_CONNS=6",
		"HOLDFAST_HTTP_TIMEOUT="+httpTimeout.String(), "HOLDFAST_RECONCILE_GRACE="+grace.String(), "HOLDFAST_SWEEP_INTERVAL="+sweep.String(),
		"HOLDFAST_FOLLOWUP_DELAY="+followupDelay.String(), "HOLDFAST_QUIET_HOURS=off",
		"HOLDFAST_HOLD_TTL="+hold.String(), "HOLDFAST_CODE_TTL="+codeTTL.String())
	return s.provider().number(ctx, sender, s.account, s.apiURL+"/webhooks/twilio/"+s.org+"/inbound")
}

// noLimits lets customers ask for codes as often as the dice say.
const noLimits = `{"phone":{"per_10_minutes":0,"per_day":0},"org":{"per_hour":0},"source":{"per_hour":0},"prefix":{"per_hour":0},` +
	`"country":{"per_hour":0},"ratio":{"confirmed_percent":0}}`

// adminURL is the database as its superuser has it.
func (s *system) adminURL() string {
	u, _ := url.Parse(s.servers.AdminURL) // it is ours
	u.Path = "/holdfast"
	return u.String()
}

// holdfast runs a command to its end and returns what it printed.
func (s *system) holdfast(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.bin.holdfast, args...) // #nosec G204 -- a binary that this run has built
	cmd.Env, cmd.Stdin = append(os.Environ(), s.env...), strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("holdfast %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// part is a process of the system's own program.
func (s *system) part(name, command string) *process {
	return &process{name: name, args: []string{s.bin.holdfast, command}, env: func() []string { return s.env }, log: s.logFile(name)}
}

func (s *system) startParts(ctx context.Context, p parts) {
	s.ingress = s.part("ingress", "ingress")
	for i := range p.workers {
		s.workers = append(s.workers, s.part("worker-"+strconv.Itoa(i+1), "worker"))
	}
	for i := range p.schedulers {
		s.scheduler = append(s.scheduler, s.part("scheduler-"+strconv.Itoa(i+1), "scheduler"))
	}
	for _, part := range s.parts() {
		part.keep(ctx)
	}
}

// parts are the processes that faults may strike.
func (s *system) parts() []*process {
	return append(append([]*process{s.ingress}, s.workers...), s.scheduler...)
}

// ready waits until the API answers.
func (s *system) ready(ctx context.Context) error {
	c := s.client()
	return until(ctx, time.Minute, "the API", func() bool { return c.get(ctx, "/bookings").status == 200 })
}

// heal ends all faults: connections are let through, servers run, and nobody is stopped.
func (s *system) heal(ctx context.Context) error {
	s.proxies.heal(ctx)
	var errs []error
	for _, p := range s.parts() {
		errs = append(errs, p.signal(syscall.SIGCONT))
	}
	return errors.Join(errs...)
}

func (s *system) close() {
	for _, p := range append(s.parts(), s.double) {
		if p != nil {
			p.end()
		}
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.hooks != nil {
		s.hooks.Close()
	}
	s.proxies.close()
	_ = s.servers.Close() // what they hold is thrown away
	for _, l := range s.logs {
		_ = l.Close()
	}
}

// freeAddr is an address of loopback for a server that is stopped and started again.
func freeAddr() (string, error) {
	port, err := embedded.FreePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}

// answers reports whether somebody listens at addr.
func answers(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// hex is n random bytes.
func hex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by crypto/rand's contract
	return fmt.Sprintf("%x", b)
}
