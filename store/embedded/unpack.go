package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// unpack puts the packages of servers, and those they depend on, below the user's cache folder: what
// an ordinary user of a Debian can do without asking anybody. Each server has a folder of its own,
// renamed into place when it is complete.
func (m *manager) unpack(ctx context.Context, servers []string) error {
	if err := os.MkdirAll(cacheDir(), 0o700); err != nil {
		return err
	}
	if !ours(cacheDir()) {
		return fmt.Errorf("%s belongs to somebody else", cacheDir())
	}
	lock, err := lockFile(ctx, filepath.Join(cacheDir(), "lock")) // another make test may be at it
	if err != nil {
		return err
	}
	defer lock.Close()
	for _, s := range servers {
		if err := m.unpackOne(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (m *manager) unpackOne(ctx context.Context, server string) error {
	debs, err := os.MkdirTemp(cacheDir(), "debs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(debs)
	if err := fetch(ctx, debs, nil, m.packages[server]); err != nil {
		// The machine's package lists are missing or old, and only root may renew them: use our own.
		own, ownErr := ownLists(ctx)
		if ownErr != nil {
			return errors.Join(err, ownErr)
		}
		if err := fetch(ctx, debs, own, m.packages[server]); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	root := filepath.Join(debs, "root")
	for _, file := range files {
		if _, err := runTool(ctx, debs, "dpkg-deb", "-x", file, root); err != nil {
			return err
		}
	}
	return errors.Join(os.MkdirAll(filepath.Dir(packageRoot(server)), 0o700),
		os.RemoveAll(packageRoot(server)), os.Rename(root, packageRoot(server)))
}

// fetch downloads the packages, and those of their dependencies that the machine lacks, into dir.
func fetch(ctx context.Context, dir string, options, packages []string) error {
	simulate := append([]string{"apt-get", "-s", "--no-install-recommends"}, options...)
	plan, err := runTool(ctx, dir, append(append(simulate, "install"), packages...)...)
	if err != nil {
		return err
	}
	var names []string
	for line := range strings.Lines(plan) {
		words := strings.Fields(line)
		// A newer libc would not fit the loader that the machine runs with.
		if len(words) > 1 && words[0] == "Inst" && words[1] != "libc6" {
			names = append(names, words[1])
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("apt-get has nothing to install for %s", strings.Join(packages, " "))
	}
	_, err = runTool(ctx, dir, append(append(append([]string{"apt-get"}, options...), "download"), names...)...)
	return err
}

// ownLists fetches package lists into the cache folder and returns the options that use them.
func ownLists(ctx context.Context) ([]string, error) {
	state, cache := filepath.Join(cacheDir(), "apt/state"), filepath.Join(cacheDir(), "apt/cache")
	for _, dir := range []string{filepath.Join(state, "lists/partial"), filepath.Join(cache, "archives/partial")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	options := []string{"-o", "Dir::State=" + state, "-o", "Dir::Cache=" + cache, "-o", "Dir::State::status=/var/lib/dpkg/status"}
	_, err := runTool(ctx, cacheDir(), append(append([]string{"apt-get"}, options...), "update")...)
	return options, err
}
