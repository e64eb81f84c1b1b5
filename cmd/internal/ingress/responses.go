package ingress

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/handlers"
)

// Headers that all answers of an operation have.
var commonHeaders = map[string]*huma.Param{
	"X-Request-Id":  {Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "Names the request in the log. A UUID, a ULID or a trace id that the client sends is kept."},
	"Server-Timing": {Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "Where the time went, in milliseconds: auth, db, wait, total."},
}

// Headers of some.
const (
	headerAppliedName  = "Preference-Applied"
	headerReplayedName = "Idempotency-Replayed"
)

var (
	headerRetryAfter = &huma.Param{Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "Seconds until it is worth asking again."}
	headerRetryNow   = &huma.Param{Required: true, Schema: headerRetryAfter.Schema, Description: headerRetryAfter.Description}
	headerApplied    = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}, Description: "The wait that was granted."}
	headerReplayed   = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}, Description: "true: the answer was given before, and nothing was done now."}
	headerScheme     = &huma.Param{Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "Bearer, or Signature."}
	headerScope      = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}, Description: "Of missing-scope: Bearer, with the scope that is wanted."}
	headerLocation   = &huma.Param{Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: "The request."}
)

// responses are success, 202 for writes, and the problems by status.
func (o operation) responses(schemas huma.Registry) map[string]*huma.Response {
	media := o.media
	if media == "" {
		media = "application/json"
	}
	ok := &huma.Response{Description: http.StatusText(o.ok)}
	if o.response != nil {
		schema := schemas.Schema(reflect.TypeOf(o.response), true, o.id)
		if o.or != nil {
			schema = &huma.Schema{AnyOf: []*huma.Schema{schema, schemas.Schema(reflect.TypeOf(o.or), true, o.id)}}
		}
		ok.Content = map[string]*huma.MediaType{media: {Schema: schema, Example: o.answer}}
	}
	all := map[string]*huma.Response{strconv.Itoa(o.ok): ok}
	if o.also != 0 {
		all[strconv.Itoa(o.also)] = &huma.Response{Description: http.StatusText(o.also), Content: ok.Content}
	}
	if o.write {
		all["202"] = &huma.Response{Description: "Accepted: no outcome yet. Location tells where it will be.",
			Headers: map[string]*huma.Param{"Location": headerLocation, "Retry-After": headerRetryNow, headerAppliedName: headerApplied},
			Content: map[string]*huma.MediaType{"application/json": {
				Schema: schemas.Schema(reflect.TypeFor[requestView](), true, ""), Example: examplePending}}}
	}
	problem := schemas.Schema(reflect.TypeFor[Problem](), true, "")
	for _, kind := range o.kinds() {
		documentProblem(all, kind, problem)
	}
	return all
}

// kinds are all problems of an operation: its own, and those of its scheme and of writes.
func (o operation) kinds() []string {
	kinds := append([]string{"body-too-large", "internal-error", "invalid-header", "too-many-headers", "unsupported-media"}, o.problems...)
	if o.scheme == "" { // a page: it reads nothing
		slices.Sort(kinds)
		return slices.Compact(kinds)
	}
	kinds = append(kinds, "invalid-json", "request-timeout", "temporarily-unavailable")
	switch o.scheme {
	case schemeKey:
		kinds = append(kinds, "unauthorized", "forbidden", "missing-scope")
	default:
		kinds = append(kinds, "invalid-signature")
	}
	kinds = append(kinds, "not-acceptable")
	if o.write { // invalid-request may be about the key
		kinds = append(kinds, "key-reused", "request-failed", "invalid-request")
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// documentProblem adds a kind to the response of its status, as an example of it.
func documentProblem(all map[string]*huma.Response, kind string, schema *huma.Schema) {
	p := newProblem(kind, "", "")
	status := strconv.Itoa(p.Status)
	if all[status] == nil {
		all[status] = &huma.Response{Description: http.StatusText(p.Status), Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: schema, Examples: map[string]*huma.Example{}}}}
		switch p.Status {
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			all[status].Headers = map[string]*huma.Param{"Retry-After": headerRetryNow}
		case http.StatusUnauthorized:
			all[status].Headers = map[string]*huma.Param{"WWW-Authenticate": headerScheme}
		case http.StatusForbidden:
			all[status].Headers = map[string]*huma.Param{"WWW-Authenticate": headerScope}
		}
	}
	all[status].Content["application/problem+json"].Examples[kind] = &huma.Example{
		Summary: handlers.ProblemKinds[kind].About, Value: exampleProblem(kind)}
}

// documentHeaders adds what all answers have, and what a stored answer of a write may have, whatever it says.
func (o operation) documentHeaders(doc *huma.OpenAPI) {
	for status, r := range o.in(doc).Responses {
		if r.Headers == nil {
			r.Headers = make(map[string]*huma.Param)
		}
		for name := range commonHeaders {
			r.Headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
		}
		if !o.write || status == "202" {
			continue
		}
		r.Headers[headerAppliedName], r.Headers[headerReplayedName] = headerApplied, headerReplayed
		delete(r.Headers, "Location")
		switch status {
		case "200":
			delete(r.Headers, "Retry-After")
		case "201":
			delete(r.Headers, "Retry-After")
			if o.made != "" {
				r.Headers["Location"] = &huma.Param{Schema: headerLocation.Schema, Required: true, Description: o.made}
			}
		}
	}
}
