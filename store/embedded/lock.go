package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockFile takes the lock on a file, made when missing, and tries until ctx is done. The lock lasts
// until the file is closed here and in every process that inherited it.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- our own file
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, ctx.Err()), f.Close())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// own makes this process the owner of a server's data, or says who is. It waits a moment, because the
// kernel takes one to bury an owner that was killed just now.
func (p place) own(name string) (*os.File, error) {
	path := p.file(name + ".owner")
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	f, err := lockFile(ctx, path)
	if errors.Is(err, context.DeadlineExceeded) {
		who, _ := os.ReadFile(path) // #nosec G304 -- our own file; without it the line lacks the pid
		return nil, fmt.Errorf("%s is in use by another holdfast (pid %s)", p.dataDir, strings.TrimSpace(string(who)))
	}
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}
