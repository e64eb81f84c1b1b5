package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// parentVar makes the test binary a parent of servers instead: it starts them in the named folder,
// prints them as JSON, and waits for its stdin to end.
const parentVar = "HOLDFAST_EMBEDDED_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVar); dir != "" {
		os.Exit(parent(dir))
	}
	os.Exit(m.Run())
}

type report struct {
	Servers
	OwnerUID uint32 // of the database's files
}

func parent(dir string) int {
	s, err := Start(context.Background(), Options{DataDir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	r := report{Servers: *s}
	r.Postgres, r.Redis = nil, nil
	if st, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
		r.OwnerUID = st.Sys().(*syscall.Stat_t).Uid
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 1
	}
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// runParent starts the test binary as a parent, as the given user when one is given.
func runParent(t *testing.T, dir string, as *account) (*exec.Cmd, report) {
	t.Helper()
	binary := os.Args[0]
	if as != nil { // go test's folder is closed to others
		b, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		binary = filepath.Join(dir, "parent")
		if err := os.WriteFile(binary, b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), parentVar+"="+dir, "HOME="+dir)
	cmd.Stderr, cmd.Dir = os.Stderr, "/"
	if as != nil {
		cmd.SysProcAttr = as.procAttr()
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var r report
	if err := json.NewDecoder(out).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return cmd, r
}

func TestKilledParentLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, r := runParent(t, dir, nil)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// At once, while the old servers may still be shutting down, the next parent must succeed.
	s := start(t, Options{DataDir: dir})
	gone(t, r.PostgresPID)
	gone(t, r.RedisPID)
	if s.AdminURL != r.AdminURL {
		t.Errorf("another URL after a crash: %s, was %s", s.AdminURL, r.AdminURL)
	}
}

// TestOrdinaryUser runs the servers as an ordinary user: ourselves, or nobody when we are root.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	var as *account
	uid := uint32(os.Geteuid())
	dir := filepath.Join(t.TempDir(), "data")
	if uid == 0 {
		u, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.ParseUint(u.Uid, 10, 32)
		g, _ := strconv.ParseUint(u.Gid, 10, 32)
		as, uid = &account{uid: uint32(n), gid: uint32(g)}, uint32(n)
		// Below /tmp itself: the test's own folder is closed to others.
		if dir, err = os.MkdirTemp("", "holdfast-nobody-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := as.give(dir); err != nil {
			t.Fatal(err)
		}
	}
	cmd, r := runParent(t, dir, as)
	if r.OwnerUID != uid {
		t.Errorf("files are owned by %d, want %d", r.OwnerUID, uid)
	}
	if got := query(t, r.AdminURL, `SELECT 'up'`); got != "up" {
		t.Error(got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, r.PostgresPID)
	gone(t, r.RedisPID)
}
