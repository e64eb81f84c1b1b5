// Command chaos proves what a running system keeps of its promises while everything around it fails: the real programs
// as processes of their own, customers who know only the API and their phones, and faults that strike meanwhile.
//
//	go run ./cmd/internal/chaos --seed 7 --duration 90s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"holdfast/tasks"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		stop()
		os.Exit(1) // stop has been called
	}
}

// chaos is what all runs share.
type chaos struct {
	seed     uint64
	duration time.Duration // of faults by dice
	dir      string        // of data, logs and programs; kept when something is broken
	bin      binaries
	out      io.Writer
	log      io.Writer // what was done, and when
	keep     bool      // the folder also when all is well
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	c := &chaos{out: out}
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.Uint64Var(&c.seed, "seed", rand.Uint64()%1e6, "what decides which faults strike in which order") // #nosec G404 -- the seed is printed, to be used again
	duration := flags.Duration("duration", 60*time.Second, "how long faults strike at random")
	flags.BoolVar(&c.keep, "keep", false, "keep the logs also when all is well")
	which := flags.String("run", "random,sweeps,enumerated", "what to do, by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c.duration = *duration
	fmt.Fprintf(out, "seed %d\n", c.seed)
	tasks.LogRedis(slog.New(slog.DiscardHandler)) // it complains of the Redis that we kill
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer func() { err = c.end(err) }()
	if *which != "mutants" {
		if err := c.build(ctx); err != nil {
			return err
		}
	}
	for _, kind := range strings.Split(*which, ",") {
		do := c.runs()[kind]
		if do == nil {
			return fmt.Errorf("there is no run %q", kind)
		}
		start := time.Now()
		fmt.Fprintf(out, "\n%s\n", kind)
		if err := c.judge(do(ctx)); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		fmt.Fprintf(out, "%s: passed, %.0f s\n", kind, time.Since(start).Seconds())
	}
	return nil
}

// stall is how long no process may die, while there are failpoints at which one should.
const stall = time.Minute

// runs are what can be asked for.
func (c *chaos) runs() map[string]func(context.Context) (*report, error) {
	return map[string]func(context.Context) (*report, error){
		"random":     func(ctx context.Context) (*report, error) { return c.random(ctx, c.duration) },
		"backlog":    c.backlog,
		"mutants":    c.mutants,
		"away":       func(ctx context.Context) (*report, error) { return c.away(ctx, 30*time.Second) },
		"sweeps":     func(ctx context.Context) (*report, error) { return c.sweeps(ctx, c.duration) },
		"enumerated": func(ctx context.Context) (*report, error) { return c.enumerated(ctx, stall, 0) },
	}
}

// begin makes the folder.
func (c *chaos) begin(ctx context.Context) (err error) {
	if c.dir, err = os.MkdirTemp("", "holdfast-chaos-"); err != nil {
		return err
	}
	if err := os.Chmod(c.dir, 0o711); err != nil { // #nosec G302 -- PostgreSQL's user must pass through
		return err
	}
	log, err := os.Create(filepath.Join(c.dir, "faults.log"))
	if err != nil {
		return err
	}
	c.log = log
	return nil
}

// build makes the programs.
func (c *chaos) build(ctx context.Context) (err error) {
	c.bin, err = build(ctx, c.dir)
	return err
}

// end removes what is no evidence.
func (c *chaos) end(err error) error {
	if err == nil && !c.keep {
		return os.RemoveAll(c.dir)
	}
	if err == nil {
		fmt.Fprintln(c.out, "logs of all processes:", c.dir)
		return nil
	}
	return fmt.Errorf("%w\nseed %d; logs of all processes: %s", err, c.seed, c.dir)
}

// judge prints a report, and says whether it is a failure.
func (c *chaos) judge(r *report, err error) error {
	if r != nil && r.Visits > 0 {
		r.print(c.out)
	}
	if err == nil && r.failed() {
		err = errors.New("it has failed")
	}
	return err
}
