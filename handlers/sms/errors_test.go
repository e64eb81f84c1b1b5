package sms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store/pii"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func asError(t *testing.T, err error) *sms.Error {
	t.Helper()
	var e *sms.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v is no *sms.Error", err, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err)
	js, _ := json.Marshal(err)
	mustHide(t, fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err)+log.String()+string(js))
	return e
}

// What the double does wrong, and whether the text went out all the same.
func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault twiliosim.Fault
		want  string
		class sms.Class
		sent  int
	}{
		"recipient":   {twiliosim.Fault{Do: "error", Code: 21211, Status: 400}, "sms: recipient 21211", sms.Recipient, 0},
		"opted out":   {twiliosim.Fault{Do: "error", Code: 21610, Status: 400}, "sms: opted-out 21610", sms.OptedOut, 0},
		"tenant":      {twiliosim.Fault{Do: "error", Code: 20003, Status: 401}, "sms: tenant 20003", sms.Tenant, 0},
		"too many":    {twiliosim.Fault{Do: "error", Code: 20429, Status: 429}, "sms: transient 20429", sms.Transient, 0},
		"server":      {twiliosim.Fault{Do: "error", Code: 20500, Status: 500}, "sms: unknown 20500", sms.Unknown, 0},
		"html 503":    {twiliosim.Fault{Do: "html503"}, "sms: unknown http 503", sms.Unknown, 0},
		"hang":        {twiliosim.Fault{Do: "hang"}, "sms: unknown timeout", sms.Unknown, 0},
		"accept hang": {twiliosim.Fault{Do: "accept_then_hang"}, "sms: unknown timeout", sms.Unknown, 1},
		"reset":       {twiliosim.Fault{Do: "reset"}, "sms: unknown broken", sms.Unknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := 10 * time.Second
			if tt.want == "sms: unknown timeout" {
				limit = time.Second
			}
			c, sim := double(t, limit)
			if _, err := sim.AddFault(tt.fault); err != nil {
				t.Fatal(err)
			}
			_, err := c.Send(t.Context(), account, text)
			e := asError(t, err)
			if e.Error() != tt.want || e.Class != tt.class || !e.Known {
				t.Errorf("%v (known %v), want %s", e, e.Known, tt.want)
			}
			sim.ClearFaults()
			found, err := c.Find(t.Context(), account, text.To, time.Now().Add(-time.Minute))
			if err != nil || len(found) != tt.sent {
				t.Errorf("found %d, %v; want %d", len(found), err, tt.sent)
			}
		})
	}
}

func TestWrongToken(t *testing.T) {
	c, _ := double(t, time.Second)
	a := account
	a.Token = pii.NewToken("another")
	_, err := c.Send(t.Context(), a, text)
	if e := asError(t, err); e.Class != sms.Tenant {
		t.Error(e)
	}
}

// Failures before the request could leave are surely not sent.
func TestUnsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	self := httptest.NewTLSServer(http.NotFoundHandler())
	self.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	defer self.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never shakes hands
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for name, tt := range map[string]struct{ url, want string }{
		"refused":       {"http://" + l.Addr().String(), "sms: transient dial"},
		"dns":           {"http://no-such-host.invalid", "sms: transient dns"},
		"not tls":       {"https://" + plain.Listener.Addr().String(), "sms: transient broken"}, // net/http keeps only a sentence of it
		"not trusted":   {self.URL, "sms: transient tls"},
		"tls time-out":  {"https://" + silent.Addr().String(), "sms: transient timeout"},
		"no such route": {"ftp://127.0.0.1", "sms: transient base url"},
	} {
		limit := 10 * time.Second // on a busy machine a handshake takes its time
		if name == "tls time-out" {
			limit = 500 * time.Millisecond
		}
		_, err := sms.New(tt.url, limit, nil).Send(t.Context(), account, text)
		if e := asError(t, err); e.Error() != tt.want {
			t.Errorf("%s: %v, want %s", name, e, tt.want)
		}
	}
}

func TestContext(t *testing.T) {
	c, sim := double(t, 5*time.Second)
	if _, err := sim.AddFault(twiliosim.Fault{Do: "hang"}); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Send(gone, account, text)
	if e := asError(t, err); e.Class != sms.Transient || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: %v", e)
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = c.Send(soon, account, text)
	if e := asError(t, err); e.Class != sms.Unknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline after the write: %v", e)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
	later, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = c.Send(later, account, text)
	if e := asError(t, err); e.Class != sms.Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled after the write: %v", e)
	}
}

// A transport may read the body after it has returned, as net/http's own writer does when a call is
// canceled at the wrong moment. What was called surely unsent must stay so.
func TestNothingLeavesAfterwards(t *testing.T) {
	late := make(chan error, 1)
	body := make(chan io.Reader, 1)
	c := sms.New("", time.Second, roundTrip(func(r *http.Request) (*http.Response, error) {
		body <- r.Body
		return nil, context.Canceled
	}))
	_, err := c.Send(t.Context(), account, text)
	go func() { _, err := io.ReadAll(<-body); late <- err }()
	if e := asError(t, err); e.Class != sms.Transient || <-late == nil {
		t.Errorf("%v, and the body could be read afterwards", e)
	}
	// The other way round: once read, it may have left.
	c = sms.New("", time.Second, roundTrip(func(r *http.Request) (*http.Response, error) {
		_, _ = r.Body.Read(make([]byte, 1))
		return nil, context.Canceled
	}))
	_, err = c.Send(t.Context(), account, text)
	if e := asError(t, err); e.Class != sms.Unknown {
		t.Errorf("%v after the body was read", e)
	}
}

func TestAnswers(t *testing.T) {
	quote := `{"code":%d,"message":"Invalid 'To' Phone Number: ` + customer + `","more_info":"x","status":%d}`
	for name, tt := range map[string]struct {
		status int
		header string
		body   string
		want   string
		known  bool
		after  time.Duration
	}{
		"quoting":        {400, "", fmt.Sprintf(quote, 21211, 400), "sms: recipient 21211", true, 0},
		"unknown 400":    {400, "", fmt.Sprintf(quote, 21999, 400), "sms: content 21999", false, 0},
		"unknown 403":    {403, "", fmt.Sprintf(quote, 29999, 403), "sms: tenant 29999", false, 0},
		"unknown 500":    {500, "", fmt.Sprintf(quote, 29999, 500), "sms: unknown 29999", false, 0},
		"429 seconds":    {429, "7", fmt.Sprintf(quote, 20429, 429), "sms: transient 20429", true, 7 * time.Second},
		"429 no body":    {429, "2", "", "sms: transient http 429", true, 2 * time.Second},
		"429 silly":      {429, "soon", "", "sms: transient http 429", true, 0},
		"429 huge":       {429, "999999999", "", "sms: transient http 429", true, time.Hour},
		"cap":            {429, "60", fmt.Sprintf(quote, 63038, 429), "sms: cap 63038", true, time.Minute},
		"html 503":       {503, "3", "<html>" + customer + "</html>", "sms: unknown http 503", true, 3 * time.Second},
		"408":            {408, "", "", "sms: unknown http 408", true, 0},
		"long error":     {400, "", `{"code":21610,"message":"` + strings.Repeat("x", 1<<20) + `"}`, "sms: content http 400", true, 0},
		"201 garbage":    {201, "", "<html>", "sms: unknown answer", true, 0},
		"201 empty":      {201, "", "", "sms: unknown answer", true, 0},
		"201 no sid":     {201, "", "{}", "sms: unknown answer", true, 0},
		"201 never ends": {201, "", `{"sid":"` + strings.Repeat("x", 1<<20), "sms: unknown answer", true, 0},
	} {
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if tt.header != "" {
				w.Header().Set("Retry-After", tt.header)
			}
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		}))
		_, err := sms.New(srv.URL, time.Second, nil).Send(t.Context(), account, text)
		e := asError(t, err)
		if e.Error() != tt.want || e.Known != tt.known || e.RetryAfter != tt.after {
			t.Errorf("%s: %v known %v after %v; want %s %v %v", name, e, e.Known, e.RetryAfter, tt.want, tt.known, tt.after)
		}
	}
}

func TestRetryAfterDate(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	_, err := sms.New(srv.URL, time.Second, nil).Send(t.Context(), account, text)
	if e := asError(t, err); e.RetryAfter < 20*time.Second || e.RetryAfter > 30*time.Second {
		t.Errorf("retry after %v", e.RetryAfter)
	}
}

// Looking changes nothing, so its failures are never "may have been sent".
func TestReadErrors(t *testing.T) {
	for _, answer := range []string{"", "<html>", "{"} {
		for _, status := range []int{200, 500, 503} {
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, answer)
			}))
			c := sms.New(srv.URL, time.Second, nil)
			_, err := c.Find(t.Context(), account, text.To, time.Now())
			if e := asError(t, err); e.Class != sms.Transient {
				t.Errorf("find, %d %q: %v", status, answer, e)
			}
			_, err = c.Fetch(t.Context(), account, "SM1")
			if e := asError(t, err); e.Class != sms.Transient {
				t.Errorf("fetch, %d %q: %v", status, answer, e)
			}
		}
	}
}
