package containers

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// testVersion is what the tests give as the build argument.
const testVersion = "v0.0.0-test"

// built is a folder with the binaries, made once as the Dockerfile's build stage makes them: by its command,
// from what .dockerignore leaves of the repository.
var built = sync.OnceValues(func() (dir string, err error) {
	dir, err = os.MkdirTemp("", "holdfast-containers-")
	if err != nil {
		return "", err
	}
	src, out := filepath.Join(dir, "src"), filepath.Join(dir, "out")
	if err := errors.Join(os.Mkdir(src, 0o755), os.Mkdir(out, 0o755), copyContext(src)); err != nil {
		return dir, err
	}
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return dir, err
	}
	images, _, err := dockerfile(string(text))
	if err != nil {
		return dir, err
	}
	command := strings.ReplaceAll(strings.Join(goBuild(images["build"]), " "), "/out/", out+"/")
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Dir, cmd.Env = src, os.Environ()
	for _, name := range slices.Sorted(maps.Keys(images["build"].env)) {
		cmd.Env = append(cmd.Env, name+"="+images["build"].env[name])
	}
	cmd.Env = append(cmd.Env, "VERSION="+testVersion)
	if said, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%s: %w\n%s", command, err, said)
	}
	return out, os.RemoveAll(src)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := built(); dir != "" {
		_ = os.RemoveAll(strings.TrimSuffix(dir, string(filepath.Separator)+"out"))
	}
	os.Exit(code)
}

// binaries is the folder with the binaries.
func binaries(t *testing.T) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// ignored tells what .dockerignore keeps out of the build.
func ignored() (func(name string) (bool, error), error) {
	f, err := os.Open(filepath.Join(root, ".dockerignore"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return nil, err
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	return m.MatchesOrParentMatches, nil
}

// copyContext copies what the build would get.
func copyContext(to string) error {
	skip, err := ignored()
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		out, err := skip(rel)
		switch {
		case err != nil:
			return err
		case out && d.IsDir():
			return fs.SkipDir
		case out:
			return nil
		case d.IsDir():
			return os.Mkdir(filepath.Join(to, rel), 0o755)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o644)
	})
}

// TestDockerignore: no secret, no data and no test gets into a layer, and everything that is built does.
func TestDockerignore(t *testing.T) {
	skip, err := ignored()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		".git/config": true, ".env": true, ".env.production": true, "deploy/.env": true, ".holdfast/dev.json": true, "bin/holdfast": true,
		"store/store_test.go": true, "README.md": true, "tmp/x": true,
		"go.mod": false, "go.sum": false, "cmd/holdfast/main.go": false, "migrations/00001_org.sql": false, "cmd/internal/ops/page.css": false,
	} {
		got, err := skip(name)
		if err != nil || got != want {
			t.Errorf("%s: kept out: %v, want %v (%v)", name, got, want, err)
		}
	}
}

// maxBinary is what a binary may weigh, in bytes. An image adds 0.2 MB of certificates.
var maxBinary = map[string]int64{"holdfast": 45e6, "twiliosim": 12e6}

// TestBinariesAreStatic: they run in an image that holds nothing else, and know their version.
func TestBinariesAreStatic(t *testing.T) {
	for name, limit := range maxBinary {
		file := filepath.Join(binaries(t), name)
		bin, err := elf.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer bin.Close()
		for _, p := range bin.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s wants a loader: %v", name, p.Type)
			}
		}
		if bin.Section(".symtab") != nil || bin.Section(".debug_info") != nil {
			t.Errorf("%s is not stripped", name)
		}
		st, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.1f MB", name, float64(st.Size())/1e6)
		if st.Size() > limit {
			t.Errorf("%s has %d bytes, more than %d", name, st.Size(), limit)
		}
	}
	said, err := exec.Command(filepath.Join(binaries(t), "holdfast"), "--version").Output()
	if err != nil || strings.TrimSpace(string(said)) != testVersion {
		t.Errorf("--version says %q (%v)", said, err)
	}
}
