package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Server is one running server. Its methods are not for concurrent use; a nil Server, and one that was
// named by URL and hence not started, can be closed.
type Server struct {
	// URL is how clients reach it; it stays the same over Restart.
	URL string
	// PID is the process id, 0 when the server runs inside this process or was not started by us.
	PID int

	name   string
	port   int
	launch launcher
	proc   process
	owner  *os.File
}

// launcher starts a server on a port and returns when it answers.
type launcher func(ctx context.Context, port int) (process, error)

// process is a running server: a child held by its guard, or miniredis.
type process interface {
	pid() int
	kill() error // at once, as SIGKILL does
	stop() error // in order; returns when all of it is gone
}

// errPortTaken is what a launcher wraps when somebody else took the port meanwhile.
var errPortTaken = errors.New("port is taken")

// start runs a server on the demanded port, or on the remembered one, or on a free one.
func (s *Server) start(ctx context.Context, p place, demanded int) error {
	// The server of a parent that was killed just now may still hold the remembered port.
	lock, err := lockFile(ctx, p.file(s.name+".lock"))
	if err != nil {
		return fmt.Errorf("%s: an earlier one still runs: %w", s.name, err)
	}
	if err := lock.Close(); err != nil {
		return err
	}
	memory := filepath.Join(p.dataDir, s.name+".port")
	for tries := 0; ; tries++ {
		port, err := choosePort(demanded, memory)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.proc, err = s.launch(ctx, port)
		if errors.Is(err, errPortTaken) && demanded == 0 && tries < 5 {
			continue // between the look and the bind; the next look sees it
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.port, s.PID = port, s.proc.pid()
		return rememberPort(memory, port)
	}
}

// Kill ends the server without giving it a chance to tidy up, as SIGKILL or a power cut for this
// process does, and returns when it is gone. Its clients see their connections break. Killing a
// server that is down already, or that was named by URL, is no error.
func (s *Server) Kill() error {
	if s.proc == nil {
		return nil
	}
	if err := s.proc.kill(); err != nil {
		return fmt.Errorf("%s: kill: %w", s.name, err)
	}
	return nil
}

// Restart starts the server again on the same port and data, after Kill or after it died; a server
// that still runs is stopped in order first. It returns when the server answers. PID is the new one.
func (s *Server) Restart(ctx context.Context) error {
	if s.launch == nil {
		return fmt.Errorf("%s: restart: not started here", s.name)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.stop(); err != nil {
		return err
	}
	proc, err := s.launch(ctx, s.port)
	if err != nil {
		return fmt.Errorf("%s: restart: %w", s.name, err)
	}
	s.proc, s.PID = proc, proc.pid()
	return nil
}

// Close stops the server in order, returns when all its processes are gone, and lets others use its
// data. It may be called twice, and on a killed server.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	err := s.stop()
	if s.owner != nil {
		err = errors.Join(err, s.owner.Close())
		s.owner = nil
	}
	return err
}

func (s *Server) stop() error {
	if s.proc == nil {
		return nil
	}
	proc := s.proc
	s.proc, s.PID = nil, 0
	if err := proc.stop(); err != nil {
		return fmt.Errorf("%s: stop: %w", s.name, err)
	}
	return nil
}
