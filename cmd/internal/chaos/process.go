package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is one part of the system, kept running as a restart policy would: whenever it ends it is started again.
type process struct {
	name string
	args []string        // the program and its arguments
	env  func() []string // what it is given besides, asked for at each start
	log  io.Writer       // of all its lives
	stop context.CancelFunc
	gone chan struct{}

	mu    sync.Mutex
	pid   int // 0 while it does not run
	lives int // how often it was started
}

// restartPause is how long a process that ended stays down.
const restartPause = 100 * time.Millisecond

// keep starts the process and keeps it running until end.
func (p *process) keep(ctx context.Context) {
	ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.gone = make(chan struct{})
	go func() {
		defer close(p.gone)
		for ctx.Err() == nil {
			p.live(ctx)
			pause(ctx, restartPause)
		}
	}()
}

// live is one life.
func (p *process) live(ctx context.Context) {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...) // #nosec G204 -- a binary that this run has built
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), p.env()...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it never outlives us
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(p.log, "start:", err)
		return
	}
	p.mu.Lock()
	p.pid = cmd.Process.Pid
	p.lives++
	p.mu.Unlock()
	err := cmd.Wait()
	p.mu.Lock()
	p.pid = 0
	p.mu.Unlock()
	fmt.Fprintln(p.log, "ended:", err)
}

// signal sends sig; one that does not run needs none.
func (p *process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return nil
	}
	if err := syscall.Kill(p.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// running is its process id, 0 while it is down.
func (p *process) running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid
}

// life counts its starts.
func (p *process) life() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lives
}

// end stops it for good, in order, and waits.
func (p *process) end() {
	if p.stop == nil {
		return
	}
	_ = p.signal(syscall.SIGCONT) // a stopped one would not hear
	p.stop()
	<-p.gone
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// until asks every few milliseconds until ok or the limit.
func until(ctx context.Context, limit time.Duration, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !ok() {
		if pause(ctx, 50*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("%s: not within %v", what, limit)
		}
	}
	return nil
}
