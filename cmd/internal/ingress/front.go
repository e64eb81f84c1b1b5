package ingress

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// maxBody is the largest body that is read. A booking with all its notes has a quarter of it.
const maxBody = 64 << 10

// maxVoiceBody is the same for voice agents, whose platforms send all that was said so far with each tool call.
const maxVoiceBody = 2 << 20

func bodyLimit(path string) int64 {
	if strings.HasPrefix(path, "/webhooks/vapi/") || strings.HasPrefix(path, "/webhooks/retell/") {
		return maxVoiceBody
	}
	return maxBody
}

// front stands before the mux: headers for all answers, and the body's size, which is judged before anything
// else. It hands on the same *http.Request, on which the mux leaves the route.
func (in *Ingress) front(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if err := buffer(r); err != nil {
			// The rest of the body is not worth reading.
			h.Set("Connection", "close")
			in.refuse(w, r, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// buffered is a body that has been read.
type buffered struct {
	bytes.Reader
	raw []byte
}

func (*buffered) Close() error { return nil }

// buffer reads the body, so that signatures can be checked over exactly what was sent.
func buffer(r *http.Request) error {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	limit := bodyLimit(r.URL.Path)
	if r.ContentLength > limit {
		return newProblem("body-too-large", "", "")
	}
	raw, err := readBody(r, limit)
	if err != nil {
		return newProblem("invalid-json", "", "the body ended early")
	}
	if int64(len(raw)) > limit {
		return newProblem("body-too-large", "", "")
	}
	b := &buffered{raw: raw}
	b.Reset(raw)
	r.Body = b
	return nil
}

func readBody(r *http.Request, limit int64) ([]byte, error) {
	// A length is only a promise of whoever asks, who has proved nothing yet: beyond what most bodies have, memory is
	// taken as the bytes come. A chunked body names no length.
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		return io.ReadAll(io.LimitReader(r.Body, limit+1))
	}
	raw := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, raw)
	return raw, err
}

// bodyOf is the body that buffer has read.
func bodyOf(r *http.Request) []byte {
	if b, ok := r.Body.(*buffered); ok {
		return b.raw
	}
	return nil
}

// refuse answers with an error where there is no operation.
func (in *Ingress) refuse(w http.ResponseWriter, r *http.Request, err error) {
	in.fail(r.Context(), err).write(w)
}

// unmatched answers what no route takes: 405 when another method would do, else 404.
func (in *Ingress) unmatched(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = "" // not a route, for the metrics
		var allowed []string
		for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
			probe := &http.Request{Method: m, URL: r.URL, Host: r.Host}
			if _, pattern := mux.Handler(probe); pattern != "/" && pattern != "" {
				allowed = append(allowed, m)
			}
		}
		if len(allowed) == 0 {
			in.refuse(w, r, newProblem("not-found", "", "there is no such route"))
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		in.refuse(w, r, newProblem("method-not-allowed", "", ""))
	}
}

// acceptable fails when the client takes no JSON at all.
func acceptable(r *http.Request) error {
	lines := r.Header.Values("Accept")
	if len(lines) == 0 {
		return nil
	}
	for item := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		media, params, _ := strings.Cut(item, ";")
		media = strings.ToLower(strings.TrimSpace(media))
		if zeroWeight(params) {
			continue
		}
		switch media {
		case "", "*/*", "application/*", "application/json", "application/problem+json":
			return nil
		}
	}
	return newProblem("not-acceptable", "", "")
}

// zeroWeight reports q=0, which refuses a type.
func zeroWeight(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			return strings.Trim(value, "0.") == ""
		}
	}
	return false
}

// readable fails when a body comes as something else than JSON. Clients that name no type mean JSON.
func readable(r *http.Request) error {
	if len(bodyOf(r)) == 0 || r.Header.Get("Content-Type") == "" {
		return nil
	}
	if isJSON(r.Header.Get("Content-Type")) {
		return nil
	}
	return newProblem("unsupported-media", "", "")
}

// isJSON holds for the types that are JSON.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}
