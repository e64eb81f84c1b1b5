package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the binary under test, made once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "holdfast-bin-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "holdfast")
	out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// output collects what a process prints, while others read it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// process is a running binary.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
}

// start runs the binary with env besides the test's own; it is killed when the test ends.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(bin, args...), out: &output{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(args, " "), tail(p.out.String(), 3000))
		}
	})
	return p
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// stop signals the process and waits for its end.
func (p *process) stop(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(40 * time.Second):
		t.Fatalf("still running 40 s after %v", sig)
	}
}

// ready is the ready file, as anybody outside reads it.
type ready map[string]any

func (r ready) str(name string) string { s, _ := r[name].(string); return s }

func (r ready) route(path string) string { return r.str("api_url") + "/v1/orgs/" + r.str("org") + path }

// startDev starts `holdfast dev` on free ports and waits until it is ready.
func startDev(t *testing.T, data string, args ...string) (*process, ready) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ready.json")
	env := []string{"HOLDFAST_API_ADDR=127.0.0.1:0", "HOLDFAST_OPS_ADDR=127.0.0.1:0", "HOLDFAST_SIM_ADDR=127.0.0.1:0",
		"HOLDFAST_DATABASE_URL=", "HOLDFAST_REDIS_URL=", "DATABASE_URL=", "REDIS_URL="}
	p := start(t, env, append([]string{"dev", "--data", data, "--ready-file", file}, args...)...)
	var r ready
	eventually(t, time.Minute, "ready file", func() bool {
		select {
		case <-p.done:
			t.Fatalf("dev ended: %s", tail(p.out.String(), 3000))
		default:
		}
		raw, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(raw, &r) == nil
	})
	return p, r
}

// eventually waits until ok says so.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %v", what, limit)
		case <-tick.C:
		}
	}
}

// answer is an HTTP answer read to its end.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// call sends body (nil: GET) with the key of the ready file and the headers given as name, value, ….
func (r ready) call(t *testing.T, method, url string, body any, headers ...string) answer {
	t.Helper()
	a, err := r.try(method, url, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (r ready) try(method, url string, body any, headers ...string) (answer, error) {
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, in)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+r.str("api_key"))
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.body)
	return a, nil
}

// texts lists the bodies that the double got for a phone.
func (r ready) texts(t *testing.T, phone string) []string {
	t.Helper()
	a := r.call(t, "GET", r.str("sim_url")+"/_sim/messages?to="+strings.ReplaceAll(phone, "+", "%2B"), nil)
	list, _ := a.body["messages"].([]any)
	var bodies []string
	for _, m := range list {
		if m, ok := m.(map[string]any); ok {
			body, _ := m["body"].(string)
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// codeFor waits for the code text of a phone.
func (r ready) codeFor(t *testing.T, phone string) string {
	t.Helper()
	var code string
	eventually(t, 10*time.Second, "a code text", func() bool {
		for _, b := range r.texts(t, phone) {
			if len(b) > 6 && strings.Trim(b[:6], "0123456789") == "" {
				code = b[:6]
			}
		}
		return code != ""
	})
	return code
}

// slot is the n-th half hour, from 9:00 New York time, of days that lie well ahead.
func slot(n int) string {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	day := time.Now().In(zone).AddDate(0, 0, 30+n/16)
	return time.Date(day.Year(), day.Month(), day.Day(), 9, 30*(n%16), 0, 0, zone).Format(time.RFC3339)
}

func (r ready) booking(n int, phone string) map[string]any {
	return map[string]any{"resource": r.str("resource"), "start": slot(n), "customer": map[string]any{"phone": phone}}
}
