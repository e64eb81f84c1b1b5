package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"holdfast/store/logctx"
)

// HTTP wraps a listener's handler. Each request gets an id (header X-Request-Id, RequestID, the log),
// a line in the log, its metrics and a Server-Timing header; a panic becomes a 500 problem.
//
// The route is the pattern that an http.ServeMux found. What stands between HTTP and the mux must hand
// on the same *http.Request, or the route is unknown.
func HTTP(m *Metrics, log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{id: requestID(r.Header.Get("X-Request-Id")), start: time.Now()}
		ctx := context.WithValue(r.Context(), requestKey{}, q)
		ctx = logctx.With(ctx, slog.String(logctx.RequestID, q.id))
		r = r.WithContext(ctx)
		rec := &recorder{ResponseWriter: w, req: q}
		w.Header().Set("X-Request-Id", q.id)

		aborted := serve(log, next, rec, r) //nolint:contextcheck // r carries it

		d := time.Since(q.start)
		route, method := routeOf(r), knownMethod(r.Method)
		m.observe(route, method, rec.code(), d)
		log.LogAttrs(ctx, levelOf(route, rec.code()), "request",
			slog.String("method", method), slog.String("route", route), slog.Int("status", rec.code()),
			slog.Float64("ms", ms(d)), slog.Int64("bytes", rec.bytes))
		if aborted {
			// Half an answer is out. Ending it properly would make it look whole.
			panic(http.ErrAbortHandler)
		}
	})
}

// serve runs next and turns a panic into a 500. It reports whether the connection has to be cut.
func serve(log *slog.Logger, next http.Handler, w *recorder, r *http.Request) (aborted bool) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		err, isError := v.(error)
		aborted = w.status != 0
		if isError && errors.Is(err, http.ErrAbortHandler) { // the handler's own wish
			aborted = true
			return
		}
		log.ErrorContext(r.Context(), "panic", "route", routeOf(r), "panic", panicText(v), "at", frames())
		if !aborted {
			WriteProblem(w, r, Problem{Status: http.StatusInternalServerError})
		}
	}()
	next.ServeHTTP(w, r)
	return false
}

// panicText says what a panic was without quoting it: only the runtime's own texts hold no data.
func panicText(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a value of type %T", v)
}

// routeOf is the pattern without its method, which is an attribute of its own.
func routeOf(r *http.Request) string {
	if r.Pattern == "" {
		return "unmatched"
	}
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return r.Pattern
}

// levelOf keeps what polls every few seconds out of the log unless it fails.
func levelOf(route string, status int) slog.Level {
	switch {
	case status >= http.StatusInternalServerError && route != "/readyz":
		return slog.LevelError
	case route == "/livez" || route == "/readyz" || route == "/metrics":
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// frames lists the functions on the stack from the one that panicked. Unlike debug.Stack it leaves
// the arguments out.
func frames() []string {
	pcs := make([]uintptr, 32)
	fs := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var all []string
	for more := true; more; {
		var f runtime.Frame
		f, more = fs.Next()
		if f.Function == "runtime.gopanic" { // above it: this function and the deferred one
			all = nil
			continue
		}
		all = append(all, f.Function+" "+f.File[strings.LastIndexByte(f.File, '/')+1:]+":"+strconv.Itoa(f.Line))
	}
	return all
}

// recorder sees the status and the size of an answer, and adds Server-Timing to its header.
type recorder struct {
	http.ResponseWriter
	req    *request
	status int
	bytes  int64
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush serves handlers that ask for an http.Flusher.
func (w *recorder) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush() // a Flusher has no way to say more
}

func (w *recorder) WriteHeader(status int) {
	if status >= http.StatusOK && w.status == 0 { // 1xx only announces
		w.status = status
		w.Header().Set("Server-Timing", w.req.serverTiming())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// code is the status that the client got. A handler that wrote nothing answered 200.
func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
