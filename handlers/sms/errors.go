package sms

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Class says what happens next after a text failed.
type Class int

const (
	// Unknown: the text may or may not be on its way. Look it up; never just send again.
	Unknown Class = iota
	// Transient: surely not sent, or for a callback surely not delivered; may be tried again.
	Transient
	// Recipient: this number cannot be texted, ever. Ask for another.
	Recipient
	// OptedOut: the recipient said STOP to this sender. Only START changes it.
	OptedOut
	// Tenant: the org's account, sender or permissions are wrong. Park the org's texts and tell it.
	Tenant
	// Cap: the account or sender may send no more for now. Wait until the limit resets.
	Cap
	// Fraud: blocked as abuse or by policy. No retry, no resend.
	Fraud
	// Content: the text itself, or a request that nobody foresaw. A dead letter for an engineer.
	Content
)

var classNames = [...]string{"unknown", "transient", "recipient", "opted-out", "tenant", "cap", "fraud", "content"}

// String is the class in the words of logs and metrics; it never changes.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "class-" + strconv.Itoa(int(c))
	}
	return classNames[c]
}

// Reasons of failures that have no code. They are fixed words, so that they may be logged.
const (
	reasonAnswer   = "answer"   // a 2xx that could not be read
	reasonCanceled = "canceled" // the caller gave up
	reasonTimeout  = "timeout"  // the deadline passed
	reasonDNS      = "dns"
	reasonDial     = "dial"
	reasonTLS      = "tls"
	reasonBroken   = "broken" // the connection broke
)

// Error is every failure of Client. It holds nothing that came as text from Twilio or the network, both
// of which can quote a phone number.
type Error struct {
	Class  Class
	Code   int // Twilio's error code, 0 when there was none
	Status int // HTTP status, 0 when no answer came
	// RetryAfter is how long Twilio asked to wait; 0 when it did not.
	RetryAfter time.Duration
	// Known is false when the class was guessed from the HTTP status because the code is not in the
	// table: worth counting.
	Known bool
	// Reason is a fixed word for a failure without code or answer, such as "dial".
	Reason string

	cause error // context.Canceled or context.DeadlineExceeded, for errors.Is
}

// Error is the class and the code, or what stands in for it: "sms: recipient 21211",
// "sms: unknown http 503", "sms: transient dial".
func (e *Error) Error() string {
	switch {
	case e.Code != 0:
		return fmt.Sprintf("sms: %s %d", e.Class, e.Code)
	case e.Reason != "":
		return fmt.Sprintf("sms: %s %s", e.Class, e.Reason)
	case e.Status != 0:
		return fmt.Sprintf("sms: %s http %d", e.Class, e.Status)
	}
	return "sms: " + e.Class.String()
}

// Stops is after how many such refusals in a row, of different numbers, the org's other texts must wait; 0 is never.
// An unknown code of status 403 or 404 may be about the number, as 21408 is.
func (e *Error) Stops() int {
	if r, ok := codes[e.Code]; ok {
		return r.stops
	}
	switch {
	case e.Class == Tenant && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound):
		return stopsByNumber
	case e.Class == Tenant, e.Class == Cap:
		return 1
	}
	return 0
}

// Unwrap lets errors.Is see context.Canceled and context.DeadlineExceeded. Other causes are dropped:
// a *url.Error quotes the URL.
func (e *Error) Unwrap() error { return e.cause }

// ClassOf is the class of any error: nil and foreign errors are Unknown, because nothing is known of
// what they left behind.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Unknown
}

// unsent is a failure before the request could leave.
func unsent(err error) *Error { return transportError(Transient, err) }

// lost is a failure after the request may have left.
func lost(err error) *Error { return transportError(Unknown, err) }

func transportError(c Class, err error) *Error {
	e := &Error{Class: c, Known: true, Reason: reasonBroken}
	var (
		dns  *net.DNSError
		op   *net.OpError
		host *tls.CertificateVerificationError
		rec  tls.RecordHeaderError
		alrt tls.AlertError
		te   interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, context.Canceled):
		e.Reason, e.cause = reasonCanceled, context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Reason, e.cause = reasonTimeout, context.DeadlineExceeded
	case errors.As(err, &dns):
		e.Reason = reasonDNS
	case errors.As(err, &host), errors.As(err, &rec), errors.As(err, &alrt):
		e.Reason = reasonTLS
	case errors.As(err, &op) && op.Op == "dial":
		e.Reason = reasonDial
	case errors.As(err, &te) && te.Timeout():
		e.Reason = reasonTimeout
	}
	return e
}

// asError makes an *Error of what came back through twilio-go: ours as it is, a 2xx that would not
// decode as Unknown.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Class: Unknown, Reason: reasonAnswer, Known: true}
}

// asReadError is asError for a request that changes nothing, which may simply be asked again.
func asReadError(err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Class: Transient, Reason: reasonAnswer, Known: true}
	}
	if e.Class == Unknown {
		e.Class = Transient
	}
	return e
}

// maxRetryAfter bounds what an answer may make us wait.
const maxRetryAfter = time.Hour

// RetryAfter reads RFC 9110, section 10.2.3: seconds, or an HTTP date, and most at the most. Anything else is 0.
func RetryAfter(v string, now time.Time, most time.Duration) time.Duration {
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(s)*time.Second, most)
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), most)
	}
	return 0
}
