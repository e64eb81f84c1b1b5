package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mutation is a defect and the test that must see it: a patch, with the test named above it.
type mutation struct {
	file      string
	pkg, test string
	path      string // absolute
}

// mutations reads all of them, in a module's root.
func mutations(root string) (list []mutation, err error) {
	files, err := filepath.Glob(filepath.Join(root, "cmd/internal/chaos/testdata/mutations/*.patch"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file) // #nosec G304 -- below the repository, from our own list
		if err != nil {
			return nil, err
		}
		m := mutation{file: filepath.Base(file)}
		if m.path, err = filepath.Abs(file); err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(raw)) {
			if pkg, ok := strings.CutPrefix(line, "Package: "); ok {
				m.pkg = strings.TrimSpace(pkg)
			}
			if test, ok := strings.CutPrefix(line, "Test: "); ok {
				m.test = strings.TrimSpace(test)
			}
		}
		if m.pkg == "" || m.test == "" {
			return nil, fmt.Errorf("%s names no test", file)
		}
		list = append(list, m)
	}
	if len(list) == 0 {
		return nil, errors.New("there are no mutations here: run it in the module's root")
	}
	return list, nil
}

// mutants puts each defect into a copy of the module, and runs the test that must turn red: not by a defect that does
// not compile.
func (c *chaos) mutants(ctx context.Context) (*report, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	list, err := mutations(root)
	if err != nil {
		return nil, err
	}
	copied := filepath.Join(c.dir, "mutant")
	if err := copyModule(ctx, root, copied); err != nil {
		return nil, err
	}
	r := &report{}
	for _, m := range list {
		verdict, err := m.try(ctx, copied)
		if err != nil {
			return r, fmt.Errorf("%s: %w", m.file, err)
		}
		fmt.Fprintf(c.out, "%-45s %-40s %s\n", strings.TrimSuffix(m.file, ".patch"), m.test, verdict)
		if verdict != red {
			r.Breaches = append(r.Breaches, m.file+" is not seen by "+m.test)
		}
	}
	return r, nil
}

const red = "red"

// try applies m to the copy, runs its test, and takes it back.
func (m mutation) try(ctx context.Context, copied string) (verdict string, err error) {
	if out, err := command(ctx, copied, "git", "apply", "-C1", m.path); err != nil {
		return "", fmt.Errorf("it does not apply: %w\n%s", err, out)
	}
	defer func() {
		out, undo := command(ctx, copied, "git", "apply", "-C1", "-R", m.path)
		if undo != nil {
			err = errors.Join(err, fmt.Errorf("%w\n%s", undo, out))
		}
	}()
	out, err := command(ctx, copied, "go", "run", "./store/embedded/withservers", "--", "go", "test", m.pkg, "-count=1", "-run", "^"+m.test+"$")
	switch {
	case err == nil:
		return "GREEN: nobody sees it", nil
	case strings.Contains(out, "--- FAIL: "+m.test):
		return red, nil
	}
	return "", fmt.Errorf("the test did not run: %w\n%s", err, out)
}

func command(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) // #nosec G204 -- arguments of this package's own
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// copyModule copies what git knows of the module at root, as it lies there now.
func copyModule(ctx context.Context, root, to string) error {
	names, err := command(ctx, root, "git", "ls-files")
	if err != nil {
		return fmt.Errorf("git: %w\n%s", err, names)
	}
	for name := range strings.Lines(names) {
		name = strings.TrimSpace(name)
		raw, err := os.ReadFile(filepath.Join(root, name)) // #nosec G304 -- below the repository, from our own list
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			return err
		}
		file := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(file, raw, 0o600); err != nil { // #nosec G703 -- below our own folder
			return err
		}
	}
	return nil
}
