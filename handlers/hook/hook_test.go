package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/store/pii"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func event() Event {
	return Event{ID: "an-event", Body: []byte(`{"type":"booking.held"}`), Secrets: []pii.Token{pii.NewToken(secret)}}
}

// TestMain names a proxy in the environment, before anything has read it there. A proxy would reach what we may not.
func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		if err := os.Setenv(name, proxy.URL); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	proxy.Close()
	os.Exit(code)
}

// proxied counts what the proxy was asked for.
var proxied atomic.Int32

// The proxy of the environment is not asked, though other clients of this process ask it.
func TestNoProxy(t *testing.T) {
	if _, err := post(t, New(allow(t, "hooks.invalid,127.0.0.0/8")), "http://hooks.invalid/x", event()); err == "" || proxied.Load() != 0 {
		t.Errorf("%q, the proxy was asked %d times", err, proxied.Load())
	}
	if resp, err := http.Get("http://hooks.invalid/x"); err != nil || resp.Body.Close() != nil || proxied.Load() != 1 {
		t.Errorf("control: %v, the proxy was asked %d times", err, proxied.Load())
	}
}

// serve is an endpoint that counts its calls.
func serve(t *testing.T, answer http.HandlerFunc) (s *httptest.Server, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s, calls
}

// post posts to a URL; the error's text must quote nothing of it.
func post(t *testing.T, c *Client, to string, e Event) (Answer, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	a, err := c.Post(ctx, pii.NewToken(to), e)
	if err == nil {
		return a, ""
	}
	var known *Error
	if u, bad := url.Parse(to); !errors.As(err, &known) || bad == nil && u.Hostname() != "" && strings.Contains(err.Error(), u.Hostname()) {
		t.Errorf("%s: %v", to, err)
	}
	return a, err.Error()
}

// Every secret signs, so that the endpoint may know any of them; a library of the standard verifies it.
func TestSigned(t *testing.T) {
	other := "whsec_" + strings.Repeat("QUJD", 11)
	var got http.Header
	var body []byte
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusAccepted)
	})
	s.Start()
	e := event()
	e.Secrets = append(e.Secrets, pii.NewToken(other))
	if a, err := post(t, New(Loopback()), s.URL, e); err != "" || a != (Answer{202, "7"}) {
		t.Fatalf("%+v %s", a, err)
	}
	for _, s := range []string{secret, other} {
		if hook, err := webhooks.NewWebhook(s); err != nil || hook.Verify(body, got) != nil {
			t.Errorf("not verified: %v", got)
		}
	}
	if hook, err := webhooks.NewWebhook("whsec_" + strings.Repeat("QUJE", 11)); err != nil || hook.Verify(body, got) == nil {
		t.Error("a secret that nobody has verifies it")
	}
	if string(body) != string(e.Body) || got.Get("webhook-id") != e.ID || got.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v", body, got)
	}
	for _, secrets := range [][]pii.Token{nil, {pii.NewToken("whsec_%")}} {
		e.Secrets = secrets
		if _, err := post(t, New(Loopback()), s.URL, e); err != ReasonSecret {
			t.Errorf("sent with %d bad secrets: %s", len(secrets), err)
		}
	}
}

// What is not public is not reached, by whatever name, and nothing is written to it; listed, it is.
func TestAddressIsJudgedWhenDialled(t *testing.T) {
	s, calls := serve(t, func(http.ResponseWriter, *http.Request) {})
	s.Start()
	port := s.URL[strings.LastIndex(s.URL, ":")+1:]
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST.", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0"} {
		for _, scheme := range []string{"http", "https"} {
			if _, err := post(t, New(Allow{}), scheme+"://"+host+":"+port, event()); err != ReasonAddress && err != ReasonDNS {
				t.Errorf("%s by %s: %q", host, scheme, err)
			}
		}
	}
	if _, err := post(t, New(Allow{}), "https://localhost:"+port, event()); err != ReasonAddress {
		t.Errorf("localhost is resolved and not judged: %q", err)
	}
	if calls.Load() != 0 {
		t.Errorf("called %d times", calls.Load())
	}
	for list, want := range map[string]string{
		"127.0.0.0/8": "", "localhost": "", "localhost:" + port: "", "127.0.0.1:" + port: ReasonAddress, "localhost:1": ReasonAddress, "10.0.0.0/8": ReasonAddress,
	} {
		if list == "127.0.0.0/8" {
			list += ",::1"
		}
		if _, err := post(t, New(allow(t, list)), "http://localhost:"+port, event()); err != want {
			t.Errorf("allowed %s: %q, want %q", list, err, want)
		}
	}
}

// Plain http reaches what is listed and nothing else, not even a public address: that is judged without a network, by
// what is dialled.
func TestPlainIsForWhatIsListed(t *testing.T) {
	if _, err := post(t, New(Loopback()), "http://8.8.8.8:9", event()); err != ReasonAddress {
		t.Errorf("a public address by http: %q", err)
	}
	for _, bad := range []string{"", "::", "/path", "a.example", "file:///etc/passwd"} {
		if _, err := post(t, New(Loopback()), bad, event()); err == "" {
			t.Errorf("%q was called", bad)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	target, calls := serve(t, func(http.ResponseWriter, *http.Request) {})
	target.Start()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) })
		s.Start()
		if a, err := post(t, New(Loopback()), s.URL, event()); err != "" || a.Status != status {
			t.Errorf("%d: %+v %s", status, a, err)
		}
	}
	if calls.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// Each failure has its reason.
func TestReasons(t *testing.T) {
	stop := make(chan struct{})
	hangs, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server sees the client leave
		select {
		case <-r.Context().Done():
		case <-stop:
		}
	})
	hangs.Start()
	defer close(stop)
	breaks, _ := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	breaks.Start()
	secure, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	secure.StartTLS() // its certificate is of nobody that we know
	gone, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	gone.Start()
	gone.Close()
	for to, want := range map[string]string{
		breaks.URL: ReasonConnect, gone.URL: ReasonConnect, secure.URL: ReasonTLS,
		"https://" + strings.TrimPrefix(breaks.URL, "http://"): ReasonTLS,
	} {
		if _, err := post(t, New(Loopback()), to, event()); err != want {
			t.Errorf("%s: %q, want %q", to, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := New(Loopback()).Post(ctx, pii.NewToken(hangs.URL), event()); err == nil || err.Error() != ReasonTimeout {
		t.Errorf("hangs: %v", err)
	}
}

// An answer's body is not waited for when it never ends, nor read beyond a bound; what is short keeps its connection.
func TestAnswerIsBounded(t *testing.T) {
	var wrote atomic.Int64
	peers := make(map[string]bool)
	s, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/long" {
			peers[r.RemoteAddr] = true
			fmt.Fprint(w, "short")
			return
		}
		for {
			n, err := w.Write(make([]byte, 32<<10))
			wrote.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	s.Start()
	c := New(Loopback())
	for range 3 {
		if a, err := post(t, c, s.URL, event()); err != "" || a.Status != 200 {
			t.Errorf("%+v %s", a, err)
		}
	}
	if len(peers) != 1 {
		t.Errorf("%d connections for three calls", len(peers))
	}
	if a, err := post(t, c, s.URL+"/long", event()); err != "" || a.Status != 200 {
		t.Errorf("%+v %s", a, err)
	}
	s.Close() // returns when the handler has seen that nobody reads
	if wrote.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", wrote.Load())
	}
}

func ExampleClient_Post() {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hook, _ := webhooks.NewWebhook(secret)
		fmt.Println(r.Header.Get("webhook-id"), string(body), hook.Verify(body, r.Header))
	}))
	defer endpoint.Close()
	e := Event{ID: "0190a111", Body: []byte(`{"type":"booking.held"}`), Secrets: []pii.Token{pii.NewToken(secret)}}
	_, err := New(Allow{}).Post(context.Background(), pii.NewToken(endpoint.URL), e)
	fmt.Println(err)
	_, err = New(Loopback()).Post(context.Background(), pii.NewToken(endpoint.URL), e)
	fmt.Println(err)
	// Output:
	// address
	// 0190a111 {"type":"booking.held"} <nil>
	// <nil>
}
