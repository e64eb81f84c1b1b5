package containers

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// rig runs services as processes on this machine. What differs from containers: the host:port of each service
// is one on loopback, and files lie in a folder of the test.
type rig struct {
	project *types.Project
	images  map[string]*image
	bin     string // folder of the binaries
	files   string // the root of all paths
	hosts   map[string]string
	started []*process
}

// process is one replica of a service.
type process struct {
	service types.ServiceConfig
	cmd     *exec.Cmd
	env     []string
	out     string // the file of what it prints
	done    chan struct{}
	err     error
}

// freeAddr is an address on loopback that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// local turns what a container is given into what a process on this machine needs.
func (r *rig) local(value string) string {
	for from, to := range r.hosts {
		value = strings.ReplaceAll(value, from, to)
	}
	if rest, ok := strings.CutPrefix(value, "/secrets"); ok {
		value = filepath.Join(r.files, "secrets") + rest
	}
	return value
}

// environ is a service's environment: what its image and the compose file set, and nothing of the test's own. own
// are the addresses that only this replica listens on.
func (r *rig) environ(s types.ServiceConfig, own map[string]string) []string {
	var env []string
	for name, v := range s.Environment {
		if v == nil {
			continue
		}
		if addr, ok := own[*v]; ok {
			env = append(env, name+"="+addr)
			continue
		}
		env = append(env, name+"="+r.local(*v))
	}
	slices.Sort(env)
	return env
}

// argv is a command line as it would run in a container of s.
func (r *rig) argv(s types.ServiceConfig, args []string) []string {
	argv := slices.Concat(r.images[s.Build.Target].entrypoint, args)
	for i, a := range argv {
		argv[i] = r.local(a)
	}
	argv[0] = filepath.Join(r.bin, argv[0])
	return argv
}

// start starts one replica; it is killed when the test ends.
func (r *rig) start(t *testing.T, s types.ServiceConfig) *process {
	t.Helper()
	argv := r.argv(s, s.Command)
	p := &process{service: s, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.env = r.environ(s, map[string]string{"0.0.0.0:8081": freeAddr(t)})
	out, err := os.CreateTemp(t.TempDir(), s.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() // the process has its own
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr, p.out = p.env, out, out, out.Name()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s:\n%s", s.Name, p.said())
		}
	})
	r.started = append(r.started, p)
	return p
}

// said is the end of what the process has printed.
func (p *process) said() []byte {
	b, _ := os.ReadFile(p.out) // it only adds to a failure
	return b[max(0, len(b)-3000):]
}

// up starts a service's replicas and waits for what others wait for: its end, or its health.
func (r *rig) up(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	for range s.GetScale() {
		p := r.start(t, s)
		if !once(s) {
			wait(t, time.Minute, s.Name+" healthy", func() bool {
				select {
				case <-p.done:
					t.Fatalf("%s ended: %v", s.Name, p.err)
				default:
				}
				return r.healthy(p) == nil
			})
			continue
		}
		select {
		case <-p.done:
		case <-time.After(time.Minute):
			t.Fatalf("%s does not end", s.Name)
		}
		if p.err != nil {
			t.Fatalf("%s: %v: %s", s.Name, p.err, p.said())
		}
	}
}

// healthy runs the health check as it is written, beside the process.
func (r *rig) healthy(p *process) error {
	test := p.service.HealthCheck.Test[1:] // behind CMD
	argv := make([]string, len(test))
	for i, a := range test {
		argv[i] = r.local(a)
	}
	// What a check calls 127.0.0.1 is the container's own.
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "127.0.0.1:8082", r.hosts["twiliosim:8082"])
	}
	cmd := exec.Command(filepath.Join(r.bin, argv[0]), argv[1:]...)
	cmd.Env = p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// stop ends a process as `docker stop` does and tells how long that took; who does not end in time, or not with 0, fails.
func (p *process) stop(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("%s: %v", p.service.Name, err)
	}
	grace := 10 * time.Second // an engine's own
	if g := p.service.StopGracePeriod; g != nil {
		grace = time.Duration(*g)
	}
	select {
	case <-p.done:
	case <-time.After(grace):
		t.Errorf("%s still runs %v after SIGTERM", p.service.Name, grace)
		return grace
	}
	if p.err != nil {
		t.Errorf("%s: %v", p.service.Name, p.err)
	}
	return time.Since(begin)
}

// wait waits until ok says so.
func wait(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %v", what, limit)
		case <-tick.C:
		}
	}
}

// shim is a `docker` for a shell: `compose run` runs the command of a service here, `compose up` has been done.
func (r *rig) shim(t *testing.T) (dir string) {
	t.Helper()
	s := r.project.Services["migrate"]
	dir = t.TempDir()
	var b strings.Builder
	b.WriteString("#!/bin/sh\ncase \"$*\" in\n'compose up --build --detach --wait') exit 0 ;;\n'compose run --rm -T migrate '*) shift 5 ;;\n" +
		"*) echo \"docker $*: not here\" >&2; exit 1 ;;\nesac\nexec env -i")
	for _, kv := range r.environ(s, nil) {
		b.WriteString(" '" + strings.ReplaceAll(kv, "'", `'\''`) + "'")
	}
	b.WriteString(" '" + r.argv(s, nil)[0] + "' \"$@\"\n")
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(b.String()), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
