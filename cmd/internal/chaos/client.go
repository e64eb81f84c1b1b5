package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// client asks the API of the org as an integrator is told to: with a key of its own for each write, and again with the
// same key until there is an answer.
type client struct {
	base, org, key string
	wait           int // seconds that it waits for an outcome; 0: it looks for it later
	http           *http.Client
}

func (s *system) client() *client {
	return &client{base: s.apiURL, org: "/v1/orgs/" + s.org, key: s.key, wait: 3, http: &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: 64, IdleConnTimeout: 5 * time.Second, Proxy: nil}}}
}

// answer is what came back. Status 0: nothing.
type answer struct {
	status   int
	problem  string // the last part of its type
	location string
	body     []byte
}

func (a answer) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.problem))
}

// decode reads the body.
func (a answer) decode(v any) bool { return json.Unmarshal(a.body, v) == nil }

// get reads path of the org.
func (c *client) get(ctx context.Context, path string) answer {
	return c.once(ctx, http.MethodGet, c.org+path, "", nil)
}

// once asks one time.
func (c *client) once(ctx context.Context, method, path, key string, body any) (a answer) {
	var in io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return answer{}
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, in)
	if err != nil {
		return answer{}
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
		req.Header.Set("Prefer", fmt.Sprintf("wait=%d", c.wait))
	}
	res, err := c.http.Do(req) // #nosec G704 -- our own system
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}
	}
	return answerOf(res.StatusCode, res.Header.Get("Location"), raw)
}

func answerOf(status int, location string, raw []byte) answer {
	a := answer{status: status, location: location, body: raw}
	var p struct{ Type string }
	if status >= http.StatusBadRequest && a.decode(&p) {
		a.problem = p.Type[strings.LastIndexByte(p.Type, '/')+1:]
	}
	return a
}

// definite reports whether the request will not be answered otherwise: a 5xx that was not stored says nothing.
func (a answer) definite() bool {
	switch a.problem {
	case "internal-error", "temporarily-unavailable", "too-many-requests":
		return false
	}
	return a.status != 0 && (a.status < http.StatusInternalServerError || a.problem != "")
}

// asked is one write, as the client has it in its own record.
type asked struct {
	path, key string
	request   string // where its outcome is, once a 202 was given
	accepted  time.Time
	done      time.Time
	answer    answer // status 0: not known yet
}

// write asks until there is an outcome or ctx ends, and says what came of it.
func (c *client) write(ctx context.Context, w *asked, method string, body any) answer {
	for ; ctx.Err() == nil; pause(ctx, 200*time.Millisecond) {
		if w.request != "" {
			c.look(ctx, w)
		} else if a := c.once(ctx, method, c.org+w.path, w.key, body); a.status == http.StatusAccepted {
			w.accepted, w.request = time.Now(), a.location
			continue
		} else if a.definite() {
			w.answer, w.done = a, time.Now()
		}
		if w.answer.status != 0 {
			break
		}
	}
	return w.answer
}

// look asks what became of a request that was accepted.
func (c *client) look(ctx context.Context, w *asked) {
	a := c.once(ctx, http.MethodGet, w.request, "", nil)
	var v struct {
		Status string
		Result struct {
			Status int
			Body   json.RawMessage
		}
	}
	if a.status == http.StatusOK && a.decode(&v) && v.Status == "done" {
		w.answer, w.done = answerOf(v.Result.Status, "", v.Result.Body), time.Now()
	}
}
