package twiliosim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"
	"go.uber.org/goleak"

	"holdfast/handlers/sms/twiliosim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	acme, acmeToken   = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "acmetoken"
	other, otherToken = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "othertoken"
	service           = "MGcccccccccccccccccccccccccccccccc"
	sender            = "+14155550100"
	phone             = "+14155550142"
	within            = 5 * time.Second
)

// world is a running double with the real SDK pointed at it.
type world struct {
	t     *testing.T
	sim   *twiliosim.Sim
	url   string
	api   *openapi.ApiService
	http  *http.Client
	hooks *hooks
}

func start(t *testing.T, o twiliosim.Options) *world {
	t.Helper()
	o.Accounts = map[string]string{acme: acmeToken, other: otherToken}
	sim := twiliosim.New(o)
	srv := httptest.NewServer(sim)
	h := &hooks{got: make(chan hook, 1000)}
	hookSrv := httptest.NewServer(h)
	h.url = hookSrv.URL
	transport := &http.Transport{}
	w := &world{t: t, sim: sim, url: srv.URL, http: &http.Client{Transport: transport}, hooks: h}
	sim.AddNumber(sender, acme, h.url+"/inbound?org=1#rc=2")
	w.api = w.sdk(acme, acmeToken, 2*time.Second)
	t.Cleanup(func() {
		sim.Close()
		transport.CloseIdleConnections()
		srv.Close()
		hookSrv.Close()
	})
	return w
}

func (w *world) sdk(sid, token string, timeout time.Duration) *openapi.ApiService {
	target, _ := url.Parse(w.url)
	c := &client.Client{
		Credentials: client.NewCredentials(sid, token),
		HTTPClient:  &http.Client{Transport: rewrite{target.Host, timeout, w.http.Transport}},
	}
	c.SetAccountSid(sid)
	return openapi.NewApiServiceWithClient(c)
}

// rewrite sends the SDK's requests to api.twilio.com to the double instead. It reads each body itself,
// since the SDK leaves the bodies of errors open, which goleak would see.
type rewrite struct {
	host    string
	timeout time.Duration
	next    http.RoundTripper
}

func (rw rewrite) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), rw.timeout)
	defer cancel()
	r = r.Clone(ctx)
	r.URL.Scheme, r.URL.Host = "http", rw.host
	res, err := rw.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, err
}

// hooks receives webhooks; answer, if set, decides the reply.
type hooks struct {
	url    string
	got    chan hook
	mu     sync.Mutex
	answer func(http.ResponseWriter, hook)
}

type hook struct {
	url, signature string
	form           url.Values
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	k := hook{h.url + r.RequestURI, r.Header.Get("X-Twilio-Signature"), form}
	h.mu.Lock()
	answer := h.answer
	h.mu.Unlock()
	if answer != nil {
		answer(w, k)
	}
	h.got <- k
}

func (h *hooks) reply(f func(http.ResponseWriter, hook)) {
	h.mu.Lock()
	h.answer = f
	h.mu.Unlock()
}

func (h *hooks) next(t *testing.T) hook {
	t.Helper()
	select {
	case k := <-h.got:
		return k
	case <-time.After(within):
		t.Fatal("no webhook came")
		return hook{}
	}
}

func (k hook) validate(t *testing.T, token string) {
	t.Helper()
	v := client.NewRequestValidator(token)
	if !v.ValidateBody(k.url, []byte(k.form.Encode()), k.signature) {
		t.Errorf("signature of %s is not valid", k.url)
	}
}

func text(to, body string) *openapi.CreateMessageParams {
	return (&openapi.CreateMessageParams{}).SetTo(to).SetFrom(sender).SetBody(body)
}

func (w *world) send(p *openapi.CreateMessageParams) *openapi.ApiV2010Message {
	w.t.Helper()
	m, err := w.api.CreateMessage(p)
	if err != nil {
		w.t.Fatalf("create: %v", err)
	}
	return m
}

func wantCode(t *testing.T, err error, code, status int) {
	t.Helper()
	var e *client.TwilioRestError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want Twilio error %d", err, code)
	}
	if e.Code != code || status != 0 && e.Status != status || e.Message == "" || strings.ContainsAny(e.Message, "{}") {
		t.Errorf("got %d/%d %q, want %d/%d", e.Code, e.Status, e.Message, code, status)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for tick, end := time.Tick(2*time.Millisecond), time.Now().Add(within); !ok(); <-tick {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, within)
		}
	}
}

func (w *world) status(sid string) string {
	m, err := w.api.FetchMessage(sid, nil)
	if err != nil {
		w.t.Fatalf("fetch: %v", err)
	}
	return *m.Status
}

// control calls /_sim/ and decodes the answer.
func (w *world) control(method, path string, body any, out any) int {
	w.t.Helper()
	var in io.Reader
	if s, ok := body.(string); ok {
		in = strings.NewReader(s)
	} else if body != nil {
		b, _ := json.Marshal(body)
		in = strings.NewReader(string(b))
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, method, w.url+path, in)
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	if out != nil {
		if err := json.NewDecoder(res.Body).Decode(out); err != nil {
			w.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return res.StatusCode
}
