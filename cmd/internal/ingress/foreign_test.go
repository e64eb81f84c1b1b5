package ingress

import (
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"testing"

	"github.com/google/uuid"

	"holdfast/store/storetest"
)

// TestForeignIDs: an id of another org is answered like one that nobody has: the same status, the same headers, the same
// body. What is written for either is the same too.
func TestForeignIDs(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	other := *r
	other.org = storetest.NewOrg(t, r.db, "garage")
	there := other.fixtures(t)
	one := func(sql string) (id uuid.UUID) {
		t.Helper()
		if err := r.db.Admin.QueryRow(t.Context(), sql, other.org.ID).Scan(&id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	request := one("SELECT id FROM request WHERE org_id = $1 AND kind = 'booking' LIMIT 1")
	message := one("SELECT id FROM message WHERE org_id = $1 LIMIT 1")
	customer := one("SELECT id FROM customer WHERE org_id = $1 LIMIT 1")
	r.worker(t)
	at := `"start":"` + tomorrow("15:00") + `"`
	api := func(method, path, body string) func() answer {
		return func() answer { return r.api(t, method, path, body, "Prefer", "wait=10") }
	}
	event := func(kind, data string) func() answer {
		body := `{"type":"` + kind + `","timestamp":"2026-01-01T00:00:00Z","data":` + data + `}`
		return func() answer { return r.event(t, uuid.NewString(), body, "Prefer", "wait=10") }
	}
	ways := map[string]struct {
		real uuid.UUID
		ask  func(id string) func() answer
	}{
		"erase":      {customer, func(id string) func() answer { return api("DELETE", "/customers/"+id, "") }},
		"export":     {customer, func(id string) func() answer { return api("GET", "/customers/"+id+"/export", "") }},
		"booking":    {there.booking.ID, func(id string) func() answer { return api("GET", "/bookings/"+id, "") }},
		"timeline":   {there.booking.ID, func(id string) func() answer { return api("GET", "/bookings/"+id+"/timeline", "") }},
		"verify":     {there.booking.ID, func(id string) func() answer { return api("POST", "/bookings/"+id+"/verify", `{"code":"123456"}`) }},
		"resend":     {there.booking.ID, func(id string) func() answer { return api("POST", "/bookings/"+id+"/resend", "") }},
		"cancel":     {there.booking.ID, func(id string) func() answer { return api("POST", "/bookings/"+id+"/cancel", "") }},
		"reschedule": {there.booking.ID, func(id string) func() answer { return api("POST", "/bookings/"+id+"/reschedule", "{"+at+"}") }},
		"mark":       {there.over, func(id string) func() answer { return api("POST", "/bookings/"+id+"/mark", `{"state":"no_show"}`) }},
		"request":    {request, func(id string) func() answer { return api("GET", "/requests/"+id, "") }},
		"unblock":    {there.block, func(id string) func() answer { return api("DELETE", "/blocks/"+id, "") }},
		"transcript": {there.transcript, func(id string) func() answer { return api("GET", "/transcripts/"+id, "") }},
		"report": {there.transcript, func(id string) func() answer {
			return api("POST", "/transcripts/"+id+"/reports", `{"kind":"missed","start":0,"end":1}`)
		}},
		"of a booking": {there.booking.ID, func(id string) func() answer {
			return api("POST", "/transcripts", `{"call_id":"c","text":"Hi.","booking_id":"`+id+`"}`)
		}},
		"openings": {other.org.Chair, func(id string) func() answer { return api("GET", "/availability?resource="+id, "") }},
		"service":  {other.org.Cleaning, func(id string) func() answer { return api("GET", "/availability?service="+id, "") }},
		"book": {other.org.Chair, func(id string) func() answer {
			return api("POST", "/bookings", `{"resource":"`+id+`",`+at+`,"customer":{"phone":"+15550100042"}}`)
		}},
		"book service": {other.org.Cleaning, func(id string) func() answer {
			return api("POST", "/bookings", `{"service":"`+id+`",`+at+`,"customer":{"phone":"+15550100042"}}`)
		}},
		"block": {other.org.Chair, func(id string) func() answer {
			return api("POST", "/blocks", `{"resource":"`+id+`",`+at+`,"end":"`+tomorrow("16:00")+`"}`)
		}},
		"event: cancel": {there.booking.ID, func(id string) func() answer { return event("booking.canceled", `{"booking":"`+id+`"}`) }},
		"event: code": {there.booking.ID, func(id string) func() answer {
			return event("booking.code_given", `{"booking":"`+id+`","code":"123456"}`)
		}},
		"vapi": {other.org.Chair, func(id string) func() answer {
			body := `{"message":{"type":"tool-calls","toolCallList":[{"id":"1","name":"hold_slot","arguments":{"resource":"` + id + `","start":"` + tomorrow("15:00") + `","phone":"+15550100042"}}]}}`
			return func() answer {
				return r.do(t, "POST", "/webhooks/vapi/"+r.org.ID.String(), body, "X-Vapi-Secret", vapiSecret)
			}
		}},
		"callback": {message, func(id string) func() answer {
			return func() answer {
				return r.twilio(t, "/status/"+id, url.Values{"MessageSid": {"SM123"}, "MessageStatus": {"undelivered"}, "ErrorCode": {"30003"}})
			}
		}},
	}
	storetest.Count(t, "ids of another org tried", len(ways))
	for name, tt := range ways {
		ask := func(id uuid.UUID) (a answer, h http.Header, body string, wrote int) {
			before := r.count(t, "request") + r.count(t, "task") + r.count(t, "booking_event")
			a = tt.ask(id.String())()
			return a, plain(a.Header), anyID.ReplaceAllString(string(a.body), "id"), r.count(t, "request") + r.count(t, "task") + r.count(t, "booking_event") - before
		}
		never, headers, body, wrote := ask(uuid.New())
		if never.StatusCode < 400 && name != "callback" && name != "vapi" { // which are told nothing, or by a sentence
			t.Errorf("%s, an id that nobody has: %d %s", name, never.StatusCode, never.body)
		}
		if a, h, b, n := ask(tt.real); a.StatusCode != never.StatusCode || !reflect.DeepEqual(h, headers) || b != body || n != wrote {
			t.Errorf("%s, another org's id: %d %v %s, wrote %d; one that nobody has: %d %v %s, wrote %d",
				name, a.StatusCode, h, b, n, never.StatusCode, headers, body, wrote)
		}
	}
	if got := r.messageState(t, message); got == "undelivered" {
		t.Error("another org's text was moved")
	}
}

var anyID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// plain is a header without what is different each time.
func plain(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Server-Timing"} {
		if h.Get(name) != "" {
			h.Set(name, "there")
		}
	}
	return h
}
