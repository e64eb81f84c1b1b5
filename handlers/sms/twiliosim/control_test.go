package twiliosim_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"

	"holdfast/handlers/sms/twiliosim"
)

func decode(t *testing.T, r io.Reader, v any) {
	t.Helper()
	if err := json.NewDecoder(r).Decode(v); err != nil {
		t.Fatalf("decode: %v", err)
	}
}

type inboundAnswer struct {
	Status int
	Reply  string
	Error  string
}

func (w *world) text(from, to, body string) (inboundAnswer, int) {
	w.t.Helper()
	var a inboundAnswer
	status := w.control("POST", "/_sim/inbound", map[string]string{"from": from, "to": to, "body": body}, &a)
	return a, status
}

func TestInboundIsSignedAndItsReplyDelivered(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.hooks.reply(func(rw http.ResponseWriter, _ hook) {
		rw.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(rw, `<?xml version="1.0"?><Response><Message>See you &amp; thanks</Message></Response>`)
	})
	w.send(text(phone, "hello"))
	a, _ := w.text(phone, "", "123456") // the last text tells the addressee
	if a.Status != 200 || a.Reply != "See you & thanks" {
		t.Fatalf("answer %+v", a)
	}
	k := w.hooks.next(t)
	k.validate(t, acmeToken)
	for key, want := range map[string]string{
		"AccountSid": acme, "From": phone, "To": sender, "Body": "123456", "NumMedia": "0", "NumSegments": "1",
		"SmsStatus": "received", "ApiVersion": "2010-04-01",
	} {
		if k.form.Get(key) != want {
			t.Errorf("%s = %q, want %q", key, k.form.Get(key), want)
		}
	}
	if k.form.Get("MessageSid") == "" || k.form.Get("MessageSid") != k.form.Get("SmsSid") || !strings.HasSuffix(k.url, "/inbound?org=1") {
		t.Errorf("webhook %s %v", k.url, k.form)
	}
	got := w.sim.Messages(phone)
	if len(got) != 2 || got[1].Body != a.Reply || got[1].Direction != "outbound-reply" {
		t.Errorf("messages %+v", got)
	}
	eventually(t, "delivery of the reply", func() bool { return w.sim.Messages(phone)[1].Status == "delivered" })

	if _, status := w.text("+14155550999", "", "x"); status != 400 {
		t.Errorf("nobody to answer: %d", status)
	}
	if _, status := w.text(phone, "+14155550998", "x"); status != 404 {
		t.Errorf("unknown number: %d", status)
	}
	if _, status := w.text("me", sender, "x"); status != 400 {
		t.Errorf("bad phone: %d", status)
	}
}

func TestInboundWebhookDown(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.sim.AddNumber(sender, acme, "http://"+deadAddr(t)+"/x")
	if a, status := w.text(phone, sender, "x"); status != 502 || a.Error == "" {
		t.Errorf("%d %+v", status, a)
	}
}

func TestStopList(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.sim.AddNumber("+14155550101", acme, w.hooks.url)
	w.control("POST", "/_sim/numbers", map[string]string{
		"number": sender, "account_sid": acme, "inbound_url": w.hooks.url, "messaging_service_sid": service,
	}, nil)
	w.text(phone, sender, "please STOP")
	w.send(text(phone, "not the whole text"))
	for _, word := range []string{" stop\n", "Unsubscribe", "END", "quit", "STOPALL", "revoke", "OptOut", "Cancel"} {
		w.text(phone, sender, word)
		_, err := w.api.CreateMessage(text(phone, "x"))
		wantCode(t, err, 21610, 400)
		w.text(phone, sender, "start")
		w.send(text(phone, "back again"))
	}
	w.text(phone, sender, "STOP")
	w.send(text(phone, "another sender").SetFrom("+14155550101"))
	p := text(phone, "by the service").SetMessagingServiceSid(service)
	p.From = nil
	_, err := w.api.CreateMessage(p)
	wantCode(t, err, 21610, 400)

	w.hooks.reply(func(rw http.ResponseWriter, _ hook) {
		_, _ = io.WriteString(rw, `<Response><Message><Body>bye</Body></Message></Response>`)
	})
	before := len(w.sim.Messages(phone))
	if a, _ := w.text(phone, sender, "STOP"); a.Reply != "bye" || len(w.sim.Messages(phone)) != before {
		t.Errorf("a reply reached a phone that had opted out: %+v", a)
	}
}

func TestControlMessages(t *testing.T) {
	w := start(t, twiliosim.Options{SentAfter: time.Hour})
	w.send(text(phone, "one"))
	w.send(text("+14155550143", "two"))
	w.text(phone, sender, "in")
	var got struct{ Messages []map[string]any }
	w.control("GET", "/_sim/messages", nil, &got)
	if len(got.Messages) != 2 || got.Messages[0]["body"] != "one" {
		t.Fatalf("%v", got)
	}
	m := got.Messages[0]
	for _, key := range []string{"sid", "account_sid", "to", "from", "body", "status", "error_code", "date_created"} {
		if _, ok := m[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	for query, want := range map[string]int{"to=%2B14155550142": 1, "to=%2B14155550199": 0, "limit=1": 1, "all=1": 3, "all=1&to=%2B14155550142": 2} {
		w.control("GET", "/_sim/messages?"+query, nil, &got)
		if len(got.Messages) != want {
			t.Errorf("%s: %d, want %d", query, len(got.Messages), want)
		}
	}
	if s := w.control("DELETE", "/_sim/messages", nil, nil); s != 204 || len(w.sim.Messages("")) != 0 {
		t.Errorf("delete: %d", s)
	}
}

func TestControlRegisters(t *testing.T) {
	w := start(t, twiliosim.Options{})
	sid := "ACdddddddddddddddddddddddddddddddd"
	if s := w.control("POST", "/_sim/accounts", map[string]string{"sid": sid, "token": "fresh"}, nil); s != 201 {
		t.Fatalf("account: %d", s)
	}
	if s := w.control("POST", "/_sim/numbers", map[string]string{"number": "+14155550188", "account_sid": sid, "inbound_url": w.hooks.url}, nil); s != 201 {
		t.Fatalf("number: %d", s)
	}
	if _, err := w.sdk(sid, "fresh", time.Second).CreateMessage(text(phone, "x").SetFrom("+14155550188")); err != nil {
		t.Error(err)
	}
	// As tokens are rotated: both are good, then the promoted one alone. An account that is suspended can be looked at.
	for _, step := range []struct {
		account map[string]string
		status  map[string]int // by token, of a text that is sent
	}{
		{map[string]string{"sid": sid, "token": "fresh", "secondary": "next"}, map[string]int{"fresh": 201, "next": 201, "": 401}},
		{map[string]string{"sid": sid, "token": "next"}, map[string]int{"fresh": 401, "next": 201, "": 401}},
		{map[string]string{"sid": sid, "token": "next", "status": "suspended"}, map[string]int{"fresh": 401, "next": 403}},
	} {
		if s := w.control("POST", "/_sim/accounts", step.account, nil); s != 201 {
			t.Fatalf("account: %d", s)
		}
		for token, want := range step.status {
			got := 201
			_, err := w.sdk(sid, token, time.Second).CreateMessage(text(phone, "x").SetFrom("+14155550188"))
			if e := (*client.TwilioRestError)(nil); errors.As(err, &e) {
				got = e.Status
			}
			if got != want {
				t.Errorf("%v: token %q: %d (%v), want %d", step.account, token, got, err, want)
			}
		}
	}
	if a, err := w.sdk(sid, "next", time.Second).FetchAccount(sid); err != nil || *a.Status != "suspended" {
		t.Errorf("a suspended account: %v", err)
	}
	for path, body := range map[string]string{
		"/_sim/accounts": `{"sid":"AC1","token":"x"}`, "/_sim/accounts?3": `{"sid":"` + sid + `","token":"x","status":"gone"}`, "/_sim/accounts?": `{"sid":"` + sid + `"}`, "/_sim/accounts?2": `nonsense`,
		"/_sim/numbers": `{"number":"x!","account_sid":"` + sid + `"}`, "/_sim/numbers?": `{"number":"+14155550188","account_sid":"AC1"}`,
		"/_sim/numbers?2": `{"number":"+14155550188","account_sid":"` + sid + `","inbound_url":"nowhere"}`,
	} {
		if s := w.control("POST", path, body, nil); s != 400 {
			t.Errorf("%s %s: %d", path, body, s)
		}
	}
}

func TestForeignPagesMayNotDriveIt(t *testing.T) {
	w := start(t, twiliosim.Options{})
	req, _ := http.NewRequestWithContext(t.Context(), "DELETE", w.url+"/_sim/messages", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := w.http.Do(req)
	if err != nil || res.StatusCode != 403 {
		t.Fatalf("%v %v", res, err)
	}
	_ = res.Body.Close()
}

func TestEventsAreLive(t *testing.T) {
	w := start(t, twiliosim.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", w.url+"/_sim/events", nil)
	res, err := w.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	w.send(text(phone, "<b>live</b>"))
	w.control("DELETE", "/_sim/messages", nil, nil)
	want := []string{"event: message", `"body":"\u003cb\u003elive\u003c/b\u003e"`, "event: cleared", `"status":"sent"`, `"status":"delivered"`}
	lines := bufio.NewScanner(res.Body)
	for len(want) > 0 && lines.Scan() {
		if strings.Contains(lines.Text(), want[0]) {
			want = want[1:]
		}
	}
	if len(want) > 0 {
		t.Errorf("never came: %v", want)
	}
}

func TestPageIsSelfContained(t *testing.T) {
	w := start(t, twiliosim.Options{})
	req, _ := http.NewRequestWithContext(t.Context(), "GET", w.url+"/", nil)
	res, err := w.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, bad := range []string{"https://", "innerHTML", "/*css*/", "/*js*/", "@import"} {
		if strings.Contains(string(body), bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if s := w.control("GET", "/healthz", nil, nil); s != 200 {
		t.Errorf("healthz: %d", s)
	}
}

func TestCallbackIsTriedOnceMoreWhenNothingListens(t *testing.T) {
	w := start(t, twiliosim.Options{DeliveredAfter: time.Hour})
	addr := deadAddr(t)
	w.send(text(phone, "x").SetStatusCallback("http://" + addr + "/late#rc=5"))
	// The listener comes up between two attempts.
	var l net.Listener
	eventually(t, "sent", func() bool { return w.sim.Messages(phone)[0].Status == "sent" })
	eventually(t, "listen", func() bool {
		var err error
		l, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
		return err == nil
	})
	srv := &http.Server{Handler: w.hooks, ReadHeaderTimeout: within}
	go func() { _ = srv.Serve(l) }()
	defer func() { _ = srv.Close() }()
	if k := w.hooks.next(t); k.form.Get("MessageStatus") != "sent" {
		t.Errorf("%v", k.form)
	}
}

func TestCallbackRetryPolicy(t *testing.T) {
	w := start(t, twiliosim.Options{DeliveredAfter: time.Hour})
	var calls atomic.Int32
	w.hooks.reply(func(rw http.ResponseWriter, _ hook) {
		calls.Add(1)
		rw.WriteHeader(503)
	})
	w.send(text(phone, "x").SetStatusCallback(w.hooks.url + "/#rc=2&rp=5xx"))
	for range 3 {
		w.hooks.next(t)
	}
	w.send(text(phone, "x").SetStatusCallback(w.hooks.url + "/plain"))
	if k := w.hooks.next(t); !strings.HasSuffix(k.url, "/plain") || calls.Load() != 4 {
		t.Errorf("%s after %d calls", k.url, calls.Load())
	}
}

func TestManySendersAtOnce(t *testing.T) {
	w := start(t, twiliosim.Options{SentAfter: -1, DeliveredAfter: -1})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 25 {
				if _, err := w.api.CreateMessage(text(fmt.Sprintf("+1415555%04d", i), fmt.Sprint(j)).SetStatusCallback(w.hooks.url)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for range 8 * 25 * 2 {
		w.hooks.next(t)
	}
	for i := range 8 {
		for j, m := range w.sim.Messages(fmt.Sprintf("+1415555%04d", i)) {
			if m.Body != fmt.Sprint(j) || m.Status != "delivered" {
				t.Errorf("phone %d no. %d: %+v", i, j, m)
			}
		}
	}
}

// deadAddr is an address that refuses connections.
func deadAddr(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
