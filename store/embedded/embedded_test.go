package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// dataDir is a folder for data that is removed with everything that was kept for it elsewhere.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	t.Cleanup(func() {
		if err := Remove(dir); err != nil {
			t.Errorf("remove: %v", err)
		}
	})
	return dir
}

func start(t *testing.T, o Options) *Servers {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeServers(t, s) })
	return s
}

func closeServers(t *testing.T, s *Servers) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func query(t *testing.T, url, sql string) (got string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// gone waits until a process does not exist, or is a zombie that only its parent can bury.
func gone(t *testing.T, pid int) {
	t.Helper()
	tick, deadline := time.Tick(10*time.Millisecond), time.Now().Add(10*time.Second)
	for ; syscall.Kill(pid, 0) == nil || errors.Is(syscall.Kill(pid, 0), syscall.EPERM); <-tick {
		out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
		if strings.HasPrefix(strings.TrimSpace(string(out)), "Z") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func TestDataAndPortsAreKept(t *testing.T) {
	t.Parallel()
	o := Options{DataDir: dataDir(t), Durable: true}
	first := start(t, o)
	if got := query(t, first.AdminURL, `SELECT concat_ws(' ', current_user, current_setting('TimeZone'), current_setting('fsync'),
		current_setting('max_connections'), current_setting('server_encoding'), current_setting('password_encryption'))`); got !=
		"postgres UTC on 200 UTF8 scram-sha-256" {
		t.Errorf("settings: %s", got)
	}
	query(t, first.AdminURL, `SELECT pg_catalog.lo_from_bytea(4711, 'kept')::text`)
	if err := client(t, first.RedisURL+"/1023").Set(t.Context(), "k", "kept", 0).Err(); err != nil {
		t.Fatal(err)
	}
	closeServers(t, first)
	gone(t, first.PostgresPID)
	gone(t, first.RedisPID)

	second := start(t, o)
	if second.AdminURL != first.AdminURL || second.RedisURL != first.RedisURL {
		t.Errorf("other URLs after a restart: %s %s, were %s %s", second.AdminURL, second.RedisURL, first.AdminURL, first.RedisURL)
	}
	if got := query(t, second.AdminURL, `SELECT convert_from(lo_get(4711), 'UTF8')`); got != "kept" {
		t.Errorf("postgres has %q", got)
	}
	if got, err := client(t, second.RedisURL+"/1023").Get(t.Context(), "k").Result(); got != "kept" {
		t.Errorf("redis has %q, %v", got, err)
	}
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: dataDir(t)})
	query(t, s.AdminURL, `SELECT pg_catalog.lo_from_bytea(4711, 'kept')::text`)
	for _, srv := range []*Server{s.Postgres, s.Redis} {
		url, pid := srv.URL, srv.PID
		if err := srv.Kill(); err != nil {
			t.Fatal(err)
		}
		gone(t, pid)
		if err := srv.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if srv.URL != url || srv.PID == pid {
			t.Errorf("restarted as %s, pid %d; was %s, %d", srv.URL, srv.PID, url, pid)
		}
	}
	if got := query(t, s.AdminURL, `SELECT convert_from(lo_get(4711), 'UTF8')`); got != "kept" {
		t.Errorf("postgres has %q", got)
	}
	if err := client(t, s.RedisURL).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestSecondInstanceIsRefused(t *testing.T) {
	t.Parallel()
	o := Options{DataDir: dataDir(t)}
	r, err := StartRedis(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := fmt.Sprintf("redis: %s is in use by another holdfast (pid %d)", o.DataDir, os.Getpid())
	if _, err := StartRedis(t.Context(), o); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := Remove(o.DataDir); err == nil {
		t.Error("removed the data of a running server")
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	o := Options{DataDir: dataDir(t)}
	r, err := StartRedis(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	taken := Options{DataDir: dataDir(t), RedisPort: r.port}
	if _, err := StartRedis(t.Context(), taken); err == nil || !strings.Contains(err.Error(), strconv.Itoa(r.port)) {
		t.Errorf("a taken port: %v", err)
	}
	// A remembered port that somebody else took meanwhile gives way to another.
	taken.RedisPort = 0
	if err := rememberPort(filepath.Join(taken.DataDir, "redis.port"), r.port); err != nil {
		t.Fatal(err)
	}
	other, err := StartRedis(t.Context(), taken)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.port == r.port {
		t.Errorf("two servers on port %d", r.port)
	}
}

func TestFailureShowsTheServersWords(t *testing.T) {
	t.Parallel()
	o := Options{DataDir: dataDir(t)}
	pg, err := StartPostgres(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	p, err := settle(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p.file("postgres/global/pg_control")); err != nil {
		t.Fatal(err)
	}
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := pg.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "could not find the database system") {
		t.Errorf("got %v", err)
	}
}

func TestKilledGuardIsNoticed(t *testing.T) {
	t.Parallel()
	r, err := StartRedis(t.Context(), Options{DataDir: dataDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	pid, g := r.PID, r.proc.(*guard)
	if err := errors.Join(syscall.Kill(g.cmd.Process.Pid, syscall.SIGKILL), r.Close()); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

func TestMiniredis(t *testing.T) {
	t.Parallel()
	s := &Server{name: "redis"}
	if err := s.startRedis(t.Context(), Options{DataDir: dataDir(t)}, binaries{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := client(t, s.URL)
	if err := c.Set(t.Context(), "k", "v", 30*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	for tick, deadline := time.Tick(5*time.Millisecond), time.Now().Add(5*time.Second); c.Exists(t.Context(), "k").Val() != 0; <-tick {
		if time.Now().After(deadline) {
			t.Fatal("its time stands still")
		}
	}
	url := s.URL
	if err := errors.Join(s.Kill(), s.Restart(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := client(t, url).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestNamedServersAreUsed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DatabaseURL: "postgres://db/x", RedisURL: "redis://r"})
	if s.AdminURL != "postgres://db/x" || s.RedisURL != "redis://r" || s.PostgresPID != 0 || s.RedisPID != 0 {
		t.Errorf("%+v", s)
	}
	if err := Provision(t.Context(), Options{DatabaseURL: "x", RedisURL: "x"}, os.Stderr); err != nil {
		t.Error(err)
	}
}

func TestStubbornServerIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g, err := command{argv: []string{"/bin/sh", "-c", "trap '' TERM; exec sleep 60"}, dir: dir,
		log: filepath.Join(dir, "log"), lock: filepath.Join(dir, "lock"), stop: "TERM", grace: 1}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	gone(t, g.child)
}

func TestPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stranger := &account{uid: 54321, gid: 54321}
	if !stranger.mayEnter("/") || stranger.mayEnter(dir) {
		t.Error("a stranger must be able to enter / and not", dir)
	}
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := (place{dataDir: dir, home: open}).makeHome(); err == nil {
		t.Error("a place that anybody can write to was taken")
	}
}
