package sms_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/handlers/sms"
	"holdfast/store/pii"
)

// recorder answers 201 and keeps the forms it got.
type recorder struct {
	mu    sync.Mutex
	forms []url.Values
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_ = req.ParseForm()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forms = append(r.forms, req.PostForm)
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"sid":"SM%032x","status":"queued"}`, len(r.forms))
}

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func TestSend(t *testing.T) {
	c, sim := double(t, 5*time.Second)
	got, err := c.Send(t.Context(), account, text)
	if err != nil {
		t.Fatal(err)
	}
	if got.SID == "" || sms.Rank(got.Status) != sms.Rank("queued") {
		t.Errorf("receipt %+v", got)
	}
	ms := sim.Messages(customer)
	if len(ms) != 1 || ms[0].Body != text.Body.Reveal() || ms[0].From != sender {
		t.Errorf("the double has %+v", ms)
	}
}

func TestSendParameters(t *testing.T) {
	rec := &recorder{}
	c := sms.New(serve(t, rec).URL+"/prefix/", 5*time.Second, nil)
	pool := account
	pool.From, pool.MessagingServiceSID = "", "MG0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		account  sms.Account
		validFor time.Duration
		callback string
		want     url.Values
	}{
		{account, 0, "", url.Values{"From": {sender}}},
		{account, -time.Second, "", url.Values{"From": {sender}}},
		{account, time.Millisecond, "", url.Values{"From": {sender}, "ValidityPeriod": {"1"}}},
		{account, 299*time.Second + 999*time.Millisecond, "", url.Values{"From": {sender}, "ValidityPeriod": {"299"}}},
		{account, 100 * time.Hour, "", url.Values{"From": {sender}, "ValidityPeriod": {"36000"}}},
		{pool, 0, "https://x.example/s?a=1", url.Values{
			"MessagingServiceSid": {pool.MessagingServiceSID}, "StatusCallback": {"https://x.example/s?a=1"},
		}},
	} {
		m := text
		m.ValidFor, m.StatusCallback = tt.validFor, tt.callback
		if _, err := c.Send(t.Context(), tt.account, m); err != nil {
			t.Fatal(err)
		}
		tt.want.Set("To", customer)
		tt.want.Set("Body", text.Body.Reveal())
		if got := rec.forms[len(rec.forms)-1]; got.Encode() != tt.want.Encode() {
			t.Errorf("%v: sent %s\nwant %s", tt.validFor, got.Encode(), tt.want.Encode())
		}
	}
}

// Missing credentials are refused before anything is sent, whatever the environment offers.
func TestRefusedUnsent(t *testing.T) {
	t.Setenv("TWILIO_ACCOUNT_SID", accountSID)
	t.Setenv("TWILIO_AUTH_TOKEN", authToken)
	t.Setenv("TWILIO_EDGE", "sydney")
	t.Setenv("TWILIO_REGION", "au1")
	var calls atomic.Int32
	c := sms.New("", time.Second, roundTrip(func(r *http.Request) (*http.Response, error) {
		calls.Add(1)
		if r.URL.Host != "api.twilio.com" {
			t.Errorf("host %s: the environment was consulted", r.URL.Host)
		}
		return nil, errors.New("no network here")
	}))
	with := func(f func(*sms.Account)) sms.Account { a := account; f(&a); return a }
	for name, tt := range map[string]struct {
		a    sms.Account
		t    sms.Text
		want sms.Class
	}{
		"no sid":    {with(func(a *sms.Account) { a.SID = "" }), text, sms.Tenant},
		"path sid":  {with(func(a *sms.Account) { a.SID = "AC1/../AC2" }), text, sms.Tenant},
		"no token":  {with(func(a *sms.Account) { a.Token = pii.Token{} }), text, sms.Tenant},
		"no sender": {with(func(a *sms.Account) { a.From = "" }), text, sms.Tenant},
		"no number": {account, sms.Text{Body: text.Body}, sms.Recipient},
		"no body":   {account, sms.Text{To: text.To}, sms.Content},
	} {
		_, err := c.Send(t.Context(), tt.a, tt.t)
		if sms.ClassOf(err) != tt.want || calls.Load() != 0 {
			t.Errorf("%s: %v after %d calls, want class %s and none", name, err, calls.Load(), tt.want)
		}
	}
	if _, err := c.Fetch(t.Context(), account, "SM1/../../x"); sms.ClassOf(err) != sms.Content || calls.Load() != 0 {
		t.Errorf("bad message sid: %v after %d calls", err, calls.Load())
	}
	if _, err := c.Send(t.Context(), account, text); sms.ClassOf(err) != sms.Transient || calls.Load() != 1 {
		t.Errorf("control: %v after %d calls, want transient after 1", err, calls.Load())
	}
	if _, err := sms.New("not a url", 0, nil).Send(t.Context(), account, text); sms.ClassOf(err) != sms.Transient {
		t.Errorf("bad base url: %v", err)
	}
}

func TestNoRedirect(t *testing.T) {
	var followed atomic.Bool
	elsewhere := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	c := sms.New(serve(t, http.RedirectHandler(elsewhere.URL, http.StatusFound)).URL, time.Second, nil)
	if _, err := c.Send(t.Context(), account, text); sms.ClassOf(err) != sms.Unknown || followed.Load() {
		t.Errorf("redirect: %v, followed %v", err, followed.Load())
	}
}

// Many sends at once reuse their connections. Those that the server closed meanwhile are replaced; a
// text that meets one just then may fail, but is never sent twice.
func TestConnections(t *testing.T) {
	rec := &recorder{}
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(rec)
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	c := sms.New(srv.URL, 5*time.Second, nil)
	const workers, each = 16, 20
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if _, err := c.Send(context.Background(), account, text); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := conns.Load(); n > 2*workers {
		t.Errorf("%d connections for %d workers: they are not reused", n, workers)
	}
	srv.CloseClientConnections()
	for range conns.Load() + 1 { // each dead connection can fail one
		_, err := c.Send(t.Context(), account, text)
		if err == nil {
			break
		}
		// Unknown, unless it was seen to be closed before anything was written: then it says that it was not sent, and
		// nothing may have come.
		if c := sms.ClassOf(err); c != sms.Unknown && c != sms.Transient || len(rec.forms) != workers*each {
			t.Errorf("on a closed connection: %v, with %d texts for %d", err, len(rec.forms), workers*each)
		}
	}
	if len(rec.forms) != workers*each+1 {
		t.Errorf("%d texts for %d sends", len(rec.forms), workers*each+1)
	}
}

func TestFindAndFetch(t *testing.T) {
	c, sim := double(t, 5*time.Second)
	start := time.Now()
	var last sms.Receipt
	for range 45 { // three pages
		var err error
		if last, err = c.Send(t.Context(), account, text); err != nil {
			t.Fatal(err)
		}
	}
	other := text
	other.To = pii.KnownPhone("+15550100043")
	if _, err := c.Send(t.Context(), account, other); err != nil {
		t.Fatal(err)
	}
	found, err := c.Find(t.Context(), account, text.To, start)
	if err != nil || len(found) != 45 {
		t.Fatalf("found %d, %v; want 45", len(found), err)
	}
	if f := found[0]; f.SID != last.SID || f.From != sender || !f.Body.Equal(text.Body) || f.CreatedAt.IsZero() {
		t.Errorf("newest is %+v, want %s", f, last.SID)
	}
	if late, err := c.Find(t.Context(), account, text.To, start.Add(time.Hour)); err != nil || len(late) != 0 {
		t.Errorf("found %d from an hour ahead, %v", len(late), err)
	}
	elsewhere := account
	elsewhere.From = "+15005550007"
	if none, err := c.Find(t.Context(), elsewhere, text.To, start); err != nil || len(none) != 0 {
		t.Errorf("found %d of another sender, %v", len(none), err)
	}
	one, err := c.Fetch(t.Context(), account, last.SID)
	if err != nil || one.SID != last.SID || sms.Rank(one.Status) == 0 {
		t.Errorf("fetched %+v, %v", one, err)
	}
	_, err = c.Fetch(t.Context(), account, "SM00000000000000000000000000000000")
	if sms.ClassOf(err) != sms.Content {
		t.Errorf("unknown sid: %v, want content: the account is not to blame", err)
	}
	if len(sim.Messages("")) != 46 {
		t.Error("looking sent something")
	}
}

// A text that Twilio still queues has no date_sent; it must be found all the same, and a next_page_uri
// that points elsewhere must not be followed there.
func TestFindAsks(t *testing.T) {
	var asked []url.Values
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query())
		created := time.Now().UTC().Add(-time.Duration(len(asked)-1) * time.Hour).Format(time.RFC1123Z)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"messages":      []any{map[string]any{"sid": "SM1", "status": "queued", "date_created": created, "date_sent": nil}},
			"next_page_uri": "https://evil.example/steal?Page=1&PageToken=PAx",
		})
	}))
	found, err := sms.New(srv.URL, time.Second, nil).Find(t.Context(), account, text.To, time.Now().Add(-time.Minute))
	if err != nil || len(found) != 1 {
		t.Fatalf("found %+v, %v", found, err)
	}
	if len(asked) != 2 || asked[1].Get("PageToken") != "PAx" || asked[0].Get("To") != customer || asked[0].Get("From") != sender {
		t.Errorf("asked %v", asked)
	}
	for _, q := range asked {
		for k := range q {
			if k == "DateSent" || k == "DateSent>" || k == "DateSent<" {
				t.Errorf("filters by %s", k)
			}
		}
	}
}

func BenchmarkSend(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"sid":"SM1","status":"queued"}`))
	}))
	defer srv.Close()
	c := sms.New(srv.URL, 5*time.Second, nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Send(context.Background(), account, text); err != nil {
				b.Error(err)
			}
		}
	})
}
