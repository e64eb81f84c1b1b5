package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	twilio "github.com/twilio/twilio-go/client"

	"holdfast/store/pii"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// newTransport keeps as many idle connections as there may be sends at once: the default of two would
// dial anew for almost every text.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   3 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   256,
		// Shorter than load balancers keep them (60 s is common): a text written to a connection that the
		// other side is just closing has an unknown outcome.
		IdleConnTimeout:    30 * time.Second,
		DisableCompression: true,
	}
}

// call is twilio-go's BaseClient for one call. twilio-go takes no context (its issue 98), loses
// Retry-After, leaves bodies of errors open and refuses tokens with punctuation; this carries the
// context and does the exchange itself, so that every failure leaves here as an *Error.
type call struct {
	ctx     context.Context // lives as long as the call it belongs to
	client  *Client
	account Account
}

var _ twilio.BaseClient = (*call)(nil)

// AccountSid is whose resources are meant.
func (k *call) AccountSid() string { return k.account.SID }

// SetTimeout does nothing: the time-out is the Client's.
func (k *call) SetTimeout(time.Duration) {}

// SetOauth does nothing: accounts authenticate by SID and token.
func (k *call) SetOauth(twilio.OAuth) {}

// OAuth is nil: accounts authenticate by SID and token.
func (k *call) OAuth() twilio.OAuth { return nil }

// SendRequest does one HTTP exchange and returns a 2xx answer with its body read, or an *Error. A token that Twilio does
// not take is surely no request that it has acted on, so the account's other one is tried at once: whoever makes the
// secondary token the primary one at Twilio loses nothing meanwhile.
func (k *call) SendRequest(method, rawURL string, data url.Values, headers map[string]any, _ ...byte) (*http.Response, error) {
	resp, err := k.exchange(k.account.Token, method, rawURL, data, headers)
	if k.account.Secondary.IsZero() || !refusedToken(err) {
		return resp, err
	}
	return k.exchange(k.account.Secondary, method, rawURL, data, headers)
}

// refusedToken reports whether Twilio did not take the token (401). Its code for that, 20003, also comes with 403, for
// what no token of the account may do.
func refusedToken(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusUnauthorized
}

// exchange is one HTTP exchange with a token.
func (k *call) exchange(token pii.Token, method, rawURL string, data url.Values, headers map[string]any) (*http.Response, error) {
	ctx := k.ctx
	if err := ctx.Err(); err != nil {
		return nil, unsent(err)
	}
	if k.client.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, k.client.timeout)
		defer cancel()
	}
	req, g, err := k.request(ctx, token, method, rawURL, data, headers)
	if err != nil {
		return nil, err
	}
	resp, err := k.client.http.Do(req)
	if err != nil {
		if g.shut() {
			return nil, unsent(err)
		}
		return nil, lost(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// Whatever could be read of the body: it may hold a code, and need not.
		return nil, answerError(resp, body)
	}
	if err != nil {
		return nil, lost(err)
	}
	if len(body) > maxAnswer {
		return nil, &Error{Class: Unknown, Status: resp.StatusCode, Reason: reasonAnswer, Known: true}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// request builds the HTTP request, at our base URL instead of the one that twilio-go has built in.
func (k *call) request(ctx context.Context, token pii.Token, method, rawURL string, data url.Values, headers map[string]any) (*http.Request, *gate, error) {
	if k.client.base == nil {
		return nil, nil, &Error{Class: Transient, Reason: "base url", Known: true}
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, nil, &Error{Class: Content, Reason: "path", Known: true}
	}
	to := k.client.base.JoinPath(u.Path)
	to.RawQuery = u.RawQuery
	g, form := &gate{}, data.Encode()
	if method == http.MethodGet {
		to.RawQuery = form
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), nil)
	if err != nil {
		return nil, nil, &Error{Class: Content, Reason: "path", Known: true}
	}
	if method != http.MethodGet {
		req.ContentLength = int64(len(form))
		// With GetBody, net/http may dial again when a pooled connection had closed before a byte went
		// out. It does not repeat a POST that was written.
		req.GetBody = func() (io.ReadCloser, error) { return &gated{g, ctx, strings.NewReader(form)}, nil }
		req.Body, _ = req.GetBody()
	}
	for name, v := range headers {
		if s, ok := v.(string); ok {
			req.Header.Set(name, s)
		}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "holdfast twilio-go/"+twilio.LibraryVersion)
	req.SetBasicAuth(k.account.SID, token.Reveal())
	return req, g, nil
}

// answerError reads Twilio's error of an answer that is not 2xx. Only the code is taken: the message
// beside it can quote a phone number.
func answerError(resp *http.Response, body []byte) *Error {
	var t struct {
		Code int `json:"code"`
	}
	_ = json.Unmarshal(body, &t) // a proxy's HTML has no code
	e := &Error{Code: t.Code, Status: resp.StatusCode}
	e.Class, e.Known = Classify(t.Code, resp.StatusCode)
	if e.Class == Transient || e.Class == Cap || resp.StatusCode == http.StatusServiceUnavailable {
		e.RetryAfter = RetryAfter(resp.Header.Get("Retry-After"), time.Now(), maxRetryAfter)
	}
	return e
}
