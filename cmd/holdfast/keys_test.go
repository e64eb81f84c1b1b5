package main

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cmd/internal/config"
)

// command runs the command line with an environment of its own and returns what it printed.
func command(t *testing.T, env map[string]string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	err := run(t.Context(), args, getenv, strings.NewReader(""), &out, io.Discard)
	return out.String(), err
}

// TestKeysInFiles: what `keys --dir` writes is all that the parts need, stays the same, and is for its reader only.
func TestKeysInFiles(t *testing.T) {
	dir := t.TempDir()
	keep := func() {
		t.Helper()
		if out, err := command(t, nil, "keys", "--dir", dir, "--postgres", "db.internal:6543"); err != nil || out != "" {
			t.Fatalf("%q, %v", out, err)
		}
	}
	keep()
	env := map[string]string{"HOLDFAST_REDIS_URL": "redis://r", "HOLDFAST_PUBLIC_URL": "http://localhost:8080"}
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		env["HOLDFAST_"+strings.ToUpper(d.Name())+"_FILE"] = path
		if st, _ := d.Info(); st.Mode().Perm()&0o077 != 0 && filepath.Base(filepath.Dir(path)) != "superuser" {
			t.Errorf("%s: mode %v", path, st.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Requires(config.Ingress, config.Worker, config.Scheduler, config.Migrate, config.Org, config.Audit); err != nil {
		t.Error(err)
	}
	if !strings.Contains(cfg.DatabaseURL.Reveal(), "@db.internal:6543/holdfast") {
		t.Error("the app's URL names another server")
	}

	// Whatever is missing is made; whatever is there stays, also a superuser's password that a URL repeats.
	lost := filepath.Join(dir, "owner", "admin_database_url")
	if err := os.Remove(lost); err != nil {
		t.Fatal(err)
	}
	keep()
	for path, before := range all {
		if now, err := os.ReadFile(path); err != nil || string(now) != before {
			t.Errorf("%s has changed (%v)", path, err)
		}
	}
}

func TestReady(t *testing.T) {
	status := http.StatusOK
	asked := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "not ready: postgres")
	}))
	defer srv.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "http://"), ":")
	for _, addr := range []string{"0.0.0.0:" + port, ":" + port, "127.0.0.1:" + port, "[::]:" + port} {
		if _, err := command(t, map[string]string{"HOLDFAST_OPS_ADDR": addr}, "ready"); err != nil || asked != "/readyz" {
			t.Errorf("%s: %v, asked for %q", addr, err, asked)
		}
	}
	status = http.StatusServiceUnavailable
	if _, err := command(t, nil, "ready", "--url", srv.URL+"/x"); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "postgres") {
		t.Errorf("a process that is not ready: %v", err)
	}
	srv.Close()
	if _, err := command(t, nil, "ready", "--url", srv.URL); err == nil {
		t.Error("a process that is gone is ready")
	}
}
