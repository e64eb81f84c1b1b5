// Command holdfast turns appointment requests that arrive by webhook into confirmed bookings.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // containers may have no zoneinfo

	"github.com/alecthomas/kong"

	"holdfast/cmd/internal/boot"
	"holdfast/cmd/internal/config"
	"holdfast/cmd/internal/dev"
	"holdfast/cmd/internal/telemetry"
	"holdfast/tasks"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, errFailed) {
			fmt.Fprintln(os.Stderr, "holdfast:", err)
		}
		stop()
		os.Exit(1) // stop has been called
	}
}

// errFailed ends a command that has told what has failed: nothing is to be added to its last line.
var errFailed = errors.New("failed")

// version is set by the linker; see the Dockerfile.
var version = "dev"

// cli is the command line.
type cli struct {
	Version kong.VersionFlag `help:"Print the version."`

	Dev        devCmd        `cmd:"" help:"Everything in one process on embedded defaults."`
	Serve      serveCmd      `cmd:"" help:"Ingress, worker and scheduler in one process."`
	Ingress    ingressCmd    `cmd:"" help:"The HTTP API and the webhooks."`
	Worker     workerCmd     `cmd:"" help:"Runs tasks."`
	Scheduler  schedCmd      `cmd:"" help:"Enqueues periodic tasks; as many as you like."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database up to date."`
	Org        orgCmd        `cmd:"" help:"Organisations, their credentials, keys and resources."`
	Deadletter deadletterCmd `cmd:"" help:"Tasks that died: look at them, let them run again, discard them."`
	Show       showCmd       `cmd:"" help:"The whole story of a request, booking, task or text, in order of time."`
	Validate   validateCmd   `cmd:"" help:"Hold a running system to what it promises, from outside."`
	Audit      auditCmd      `cmd:"" help:"Hold the promises against the live database, as one table."`
	Load       loadCmd       `cmd:"" help:"Load a running system by its API, and tell how fast it is and whether it keeps its promises."`
	Redact     redactCmd     `cmd:"" help:"Find personal data in texts, or take it out: a filter from stdin to stdout."`
	Secrets    secretsCmd    `cmd:"" help:"The keyset that seals personal data: add a key, let it seal, seal all anew, retire the old one."`
	Keys       keysCmd       `cmd:"" help:"Print a fresh set of the keys that seal personal data, as environment lines, or keep them in files."`
	Ready      readyCmd      `cmd:"" help:"Ask a running process whether it is ready; exit 1 if not. For health checks."`
}

// env is what commands work with.
type env struct {
	ctx    context.Context
	cfg    config.Config
	log    *slog.Logger
	getenv func(string) (string, bool)
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

func run(ctx context.Context, args []string, getenv func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) error {
	var c cli
	exited := false
	parser, err := kong.New(&c, kong.Name("holdfast"), kong.Description("A queue-backed booking job processor."), kong.Vars{"version": version},
		kong.Writers(stdout, stderr), kong.Exit(func(int) { exited = true }), kong.UsageOnError())
	if err != nil {
		return err
	}
	cmd, err := parser.Parse(args)
	if exited { // --help has printed
		return nil
	}
	if err != nil {
		return quotesNone(err)
	}
	cfg, err := config.Load(getenv)
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(stderr, cfg.LogLevel, cfg.LogFormat)
	tasks.LogRedis(log)
	return cmd.Run(&env{ctx: ctx, cfg: cfg, log: log, getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr})
}

// quotesNone is an error of parsing without the argument that has no place: somebody may have given a secret there.
func quotesNone(err error) error {
	said := err.Error()
	if strings.HasPrefix(said, "unexpected argument ") {
		return errors.New("an argument has no place here (see --help); secrets are read from standard input or a file")
	}
	if must, _, found := strings.Cut(said, " but got "); found {
		return errors.New(must + "; secrets are read from standard input or a file")
	}
	return err
}

type devCmd struct {
	Data      string `help:"Folder of all data." default:".holdfast" type:"path"`
	Fresh     bool   `help:"Begin with no data: what the folder holds is deleted."`
	ReadyFile string `help:"Write URLs, keys and secrets there as JSON when all is up." type:"path" placeholder:"FILE"`
}

// Run brings everything up.
func (c *devCmd) Run(e *env) error {
	cfg := e.cfg
	if cfg.ReconcileGrace == config.DefaultReconcileGrace {
		cfg.ReconcileGrace = dev.ReconcileGrace
	}
	return dev.Run(e.ctx, cfg, dev.Options{Data: c.Data, Fresh: c.Fresh, ReadyFile: c.ReadyFile, Stdout: e.stdout, Log: e.log})
}

type (
	serveCmd   struct{}
	ingressCmd struct{}
	workerCmd  struct{}
	schedCmd   struct{}
)

// Run serves all parts.
func (serveCmd) Run(e *env) error {
	return e.serve(boot.Parts{Ingress: true, Worker: true, Scheduler: true})
}

// Run serves the API.
func (ingressCmd) Run(e *env) error { return e.serve(boot.Parts{Ingress: true}) }

// Run serves tasks.
func (workerCmd) Run(e *env) error { return e.serve(boot.Parts{Worker: true}) }

// Run serves ticks.
func (schedCmd) Run(e *env) error { return e.serve(boot.Parts{Scheduler: true}) }

func (e *env) serve(parts boot.Parts) error {
	s, err := boot.Start(e.ctx, e.cfg, parts, e.log)
	if err != nil {
		return err
	}
	defer s.Close()
	e.log.Info("up", "api", s.APIURL, "ops", s.OpsURL)
	select {
	case <-e.ctx.Done():
		e.log.Info("stopping")
		return nil
	case err := <-s.Failed():
		return errors.Join(errors.New("stopped"), err)
	}
}
