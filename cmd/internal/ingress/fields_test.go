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
		{"NUL", "/bookings", with("Ana", `\u0000`), 422, "invalid-request", ""},
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
	resp, err := r.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("chunked: %d", resp.StatusCode)
	}
}
