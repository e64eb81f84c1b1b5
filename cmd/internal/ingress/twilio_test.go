package ingress

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

func TestTwilioSignatures(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := storetest.NewOrg(t, r.db, "garage")
	form := url.Values{"AccountSid": {r.org.Account.SID}, "MessageSid": {"SM1"}, "From": {"+15550100042"}, "To": {"+15005550006"}, "Body": {"hi"}}
	path := "/webhooks/twilio/" + r.org.ID.String() + "/inbound"
	foreign := url.Values{"AccountSid": {other.Account.SID}, "MessageSid": {"SM1"}, "From": {"+15550100042"}}
	for _, tt := range []struct {
		name, path string
		form       url.Values
		signature  string
		status     int
	}{
		{"good", path, form, sms.Sign(r.org.Account.Token, publicURL+path, form), 200},
		{"with query", path + "?a=b&c=%20d", form, sms.Sign(r.org.Account.Token, publicURL+path+"?a=b&c=%20d", form), 200},
		{"query not signed", path + "?a=b", form, sms.Sign(r.org.Account.Token, publicURL+path, form), 401},
		{"by its Host", path, form, sms.Sign(r.org.Account.Token, r.URL+path, form), 401},
		{"other token", path, form, sms.Sign(other.Account.Token, publicURL+path, form), 401},
		{"other account", path, foreign, sms.Sign(r.org.Account.Token, publicURL+path, foreign), 401},
		{"none", path, form, "", 401},
		{"org without", "/webhooks/twilio/" + uuid.NewString() + "/inbound", form, "x", 401},
		{"no id", "/webhooks/twilio/x/inbound", form, "x", 401},
	} {
		a := r.do(t, "POST", tt.path, tt.form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "X-Twilio-Signature", tt.signature)
		if a.StatusCode != tt.status {
			t.Errorf("%s: %d %s", tt.name, a.StatusCode, a.body)
		}
	}
	if n := r.count(t, "inbound"); n != 1 {
		t.Errorf("%d texts", n)
	}
	// While the tokens are rotated either signs, at once though the former account is remembered; then one alone.
	both, promoted := r.org.Account, r.org.Account
	both.Secondary = pii.NewToken("secondary")
	promoted.Token = both.Secondary
	for _, step := range []struct {
		account store.SMSAccount
		status  map[pii.Token]int // by the token that signs
	}{
		{both, map[pii.Token]int{both.Token: 200, both.Secondary: 200, other.Account.Token: 401, {}: 401}},
		{promoted, map[pii.Token]int{promoted.Token: 200}},
	} {
		if err := store.SetSMSAccount(t.Context(), r.db.Owner, r.db.Keys, r.org.ID, step.account); err != nil {
			t.Fatal(err)
		}
		r.in.accounts.forget() // as three seconds do
		for token, want := range step.status {
			a := r.do(t, "POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "X-Twilio-Signature", sms.Sign(token, publicURL+path, form))
			if a.StatusCode != want {
				t.Errorf("%d, want %d", a.StatusCode, want)
			}
		}
	}
	a := r.do(t, "POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "X-Twilio-Signature", sms.Sign(both.Token, publicURL+path, form))
	r.in.accounts.forget()
	b := r.do(t, "POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "X-Twilio-Signature", sms.Sign(both.Token, publicURL+path, form))
	if a.StatusCode != 401 && a.StatusCode != 200 || b.StatusCode != 401 {
		t.Errorf("the token that was dropped: %d, %d", a.StatusCode, b.StatusCode)
	}
}

func TestInbound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	form := url.Values{"MessageSid": {"SM1"}, "From": {"+15550100042"}, "To": {"+15005550006"}, "Body": {"it is 123456"}, "OptOutType": {"STOP"}}
	for range 2 {
		a := r.twilio(t, "/inbound", form)
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/xml" || !strings.HasSuffix(string(a.body), "<Response/>") {
			t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
		}
	}
	if r.count(t, "inbound WHERE opt_out_type = 'STOP' AND sender = '+15005550006'") != 1 || r.count(t, "task WHERE type = 'sms:inbound'") != 1 {
		t.Error("want one text and one task")
	}
	short := url.Values{"MessageSid": {"SM2"}, "From": {"72404"}, "To": {"+15005550006"}, "MessagingServiceSid": {"MG1"}, "Body": {"\x00\xff"}}
	if a := r.twilio(t, "/inbound", short); a.StatusCode != 200 || r.count(t, "inbound WHERE sender = 'MG1'") != 1 {
		t.Errorf("short code: %d %s", a.StatusCode, a.body)
	}
	if optOutType("\u202eSTOP") != "" || optOutType("HELP") != "HELP" {
		t.Error("what Twilio has done is one of three things")
	}
	for field, form := range map[string]url.Values{
		"MessageSid":          {"From": {"+15550100042"}},
		"From":                {"MessageSid": {"SM4"}, "From": {strings.Repeat("1", 65)}},
		"To":                  {"MessageSid": {"SM4"}, "From": {"1"}, "To": {"a b"}},
		"MessagingServiceSid": {"MessageSid": {"SM4"}, "From": {"1"}, "MessagingServiceSid": {"\x00"}},
	} {
		if a := r.twilio(t, "/inbound", form); a.StatusCode != 422 || a.problem(t).Field != field {
			t.Errorf("%s: %d %s", field, a.StatusCode, a.body)
		}
	}
	if leak := leaked(r.log.String()); leak != "" {
		t.Errorf("the log holds %q", leak)
	}
}

// TestOptOutAtOnce: STOP and START are in force when Twilio has its answer, though nobody works on the reply; by keyword, in a
// sentence or as Advanced Opt-Out says, for the sender's pool as texts look at it. What is delivered again counts once.
func TestOptOutAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	n := 0
	says := func(body, optOutType, sid string) {
		t.Helper()
		form := url.Values{"MessageSid": {sid}, "From": {"+15550100042"}, "To": {"+15005550006"}, "Body": {body}}
		if optOutType != "" {
			form.Set("OptOutType", optOutType)
		}
		if a := r.twilio(t, "/inbound", form); a.StatusCode != 200 || !strings.HasSuffix(string(a.body), "<Response/>") {
			t.Fatalf("%q: %d %s", body, a.StatusCode, a.body)
		}
	}
	for _, tt := range []struct {
		body, kind string
		out        int
	}{
		{"hello", "", 0}, {"STOP", "", 1}, {"yes", "", 0}, {"Please stop texting me.", "", 1}, {"hola", "START", 0},
		{"adios", "STOP", 1}, {"help", "HELP", 1}, {"K", "", 1}, {"START", "", 0}, {"stop", "", 1},
	} {
		n++
		says(tt.body, tt.kind, fmt.Sprintf("SM%d", n))
		if got := r.count(t, "suppression WHERE pool = '+15005550006'"); got != tt.out {
			t.Errorf("after %q %s: opted out %d, want %d", tt.body, tt.kind, got, tt.out)
		}
	}
	says("START", "", "SM2") // that of the first STOP
	if r.count(t, "suppression") != 1 || r.count(t, "task WHERE type = 'sms:inbound' AND state = 'pending'") != n {
		t.Error("a text that was delivered again counts again")
	}
	r.admin(t, "UPDATE sms_account SET messaging_service_sid = 'MG1'")
	says("stop", "", "SM100")
	if r.count(t, "suppression WHERE pool = 'MG1'") != 1 || r.count(t, "suppression") != 2 {
		t.Error("an opt-out is of the messaging service where there is one")
	}
}

// TestStatus: callbacks move a text forward only, in any order.
func TestStatus(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	b, m := r.booked(t)
	for _, step := range []struct{ status, sid, want string }{
		{"sent", "SM1", "sent"},
		{"queued", "SM1", "sent"},
		{"sending", "SM1", "sent"},
		{"delivered", "SM2", "sent"}, // another text's
		{"dancing", "SM1", "sent"},
		{"delivered", "SM1", "delivered"},
		{"delivered", "SM1", "delivered"},
		{"undelivered", "SM1", "delivered"},
		{"sent", "SM1", "delivered"},
	} {
		a := r.twilio(t, "/status/"+m.String(), url.Values{"MessageSid": {step.sid}, "MessageStatus": {step.status}, "ErrorCode": {"99999999999"}})
		if got := r.messageState(t, m); a.StatusCode != 204 || got != step.want || len(a.body) != 0 {
			t.Errorf("%s: %d, %s; want %s", step.status, a.StatusCode, got, step.want)
		}
	}
	var tl timeline
	r.api(t, "GET", "/bookings/"+b.ID.String()+"/timeline", "").json(t, &tl)
	delivered := 0
	for _, e := range tl.Events {
		if e.Kind == "text_delivered" {
			delivered++
		}
	}
	if delivered != 1 {
		t.Errorf("%d of text_delivered", delivered)
	}
	if a := r.twilio(t, "/status/"+uuid.NewString(), url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"sent"}}); a.StatusCode != 204 {
		t.Errorf("unknown text: %d", a.StatusCode)
	}
	if a := r.twilio(t, "/status/seven", url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"sent"}}); a.problem(t).Type != "not-found" {
		t.Errorf("no id: %d", a.StatusCode)
	}
}

// TestUndelivered: with its text a code dies, in the callback's own transaction.
func TestUndelivered(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	b, m := r.booked(t)
	for range 2 {
		a := r.twilio(t, "/status/"+m.String(), url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"undelivered"}, "ErrorCode": {"30005"}})
		if a.StatusCode != 204 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	var got handlers.BookingView
	r.api(t, "GET", "/bookings/"+b.ID.String(), "").json(t, &got)
	if r.messageState(t, m) != "undelivered" || got.CodeState != "revoked" {
		t.Errorf("message %s, code %s", r.messageState(t, m), got.CodeState)
	}
	if n := r.count(t, `booking_event WHERE kind = 'text_undelivered' AND detail @> '{"code":30005,"class":"recipient"}'`); n != 1 {
		t.Errorf("%d of text_undelivered", n)
	}
}

// TestRefusedByCallback: a callback that blames the org's account stops the org, and a wish is then answered before
// anything is changed.
func TestRefusedByCallback(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	_, m := r.booked(t)
	if _, err := r.db.Admin.Exec(t.Context(), "UPDATE message SET state = 'sending', claimed_at = clock_timestamp()"); err != nil {
		t.Fatal(err)
	}
	a := r.twilio(t, "/status/"+m.String(), url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"undelivered"}, "ErrorCode": {"30034"}})
	if a.StatusCode != 204 || r.count(t, "sms_breaker WHERE opened_at IS NOT NULL AND late AND code = 30034") != 1 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	bookings := r.count(t, "booking")
	a = r.api(t, "POST", "/bookings", bookingBody(tomorrow("15:00")), "Prefer", "wait=10")
	if p := a.problem(t); p.Type != "sms-unavailable" || a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if n := r.count(t, "booking"); n != bookings || r.count(t, "customer") != 1 || r.count(t, "message") != 1 {
		t.Errorf("%d bookings are new", n-bookings)
	}
}
