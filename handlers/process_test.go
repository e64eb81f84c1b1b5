package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// process is a worker in a process of its own.
type process struct {
	cmd *exec.Cmd
	out *syncBuffer
}

// spawn starts the test binary as a worker and waits until it runs.
func (r *rig) spawn(change ...func(*config)) *process {
	r.t.Helper()
	c := r.cfg
	for _, ch := range change {
		ch(&c)
	}
	raw, err := json.Marshal(c)
	r.must(err)
	self, err := os.Executable()
	r.must(err)
	p := &process{cmd: exec.Command(self, "-test.run=^$"), out: &syncBuffer{}}
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(raw))
	p.cmd.Stdout, p.cmd.Stderr = p.out, io.MultiWriter(p.out, r.log)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.must(p.cmd.Start())
	r.t.Cleanup(func() { p.kill() })
	p.says(r.t, "ready")
	return p
}

func (p *process) says(t *testing.T, word string) {
	t.Helper()
	eventually(t, 20*time.Second, "the child says "+word, func() bool { return strings.Contains(p.out.String(), word+"\n") })
}

// kill is kill -9; it returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// The types that a child knows besides all real ones: hang never ends its work, suicide kills the process.
const (
	hangType    = "test:hang"
	suicideType = "test:suicide"
)

// hang never ends, and is never idle for so long that PostgreSQL ends the session.
func hang(tx *store.Tx) (err error) {
	for err == nil {
		<-time.After(time.Second)
		_, err = store.Now(context.Background(), tx)
	}
	return err
}

// hanging is a handler that does all its work, says so, and never commits it.
type hanging struct {
	Worker[tasks.RequestPayload]
	log string
}

func (h *hanging) Work(ctx context.Context, tx *store.Tx, t store.Task, p tasks.RequestPayload) error {
	if err := h.Worker.Work(ctx, tx, t, p); err != nil {
		return err
	}
	if err := tx.Flush(ctx); err != nil { // what was queued goes out
		return err
	}
	fmt.Println(h.log)
	return hang(tx)
}

// child is a worker process. It ends when it is killed; what it returns is the exit code of one that cannot start.
func child(raw string) int {
	var c config
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var add []func(*Mux)
	keys, err := pii.NewKeyring(c.Keys)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if c.Doomed {
		add = append(add, func(m *Mux) {
			Do(m, testType(hangType), &scripted{do: func(_ int, tx *store.Tx, t store.Task) error {
				effect(tx, t.ID, "child")
				_, err := store.Now(context.Background(), tx) // what was queued goes out: the row is locked
				if err != nil {
					return err
				}
				fmt.Println("working")
				return hang(tx)
			}})
			Do(m, tasks.TranscriptRedact, &hanging{log: "redacting", Worker: Answering(keys, &TranscriptRedact{Keys: keys, Engines: &Engines{Keys: keys}})})
			Do(m, testType(suicideType), &scripted{do: func(int, *store.Tx, store.Task) error {
				return syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}})
		})
	}
	if _, err := startWorker(c, log, nil, add...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	select {}
}

// privateDir is a folder that the servers' own user can enter.
func privateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "holdfast-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Clean(dir)) })
	return dir
}
