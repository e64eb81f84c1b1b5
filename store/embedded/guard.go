package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// guardScript holds one server: it starts it, prints its pid, and waits for it. Its watcher reads the
// parent's pipe; at its end, which also kill -9 of the parent brings about, it asks the server to stop
// and after the grace kills it. $1 is the signal, $2 the grace in seconds, the rest the server's
// command. Descriptor 4 is the lock, which only the server's own processes keep; the trap takes the
// nap along, and each waits for its own, so that not even a zombie is left where nobody reaps orphans.
const guardScript = `
sig=$1 grace=$2
shift 2
exec 3<&0 </dev/null
"$@" >&2 3<&- &
pid=$!
exec 4<&-
(
	while read -r _; do :; done <&3
	sleep "$grace" &
	nap=$!
	trap 'kill $nap; wait $nap; exit' TERM
	kill -"$sig" $pid
	wait $nap && kill -KILL $pid
) >/dev/null 2>&1 &
watch=$!
exec 3<&-
echo $pid
exec >/dev/null
wait $pid
rc=$?
kill $watch 2>/dev/null
wait $watch
exit $rc
`

// command is a server to be run below a guard.
type command struct {
	argv  []string
	env   []string
	dir   string   // the working folder, which as must be able to enter
	as    *account // nil: as ourselves
	log   string   // file for its output, begun anew
	lock  string   // file whose lock all its processes hold
	stop  string   // signal for an orderly stop: INT, TERM
	grace int      // seconds from that signal to KILL
}

// guard is a running server below its guardScript.
type guard struct {
	command
	cmd   *exec.Cmd
	pipe  io.Closer
	child int
	gone  chan struct{} // closed when the script, and so the server, ended
}

// run starts c. It first waits until the processes of an earlier server with the same lock are gone,
// which takes a moment after a crash.
func (c command) run(ctx context.Context) (*guard, error) {
	lock, err := lockFile(ctx, c.lock)
	if err != nil {
		return nil, fmt.Errorf("an earlier one still runs: %w", err)
	}
	defer lock.Close()
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	// Not CommandContext: the context bounds the start, not the server's life.
	cmd := exec.Command("/bin/sh", append([]string{"-c", guardScript, "guard", c.stop, strconv.Itoa(c.grace)}, c.argv...)...) // #nosec G204 -- argv is a server's, put together here
	cmd.Dir, cmd.Env, cmd.Stderr = c.dir, c.environ(), log
	cmd.ExtraFiles = []*os.File{nil, lock} // descriptor 4; 3 is the script's copy of the pipe
	cmd.SysProcAttr = c.as.procAttr()
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &guard{command: c, cmd: cmd, pipe: pipe, gone: make(chan struct{})}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	g.child, err = strconv.Atoi(strings.TrimSpace(line))
	go func() {
		_ = cmd.Wait() // how it ended is told by its log
		close(g.gone)
	}()
	if err := errors.Join(readErr, err); err != nil {
		return nil, errors.Join(fmt.Errorf("guard: %w", err), g.stop()) //nolint:contextcheck // it must stop also when ctx has ended
	}
	return g, nil
}

// environ is a small environment of its own: PGDATA, PGPORT, LC_ALL and their like in the parent's
// would change the server.
func (c command) environ() []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "LC_ALL=C", "TZ=UTC"}, c.env...)
}

func (g *guard) pid() int { return g.child }

func (g *guard) dead() bool {
	select {
	case <-g.gone:
		return true
	default:
		return false
	}
}

func (g *guard) kill() error {
	if g.dead() {
		return nil
	}
	if err := syscall.Kill(g.child, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	<-g.gone
	return nil
}

// stop closes the pipe and waits for the script, then for the lock: PostgreSQL's children can outlive
// a killed postmaster by a moment.
func (g *guard) stop() error {
	_ = g.pipe.Close() // a second close is no error that anybody needs
	<-g.gone
	if !g.cmd.ProcessState.Exited() && g.child != 0 {
		// Somebody killed the guard itself, so nobody has stopped the server.
		if err := syscall.Kill(g.child, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lock, err := lockFile(ctx, g.lock)
	if err != nil {
		return fmt.Errorf("processes of it are left: %w", err)
	}
	return lock.Close()
}

// ready waits for a started server to answer on its port; one that does not is stopped. A server that
// ended while its port is taken lost a race for the port. Its own words count as well, since whoever took
// the port may have let go of it: somebody else who looked whether it is free.
func (g *guard) ready(ctx context.Context, port int, try func(context.Context) error) (process, error) {
	err := g.await(ctx, try)
	if err == nil {
		return g, nil
	}
	refused := strings.Contains(err.Error(), "Address already in use")
	if err := errors.Join(err, g.stop()); !refused && portFree(port) { //nolint:contextcheck // it must stop also when ctx has ended
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", errPortTaken, err)
}

// await calls try until it succeeds; it fails when the server ends or ctx does, with the server's last
// words.
func (g *guard) await(ctx context.Context, try func(context.Context) error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil && !g.dead() {
			return nil
		}
		select {
		case <-g.gone:
			return fmt.Errorf("it ended at once; the last lines of %s:\n%s", g.log, tail(g.log))
		case <-ctx.Done():
			return fmt.Errorf("no answer (%w): %w; the last lines of %s:\n%s", ctx.Err(), err, g.log, tail(g.log))
		case <-tick.C:
		}
	}
}

// tail is the end of a log: enough to see why a server refused to run.
func tail(file string) string {
	b, err := os.ReadFile(file) // #nosec G304 -- our own log
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-8):], "\n  ")
}
