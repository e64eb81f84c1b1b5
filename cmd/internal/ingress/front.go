package ingress

import (
	"mime"
	"net/http"
	"strings"
)

// maxHeaders is how many lines of headers a request may have. Their size is the server's to bound (Server).
const maxHeaders = 100

// once are headers that say one thing. Two of them would be read differently by a proxy and by us.
var once = []string{"Authorization", "Content-Type", "Content-Encoding", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature",
	"X-Twilio-Signature", "X-Vapi-Secret", "X-Retell-Signature"}

// checkHeaders refuses what cannot be read in one way only.
func checkHeaders(h http.Header) error {
	lines := 0
	for _, values := range h {
		lines += len(values)
	}
	if lines > maxHeaders {
		return newProblem("too-many-headers", "", "")
	}
	for _, name := range once {
		if len(h[name]) > 1 {
			return newProblem("invalid-header", name, "may stand there once")
		}
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return newProblem("unsupported-media", "Content-Encoding", "send the body as it is")
	}
	return nil
}

// front stands before the mux: headers for all answers, and the request's own with the size that it announces, which are
// judged before anything else. It hands on the same *http.Request, on which the mux leaves the route.
func (in *Ingress) front(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		err := checkHeaders(r.Header)
		if err == nil && r.ContentLength > bodyLimit(r.URL.Path) {
			err = newProblem("body-too-large", "", "")
		}
		if err != nil {
			h.Set("Connection", "close") // the body is not worth reading
			in.refuse(w, r, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
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
	if !isJSON(r.Header.Get("Content-Type")) {
		return newProblem("unsupported-media", "", "")
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return newProblem("unsupported-media", "Content-Type", "JSON is UTF-8")
	}
	return nil
}

// isJSON holds for the types that are JSON.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}
