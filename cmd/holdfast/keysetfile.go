package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// editKeyset changes the keyset that is configured and tells what to do next. The new one replaces the old one's file; it
// is printed when it came from the environment, or when show says so, and what comes next is then told beside it.
func (e *env) editKeyset(show bool, edit func(text string) (string, error), next func() string) error {
	old := e.cfg.Keyset.Reveal()
	changed, err := edit(old)
	if err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	if show || e.cfg.KeysetFile == "" {
		fmt.Fprintln(e.stdout, changed)
		fmt.Fprintln(e.stderr, "this is the new keyset: give it to every process.", next())
		return nil
	}
	if err := replaceFile(e.cfg.KeysetFile, old, changed); err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	fmt.Fprintln(e.stdout, next())
	return nil
}

// replaceFile puts a new value in the place of the old one. A reader sees one or the other, and once it has returned the
// new one outlives a loss of power: what is sealed by a key that is lost cannot be read. Mode and owner stay.
func replaceFile(path, old, value string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return errors.New("the keyset's file cannot be read")
	}
	st, err := os.Stat(path)
	if err != nil {
		return errors.New("the keyset's file cannot be read")
	}
	aside := path + "." + rand.Text()
	defer os.Remove(aside)
	if err := writeSynced(aside, value+"\n", st); err != nil {
		return errors.New("the keyset's folder cannot be written (--print prints the new keyset instead)")
	}
	now, err := os.ReadFile(path) // #nosec G304 -- the operator has named it
	if err != nil || strings.TrimSpace(string(now)) != old {
		return errors.New("the keyset's file has changed meanwhile: nothing was done")
	}
	if err := os.Rename(aside, path); err != nil {
		return errors.New("the keyset's file cannot be replaced (--print prints the new keyset instead)")
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return errors.New("the keyset's folder cannot be read")
	}
	defer folder.Close()
	return folder.Sync()
}

func writeSynced(path, text string, like fs.FileInfo) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, like.Mode().Perm()) // #nosec G304 -- beside the file that the operator has named
	if err != nil {
		return err
	}
	defer f.Close()
	if owner, ok := like.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if err := f.Chmod(like.Mode().Perm()); err != nil { // whatever the umask is
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Sync()
}
