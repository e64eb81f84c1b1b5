package twiliosim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"holdfast/handlers/sms/twiliosim"
)

func TestLifeOfAMessage(t *testing.T) {
	w := start(t, twiliosim.Options{})
	callback := w.hooks.url + "/status?m=42"
	m := w.send(text(phone, "Your code is 123 456").SetStatusCallback(callback + "#rc=3&rp=all").SetValidityPeriod(300))

	if !regexp.MustCompile(`^SM[0-9a-f]{32}$`).MatchString(*m.Sid) || *m.Status != "queued" || *m.NumSegments != "1" ||
		*m.Direction != "outbound-api" || *m.From != sender || m.Price != nil || m.DateSent != nil || m.ErrorCode != nil {
		t.Errorf("unexpected message %+v", m)
	}
	if _, err := time.Parse(time.RFC1123Z, *m.DateCreated); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"sent", "delivered"} {
		k := w.hooks.next(t)
		k.validate(t, acmeToken)
		if k.url != callback || k.form.Get("MessageStatus") != want || k.form.Get("SmsStatus") != want ||
			k.form.Get("MessageSid") != *m.Sid || k.form.Get("SmsSid") != *m.Sid || k.form.Get("AccountSid") != acme ||
			k.form.Get("From") != sender || k.form.Get("To") != phone || k.form.Get("ApiVersion") != "2010-04-01" {
			t.Errorf("callback %s: %v", k.url, k.form)
		}
		if final := want == "delivered"; final != k.form.Has("RawDlrDoneDate") {
			t.Errorf("RawDlrDoneDate on %s: %v", want, !final)
		}
	}
	got := w.sim.Messages(phone)
	if len(got) != 1 || got[0].Status != "delivered" || got[0].Body != "Your code is 123 456" || got[0].ErrorCode != nil {
		t.Errorf("messages: %+v", got)
	}
}

func TestMagicNumbers(t *testing.T) {
	w := start(t, twiliosim.Options{})
	for to, code := range map[string]int{
		"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614,
	} {
		_, err := w.api.CreateMessage(text(to, "x"))
		wantCode(t, err, code, 0)
	}
	for from, code := range map[string]int{"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611} {
		_, err := w.api.CreateMessage(text(phone, "x").SetFrom(from))
		wantCode(t, err, code, 400)
	}
	w.send(text(phone, "x").SetFrom("+15005550006"))
}

func TestRefusals(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.sim.AddNumber("+14155550177", other, "")
	long := strings.Repeat("ä", 1601)
	for _, c := range []struct {
		form string
		code int
	}{
		{"From=%2B14155550100&Body=x", 21604},
		{"To=%2B14155550142&Body=x", 21603},
		{"To=%2B14155550142&From=%2B14155550100", 21602},
		{"To=4155550142&From=%2B14155550100&Body=x", 21211},
		{"To=%2B1415555014&From=%2B14155550100&Body=x", 21211},
		{"To=%2B14155550142&From=%2B1&Body=x", 21212},
		{"To=%2B14155550142&From=%2B14155550199&Body=x", 21606},
		{"To=%2B14155550142&From=%2B14155550177&Body=x", 21606},
		{"To=%2B14155550100&From=%2B14155550100&Body=x", 21266},
		{"To=%2B14155550142&From=%2B14155550100&Body=" + url.QueryEscape(long), 21617},
	} {
		w.wantRefusal(c.form, c.code)
	}
	ok := "To=%2B14155550142&From=%2B14155550100&Body=x&"
	for param, code := range map[string]int{
		"ValidityPeriod=0": 21624, "ValidityPeriod=36001": 21624, "ValidityPeriod=1.5": 21624,
		"StatusCallback=/path": 21609, "StatusCallback=ftp://h/x": 21609, "StatusCallback=http://a_b.example/x": 21609, "StatusCallback=": 21609,
		"StatusCallback=http://h/a%2520b%20c": 21609,
		"Attempt=x":                           20001, "ProvideFeedback=yes": 20001, "ContentRetention=keep": 20001, "AddressRetention=x": 20001,
		"RiskCheck=on": 20001, "ScheduleType=later": 20001, "MaxPrice=NaN": 20001, "SendAt=tomorrow": 20001, "TrafficType=paid": 20001,
		"MessagingServiceSid=MG1": 21701, "ApplicationSid=AP1": 20001, "MediaUrl=x": 21620,
		"ScheduleType=fixed": 35118, "To=%2B14155550143": 20001, "ValidityPeriod=1&ValidityPeriod=2": 20001, "MediaUrl=http://h/x" + strings.Repeat("&MediaUrl=http://h/x", 10): 21623,
	} {
		w.wantRefusal(ok+param, code)
	}
	w.wantRefusal(ok+"RiskCheck=disable&ContentRetention=retain&AddressRetention=obfuscate&ForceDelivery=true&Attempt=2&Unknown=1&ValidityPeriod=36000&StatusCallback="+
		url.QueryEscape(w.hooks.url+"/x"), 0)
	if n := len(w.sim.Messages("")); n != 1 {
		t.Errorf("%d messages, want the one good one", n)
	}
}

// wantRefusal posts a raw form, since the SDK's types would not let most mistakes be made; 0 wants a 201.
func (w *world) wantRefusal(form string, code int) {
	w.t.Helper()
	req, _ := http.NewRequestWithContext(w.t.Context(), "POST", w.url+"/2010-04-01/Accounts/"+acme+"/Messages.json", strings.NewReader(form))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(acme, acmeToken)
	got := w.errorOf(req)
	if got.Code != code || code != 0 && (got.Status != got.http || got.MoreInfo != fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code) || strings.ContainsAny(got.Message, "{}")) {
		w.t.Errorf("%.120s: got %+v, want %d", form, got, code)
	}
}

type restError struct {
	Code     int
	Message  string
	MoreInfo string `json:"more_info"`
	Status   any
	http     any
}

func (w *world) errorOf(req *http.Request) restError {
	w.t.Helper()
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	e := restError{http: float64(res.StatusCode)}
	decode(w.t, res.Body, &e)
	if res.StatusCode == 401 && res.Header.Get("WWW-Authenticate") == "" {
		w.t.Error("401 without WWW-Authenticate")
	}
	return e
}

func TestAuthAndRoutes(t *testing.T) {
	w := start(t, twiliosim.Options{})
	_, err := w.sdk(acme, "wrong", time.Second).CreateMessage(text(phone, "x"))
	wantCode(t, err, 20003, 401)
	_, err = w.api.CreateMessage(text(phone, "x").SetPathAccountSid(other))
	wantCode(t, err, 20404, 404)
	m := w.send(text(phone, "x"))
	_, err = w.sdk(other, otherToken, time.Second).FetchMessage(*m.Sid, nil)
	wantCode(t, err, 20404, 404)

	base := w.url + "/2010-04-01/Accounts/" + acme
	for _, c := range [][2]string{
		{"GET", base}, {"PUT", base + "/Messages.json"}, {"GET", base + "/Calls.json"}, {"GET", base + ".json/Messages.json"},
		{"GET", base + "/Messages/" + *m.Sid}, {"GET", w.url + "/nothing"},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), c[0], c[1], nil)
		req.SetBasicAuth(acme, acmeToken)
		if e := w.errorOf(req); e.Code != 20404 || e.http != 404.0 {
			t.Errorf("%s %s: %+v", c[0], c[1], e)
		}
	}
	big := strings.NewReader("To=" + strings.Repeat("1", 1<<17))
	req, _ := http.NewRequestWithContext(t.Context(), "POST", base+"/Messages.json", big)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(acme, acmeToken)
	if e := w.errorOf(req); e.http != 413.0 {
		t.Errorf("large body: %+v", e)
	}
	acc, err := w.api.FetchAccount(acme)
	if err != nil || *acc.Sid != acme || *acc.Status != "active" || *acc.Type != "Full" {
		t.Errorf("account: %+v %v", acc, err)
	}
}

func TestUpdateAndDelete(t *testing.T) {
	w := start(t, twiliosim.Options{SentAfter: time.Hour})
	m := w.send(text(phone, "secret"))
	_, err := w.api.UpdateMessage(*m.Sid, (&openapi.UpdateMessageParams{}).SetBody("")) // it is on its way
	wantCode(t, err, 20009, 409)
	wantCode(t, w.api.DeleteMessage(*m.Sid, nil), 20009, 409)
	_, err = w.api.UpdateMessage(*m.Sid, (&openapi.UpdateMessageParams{}).SetBody("new"))
	wantCode(t, err, 20001, 400)
	got, err := w.api.UpdateMessage(*m.Sid, (&openapi.UpdateMessageParams{}).SetStatus("canceled"))
	if err != nil || *got.Status != "canceled" {
		t.Errorf("cancel: %v %v", got, err)
	}
	got, err = w.api.UpdateMessage(*m.Sid, (&openapi.UpdateMessageParams{}).SetBody(""))
	if err != nil || *got.Body != "" {
		t.Errorf("redact: %v %v", got, err)
	}
	_, err = w.api.UpdateMessage(*m.Sid, (&openapi.UpdateMessageParams{}).SetStatus("canceled"))
	wantCode(t, err, 30409, 0)
	if err := w.api.DeleteMessage(*m.Sid, nil); err != nil {
		t.Error(err)
	}
	_, err = w.api.FetchMessage(*m.Sid, nil)
	wantCode(t, err, 20404, 404)
	if list, _ := w.api.ListMessage(&openapi.ListMessageParams{}); len(list) != 0 {
		t.Errorf("a deleted message is listed")
	}
	if kept := w.sim.Messages(phone); len(kept) != 1 || kept[0].Body != "secret" {
		t.Errorf("the handset lost its text: %+v", kept)
	}
}

func TestMessagingServiceAndSchedule(t *testing.T) {
	w := start(t, twiliosim.Options{})
	p := (&openapi.CreateMessageParams{}).SetTo(phone).SetBody("x").SetMessagingServiceSid(service)
	m := w.send(p)
	if *m.Status != "accepted" || m.From != nil || *m.NumSegments != "0" || *m.MessagingServiceSid != service {
		t.Errorf("%+v", m)
	}
	eventually(t, "delivery", func() bool { return w.status(*m.Sid) == "delivered" })
	if got, _ := w.api.FetchMessage(*m.Sid, nil); *got.From != sender || *got.NumSegments != "1" {
		t.Errorf("after sending: %+v", got)
	}
	m = w.send(p.SetScheduleType("fixed").SetSendAt(time.Now().Add(time.Hour)))
	if *m.Status != "scheduled" {
		t.Errorf("status %s", *m.Status)
	}
	_, err := w.api.CreateMessage(p.SetSendAt(time.Now().Add(time.Minute)))
	wantCode(t, err, 35114, 400)
}

func TestValidityPeriodEndsTheWait(t *testing.T) {
	w := start(t, twiliosim.Options{SentAfter: time.Hour})
	w.send(text(phone, "x").SetValidityPeriod(1).SetStatusCallback(w.hooks.url))
	if k := w.hooks.next(t); k.form.Get("MessageStatus") != "failed" || k.form.Get("ErrorCode") != "30036" {
		t.Errorf("callback %v", k.form)
	}
}

func TestSegments(t *testing.T) {
	w := start(t, twiliosim.Options{})
	for _, c := range []struct {
		body string
		want string
	}{
		{strings.Repeat("a", 160), "1"}, {strings.Repeat("a", 161), "2"}, {strings.Repeat("€", 80), "1"}, {strings.Repeat("€", 81), "2"},
		{strings.Repeat("ы", 70), "1"}, {strings.Repeat("ы", 71), "2"}, {strings.Repeat("a", 159) + "’", "3"}, {strings.Repeat("😀", 35), "1"},
	} {
		if m := w.send(text(phone, c.body)); *m.NumSegments != c.want {
			t.Errorf("%.10s…: %s segments, want %s", c.body, *m.NumSegments, c.want)
		}
	}
	if m := w.send(text(phone, "it’s").SetSmartEncoded(true)); *m.Body != "it's" {
		t.Errorf("smart encoding: %q", *m.Body)
	}
}
