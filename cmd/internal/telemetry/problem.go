package telemetry

import (
	"encoding/json"
	"net/http"
)

// Problem is an error answer of RFC 9457. Title defaults to the status' own text, Type to
// "about:blank", which says that the status is all there is to know.
type Problem struct {
	Type      string   `json:"type"`
	Title     string   `json:"title"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail,omitempty"`
	Missing   []string `json:"missing,omitempty"` // what a service that is not ready waits for
	RequestID string   `json:"request_id,omitempty"`
}

// WriteProblem answers with p and the request's id.
func WriteProblem(w http.ResponseWriter, r *http.Request, p Problem) {
	if p.Type == "" {
		p.Type = "about:blank"
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	p.RequestID = RequestID(r.Context())
	body, err := json.Marshal(p)
	if err != nil { // cannot be: strings and a number
		body = []byte(`{}`)
	}
	w.Header().Del("Content-Length") // of the answer that was not given
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client is gone; nobody is left to tell
}
