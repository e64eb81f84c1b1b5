// Package dev is `holdfast dev`: everything in one process on embedded defaults, for a first look, for
// integrators and for tests from outside.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/cmd/internal/boot"
	"holdfast/cmd/internal/config"
	"holdfast/handlers/hook"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/migrations"
	"holdfast/store/embedded"
	"holdfast/store/pii"
)

// ReconcileGrace is HOLDFAST_RECONCILE_GRACE of dev: the double lists what it took at once.
const ReconcileGrace = time.Second

// Options are the flags of `holdfast dev`.
type Options struct {
	Data      string          // folder of all data
	Fresh     bool            // begin with none
	ReadyFile string          // "" = none
	Tracer    pgx.QueryTracer // sees all statements; nil: nobody does
	Stdout    io.Writer
	Log       *slog.Logger
}

// Run brings everything up, tells how to use it, and takes it down when ctx ends.
func Run(ctx context.Context, cfg config.Config, o Options) error {
	dir, err := filepath.Abs(o.Data)
	if err != nil {
		return err
	}
	if o.Fresh {
		if err := embedded.Remove(dir); err != nil { //nolint:contextcheck // it is quick and must not be half done
			return err
		}
		if err := os.RemoveAll(statePath(dir)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- the servers' own user must be able to enter; secrets are in files of mode 0600
		return err
	}
	if o.ReadyFile != "" { // one of a run that was killed would tell that all is up
		if err := os.Remove(o.ReadyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("ready file: %w", err)
		}
	}
	d := &instance{cfg: cfg, dir: dir, o: o}
	defer d.close()
	if err := d.up(ctx); err != nil {
		if errors.Is(err, migrations.ErrOldSchema) {
			return errors.New("the data in " + o.Data + " was made by an older version: start with `make run FRESH=1` (it deletes that data)")
		}
		return err
	}
	if o.ReadyFile != "" {
		if err := d.ready().write(o.ReadyFile); err != nil {
			return fmt.Errorf("ready file: %w", err)
		}
		defer os.Remove(o.ReadyFile)
	}
	d.tell(o.Stdout)
	select {
	case <-ctx.Done():
		fmt.Fprintln(o.Stdout, "stopping …")
		return nil
	case err := <-d.system.Failed():
		return err
	}
}

// instance is one run.
type instance struct {
	cfg     config.Config
	dir     string
	o       Options
	servers *embedded.Servers
	state   state
	urls    databaseURLs
	sim     *twiliosim.Sim
	simURL  string
	simSrv  *http.Server
	system  *boot.System
}

func (d *instance) up(ctx context.Context) error {
	var err error
	admin := d.cfg.AdminDatabaseURL
	if admin.IsZero() {
		admin = d.cfg.DatabaseURL
	}
	d.servers, err = embedded.Start(ctx, embedded.Options{DataDir: d.dir, DatabaseURL: admin.Reveal(),
		RedisURL: d.cfg.RedisURL.Reveal(), Durable: true, Downloads: true, Log: d.o.Log})
	if err != nil {
		return err
	}
	if d.state, err = loadState(d.dir); err != nil {
		return err
	}
	if d.urls, err = prepare(ctx, d.servers.AdminURL, d.state.Passwords); err != nil {
		return err
	}
	if err := d.state.seed(ctx, d.urls.owner); err != nil {
		return err
	}
	if err := d.startSim(); err != nil { //nolint:contextcheck // the double lives until close
		return err
	}
	if err := d.startSystem(ctx); err != nil {
		return err
	}
	for _, org := range d.state.Orgs { // the double delivers replies to the API, whose port is known now
		d.sim.AddNumber(org.From, org.AccountSID, d.system.APIURL+"/webhooks/twilio/"+org.ID.String()+"/inbound")
	}
	return d.state.save(d.dir)
}

func (d *instance) startSim() error {
	accounts := make(map[string]string)
	for _, org := range d.state.Orgs {
		accounts[org.AccountSID] = org.AuthToken
	}
	d.sim = twiliosim.New(twiliosim.Options{Accounts: accounts, Log: d.o.Log})
	l, err := listen(d.state.Ports.Sim, d.cfg.SimAddr)
	if err != nil {
		return err
	}
	d.state.Ports.Sim, d.simURL = portOf(l.Addr()), "http://"+l.Addr().String()
	d.simSrv = &http.Server{Handler: d.sim, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = d.simSrv.Serve(l) }() // it ends with Close
	return nil
}

func (d *instance) startSystem(ctx context.Context) error {
	cfg := d.cfg
	keys := d.state.Keys
	cfg.KeysetFile = "" // the keys are dev's own
	cfg.Keyset, cfg.HashKey, cfg.CodePepper = pii.NewToken(keys.Keyset), pii.NewToken(keys.HashKey), pii.NewToken(keys.Peppers)
	cfg.DatabaseURL, cfg.RedisURL = pii.NewToken(d.urls.app), pii.NewToken(d.servers.RedisURL)
	cfg.OpsToken = pii.NewToken(d.state.OpsToken)
	cfg.TwilioBaseURL = d.simURL
	cfg.EndpointAllow = cfg.EndpointAllow.And(hook.Loopback())
	var err error
	if cfg.APIAddr, err = freeAddr(d.state.Ports.API, cfg.APIAddr); err != nil {
		return err
	}
	if cfg.OpsAddr, err = freeAddr(d.state.Ports.Ops, cfg.OpsAddr); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(cfg.APIAddr)
	if err != nil {
		return err
	}
	cfg.PublicURL = "http://127.0.0.1:" + port
	if d.system, err = boot.Start(ctx, cfg, boot.Parts{Ingress: true, Worker: true, Scheduler: true, Tracer: d.o.Tracer}, d.o.Log); err != nil {
		return err
	}
	d.state.Ports.API, d.state.Ports.Ops = portIn(d.system.APIURL), portIn(d.system.OpsURL)
	return nil
}

func (d *instance) close() {
	if d.system != nil {
		d.system.Close()
	}
	if d.simSrv != nil {
		_ = d.simSrv.Close()
		d.sim.Close()
	}
	if err := d.servers.Close(); err != nil {
		d.o.Log.Warn("servers not closed in order", "error", err)
	}
}

// listen takes the port of the last run, else the configured address, else any port on loopback.
func listen(last int, addr string) (net.Listener, error) {
	addr, err := freeAddr(last, addr)
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", addr)
}

func freeAddr(last int, addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("address %s: %w", addr, err)
	}
	tries := []string{net.JoinHostPort(host, port), net.JoinHostPort(host, "0")}
	if last != 0 {
		tries = append([]string{net.JoinHostPort(host, fmt.Sprint(last))}, tries...)
	}
	for _, try := range tries {
		l, err := net.Listen("tcp", try)
		if err != nil {
			continue
		}
		taken := l.Addr()
		_ = l.Close()
		return net.JoinHostPort(host, fmt.Sprint(portOf(taken))), nil
	}
	return "", errors.New("no free port")
}

func portOf(a net.Addr) int {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.Port
	}
	return 0
}

func portIn(raw string) int {
	u, err := url.Parse(raw)
	if err != nil {
		return 0
	}
	var port int
	_, _ = fmt.Sscan(u.Port(), &port)
	return port
}
