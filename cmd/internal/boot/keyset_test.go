package boot_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/boot"
	"holdfast/cmd/internal/config"
	"holdfast/store/pii"
)

// mounted is a folder with a keyset as Kubernetes mounts one: the file is a link into a folder that is a link itself, and a
// change exchanges the latter. All files have the same time.
type mounted struct {
	t   *testing.T
	dir string
	n   int
}

func (m *mounted) file() string { return filepath.Join(m.dir, "keyset") }

func (m *mounted) put(text string) {
	m.t.Helper()
	m.n++
	version, aside := filepath.Join(m.dir, "..v"+string(rune('0'+m.n))), filepath.Join(m.dir, "..aside")
	at := time.Unix(1_700_000_000, 0)
	for _, err := range []error{os.Mkdir(version, 0o700), os.WriteFile(filepath.Join(version, "keyset"), []byte(text+"\n"), 0o400),
		os.Chtimes(filepath.Join(version, "keyset"), at, at), os.Symlink(filepath.Base(version), aside), os.Rename(aside, filepath.Join(m.dir, "..data"))} {
		if err != nil {
			m.t.Fatal(err)
		}
	}
	if m.n == 1 {
		if err := os.Symlink(filepath.Join("..data", "keyset"), m.file()); err != nil {
			m.t.Fatal(err)
		}
	}
}

// TestKeysetFile: a running process takes up a changed file within two seconds, and at once when it meets a key that it does
// not know. A file that holds no keyset is told once, and nothing of it; what was in use goes on.
func TestKeysetFile(t *testing.T) {
	generated, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	added, second, err := pii.AddKey(generated.Keyset)
	if err != nil {
		t.Fatal(err)
	}
	promoted, err := pii.PromoteKey(added, second)
	if err != nil {
		t.Fatal(err)
	}
	ahead, err := pii.NewKeyring(pii.Keys{Keyset: promoted, HashKey: generated.HashKey, Peppers: generated.Peppers})
	if err != nil {
		t.Fatal(err)
	}
	org := uuid.New()
	sealed, err := ahead.Seal(org, "p", "clear")
	if err != nil {
		t.Fatal(err)
	}
	m := &mounted{t: t, dir: t.TempDir()}
	m.put(generated.Keyset)
	env := map[string]string{"HOLDFAST_KEYSET_FILE": m.file(), "HOLDFAST_HASH_KEY": generated.HashKey, "HOLDFAST_CODE_PEPPER": generated.Peppers}
	cfg, err := config.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil || cfg.KeysetFile != m.file() {
		t.Fatalf("%q, %v", cfg.KeysetFile, err)
	}
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	synctest.Test(t, func(t *testing.T) {
		keys, file, err := boot.OpenKeyring(cfg, log)
		if err != nil || file == nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go file.Run(ctx)
		turn := func() { // as long as a change may take to be seen
			time.Sleep(boot.KeysetEvery)
			synctest.Wait()
		}
		first := keys.Primary()
		turn()
		m.put(added)
		if got, err := keys.Open(org, "p", sealed); err != nil || got != "clear" { // at once
			t.Errorf("a key that was added a moment ago: %v", err)
		}
		m.put(promoted)
		if keys.Primary() != first {
			t.Error("nobody looked, and yet it is seen")
		}
		turn()
		if keys.Primary() != second || len(keys.Keys()) != 2 {
			t.Errorf("after two seconds: %v", keys.Keys())
		}
		m.put("bm90IGEga2V5c2V0")
		turn()
		turn()
		if err := os.Remove(m.file()); err != nil {
			t.Fatal(err)
		}
		turn()
		turn()
		if got, err := keys.Open(org, "p", sealed); err != nil || got != "clear" || keys.Primary() != second {
			t.Errorf("after a broken file: %v, %v", keys.Keys(), err)
		}
		if n := strings.Count(logged.String(), "level=ERROR"); n != 2 || strings.Contains(logged.String(), "bm90IGEg") || strings.Contains(logged.String(), generated.Keyset[:40]) {
			t.Errorf("%d errors logged, or what was in the file:\n%s", n, logged.String())
		}
	})
	// From the environment there is nothing to follow.
	env["HOLDFAST_KEYSET"] = generated.Keyset
	cfg, err = config.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil || cfg.KeysetFile != "" {
		t.Fatalf("%q, %v", cfg.KeysetFile, err)
	}
	if _, file, err := boot.OpenKeyring(cfg, log); err != nil || file != nil {
		t.Errorf("%v, %v", file, err)
	}
}
