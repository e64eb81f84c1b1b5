package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Org is an org of the system under load, as a client knows it.
type Org struct {
	ID, Key string
	// Resource or Service (ids or slugs) is what its slots are looked for by; a service that several resources
	// offer spreads the load over them.
	Resource, Service string
}

// api speaks to one org over HTTP. It is safe for concurrent use; its headers are shared by all requests and never
// changed.
type api struct {
	org            Org
	transport      http.RoundTripper
	base           url.URL // …/v1/orgs/{org}
	reads, waiting http.Header
}

// maxWait is the longest wait that the API grants.
const maxWait = 20 * time.Second

func newAPI(transport http.RoundTripper, base string, org Org) (*api, error) {
	u, err := url.Parse(strings.TrimRight(base, "/") + "/v1/orgs/" + org.ID)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL of an API", base)
	}
	a := &api{org: org, transport: transport, base: *u, reads: http.Header{}}
	a.reads.Set("Authorization", "Bearer "+org.Key)
	a.waiting = a.reads.Clone()
	a.waiting.Set("Content-Type", "application/json")
	a.waiting.Set("Prefer", fmt.Sprintf("wait=%d", int(maxWait.Seconds())))
	return a, nil
}

// answer is an HTTP answer that was read to its end. Status 0: there was none.
type answer struct {
	status int
	header http.Header
	body   []byte // of the caller's buffer: valid until its next call
	at     time.Time
	err    error
}

// get reads path, which may have a query.
func (a *api) get(ctx context.Context, buf *bytes.Buffer, path string) answer {
	u := a.base
	path, u.RawQuery, _ = strings.Cut(path, "?")
	u.Path += path
	return send(ctx, a.transport, buf, &http.Request{Method: http.MethodGet, URL: &u, Header: a.reads})
}

// post writes body to path and waits for the outcome. key is an idempotency key, "" for none.
func (a *api) post(ctx context.Context, buf *bytes.Buffer, path string, body []byte, key string) answer {
	u := a.base
	u.Path += path
	header := a.waiting
	if key != "" {
		header = header.Clone()
		header.Set("Idempotency-Key", key)
	}
	fresh := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	first, _ := fresh()
	return send(ctx, a.transport, buf, &http.Request{Method: http.MethodPost, URL: &u, Header: header,
		Body: first, GetBody: fresh, ContentLength: int64(len(body))}) // again on a connection that was closed meanwhile
}

// send makes a request without what http.Client adds (redirects, cookies), and reads the answer into buf.
func send(ctx context.Context, transport http.RoundTripper, buf *bytes.Buffer, req *http.Request) answer {
	ctx, cancel := context.WithTimeout(ctx, maxWait+10*time.Second)
	defer cancel()
	res, err := transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{err: err, at: time.Now()}
	}
	defer res.Body.Close()
	buf.Reset()
	if _, err := buf.ReadFrom(res.Body); err != nil {
		return answer{err: err, at: time.Now()}
	}
	return answer{status: res.StatusCode, header: res.Header, body: buf.Bytes(), at: time.Now()}
}

// newTransport keeps a connection for each of n users.
func newTransport(n int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.IdleConnTimeout = 0, n+8, 5*time.Minute
	t.DisableCompression, t.ForceAttemptHTTP2, t.Proxy = true, false, nil
	return t
}
