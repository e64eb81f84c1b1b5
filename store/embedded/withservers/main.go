// Command withservers runs a command with a private PostgreSQL and Redis that live as long as it does:
//
//	go run ./store/embedded/withservers [--] go test ./...
//
// The command finds them in HOLDFAST_TEST_DATABASE_URL (a superuser's URL) and HOLDFAST_TEST_REDIS_URL.
// A server that such a variable names already is used instead of a new one. What the machine lacks is
// installed first, if that is possible without asking. The exit code is the command's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"holdfast/store/embedded"
)

const (
	prefix      = "holdfast-test-" // of the temporary folders
	databaseVar = "HOLDFAST_TEST_DATABASE_URL"
	redisVar    = "HOLDFAST_TEST_REDIS_URL"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withservers:", err)
	}
	os.Exit(code)
}

// run returns the exit code: the command's, 128 and the signal's number when a signal ended it, 1 when
// the servers failed, 2 for a wrong command line.
func run(args []string) (code int, err error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("usage: withservers [--] command [argument...]")
	}
	// The command gets the signals and decides; until it runs, a signal ends the preparations.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	prepared := make(chan struct{})
	go func() {
		select {
		case sig := <-signals:
			cancel(fmt.Errorf("stopped by signal: %v", sig))
		case <-prepared:
		}
	}()

	sweep(time.Now().Add(-time.Hour))
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // #nosec G302 -- PostgreSQL's user must pass through
		return 1, err
	}
	o := embedded.Options{DataDir: dir, DatabaseURL: os.Getenv(databaseVar), RedisURL: os.Getenv(redisVar), Downloads: true}
	servers, err := start(ctx, o)
	if ctx.Err() != nil {
		err = context.Cause(ctx) // what it interrupted does not matter
	}
	if err != nil {
		return 1, errors.Join(err, servers.Close(), embedded.Remove(dir))
	}
	defer func() { err = errors.Join(err, servers.Close(), embedded.Remove(dir)) }()
	close(prepared)

	cmd := exec.CommandContext(ctx, args[0], args[1:]...)                    // #nosec G204 G702 -- that is what it is for
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // for a signal at the very moment of the hand-over
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), databaseVar+"="+servers.AdminURL, redisVar+"="+servers.RedisURL)
	return wait(cmd, signals)
}

// sweep removes what killed runs left behind: data older than the given time that no server uses. A
// folder that cannot be removed is somebody else's and stays.
func sweep(before time.Time) {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*")) // the pattern is well formed
	for _, dir := range dirs {
		if st, err := os.Lstat(dir); err == nil && st.IsDir() && st.ModTime().Before(before) && embedded.Remove(dir) == nil {
			_ = os.RemoveAll(dir)
		}
	}
}

func start(ctx context.Context, o embedded.Options) (*embedded.Servers, error) {
	if err := embedded.Provision(ctx, o, os.Stderr); err != nil {
		return nil, err
	}
	return embedded.Start(ctx, o)
}

// wait runs cmd, passes signals on to it, and returns its exit code.
func wait(cmd *exec.Cmd, signals <-chan os.Signal) (int, error) {
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = cmd.Process.Signal(sig) // it may have ended just now
		case err := <-done:
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				return cmd.ProcessState.ExitCode(), err
			}
			if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				return 128 + int(status.Signal()), nil
			}
			return exit.ExitCode(), nil
		}
	}
}
