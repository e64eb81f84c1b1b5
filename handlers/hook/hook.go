// Package hook posts signed events to the endpoints that orgs have named.
//
// An org could name what only we can reach: a metadata service, a database's port, another container. So an endpoint is
// a public address by https, judged when it is dialled, whatever its name resolved to before; redirects are not
// followed, no proxy is asked, and nothing of an answer is kept but its status. Allow makes exceptions.
package hook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/store/pii"
)

// Event is what is posted: the same ID on each try, so that the endpoint knows what it has seen.
type Event struct {
	ID   string
	Body []byte
	// Secrets each sign it (whsec_…): in a rotation the endpoint knows one of them.
	Secrets []pii.Token
}

// Answer is what an endpoint said, whatever it was.
type Answer struct {
	Status     int
	RetryAfter string // its header, as it came
}

// Error is a try without an answer. It prints its reason alone, since what lies beneath quotes the URL, which can hold
// a secret.
type Error struct{ Reason string }

func (e *Error) Error() string { return e.Reason }

// Reasons of an Error.
const (
	ReasonAddress = "address"  // it is not public, or not https, and not allowed
	ReasonDNS     = "dns"      // its name is not resolved, or not in time
	ReasonConnect = "connect"  // nobody listens, or the connection broke
	ReasonTLS     = "tls"      // its certificate is not good for its name
	ReasonTimeout = "timeout"  // no answer in time
	ReasonSecret  = "unsigned" // a secret cannot sign
)

var errAddress = errors.New("not a public address")

// maxAnswer is how much of an answer is read before its connection is closed instead of kept, in bytes.
const maxAnswer = 64 << 10

// Client posts events. It is safe for concurrent use.
type Client struct {
	secure, plain *http.Client
}

// New makes a client that reaches public addresses, and what allow lists.
func New(allow Allow) *Client {
	return &Client{secure: newClient(allow, public), plain: newClient(allow, func(netip.Addr) bool { return false })}
}

// newClient makes a client that reaches what good accepts or allow lists, judged by the address that is dialled.
func newClient(allow Allow, good func(netip.Addr) bool) *http.Client {
	dial := func(ctx context.Context, network, to string) (net.Conn, error) {
		listed := allow.names(to)
		d := net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
			if a, err := netip.ParseAddrPort(address); listed || err == nil && (allow.contains(a.Addr()) || good(a.Addr())) {
				return nil
			}
			return errAddress
		}}
		return d.DialContext(ctx, network, to)
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    3 * time.Second,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    2,
			MaxIdleConns:           256,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Post sends the event to the endpoint to, a URL, until ctx ends. The error is an *Error.
func (c *Client) Post(ctx context.Context, to pii.Token, e Event) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Reveal(), bytes.NewReader(e.Body))
	if err != nil {
		return Answer{}, &Error{ReasonAddress}
	}
	at := time.Now()
	signature, err := sign(e, at)
	if err != nil {
		return Answer{}, &Error{ReasonSecret}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "holdfast")
	req.Header.Set(webhooks.HeaderWebhookID, e.ID)
	req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(webhooks.HeaderWebhookSignature, signature)
	by := c.secure
	if req.URL.Scheme != "https" {
		by = c.plain
	}
	resp, err := by.Do(req)
	if err != nil {
		return Answer{}, &Error{reason(err)}
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // so that the connection can serve again
	_ = resp.Body.Close()
	return Answer{Status: resp.StatusCode, RetryAfter: resp.Header.Get("Retry-After")}, nil
}

// sign makes a signature with each secret.
func sign(e Event, at time.Time) (string, error) {
	if len(e.Secrets) == 0 {
		return "", errors.New("no secret")
	}
	list := make([]string, len(e.Secrets))
	for i, s := range e.Secrets {
		hook, err := webhooks.NewWebhook(s.Reveal())
		if err != nil {
			return "", err
		}
		if list[i], err = hook.Sign(e.ID, at, e.Body); err != nil {
			return "", err
		}
	}
	return strings.Join(list, " "), nil
}

func reason(err error) string {
	var (
		dns      *net.DNSError
		timeout  interface{ Timeout() bool }
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		hostname x509.HostnameError
	)
	switch {
	case errors.Is(err, errAddress):
		return ReasonAddress
	case errors.As(err, &dns):
		return ReasonDNS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ReasonTimeout
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &verify), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &hostname):
		return ReasonTLS
	}
	return ReasonConnect
}
