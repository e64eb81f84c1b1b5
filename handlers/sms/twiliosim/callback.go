package twiliosim

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- Twilio's signature is HMAC-SHA1; HMAC does not lean on collision resistance
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	couriers        = 16      // callbacks under way at once
	maxWaiting      = 1 << 16 // callbacks are best effort: beyond this they are lost, as at Twilio
	webhookTimeout  = 15 * time.Second
	connectTimeout  = 5 * time.Second
	retryPause      = 100 * time.Millisecond
	maxWebhookReply = 64 << 10
)

// delivery is one signed webhook request to be made.
type delivery struct {
	sid, url, token string
	form            url.Values
}

// courier makes webhook requests from a fixed number of goroutines.
type courier struct {
	ctx    context.Context
	log    *slog.Logger
	client *http.Client
	queue  chan *delivery
	wg     sync.WaitGroup
}

func newCourier(ctx context.Context, log *slog.Logger) *courier {
	c := &courier{ctx: ctx, log: log, queue: make(chan *delivery, maxWaiting)}
	c.client = &http.Client{
		Timeout: webhookTimeout,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
			MaxIdleConnsPerHost: couriers,
			IdleConnTimeout:     30 * time.Second,
		},
		// A redirect would turn the POST into a GET without its body.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for range couriers {
		c.wg.Go(c.work)
	}
	return c
}

func (c *courier) wait() {
	c.wg.Wait()
	c.client.CloseIdleConnections()
}

func (c *courier) send(d *delivery) {
	select {
	case c.queue <- d:
	default:
		c.log.Warn("status callback dropped: too many are waiting", "sid", d.sid)
	}
}

func (c *courier) work() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case d := <-c.queue:
			if status, _, err := c.post(c.ctx, d); c.ctx.Err() == nil && (err != nil || status >= 400) {
				c.log.Warn("status callback lost", "sid", d.sid, "http_status", status, "connected", err == nil)
			}
		}
	}
}

// post makes the request, again as the URL's connection overrides say (#rc=2&rp=5xx); by Twilio's
// default once more, and only when no connection came about.
func (c *courier) post(ctx context.Context, d *delivery) (status int, reply []byte, err error) {
	target, fragment, _ := strings.Cut(d.url, "#")
	retries, policy := overrides(fragment)
	signature := Sign(d.token, target, d.form)
	idempotency := randomHex()
	for attempt := 0; ; attempt++ {
		status, reply, err = c.once(ctx, target, signature, idempotency, d.form)
		if attempt >= retries || !again(policy, status, err) {
			return status, reply, err
		}
		select {
		case <-ctx.Done():
			return status, reply, ctx.Err()
		case <-time.After(retryPause << attempt):
		}
	}
}

func (c *courier) once(ctx context.Context, target, signature, idempotency string, form url.Values) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	req.Header.Set("X-Twilio-Signature", signature)
	req.Header.Set("I-Twilio-Idempotency-Token", idempotency)
	res, err := c.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	reply, err := io.ReadAll(io.LimitReader(res.Body, maxWebhookReply))
	return res.StatusCode, reply, err
}

// overrides reads the fragment of a webhook URL: how often and on what to try again.
func overrides(fragment string) (retries int, policy []string) {
	q, err := url.ParseQuery(fragment)
	retries, policy = 1, []string{"ct"}
	if err != nil {
		return retries, policy
	}
	if n, err := strconv.Atoi(q.Get("rc")); err == nil && n >= 0 && n <= 5 {
		retries = n
	}
	if rp := q.Get("rp"); rp != "" {
		policy = strings.Split(rp, ",")
	}
	return retries, policy
}

func again(policy []string, status int, err error) bool {
	kind := ""
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		kind = "ct"
	case err != nil:
		kind = "rt"
	case status >= 500:
		kind = "5xx"
	case status >= 400:
		kind = "4xx"
	}
	return kind != "" && (slices.Contains(policy, kind) || slices.Contains(policy, "all"))
}

// Sign is Twilio's X-Twilio-Signature of a form posted to a URL, whose fragment does not count.
func Sign(token, target string, form url.Values) string {
	target, _, _ = strings.Cut(target, "#")
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = io.WriteString(mac, target)
	for _, key := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[key] {
			_, _ = io.WriteString(mac, key+value)
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// statusForm is what a status callback says of a message in its present status.
func statusForm(m *record) url.Values {
	form := url.Values{
		"MessageSid": {m.sid}, "SmsSid": {m.sid}, "AccountSid": {m.account}, "ApiVersion": {apiVersion},
		"From": {m.sender}, "To": {m.to}, "MessageStatus": {m.status}, "SmsStatus": {m.status},
	}
	if m.service != "" {
		form.Set("MessagingServiceSid", m.service)
	}
	if m.errorCode != 0 {
		form.Set("ErrorCode", strconv.Itoa(m.errorCode))
	}
	if m.status == statusDelivered || m.status == statusUndelivered {
		form.Set("RawDlrDoneDate", m.updated.UTC().Format("0601021504"))
	}
	return form
}
