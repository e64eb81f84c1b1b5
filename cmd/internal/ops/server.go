// Package ops is the operators' listener: metrics, health, asynq's queues and profiles on a port of
// their own.
//
// Everything but health is behind one token, because asynqmon and pprof have no protection of their
// own. The listener belongs on loopback or a private network all the same: it speaks plain HTTP.
package ops

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/pprof" // registers on http.DefaultServeMux too, which nothing here serves
	"strings"
	"time"

	"github.com/hibiken/asynqmon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/cmd/internal/telemetry"
	"holdfast/store/pii"
)

// Options is what a Server is made of.
type Options struct {
	// Token opens everything but /livez and /readyz. It must not be empty.
	Token pii.Token
	// Registry is what /metrics shows.
	Registry *prometheus.Registry
	// RedisURL is where asynq's queues are. It may hold a password.
	RedisURL pii.Token
	// Ready says whether this process can do its work; AllOf makes one. Nil means always.
	Ready func(ctx context.Context) error
	Log   *slog.Logger
	// ReadOnlyQueues takes pause and resume out of asynqmon too.
	ReadOnlyQueues bool
	// QueueAction wraps asynqmon for requests that run, archive, delete or cancel tasks. A task's state
	// is in Postgres, so they are refused as long as nothing carries them there first.
	QueueAction func(asynqmon http.Handler) http.Handler
	// Pages are further pages behind the token.
	Pages []Page
}

// Page is a page that another package brings. Path ends in a slash and holds all below it.
type Page struct {
	Path, Title, About string
	Handler            http.Handler
}

// Server is the operators' listener as a handler. It sets http.Request.Pattern on the request it gets,
// so telemetry.HTTP fits around it.
type Server struct {
	handler http.Handler
	mon     *asynqmon.HTTPHandler
	auth    *auth
	log     *slog.Logger
	ready   func(context.Context) error
	state   readiness
	pages   []Page
	started time.Time
}

// New builds the listener. It connects to nothing: Redis may be away.
func New(o Options) (*Server, error) {
	if o.Token.IsZero() {
		return nil, errors.New("operators' listener: no token")
	}
	mon, err := newAsynqmon(o)
	if err != nil {
		return nil, err
	}
	s := &Server{mon: mon, auth: newAuth(o.Token, o.Log), log: o.Log, ready: o.Ready, started: time.Now()}
	if s.ready == nil {
		s.ready = func(context.Context) error { return nil }
	}
	s.pages = append([]Page{
		{queuesPath + "/", "Queues", "What asynq holds right now: pending, active, retried, archived.", s.queues(o)},
		{"/metrics", "Metrics", "Everything that is counted, as Prometheus reads it.", metrics(o.Registry)},
		{"/debug/pprof/", "Profiles", "CPU, memory, goroutines, execution traces.", profiles()},
	}, o.Pages...)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", livez)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET "+loginPath, s.auth.form)
	mux.HandleFunc("POST "+loginPath, s.auth.login)
	mux.HandleFunc("POST "+logoutPath, s.auth.logout)
	for _, p := range s.pages {
		mux.Handle(p.Path, s.auth.require(p.Handler))
	}
	mux.Handle("GET /{$}", s.auth.require(http.HandlerFunc(s.index)))
	mux.Handle("/", s.auth.require(http.HandlerFunc(notFound))) // says nothing before the token

	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(crossOrigin))
	s.handler = secure(origin.Handler(mux))
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close closes the connections to Redis. Requests must have ended.
func (s *Server) Close() error { return s.mon.Close() }

func metrics(reg *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: 4, // scrapers that hang must not pile up
	})
}

func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setCSP(w, "default-src 'none'; style-src 'unsafe-inline'") // its index has a style element
		mux.ServeHTTP(w, r)
	})
}

// secure sets the headers that hold for every answer. Pages loosen the policy where they must.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		setCSP(w, "default-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Not no-referrer: with it browsers send "Origin: null" with our own forms, and over plain HTTP
		// they send no Sec-Fetch-Site that would say better.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// setCSP sets a Content-Security-Policy on top of what no page of ours ever needs.
func setCSP(w http.ResponseWriter, policy ...string) {
	policy = append(policy, "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'")
	w.Header().Set("Content-Security-Policy", strings.Join(policy, "; "))
}

func notFound(w http.ResponseWriter, r *http.Request) {
	telemetry.WriteProblem(w, r, telemetry.Problem{Status: http.StatusNotFound})
}

func crossOrigin(w http.ResponseWriter, r *http.Request) {
	telemetry.WriteProblem(w, r, telemetry.Problem{
		Status: http.StatusForbidden,
		Detail: "This request changes something and comes from another site.",
	})
}
