package ingress

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers"
)

// TestBadInput: what is wrong is named, and nothing is written.
func TestBadInput(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	start := tomorrow("10:00")
	with := func(from, to string) string { return strings.Replace(bookingBody(start), from, to, 1) }
	id := uuid.NewString()
	for _, tt := range []struct {
		name, path, body string
		status           int
		kind, field      string
	}{
		{"no body", "/bookings", "", 400, "invalid-json", ""},
		{"half a body", "/bookings", `{"start":`, 400, "invalid-json", ""},
		{"two bodies", "/bookings", bookingBody(start) + "{}", 400, "invalid-json", ""},
		{"array", "/bookings", `[]`, 400, "invalid-json", ""},
		{"null", "/bookings", `null`, 400, "invalid-json", ""},
		{"not UTF-8", "/bookings", with("Ana", "\xff"), 400, "invalid-json", ""},
		{"number for text", "/bookings", with(`"chair"`, `5`), 422, "invalid-request", "resource"},
		{"nested type", "/bookings", with(`"+15550100042"`, `15550100042`), 422, "invalid-request", "customer.phone"},
		{"customer is text", "/bookings", `{"resource":"chair","start":"x","customer":"Ana"}`, 422, "invalid-request", "customer"},
		{"duration", "/bookings", with(`"notes"`, `"duration":"soon","notes"`), 422, "invalid-request", "duration"},
		{"too long", "/bookings", with(`"notes"`, `"duration":1441,"notes"`), 422, "invalid-request", "duration"},
		{"no start", "/bookings", with(`"start":"`+start+`",`, ""), 422, "missing-field", "start"},
		{"no resource", "/bookings", with(`"resource":"chair",`, ""), 422, "missing-field", "resource"},
		{"no phone", "/bookings", with(`"phone":"+15550100042",`, ""), 422, "missing-field", "customer.phone"},
		{"bad phone", "/bookings", with("+15550100042", "call me"), 422, "invalid-phone", "customer.phone"},
		{"bad start", "/bookings", with(start, "soon"), 422, "invalid-start", "start"},
		{"past", "/bookings", with(start, "2020-01-01T10:00"), 422, "start-in-past", "start"},
		{"far", "/bookings", with(start, "2099-01-01T10:00"), 422, "start-too-far", "start"},
		{"night", "/bookings", with(start, tomorrow("03:00")), 422, "outside-hours", "start"},
		{"resource", "/bookings", with("chair", "sofa"), 422, "unknown-resource", "resource"},
		{"service", "/bookings", with(`"notes"`, `"service":"magic","notes"`), 422, "unknown-service", "service"},
		{"locale", "/bookings", with(`"name"`, `"locale":"fr","name"`), 422, "invalid-request", "customer.locale"},
		{"zone", "/bookings", with(`"name"`, `"time_zone":"Mars/Base","name"`), 422, "invalid-request", "customer.time_zone"},
		{"NUL", "/bookings", with("Ana", `\u0000`), 422, "invalid-request", "customer.name"},
		{"bell", "/bookings", with("first", `\u0007`), 422, "invalid-request", "notes"},
		{"escape", "/bookings", with("Ana", `\u001b[31m`), 422, "invalid-request", "customer.name"},
		{"C1", "/bookings", with("Ana", `\u009b`), 422, "invalid-request", "customer.name"},
		{"NUL in a slug", "/bookings", with("chair", `cha\u0000ir`), 422, "invalid-request", "resource"},
		{"long slug", "/bookings", with("chair", strings.Repeat("c", 101)), 422, "invalid-request", "resource"},
		{"long service", "/bookings", with(`"notes"`, `"service":"`+strings.Repeat("c", 101)+`","notes"`), 422, "invalid-request", "service"},
		{"long start", "/bookings", with(start, strings.Repeat("1", 5000)), 422, "invalid-start", "start"},
		{"long phone", "/bookings", with("+15550100042", "+1"+strings.Repeat("5", 5000)), 422, "invalid-phone", "customer.phone"},
		{"long notes", "/bookings", with("first", strings.Repeat("é", 4001)), 422, "invalid-request", "notes"},
		{"long locale", "/bookings", with(`"name"`, `"locale":"en-`+strings.Repeat("x", 500)+`","name"`), 422, "invalid-request", "customer.locale"},
		{"not quite a locale", "/bookings", with(`"name"`, `"locale":"english","name"`), 422, "invalid-request", "customer.locale"},
		{"zone by path", "/bookings", with(`"name"`, `"time_zone":"../../etc/passwd","name"`), 422, "invalid-request", "customer.time_zone"},
		{"lone surrogate", "/bookings", with("Ana", `\ud83d`), 400, "invalid-json", "customer.name"},
		{"second half", "/bookings", with("first", `\udE00\ud83d`), 400, "invalid-json", "notes"},
		{"overlong", "/bookings", with("Ana", "\xc0\xaf"), 400, "invalid-json", ""},
		{"surrogate in UTF-8", "/bookings", with("Ana", "\xed\xa0\x80"), 400, "invalid-json", ""},
		{"cut-off character", "/bookings", with("Ana", "\xe2\x82"), 400, "invalid-json", ""},
		{"a key twice", "/bookings", with(`"notes"`, `"start":"`+start+`","notes"`), 400, "invalid-json", "start"},
		{"a key twice, by case", "/bookings", with(`"notes"`, `"Resource":"table","notes"`), 400, "invalid-json", "Resource"},
		{"a key twice, by an escape", "/bookings", with(`"name"`, `"\u0070hone":"+15550100043","name"`), 400, "invalid-json", "customer.phone"},
		{"an unknown key twice", "/bookings", with(`"notes"`, `"x":{"555":1,"555":2},"notes"`), 400, "invalid-json", "x"},
		{"deep", "/bookings", with(`"notes"`, `"x":`+strings.Repeat("[", 16)+strings.Repeat("]", 16)+`,"notes"`), 400, "invalid-json", ""},
		{"very deep", "/bookings", strings.Repeat("[", 60_000), 400, "invalid-json", ""},
		{"many values", "/bookings", with(`"notes"`, `"x":[`+strings.Repeat("0,", 13_000)+`0],"notes"`), 400, "invalid-json", ""},
		{"a number beyond range", "/bookings", with(`"notes"`, `"duration":1e400,"notes"`), 422, "invalid-request", "duration"},
		{"a huge duration", "/bookings", with(`"notes"`, `"duration":99999999999999999999,"notes"`), 422, "invalid-request", "duration"},
		{"a duration of years", "/bookings", with(`"notes"`, `"duration":"PT999999999999H","notes"`), 422, "invalid-request", "duration"},
		{"half a minute", "/bookings", with(`"notes"`, `"duration":0.5,"notes"`), 422, "invalid-request", "duration"},
		{"long code", "/bookings/" + id + "/verify", `{"code":"` + strings.Repeat("1", 5000) + `"}`, 422, "invalid-code", "code"},
		{"digits of another script", "/bookings/" + id + "/verify", `{"code":"١٢٣٤٥٦"}`, 422, "invalid-code", "code"},
		{"hidden in a code", "/bookings/" + id + "/verify", `{"code":"123\u202e456"}`, 422, "invalid-code", "code"},
		{"report, beyond range", "/transcripts/" + id + "/reports", `{"kind":"missed","start":1e30,"end":1}`, 422, "invalid-request", "start"},
		{"report, half a byte", "/transcripts/" + id + "/reports", `{"kind":"missed","start":0.5,"end":1}`, 422, "invalid-request", "start"},
		{"block, bell", "/blocks", `{"resource":"chair","start":"` + start + `","end":"` + tomorrow("11:00") + `","reason":"\u0007"}`, 422, "invalid-request", "reason"},
		{"block, long reason", "/blocks", `{"resource":"chair","start":"` + start + `","end":"` + tomorrow("11:00") + `","reason":"` + strings.Repeat("r", 4001) + `"}`, 422, "invalid-request", "reason"},
		{"block, NUL in a slug", "/blocks", `{"resource":"\u0000","start":"` + start + `","end":"` + tomorrow("11:00") + `"}`, 422, "invalid-request", "resource"},
		{"block, a key twice", "/blocks", `{"resource":"chair","resource":"table"}`, 400, "invalid-json", "resource"},
		{"move, a key twice", "/bookings/" + id + "/reschedule", `{"start":"a","start":"b"}`, 400, "invalid-json", "start"},
		{"resend, a key twice", "/bookings/" + id + "/resend", `{"phone":"a","phone":"b"}`, 400, "invalid-json", "phone"},
		{"mark, a key twice", "/bookings/" + id + "/mark", `{"state":"a","state":"b"}`, 400, "invalid-json", "state"},
		{"cancel, a key twice", "/bookings/" + id + "/cancel", `{"a":1,"a":2}`, 400, "invalid-json", "a"},
		{"transcript, a key twice", "/transcripts", `{"text":"a","text":"b"}`, 400, "invalid-json", "text"},
		{"nothing but what is unseen", "/transcripts", `{"call_id":"c","text":"\u200b\u202e"}`, 422, "missing-field", "text"},
		{"unseen in a call", "/transcripts", `{"call_id":"c\u202e","text":"a"}`, 422, "invalid-request", "call_id"},
		{"name", "/bookings", with("Ana", strings.Repeat("a", 201)), 422, "invalid-request", "customer.name"},
		{"id, then JSON", "/bookings/no-id/verify", `{`, 404, "not-found", ""},
		{"id with braces", "/bookings/{" + id + "}/verify", `{"code":"123456"}`, 404, "not-found", ""},
		{"JSON, then booking", "/bookings/" + id + "/verify", `{`, 400, "invalid-json", ""},
		{"no code", "/bookings/" + id + "/verify", `{}`, 422, "missing-field", "code"},
		{"code as number", "/bookings/" + id + "/verify", `{"code":123456}`, 422, "invalid-request", "code"},
		{"five digits", "/bookings/" + id + "/verify", `{"code":"12345"}`, 422, "invalid-code", "code"},
		{"letters", "/bookings/" + id + "/verify", `{"code":"12345a"}`, 422, "invalid-code", "code"},
		{"booking", "/bookings/" + id + "/verify", `{"code":"123456"}`, 404, "not-found", ""},
		{"move nothing", "/bookings/" + id + "/reschedule", `{"start":"` + start + `"}`, 404, "not-found", ""},
		{"move, no start", "/bookings/" + id + "/reschedule", `{}`, 422, "missing-field", "start"},
		{"move, bad JSON", "/bookings/" + id + "/reschedule", `{`, 400, "invalid-json", ""},
		{"move, start as number", "/bookings/" + id + "/reschedule", `{"start":5}`, 422, "invalid-request", "start"},
		{"move by name", "/bookings/sofa/reschedule", `{`, 404, "not-found", ""},
		{"mark nothing", "/bookings/" + id + "/mark", `{"state":"no_show"}`, 404, "not-found", ""},
		{"mark, no state", "/bookings/" + id + "/mark", `{}`, 422, "missing-field", "state"},
		{"mark as magic", "/bookings/" + id + "/mark", `{"state":"magic"}`, 422, "invalid-request", "state"},
		{"mark as held", "/bookings/" + id + "/mark", `{"state":"held"}`, 422, "invalid-request", "state"},
		{"mark, bad JSON", "/bookings/" + id + "/mark", `{`, 400, "invalid-json", ""},
		{"cancel nothing", "/bookings/" + id + "/cancel", ``, 404, "not-found", ""},
		{"transcript, bad JSON", "/transcripts", `{`, 400, "invalid-json", ""},
		{"report, bad JSON", "/transcripts/" + id + "/reports", `{`, 400, "invalid-json", ""},
		{"cancel, bad JSON", "/bookings/" + id + "/cancel", `{`, 400, "invalid-json", ""},
		{"transcript of no call", "/transcripts", `{"text":"x"}`, 422, "missing-field", "call_id"},
		{"call with a space", "/transcripts", `{"call_id":"call me","text":"x"}`, 422, "invalid-request", "call_id"},
		{"long call", "/transcripts", `{"call_id":"` + strings.Repeat("c", 129) + `","text":"x"}`, 422, "invalid-request", "call_id"},
		{"nothing said", "/transcripts", `{"call_id":"c","text":" \n"}`, 422, "missing-field", "text"},
		{"too much said", "/transcripts", `{"call_id":"c","text":"` + strings.Repeat("a", handlers.MaxTranscript+1) + `"}`, 422, "invalid-request", "text"},
		{"NUL said", "/transcripts", `{"call_id":"c","text":"a\u0000"}`, 422, "invalid-request", "text"},
		{"turns", "/transcripts", `{"call_id":"c","text":["a"]}`, 422, "invalid-request", "text"},
		{"transcript of no booking", "/transcripts", `{"call_id":"c","text":"a","booking_id":"` + id + `"}`, 404, "not-found", "booking_id"},
		{"booking by name", "/transcripts", `{"call_id":"c","text":"a","booking_id":"sofa"}`, 404, "not-found", "booking_id"},
		{"report of nothing", "/transcripts/" + id + "/reports", `{"kind":"missed","start":0,"end":1}`, 404, "not-found", ""},
		{"report by name", "/transcripts/sofa/reports", `{`, 404, "not-found", ""},
		{"report, no kind", "/transcripts/" + id + "/reports", `{}`, 422, "missing-field", "kind"},
		{"report of magic", "/transcripts/" + id + "/reports", `{"kind":"magic"}`, 422, "invalid-request", "kind"},
		{"report, no start", "/transcripts/" + id + "/reports", `{"kind":"false"}`, 422, "missing-field", "start"},
		{"report, no end", "/transcripts/" + id + "/reports", `{"kind":"false","start":0}`, 422, "missing-field", "end"},
		{"report, type", "/transcripts/" + id + "/reports", `{"kind":"missed","start":0,"end":1,"type":"magic"}`, 422, "invalid-request", "type"},
		{"block nothing", "/blocks", `{}`, 422, "missing-field", "resource"},
		{"block, no end", "/blocks", `{"resource":"chair","start":"` + start + `"}`, 422, "missing-field", "end"},
		{"block backwards", "/blocks", `{"resource":"chair","start":"` + start + `","end":"` + start + `"}`, 422, "invalid-range", "end"},
		{"block, bad end", "/blocks", `{"resource":"chair","start":"` + start + `","end":"later"}`, 422, "invalid-start", "end"},
		{"block, sofa", "/blocks", `{"resource":"sofa","start":"` + start + `","end":"` + tomorrow("11:00") + `"}`, 422, "unknown-resource", "resource"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, headers := range [][]string{nil, {"Idempotency-Key", "bad-" + strconv.Itoa(len(tt.name)), "Prefer", "wait=1"}} {
				a := r.api(t, "POST", tt.path, tt.body, headers...)
				p := a.problem(t)
				if a.StatusCode != tt.status || p.Type != tt.kind || p.Field != tt.field {
					t.Errorf("%d %s, want %d %s %s", a.StatusCode, a.body, tt.status, tt.kind, tt.field)
				}
				for _, quoted := range []string{"call me", "soon", "sofa", "magic", "Mars", "12345a", "Ana", "\xff"} {
					if strings.Contains(strings.ReplaceAll(string(a.body), "soon as", ""), quoted) {
						t.Errorf("quotes its input: %s", a.body)
					}
				}
			}
		})
	}
	if n := r.count(t, "request") + r.count(t, "task") + r.count(t, "booking_event"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// TestIgnoresUnknownFields, as the contract says.
func TestIgnoresUnknownFields(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := strings.Replace(bookingBody(tomorrow("10:00")), `"notes"`, `"colour":"red","duration":"30m","notes"`, 1)
	if a := r.api(t, "POST", "/bookings", body); a.StatusCode != 202 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestNoCredentials: an org that cannot text is told so at once, and the key is not used up.
func TestNoCredentials(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, err := r.db.Owner.Exec(t.Context(), "DELETE FROM sms_account"); err != nil {
		t.Fatal(err)
	}
	body := bookingBody(tomorrow("10:00"))
	a := r.api(t, "POST", "/bookings", body, "Idempotency-Key", "k")
	if p := a.problem(t); p.Type != "sms-unavailable" || a.Header.Get("Retry-After") == "" || r.count(t, "request") != 0 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestEnvelope: sizes, media types, methods and routes.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	org := "/v1/orgs/" + r.org.ID.String()
	key := []string{"Authorization", "Bearer " + r.org.Key.Reveal()}
	big := `{"notes":"` + strings.Repeat("x", maxBody) + `"}`
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		kind                     string
	}{
		{"too large, before the key", "POST", org + "/bookings", big, nil, 413, "body-too-large"},
		{"too large, anywhere", "POST", "/webhooks/events/x", big, nil, 413, "body-too-large"},
		{"no such route", "GET", "/v2", "", nil, 404, "not-found"},
		{"no such route under the org", "GET", org + "/secrets", "", key, 404, "not-found"},
		{"method", "PUT", org + "/bookings", "{}", key, 405, "method-not-allowed"},
		{"method of a page", "POST", "/docs", "", nil, 405, "method-not-allowed"},
		{"accept", "GET", org + "/bookings", "", append(key, "Accept", "application/xml"), 406, "not-acceptable"},
		{"accept, json refused", "GET", org + "/bookings", "", append(key, "Accept", "application/json;q=0"), 406, "not-acceptable"},
		{"media", "POST", org + "/bookings", "a=b", append(key, "Content-Type", "application/x-www-form-urlencoded"), 415, "unsupported-media"},
		{"key before media", "POST", org + "/bookings", "a=b", []string{"Content-Type", "text/plain"}, 401, "unauthorized"},
		{"idempotency key", "POST", org + "/bookings", bookingBody(tomorrow("10:00")), append(key, "Idempotency-Key", "a b"), 422, "invalid-request"},
		{"problem", "GET", "/problems/none", "", nil, 404, "not-found"},
	} {
		if a := r.do(t, tt.method, tt.path, tt.body, tt.headers...); a.StatusCode != tt.status || a.problem(t).Type != tt.kind {
			t.Errorf("%s: %d %s", tt.name, a.StatusCode, a.body)
		}
	}
	if a := r.do(t, "PUT", org+"/bookings", "", key...); a.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow %q", a.Header.Get("Allow"))
	}
	for _, accept := range []string{"", "*/*", "application/*;q=0.5", "text/html, application/json;q=0.1", "application/problem+json"} {
		if a := r.do(t, "GET", org+"/bookings", "", append(key, "Accept", accept)...); a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("Accept %q: %d %s", accept, a.StatusCode, a.Header.Get("Content-Type"))
		}
	}
	// Without a length the body is cut off as it comes.
	req, _ := http.NewRequestWithContext(t.Context(), "POST", r.URL+org+"/bookings", struct{ *strings.Reader }{strings.NewReader(big)})
	req.ContentLength = -1
	req.Header.Set("Authorization", "Bearer "+r.org.Key.Reveal())
	resp, err := r.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("chunked: %d", resp.StatusCode)
	}
}

// TestUnseenGoes: what turns lines around or has no width is neither kept nor shown: not of names, notes, reasons and what was
// said, by the API, by events and by voice agents; what people can see stays as it is.
func TestUnseenGoes(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	r.worker(t)
	const hidden = "\u202e\u2067\u200b\ufeff\U000e0041"
	with := func(phone, start string) string {
		body := strings.NewReplacer("+15550100042", phone, "Ana Lee", "An"+hidden+"a\\u202e  Ñ\u200dé", "first visit", "first"+hidden+" visit").Replace(bookingBody(tomorrow(start)))
		return body
	}
	wait := []string{"Prefer", "wait=10"}
	for from, a := range map[string]answer{
		"API":   r.api(t, "POST", "/bookings", with("+15550100051", "10:00"), wait...),
		"event": r.event(t, "hidden", `{"type":"booking.requested","data":`+with("+15550100052", "11:00")+`}`, wait...),
		"block": r.api(t, "POST", "/blocks", `{"resource":"chair","start":"`+tomorrow("15:00")+`","end":"`+tomorrow("16:00")+`","reason":"holi`+hidden+`day"}`, wait...),
	} {
		if a.StatusCode != 201 {
			t.Errorf("%s: %d %s", from, a.StatusCode, a.body)
		}
	}
	agent := r.agent(sourceVapi, "+15550100053")
	agent.talk = strings.Repeat("c"+hidden, 1000) // what a call is named is a key of an index
	agent.use(t, "hold_slot", "resource", "chair", "start", tomorrow("12:00"), "name", "An"+hidden+"a\x00\x07  Ñ\u200dé", "notes", "first"+hidden+" visit")
	names, notes := map[string]int{}, map[string]int{}
	rows, err := r.db.Admin.Query(t.Context(), "SELECT b.org_id, c.name_sealed, b.notes_sealed FROM booking b JOIN customer c ON c.id = b.customer_id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var org uuid.UUID
		var name, note []byte
		if err := rows.Scan(&org, &name, &note); err != nil {
			t.Fatal(err)
		}
		clear, err := r.db.Keys.Open(org, "customer.name", name)
		if err != nil {
			t.Fatal(err)
		}
		names[clear]++
		if clear, err = r.db.Keys.Open(org, "booking.notes", note); err != nil {
			t.Fatal(err)
		}
		notes[clear]++
	}
	if names["Ana Ñ\u200dé"] != 3 || len(names) != 1 || notes["first visit"] != 3 || len(notes) != 1 {
		t.Errorf("%v, %v", names, notes)
	}
	a := r.api(t, "POST", "/transcripts", `{"call_id":"c","text":"My num`+hidden+`ber is 202-555`+hidden+`-0161."}`, wait...)
	if got := string(a.body); a.StatusCode != 201 || !strings.Contains(got, `"My number is [PHONE_NUMBER]."`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
