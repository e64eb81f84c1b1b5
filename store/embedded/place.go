package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is a user that servers run as. A nil account is the process's own user.
type account struct{ uid, gid uint32 }

// runAs is the account for servers: our own, but PostgreSQL refuses root.
func runAs() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		return &account{uid: uint32(uid), gid: uint32(gid)}, errors.Join(uidErr, gidErr)
	}
	return nil, errors.New("PostgreSQL refuses root, and there is neither a user postgres nor nobody to run it as; type: useradd --system postgres")
}

// procAttr puts a child into a process group of its own, because Ctrl-C reaches the whole group of the
// parent and must not stop a server before the parent's own shutdown does.
func (a *account) procAttr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// mayEnter tells from the permissions whether a can reach what lies below dir, an absolute path.
func (a *account) mayEnter(dir string) bool {
	if a == nil {
		return true
	}
	dir, err := filepath.EvalSymlinks(dir)
	for ; err == nil; dir = filepath.Dir(dir) {
		var st syscall.Stat_t
		if err = syscall.Stat(dir, &st); err != nil {
			break
		}
		bit := uint32(0o001)
		switch {
		case st.Uid == a.uid:
			bit = 0o100
		case st.Gid == a.gid:
			bit = 0o010
		}
		if uint32(st.Mode)&bit == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
	return false
}

// give makes a the owner of a file.
func (a *account) give(file string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(file, int(a.uid), int(a.gid))
}

// place is where the servers of one DataDir keep things.
type place struct {
	dataDir string   // ports, password, logs: read and written by us
	home    string   // data and locks: dataDir, or elsewhere when the account cannot enter that
	as      *account // who runs the servers and owns the data
}

func (p place) file(name string) string { return filepath.Join(p.home, name) }

// note is the file in dataDir that says where home is, when it is elsewhere.
func (p place) note() string { return filepath.Join(p.dataDir, "place") }

// settle finds or makes the place of o.DataDir.
func settle(o Options) (place, error) {
	if o.DataDir == "" {
		return place{}, errors.New("no data folder named")
	}
	as, err := runAs()
	if err != nil {
		return place{}, err
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return place{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { // #nosec G301 -- as must enter it; what is secret in it is 0600
		return place{}, err
	}
	p := place{dataDir: dir, home: dir, as: as}
	noted, err := os.ReadFile(p.note())
	switch {
	case err == nil:
		p.home = strings.TrimSpace(string(noted))
	case !errors.Is(err, fs.ErrNotExist):
		return place{}, err
	case as.mayEnter(dir):
		return p, nil
	default:
		if p.home, err = elsewhere(dir, as, o.Durable); err != nil {
			return place{}, err
		}
	}
	return p, p.makeHome()
}

// elsewhere names a folder for dir's data that as can enter: always the same for the same dir.
func elsewhere(dir string, as *account, durable bool) (string, error) {
	bases := []string{os.TempDir(), "/tmp", "/var/tmp"}
	if durable {
		bases = []string{"/var/tmp", os.TempDir(), "/tmp"} // /tmp may not survive a reboot
	}
	sum := sha256.Sum256([]byte(dir))
	for _, base := range bases {
		if as.mayEnter(base) {
			return filepath.Join(base, "holdfast-"+hex.EncodeToString(sum[:8])), nil
		}
	}
	return "", fmt.Errorf("the user that runs PostgreSQL (uid %d) can enter neither %s nor a folder for temporary files", as.uid, dir)
}

// makeHome makes a home outside dataDir, and refuses one that a stranger made first: its name can be
// guessed and its parent is open to all.
func (p place) makeHome() error {
	if err := os.Mkdir(p.home, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Lstat(p.home, &st); err != nil {
		return fmt.Errorf("%s: %w", p.home, err)
	}
	own := st.Uid == uint32(os.Geteuid()) || p.as != nil && st.Uid == p.as.uid
	if uint32(st.Mode)&syscall.S_IFMT != syscall.S_IFDIR || uint32(st.Mode)&0o077 != 0 || !own {
		return fmt.Errorf("%s is not ours: remove it, or name another data folder", p.home)
	}
	// Whoever made it: the other server's start may have, and not have come to this line yet.
	if err := p.as.give(p.home); err != nil {
		return err
	}
	return p.writeNote()
}

// writeNote is atomic, because the other server's start may read the note at the same time.
func (p place) writeNote() error {
	f, err := os.CreateTemp(p.dataDir, "place-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(p.home + "\n")
	return errors.Join(err, f.Close(), os.Rename(f.Name(), p.note()))
}

// folder makes a folder of the account's own inside home. When home is elsewhere and nothing in
// dataDir remembers the server, then somebody deleted dataDir to begin anew, and what is left is old.
func (p place) folder(name, server string) (string, error) {
	dir := p.file(name)
	if _, err := os.Stat(filepath.Join(p.dataDir, server+".port")); p.home != p.dataDir && errors.Is(err, fs.ErrNotExist) {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
		return dir, err
	}
	return dir, p.as.give(dir)
}

// Remove deletes all that the servers of dataDir keep, also what lies elsewhere because they could not
// enter dataDir (see Options.DataDir). dataDir itself and other people's files in it stay. It fails when
// a server still uses it.
func Remove(dataDir string) error {
	if _, err := os.Stat(dataDir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p, err := settle(Options{DataDir: dataDir})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, name := range []string{"postgres", "redis"} {
		owner, err := p.own(name)
		if err != nil {
			return err
		}
		defer owner.Close()
		lock, err := lockFile(ctx, p.file(name+".lock")) // of a killed parent's server
		if err != nil {
			return err
		}
		defer lock.Close()
		for _, suffix := range []string{"", ".new", ".password", ".lock", ".owner"} {
			err = errors.Join(err, os.RemoveAll(p.file(name+suffix)))
		}
		for _, suffix := range []string{".port", ".password", ".log"} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.dataDir, name+suffix)))
		}
		if err != nil {
			return err
		}
	}
	if p.home != p.dataDir {
		return errors.Join(os.Remove(p.home), os.Remove(p.note()))
	}
	return nil
}
