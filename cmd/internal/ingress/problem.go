package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/cmd/internal/telemetry"
	"holdfast/handlers"
	"holdfast/handlers/settings"
	"holdfast/store"
)

// Problem is handlers.Problem on its way out, with the headers that belong to it.
type Problem struct {
	handlers.Problem
	header http.Header
}

// ContentType replaces application/json (huma.ContentTypeFilter).
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are Retry-After and WWW-Authenticate (huma.HeadersError).
func (p *Problem) GetHeaders() http.Header { return p.header }

func newProblem(kind, field, detail string) *Problem {
	return withHeaders(handlers.NewProblem(kind, field, detail))
}

// Seconds that a client should let pass before it tries again.
const (
	retrySoon  = 2  // Postgres is restarting, or busy
	retryLater = 60 // somebody has to mend the org's credentials
)

func withHeaders(p *handlers.Problem) *Problem {
	out := &Problem{Problem: *p}
	switch {
	case p.RetryAfter > 0:
		out.header = http.Header{"Retry-After": {strconv.Itoa(p.RetryAfter)}}
	case p.Type == handlers.ProblemBase+"sms-unavailable":
		out.header = http.Header{"Retry-After": {strconv.Itoa(retryLater)}}
	case p.Status == http.StatusServiceUnavailable:
		out.header = http.Header{"Retry-After": {strconv.Itoa(retrySoon)}}
	}
	return out
}

// errorTable is the one table from errors to problems, first match first. The last row takes all.
var errorTable = []struct {
	is   func(error) bool
	kind string
	// field is what the problem is about, where the error itself cannot know.
	field string
}{
	{is: isError(store.ErrNotFound), kind: "not-found"},
	{is: isError(store.ErrKeyReused), kind: "key-reused", field: headerKey},
	{is: isError(settings.ErrStale), kind: "precondition-failed", field: headerIfMatch},
	{is: unavailable, kind: "temporarily-unavailable"},
	{is: func(error) bool { return true }, kind: "internal-error"},
}

func isError(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// problemOf is what an error is answered with.
func problemOf(err error) *Problem {
	var out *Problem
	if errors.As(err, &out) {
		return out
	}
	var p *handlers.Problem
	if errors.As(err, &p) {
		return withHeaders(p)
	}
	var invalid settings.Invalid
	if errors.As(err, &invalid) {
		return withHeaders(handlers.InvalidSettings(invalid))
	}
	var refused *store.Refusal
	if errors.As(err, &refused) {
		return withHeaders(handlers.Refused(refused))
	}
	for _, row := range errorTable {
		if row.is(err) {
			return newProblem(row.kind, row.field, "")
		}
	}
	return newProblem("internal-error", "", "") // not reached: the last row takes all
}

// unavailable reports whether Postgres is away, too busy or on its way down: the same request may succeed soon.
// A write whose connection broke has an unknown outcome; a retry with the same Idempotency-Key is safe.
func unavailable(err error) bool {
	if store.Transient(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) {
		return true
	}
	if code := store.Code(err); code != "" {
		return code == "57014" || code == "25P03" || strings.HasPrefix(code, "53")
	}
	var network net.Error // context.DeadlineExceeded is one
	return errors.As(err, &network)
}

// fail turns an error into the problem that is answered, and logs what an operator should know.
func (in *Ingress) fail(ctx context.Context, err error) *Problem {
	p := *problemOf(err)
	p.RequestID = telemetry.RequestID(ctx)
	var own *Problem
	var body *handlers.Problem
	switch {
	case p.Status < http.StatusInternalServerError, errors.As(err, &own), errors.As(err, &body): // meant as an answer
	case errors.Is(err, context.Canceled): // the client is gone
	default:
		in.log.ErrorContext(ctx, "request failed", "error", store.Safe(err))
	}
	return &p
}

// write answers with p, where huma does not.
func (p *Problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil { // cannot be: our own types
		body = []byte(`{}`)
	}
	h := w.Header()
	for k, v := range p.header {
		h[k] = v
	}
	h.Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client is gone; nobody is left to tell
}

// humaErrors makes huma's own errors problems like ours. They are package variables of huma, hence once.
var humaErrors = sync.OnceFunc(func() {
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError {
		return humaProblem(status, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
		p := humaProblem(status, errs)
		if ctx != nil {
			p.RequestID = telemetry.RequestID(ctx.Context())
		}
		return p
	}
})

// humaProblem maps a status and the first error that names a place to a kind and a field. A location is
// "query.from" or "body.customer.phone"; messages are huma's fixed texts, and values are left out.
func humaProblem(status int, errs []error) *Problem {
	kinds := map[int]string{
		400: "invalid-json", 401: "unauthorized", 403: "forbidden", 404: "not-found", 405: "method-not-allowed",
		406: "not-acceptable", 413: "body-too-large", 415: "unsupported-media", 422: "invalid-request",
	}
	kind, ok := kinds[status]
	if !ok {
		return newProblem("internal-error", "", "")
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) || kind != "invalid-request" {
			continue
		}
		detail := d.ErrorDetail()
		if _, field, ok := strings.Cut(detail.Location, "."); ok {
			if strings.HasPrefix(detail.Message, "required ") || strings.Contains(detail.Message, "required property") {
				return newProblem("missing-field", requiredField(field, detail.Message), "")
			}
			return newProblem(kind, field, detail.Message)
		}
	}
	return newProblem(kind, "", "")
}

// requiredField is the place of a missing property: huma names the object as the location and the property in
// its message.
func requiredField(at, message string) string {
	_, rest, ok := strings.Cut(message, "required property ")
	name, _, _ := strings.Cut(rest, " ")
	if !ok || name == "" || strings.HasSuffix(at, name) {
		return at
	}
	return at + "." + name
}
