package validate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// client calls an API with the key of an org.
type client struct {
	http     *http.Client
	url, org string
	key      string // "" = none
}

// newHTTP is for many callers at once, who keep their connections.
func newHTTP() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * crowd, IdleConnTimeout: time.Minute}}
}

// route is a path of the org.
func (c *client) route(path string) string { return "/v1/orgs/" + c.org + path }

// answer is an HTTP answer read to its end.
type answer struct {
	status int
	header http.Header
	raw    []byte
	took   time.Duration
}

// String is the status, and the kind when it is a problem: never what was sent.
func (a answer) String() string {
	if kind := a.kind(); kind != "" {
		return fmt.Sprintf("%d %s", a.status, kind)
	}
	return fmt.Sprint(a.status)
}

// kind is the last part of a problem's type, "" when the answer is no problem.
func (a answer) kind() string {
	var p struct {
		Type string `json:"type"`
	}
	if a.status < http.StatusBadRequest || json.Unmarshal(a.raw, &p) != nil || p.Type == "" {
		return ""
	}
	return path.Base(p.Type)
}

// is reports whether the answer has that status and kind of problem, "" for none.
func (a answer) is(status int, kind string) bool { return a.status == status && a.kind() == kind }

// maxAnswer is more than a month of starts takes.
const maxAnswer = 8 << 20

// do sends a request and reads its answer. body is nil, the bytes themselves, or what is sent as JSON; headers are
// names and values by turns.
func (c *client) do(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	raw, ok := body.([]byte)
	if !ok && body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return answer{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(raw))
	if err != nil {
		return answer{}, err
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if len(raw) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	start := time.Now()
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer{res.StatusCode, res.Header, got, time.Since(start)}, err
}

// get reads what a path of the org shows.
func get[T any](ctx context.Context, c *client, path string) (v T, err error) {
	a, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return v, err
	}
	if a.status != http.StatusOK {
		return v, fmt.Errorf("GET %s: %v", place(path), a)
	}
	return v, json.Unmarshal(a.raw, &v)
}

// place is the end of a path without ids and query: enough for evidence.
func place(p string) string {
	p, _, _ = strings.Cut(p, "?")
	for uuid.Validate(path.Base(p)) == nil {
		p = path.Dir(p)
	}
	return path.Base(p)
}
