// Command bench measures a whole Holdfast on this machine against the goals of its design, and against PostgreSQL
// alone doing the same statements. Figures of one machine mean little by themselves; ratios of one run do.
//
//	go run ./cmd/internal/bench --holdfast bin/holdfast
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) // stop has been called
	}
}

// bench is one run.
type bench struct {
	binary   string
	duration time.Duration // of each measurement
	out      io.Writer
	rows     []row
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	b := &bench{out: out}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.binary, "holdfast", "bin/holdfast", "the program to measure")
	flags.DurationVar(&b.duration, "duration", 15*time.Second, "how long each row is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // #nosec G302 -- PostgreSQL's user must pass through
		return err
	}
	booking, err := record(ctx, filepath.Join(dir, "recorded"))
	if err != nil {
		return err
	}
	s, err := startProcess(ctx, b.binary, filepath.Join(dir, "measured"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	for _, measure := range []func(context.Context, *system) error{
		b.commit, b.paced, b.parked, b.texting, b.provider, b.contention,
		func(ctx context.Context, s *system) error { return b.saga(ctx, s, booking) },
		b.redaction, b.expiry,
	} {
		if err := measure(ctx, s); err != nil {
			return err
		}
	}
	b.print()
	return nil
}
