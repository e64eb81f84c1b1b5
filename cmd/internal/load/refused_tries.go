package load

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
)

// try is one kind of request that must be refused.
type try struct {
	name    string
	want    string // status and kind of problem
	reason  string // as the system counts it
	request func(n int) *http.Request
}

// Reasons as /metrics has them. Those of signatures are put together.
const (
	reasonCrossOrg  = "cross-org"
	reasonUnknown   = "unknown-key"
	reasonSignature = "signature"
)

// stale is older than any signature may be.
const stale = 6 * time.Minute

// forgedSecret is nobody's.
const forgedSecret = "Zm9yZ2VkZm9yZ2VkZm9yZ2VkZm9yZ2Vk"

// allTries are all kinds, in the order of turn.
func (r *refusals) allTries() ([]try, error) {
	prefix, _, ok := store.SplitKey(pii.NewToken(r.Org.Key))
	if !ok {
		return nil, errors.New("the org's key is none")
	}
	if r.Secrets.Events == "" || r.Secrets.Vapi == "" || r.Secrets.Retell == "" || r.Secrets.TwilioToken == "" {
		return nil, errors.New("the secrets of the org's webhooks are wanted: a stale signature is made with the right one")
	}
	events, err := webhooks.NewWebhook(r.Secrets.Events)
	if err != nil {
		return nil, errors.New("the secret of the org's events is none")
	}
	forgedEvents, err := webhooks.NewWebhook("whsec_" + forgedSecret)
	if err != nil {
		return nil, err
	}
	made := func() string { return rand.Text() + rand.Text() }
	const unauthorized, invalid = "401 unauthorized", "401 invalid-signature"
	list := []try{
		{"another org's path", "403 forbidden", reasonCrossOrg, func(n int) *http.Request { return r.byKey(n, r.Other.String(), r.Org.Key) }},
		{"wrong secret of a key", unauthorized, reasonUnknown, func(n int) *http.Request {
			return r.byKey(n, r.Org.ID, store.KeyPrefix+prefix+"_"+made())
		}},
		{"key that nobody has", unauthorized, reasonUnknown, func(n int) *http.Request {
			return r.byKey(n, r.Org.ID, store.KeyPrefix+strings.ToLower(rand.Text()[:12])+"_"+made())
		}},
	}
	for _, w := range []try{
		{name: "forged: Twilio", request: func(int) *http.Request { return r.twilio(forgedSecret, "/inbound", "/inbound") }},
		{name: "forged: event", request: func(int) *http.Request { return r.event(forgedEvents, time.Now()) }},
		{name: "forged: Vapi", request: func(int) *http.Request { return r.vapi(forgedSecret) }},
		{name: "forged: Retell", request: func(int) *http.Request { return r.retell(forgedSecret, time.Now()) }},
		// Twilio's and Vapi's have no age: what was signed for another URL, and another secret that looks like the right one.
		{name: "other URL: Twilio", request: func(int) *http.Request {
			return r.twilio(r.Secrets.TwilioToken, "/status/"+uuid.NewString(), "/inbound")
		}},
		{name: "stale: event", request: func(int) *http.Request { return r.event(events, time.Now().Add(-stale)) }},
		{name: "other secret: Vapi", request: func(int) *http.Request { return r.vapi(r.Secrets.Vapi + "-before") }},
		{name: "stale: Retell", request: func(int) *http.Request { return r.retell(r.Secrets.Retell, time.Now().Add(-stale)) }},
	} {
		w.want, w.reason = invalid, reasonSignature
		list = append(list, w)
	}
	return list, nil
}

// post is a request to the API; headers are names and values by turns.
func (r *refusals) post(method, path string, body []byte, headers ...string) *http.Request {
	u, err := url.Parse(strings.TrimRight(r.APIURL, "/") + path)
	if err != nil { // Run has used it
		u = &url.URL{}
	}
	req := &http.Request{Method: method, URL: u, Header: http.Header{}, ContentLength: int64(len(body))}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// byKey reads and writes by turns.
func (r *refusals) byKey(n int, org, key string) *http.Request {
	path := "/v1/orgs/" + org + "/bookings"
	if n%2 == 0 {
		return r.post(http.MethodGet, path, nil, "Authorization", "Bearer "+key)
	}
	body := fmt.Sprintf(`{"resource":%q,"start":%q,"customer":{"phone":"+12025550142"}}`, r.Org.Resource, time.Now().AddDate(0, 0, 1).Format(time.RFC3339))
	return r.post(http.MethodPost, path, []byte(body), "Authorization", "Bearer "+key, "Content-Type", "application/json")
}

// twilio is a form on a path that was signed for another one, or the same.
func (r *refusals) twilio(token, path, signed string) *http.Request {
	form := url.Values{"AccountSid": {r.Secrets.TwilioSID}, "MessageSid": {"SM" + strings.ReplaceAll(uuid.NewString(), "-", "")},
		"From": {"+12025550142"}, "To": {"+12025550143"}, "Body": {"STOP"}, "MessageStatus": {"delivered"}}
	at := "/webhooks/twilio/" + r.Org.ID
	return r.post(http.MethodPost, at+path, []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded",
		"X-Twilio-Signature", sms.Sign(pii.NewToken(token), strings.TrimRight(r.PublicURL, "/")+at+signed, form))
}

func (r *refusals) event(by *webhooks.Webhook, at time.Time) *http.Request {
	body := []byte(`{"type":"transcript.created","timestamp":"` + at.UTC().Format(time.RFC3339) + `","data":{"call_id":"load","text":"Good morning."}}`)
	id := "msg_" + uuid.NewString()
	signature, _ := by.Sign(id, at, body) // it fails for no input
	return r.post(http.MethodPost, "/webhooks/events/"+r.Org.ID, body, "Content-Type", "application/json",
		"webhook-id", id, "webhook-timestamp", strconv.FormatInt(at.Unix(), 10), "webhook-signature", signature)
}

func (r *refusals) vapi(secret string) *http.Request {
	body := []byte(`{"message":{"type":"tool-calls","toolCallList":[{"id":"` + uuid.NewString() + `","name":"cancel_booking","arguments":{}}]}}`)
	return r.post(http.MethodPost, "/webhooks/vapi/"+r.Org.ID, body, "Content-Type", "application/json", "X-Vapi-Secret", secret)
}

func (r *refusals) retell(key string, at time.Time) *http.Request {
	body := []byte(`{"name":"cancel_booking","args":{},"call":{"call_id":"` + uuid.NewString() + `"}}`)
	millis := strconv.FormatInt(at.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write(append(bytes.Clone(body), millis...)) // a hash never fails
	return r.post(http.MethodPost, "/webhooks/retell/"+r.Org.ID, body, "Content-Type", "application/json",
		"X-Retell-Signature", "v="+millis+",d="+hex.EncodeToString(mac.Sum(nil)))
}
