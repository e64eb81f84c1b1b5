package ops

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"holdfast/cmd/internal/telemetry"
)

// queuesPath is where asynqmon is rooted. Its page and its API are below.
const queuesPath = "/queues"

// newAsynqmon mounts asynqmon. Payloads and results are shown as they are, by its default formatters,
// because they hold ids only (promise P8).
func newAsynqmon(o Options) (*asynqmon.HTTPHandler, error) {
	// go-redis reads more of the URL than asynq.ParseRedisURI: the user, a missing port, a bare "/".
	ro, err := redis.ParseURL(o.RedisURL.Reveal())
	if err != nil {
		return nil, errors.New("operators' listener: the Redis URL cannot be read") // err quotes it
	}
	return asynqmon.New(asynqmon.Options{
		RootPath: queuesPath,
		ReadOnly: o.ReadOnlyQueues,
		RedisConnOpt: asynq.RedisClientOpt{
			Network: ro.Network, Addr: ro.Addr, Username: ro.Username, Password: ro.Password,
			DB: ro.DB, TLSConfig: ro.TLSConfig,
		},
	}), nil
}

// pauseOrResume is the one change that belongs to Redis: asynq's servers ask it whether a queue is
// paused, and Postgres does not care.
var pauseOrResume = regexp.MustCompile(`^` + queuesPath + `/api/queues/[^/]+:(pause|resume)$`)

// queues lets asynqmon show everything and change only what is Redis's own. To run, archive or delete
// a task there would change nothing but the news of it: the task is a row in Postgres.
func (s *Server) queues(o Options) http.Handler {
	policy := queuesPolicy(s.mon)
	var action http.Handler = http.HandlerFunc(useDeadletter)
	if o.QueueAction != nil && !o.ReadOnlyQueues {
		action = o.QueueAction(s.mon)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setCSP(w, policy...)
		if strings.HasPrefix(r.URL.Path, queuesPath+"/static/") {
			w.Header().Set("Cache-Control", "private, max-age=86400") // names carry a hash of the content
		}
		switch {
		case r.Method == http.MethodGet, r.Method == http.MethodHead:
			s.mon.ServeHTTP(w, r)
		case r.Method == http.MethodPost && !o.ReadOnlyQueues && pauseOrResume.MatchString(r.URL.Path):
			s.log.InfoContext(r.Context(), "queue paused or resumed", "path", r.URL.Path)
			s.mon.ServeHTTP(w, r)
		default:
			action.ServeHTTP(w, r)
		}
	})
}

func useDeadletter(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "GET, HEAD")
	telemetry.WriteProblem(w, r, telemetry.Problem{
		Status: http.StatusMethodNotAllowed,
		Title:  "Tasks are not changed here",
		Detail: "A task lives in Postgres and Redis only carries the news of it. What is done " +
			"to it here would be undone there.",
	})
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// queuesPolicy is the Content-Security-Policy that asynqmon's page works under. Its inline scripts are
// let in by their hashes; styles are made at run time by its widgets; its fonts come from Google and
// fall back to the system's where that cannot be reached. Its manifest stays out: browsers fetch it
// without the cookie.
func queuesPolicy(mon http.Handler) []string {
	scripts := "script-src 'self'"
	for _, m := range inlineScript.FindAllSubmatch(page(mon, queuesPath+"/"), -1) {
		scripts += " 'sha256-" + hash(string(m[1])) + "'"
	}
	return []string{
		"default-src 'none'",
		scripts,
		"style-src 'self' 'unsafe-inline' https://fonts.googleapis.com",
		"font-src 'self' data: https://fonts.gstatic.com",
		"img-src 'self' data:",
		"connect-src 'self'",
	}
}

// page asks a handler for a page without a connection.
func page(h http.Handler, path string) []byte {
	var p buffered
	r, err := http.NewRequest(http.MethodGet, path, http.NoBody) // without a context: nothing here waits
	if err != nil {
		return nil // the path is a constant
	}
	h.ServeHTTP(&p, r)
	return p.body.Bytes()
}

type buffered struct {
	header http.Header
	body   bytes.Buffer
}

func (b *buffered) Header() http.Header {
	if b.header == nil {
		b.header = make(http.Header)
	}
	return b.header
}
func (b *buffered) Write(p []byte) (int, error) { return b.body.Write(p) }
func (b *buffered) WriteHeader(int)             {}
