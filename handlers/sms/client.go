package sms

import (
	"context"
	"net/http"
	"net/url"
	"time"

	twilio "github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// DefaultBaseURL is Twilio's API.
const DefaultBaseURL = "https://api.twilio.com"

// Bounds of ValidityPeriod in seconds (Twilio, "Message resource").
const (
	minValidity = 1
	maxValidity = 36_000
)

// Client talks to Twilio's Messages API for many accounts. It holds no credentials: each call brings
// its own, and the environment (TWILIO_*) is never consulted. It is safe for concurrent use.
type Client struct {
	base    *url.URL // nil when the configured one was no absolute http URL
	http    *http.Client
	timeout time.Duration
}

var _ Sender = (*Client)(nil)

// New makes a client. An empty baseURL means DefaultBaseURL. timeout bounds each HTTP exchange, from
// dialling to the last byte read; zero or less sets no bound but the context's. A nil transport means
// an own pooled one. A baseURL that is not an absolute http(s) URL makes every call fail unsent.
func New(baseURL string, timeout time.Duration, transport http.RoundTripper) *Client {
	if baseURL == "" {
		baseURL = DefaultBaseURL
	}
	if transport == nil {
		transport = newTransport()
	}
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		base = nil
	}
	return &Client{
		base:    base,
		timeout: timeout,
		http: &http.Client{
			Transport: transport,
			// A redirected POST becomes a GET without its body: never follow.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Send sends one text. Every error is an *Error; when ctx ends before the request is written, its class
// is Transient (surely not sent), afterwards Unknown.
func (c *Client) Send(ctx context.Context, a Account, t Text) (Receipt, error) {
	if err := checkText(a, t); err != nil {
		return Receipt{}, err
	}
	p := (&openapi.CreateMessageParams{}).
		SetPathAccountSid(a.SID).
		SetTo(t.To.Reveal()).
		SetBody(t.Body.Reveal())
	if a.From != "" {
		p.SetFrom(a.From)
	}
	if a.MessagingServiceSID != "" {
		p.SetMessagingServiceSid(a.MessagingServiceSID)
	}
	if t.StatusCallback != "" {
		p.SetStatusCallback(t.StatusCallback)
	}
	if t.ValidFor > 0 {
		p.SetValidityPeriod(int(min(max(t.ValidFor/time.Second, minValidity), maxValidity)))
	}
	m, err := c.api(ctx, a).CreateMessage(p)
	if err != nil {
		return Receipt{}, asError(err)
	}
	if value(m.Sid) == "" { // 2xx without a SID: sent perhaps, but not by anything we can name
		return Receipt{}, &Error{Class: Unknown, Reason: reasonAnswer, Known: true}
	}
	return Receipt{SID: *m.Sid, Status: value(m.Status)}, nil
}

// api is twilio-go's generated service, bound to one call. The request handler is a literal because
// its constructor reads TWILIO_EDGE and TWILIO_REGION; both are a few words of memory.
func (c *Client) api(ctx context.Context, a Account) *openapi.ApiService {
	return openapi.NewApiService(&twilio.RequestHandler{Client: &call{ctx: ctx, client: c, account: a}})
}

// checkAccount refuses credentials that could not work, before anything is sent.
func checkAccount(a Account) error {
	switch {
	case !isSID(a.SID):
		return &Error{Class: Tenant, Reason: "account sid", Known: true}
	case a.Token.IsZero():
		return &Error{Class: Tenant, Reason: "auth token", Known: true}
	case a.From == "" && a.MessagingServiceSID == "":
		return &Error{Class: Tenant, Reason: "sender", Known: true}
	}
	return nil
}

func checkText(a Account, t Text) error {
	if err := checkAccount(a); err != nil {
		return err
	}
	switch {
	case t.To.IsZero():
		return &Error{Class: Recipient, Reason: "no number", Known: true}
	case t.Body.IsZero():
		return &Error{Class: Content, Reason: "no body", Known: true}
	}
	return nil
}

// isSID reports whether s can stand in a path: ids are letters and digits, so nothing to escape from.
func isSID(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return s != ""
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
