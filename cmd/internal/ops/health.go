package ops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cmd/internal/telemetry"
)

// Probe is one thing that must answer before a process is ready. Name is shown to anybody who can
// reach the listener; what Check returns goes to the log only.
type Probe struct {
	Name  string
	Check func(ctx context.Context) error
}

// Unready says which probes failed. Its text holds their names only; the causes are behind Unwrap.
type Unready struct {
	Missing []string
	causes  []error
}

// Error names what is missing.
func (u *Unready) Error() string { return "not ready: " + strings.Join(u.Missing, ", ") }

// Unwrap returns what the probes said.
func (u *Unready) Unwrap() []error { return u.causes }

// AllOf asks all probes at the same time. It returns nil or an *Unready.
func AllOf(probes ...Probe) func(context.Context) error {
	return func(ctx context.Context) error {
		errs := make([]error, len(probes))
		var wg sync.WaitGroup
		for i, p := range probes {
			wg.Go(func() { errs[i] = p.Check(ctx) })
		}
		wg.Wait()
		var u Unready
		for i, err := range errs {
			if err != nil {
				u.Missing = append(u.Missing, probes[i].Name)
				u.causes = append(u.causes, fmt.Errorf("%s: %w", probes[i].Name, err))
			}
		}
		if len(u.causes) == 0 {
			return nil
		}
		return &u
	}
}

// probeTimeout is how long all probes may take: less than the 3 s that orchestrators tend to wait.
const probeTimeout = 2 * time.Second

// readiness remembers the last answer, so that the log tells of changes and not of every poll.
type readiness struct{ down atomic.Bool }

// check asks whether the process is ready and logs when the answer changed.
func (s *Server) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := s.ready(ctx)
	if was := s.state.down.Swap(err != nil); was == (err != nil) {
		return err
	}
	if err == nil {
		s.log.InfoContext(ctx, "ready again")
		return nil
	}
	cause := err
	if u, ok := errors.AsType[*Unready](err); ok {
		cause = errors.Join(u.causes...)
	}
	s.log.WarnContext(ctx, "not ready", "cause", cause.Error())
	return err
}

func livez(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	err := s.check(r.Context())
	if err == nil {
		livez(w, r)
		return
	}
	p := telemetry.Problem{Status: http.StatusServiceUnavailable, Title: "Not ready"}
	if u, ok := errors.AsType[*Unready](err); ok { // another error's text is not for everybody
		p.Detail, p.Missing = u.Error(), u.Missing
	}
	w.Header().Set("Retry-After", "1")
	telemetry.WriteProblem(w, r, p)
}
