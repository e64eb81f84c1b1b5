package twiliosim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/handlers/sms/twiliosim"
)

// messageSchema is components/schemas/api.v2010.account.message of twilio_api_v2010.json (all fields
// nullable), as patterns on the JSON text of each field.
var messageSchema = map[string]string{
	"body": `".*"`, "num_segments": `"\d+"`, "direction": `"(inbound|outbound-api|outbound-call|outbound-reply)"`,
	"from": `"\+\d+"|null`, "to": `"\+\d+"`, "date_updated": date, "date_created": date, "date_sent": date + `|null`,
	"price": `null`, "price_unit": `"USD"`, "error_message": `".*"|null`, "error_code": `\d+|null`,
	"uri":         `"/2010-04-01/Accounts/AC[0-9a-f]{32}/Messages/SM[0-9a-f]{32}\.json"`,
	"account_sid": `"AC[0-9a-fA-F]{32}"`, "num_media": `"\d+"`, "messaging_service_sid": `"MG[0-9a-fA-F]{32}"|null`,
	"sid": `"(SM|MM)[0-9a-fA-F]{32}"`, "api_version": `"2010-04-01"`, "subresource_uris": `\{"media":".*"\}`,
	"status": `"(queued|sending|sent|failed|delivered|undelivered|receiving|received|accepted|scheduled|read|partially_delivered|canceled)"`,
}

const date = `"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000"`

var pageSchema = map[string]string{
	"end": `\d+`, "start": `\d+`, "page": `\d+`, "page_size": `\d+`, "messages": `\[.*\]`,
	"first_page_uri": uri, "uri": uri, "next_page_uri": uri + `|null`, "previous_page_uri": uri + `|null`,
}

const uri = `"/2010-04-01/Accounts/AC[0-9a-f]{32}/Messages\.json\?.*"`

func wantSchema(t *testing.T, schema map[string]string, raw json.RawMessage) {
	t.Helper()
	var got map[string]json.RawMessage
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	for key, value := range got {
		if pattern, known := schema[key]; !known || !regexp.MustCompile(`^(`+pattern+`)$`).Match(value) {
			t.Errorf("%s: %s", key, value)
		}
	}
	if len(got) != len(schema) {
		t.Errorf("%d fields, want %d", len(got), len(schema))
	}
}

func (w *world) raw(method, path string, form url.Values) json.RawMessage {
	w.t.Helper()
	req, _ := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(acme, acmeToken)
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var raw json.RawMessage
	decode(w.t, res.Body, &raw)
	return raw
}

func TestAnswersFitTheOpenAPI(t *testing.T) {
	w := start(t, twiliosim.Options{SentAfter: -1, DeliveredAfter: -1})
	const path = "/2010-04-01/Accounts/" + acme + "/Messages"
	form := url.Values{"To": {phone}, "From": {sender}, "Body": {"Hello! 👍"}}
	wantSchema(t, messageSchema, w.raw("POST", path+".json", form))
	form.Set("MessagingServiceSid", service)
	wantSchema(t, messageSchema, w.raw("POST", path+".json", form))
	form.Del("From")
	wantSchema(t, messageSchema, w.raw("POST", path+".json", form))
	w.fault(`{"do":"undelivered"}`)
	w.send(text(phone, "x"))
	w.text(phone, sender, "in")
	eventually(t, "undelivered", func() bool { return w.sim.Messages(phone)[3].Status == "undelivered" })

	page := w.raw("GET", path+".json?PageSize=2&Page=1", nil)
	wantSchema(t, pageSchema, page)
	var list struct{ Messages []json.RawMessage }
	_ = json.Unmarshal(w.raw("GET", path+".json", nil), &list)
	if len(list.Messages) != 5 {
		t.Errorf("%d messages", len(list.Messages))
	}
	for _, m := range list.Messages {
		wantSchema(t, messageSchema, m)
	}
	wantSchema(t, pageSchema, w.raw("GET", path+".json?To=%2B19995550000", nil))
}

func BenchmarkCreate(b *testing.B) {
	sim := twiliosim.New(twiliosim.Options{Accounts: map[string]string{acme: acmeToken}, SentAfter: time.Millisecond})
	defer sim.Close()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			form := url.Values{"To": {"+1415555" + strconv.Itoa(1000+i%9000)}, "From": {"+15005550006"}, "Body": {"code 123 456"}}
			r, _ := http.NewRequestWithContext(b.Context(), "POST", "/2010-04-01/Accounts/"+acme+"/Messages.json", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(acme, acmeToken)
			sim.ServeHTTP(discard{http.Header{}}, r)
		}
	})
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
