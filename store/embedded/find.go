package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// errNotFound is what a search for binaries wraps when there are none.
var errNotFound = errors.New("not found")

// binaries is a folder of executables, and of the libraries they need when those lie aside.
type binaries struct {
	dir  string
	libs []string
}

// env is what the executables need of the environment. It is set for them alone: LD_LIBRARY_PATH in
// our own environment would change what every other child loads.
func (b binaries) env() []string {
	if len(b.libs) == 0 {
		return nil
	}
	return []string{"LD_LIBRARY_PATH=" + strings.Join(b.libs, ":")}
}

// findPostgres finds a folder with postgres and initdb: of the major version that made the data, or,
// when there is no data yet (""), the first on the PATH, else the newest.
func findPostgres(ctx context.Context, major string) (binaries, error) {
	var others []string
	for _, b := range postgresFolders() {
		if major == "" {
			return b, nil
		}
		have := postgresMajor(ctx, b)
		if have == major {
			return b, nil
		}
		others = append(others, fmt.Sprintf("%s (%s)", b.dir, have))
	}
	if len(others) > 0 {
		return binaries{}, fmt.Errorf("the data is of version %s, but the machine has %s: install that version, or begin anew in another data folder",
			major, strings.Join(others, ", "))
	}
	return binaries{}, fmt.Errorf("postgres and initdb %w; type: %s", errNotFound, advice("postgres"))
}

// postgresFolders lists the folders that hold both, in order of preference.
func postgresFolders() []binaries {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		// A link such as /usr/local/bin/postgres may stand alone; PostgreSQL's own tools live behind it.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		dirs = append(dirs, filepath.Dir(path))
	}
	cache := packageRoot("postgres")
	var found []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/usr/local/pgsql/bin", "/usr/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		filepath.Join(cache, "usr/lib/postgresql/*/bin"),
	} {
		m, _ := filepath.Glob(pattern) // the patterns are well formed
		slices.SortStableFunc(m, func(a, b string) int { return cmp.Compare(number(b), number(a)) })
		found = append(found, m...)
	}
	var all []binaries
	for _, dir := range append(dirs, found...) {
		if usable(dir, cache, "postgres", "initdb") {
			all = append(all, withLibs(dir, cache))
		}
	}
	return all
}

// number is the version in a folder's path: 15 of /usr/lib/postgresql/15/bin.
func number(dir string) int {
	n, _ := strconv.Atoi(regexp.MustCompile(`(\d+)(/bin)?$`).FindString(strings.TrimSuffix(dir, "/bin")))
	return n
}

// postgresMajor asks the binary; its version decides, not its path. "" when it does not run.
func postgresMajor(ctx context.Context, b binaries) string {
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, "postgres"), "--version") // #nosec G204 -- a program of PostgreSQL, found among its known places
	cmd.Env = append(os.Environ(), b.env()...)
	out, _ := cmd.Output()
	return regexp.MustCompile(`\d+`).FindString(string(out))
}

// findRedis finds the folder of a redis-server.
func findRedis() (binaries, error) { return findProgram("redis-server", "redis") }

// findPgBouncer finds the folder of a pgbouncer.
func findPgBouncer() (binaries, error) { return findProgram("pgbouncer", "pgbouncer") }

// findProgram finds the folder of a server's program: on the PATH, else where distributions put it, else unpacked.
func findProgram(program, server string) (binaries, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		path, err = filepath.Abs(path)
		return binaries{dir: filepath.Dir(path)}, err
	}
	cache := packageRoot(server)
	for _, dir := range []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin",
		filepath.Join(cache, "usr/bin"), filepath.Join(cache, "usr/sbin")} {
		if usable(dir, cache, program) {
			return withLibs(dir, cache), nil
		}
	}
	return binaries{}, fmt.Errorf("%s %w; type: %s", program, errNotFound, advice(server))
}

// withLibs adds the cache's libraries to a folder that lies in the cache.
func withLibs(dir, cache string) binaries {
	b := binaries{dir: dir}
	if strings.HasPrefix(dir, cache+"/") {
		for _, pattern := range []string{"usr/lib/*-linux-*", "lib/*-linux-*", "usr/lib", "lib"} {
			m, _ := filepath.Glob(filepath.Join(cache, pattern)) // the patterns are well formed
			b.libs = append(b.libs, m...)
		}
	}
	return b
}

// usable tells whether dir holds the programs. Those in the cache must be our own: without a HOME it
// lies where anybody can write.
func usable(dir, cache string, programs ...string) bool {
	for _, name := range programs {
		if !executable(filepath.Join(dir, name)) {
			return false
		}
	}
	return !strings.HasPrefix(dir, cache+"/") || ours(cacheDir())
}

// ours tells whether a folder is this user's and closed to other writers.
func ours(dir string) bool {
	var st syscall.Stat_t
	err := syscall.Lstat(dir, &st)
	return err == nil && uint32(st.Mode)&(syscall.S_IFMT|0o022) == syscall.S_IFDIR && int(st.Uid) == os.Geteuid()
}

func executable(file string) bool {
	st, err := os.Stat(file)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// cacheDir is where downloaded binaries are kept between runs: the user's cache folder, or one for
// temporary files when there is no HOME.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), fmt.Sprintf("holdfast-cache-%d", os.Geteuid()))
	}
	return filepath.Join(dir, "holdfast")
}

// packageRoot is where an ordinary user's Debian packages of a server are unpacked.
func packageRoot(server string) string { return filepath.Join(cacheDir(), "packages", server) }
