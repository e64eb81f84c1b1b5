package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/store/storetest"
)

// markers are what marked customers say of themselves, in words that nothing else has.
var markers = []string{
	"2025550111", "2025550112", "2025550113", "2025550114", "555-0111", "555-0112", "555-0113", "555-0114", "5550111", "5550112", "5550113", "5550114", // phones
	"Ottoline", "Wexcombe", // a name
	"xylophone", "brittle hinge", // notes
	"periwinkle", "gasket", // a reply
}

// testMarkers leads marked customers through whole bookings, a text that fails, one that is lost, replies and requests that
// are refused, and then looks for what they said of themselves in all that is kept or shown: nothing may be readable there. Then one
// of them is erased, and it looks again.
func testMarkers(t *testing.T, p *process, r ready) {
	answers, codes, customer := r.markedLives(t)
	r.quoted(t)
	r.unreadable(t, r.everything(t, p, answers, "customer.export"), codes)
	a := r.call(t, "DELETE", r.route("/customers/"+customer), nil, "Prefer", "wait=10")
	if a.status != 200 {
		t.Fatalf("erase: %d %s", a.status, a.raw)
	}
	again := r.call(t, "GET", r.route("/customers/"+customer+"/export"), nil)
	r.unreadable(t, r.everything(t, p, answers+a.raw+again.raw, "customer.erase"), codes)
	storetest.Count(t, "markers searched", len(markers)+len(codes))

	// The search finds what it looks for.
	for _, planted := range []string{"12025550111", hex.EncodeToString([]byte("Ottoline")), base64.StdEncoding.EncodeToString([]byte("dear Wexcombe"))} {
		if !slices.ContainsFunc(markers, func(m string) bool { return storetest.Shows("x "+planted+" y", m) }) {
			t.Errorf("%s: not found", planted)
		}
	}
	for text, found := range map[string]bool{"code 123456.": true, `{"code":"123456"}`: true, "MTIzNDU2": true, "313233343536": true,
		"at 12:00:00.123456+00": false, "7123456": false, "1234567": false} {
		if showsCode(text, "123456") != found {
			t.Errorf("a code in %q: found %v", text, !found)
		}
	}
}

// unreadable looks for markers and codes in each place.
func (r ready) unreadable(t *testing.T, places map[string]found, codes []string) {
	t.Helper()
	for place, of := range places {
		for _, m := range markers {
			if storetest.Shows(of.text, m) {
				t.Errorf("%s: %s can be read", place, m)
			}
		}
		for _, code := range codes {
			if showsCode(of.text, code) {
				t.Errorf("%s: a code can be read", place)
			}
		}
		if !strings.Contains(of.text, of.known) {
			t.Errorf("%s: not even %q is seen", place, of.known)
		}
	}
}

// quoted makes PostgreSQL refuse statements with marks in them: in a value that its detail and its context quote, in the
// statement, and in one within a function.
func (r ready) quoted(t *testing.T) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), r.str("database_url"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(t.Context()))
	for sql, args := range map[string][]any{
		"SELECT ($1::text)::jsonb":                                     {"Ottoline"},
		"SELECT 1 / 0 AS \"Wexcombe\"":                                 nil,
		"DO $$ BEGIN EXECUTE 'SELECT 1 / 0 AS \"2025550111\"'; END $$": nil,
	} {
		if _, err := db.Exec(t.Context(), sql, args...); err == nil {
			t.Errorf("%s: not refused", sql)
		}
	}
}

// showsCode reports whether a code can be read: six digits that stand alone, or what they are in base64 and in hex. The
// fraction of a second is none.
func showsCode(text, code string) bool {
	return regexp.MustCompile(`(^|[^0-9a-zA-Z.])`+code+`($|[^0-9a-zA-Z])`).MatchString(text) ||
		strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(code))) || strings.Contains(text, hex.EncodeToString([]byte(code)))
}

// markedLives are what marked customers go through. It returns all answers that were given, the codes that were texted, and
// a customer of whom there is something of everything.
func (r ready) markedLives(t *testing.T) (answers string, codes []string, customer string) {
	t.Helper()
	var said strings.Builder
	call := func(method, url string, body any, headers ...string) answer {
		a := r.call(t, method, url, body, headers...)
		fmt.Fprintf(&said, "%d %v %s\n", a.status, a.header, a.raw)
		return a
	}
	wish := func(slot int, phone string) map[string]any {
		b := r.booking(slot, phone)
		b["customer"] = map[string]any{"phone": phone, "name": "Ottoline Wexcombe"}
		b["notes"] = "the xylophone has a brittle hinge"
		return b
	}
	book := func(slot int, phone string, headers ...string) string {
		a := call("POST", r.route("/bookings"), wish(slot, phone), append(headers, "Prefer", "wait=10")...)
		if a.status != 201 {
			t.Fatalf("book: %d %s", a.status, a.raw)
		}
		return r.route("/bookings/" + a.body["id"].(string))
	}
	fault := func(phone, rule string) {
		var f map[string]any
		if err := json.Unmarshal([]byte(rule), &f); err != nil {
			t.Fatal(err)
		}
		f["match"] = map[string]string{"to": phone}
		if a := r.call(t, "POST", r.str("sim_url")+"/_sim/faults", f); a.status != 201 {
			t.Fatalf("fault: %d %s", a.status, a.raw)
		}
	}
	reply := func(phone, text string) {
		if a := r.call(t, "POST", r.str("sim_url")+"/_sim/inbound", map[string]string{"from": phone, "body": text}); a.status >= 300 {
			t.Fatalf("reply: %d %s", a.status, a.raw)
		}
	}

	// One who confirms, says something that nobody understands, and cancels. Headers that travel on with a task are marked too.
	const sound, failing, lost = "+12025550111", "+12025550112", "+12025550113"
	booking := book(46, sound, "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Tracestate", "who=Ottoline",
		"Baggage", "phone=2025550111", "User-Agent", "Wexcombe/1", "X-Request-Id", "Ottoline Wexcombe")
	code := r.codeFor(t, sound)
	codes = append(codes, code)
	call("POST", booking+"/verify", map[string]string{"code": other(code)}, "Prefer", "wait=10")
	if a := call("POST", booking+"/verify", map[string]string{"code": code}, "Prefer", "wait=10"); a.status != 200 {
		t.Fatalf("verify: %d %s", a.status, a.raw)
	}
	reply(sound, "periwinkle gasket?")
	call("GET", booking+"/timeline", nil)
	id := booking[strings.LastIndex(booking, "/")+1:]
	if a := call("POST", r.route("/transcripts"), map[string]any{"call_id": "marked-1", "booking_id": id,
		"text": "Agent: Ottoline Wexcombe?\nCaller: Yes. My number is (202) 555-0111, or two zero two five five five oh one one four."}, "Prefer", "wait=10"); a.status != 201 {
		t.Fatalf("transcript: %d %s", a.status, a.raw)
	}
	customer, _ = r.call(t, "GET", booking, nil).body["customer"].(map[string]any)["id"].(string)
	// An export is in clear, which is what it is for: it is no answer that is searched.
	if a := r.call(t, "GET", r.route("/customers/"+customer+"/export"), nil); a.status != 200 || !strings.Contains(a.raw, "Ottoline") || !strings.Contains(a.raw, "brittle hinge") {
		t.Errorf("export: %d %s", a.status, a.raw)
	}

	// One on the line of a voice agent.
	voice := &caller{r: r, platform: "vapi", id: "vapi-call-marked", number: "+12025550114"}
	hold := json.RawMessage(voice.body(t, "hold_slot", "resource", r.str("resource"), "start", "in 33 days at 3 pm", "name", "Ottoline Wexcombe"))
	eventually(t, 20*time.Second, "a hold by voice", func() bool {
		a := call("POST", r.str("api_url")+"/webhooks/vapi/"+r.str("org"), hold, "Authorization", "", "X-Vapi-Secret", r.str("vapi_secret"))
		return strings.Contains(a.raw, "is held.") || strings.Contains(a.raw, "A code was sent")
	})
	codes = append(codes, r.codeFor(t, voice.number))

	// One whose text is refused, which leaves a dead letter, and one whose text is told as lost.
	fault(failing, `{"do":"error","code":21614,"status":400,"times":1}`)
	fault(lost, `{"do":"undelivered","code":30003,"times":1}`)
	for i, phone := range []string{failing, lost} {
		booking := book(47+i, phone)
		eventually(t, 20*time.Second, "compensation", func() bool {
			a := r.call(t, "GET", booking, nil)
			return a.body["code_state"] == "revoked"
		})
		call("GET", booking+"/timeline", nil)
	}
	codes = append(codes, r.codeFor(t, lost))
	call("POST", booking+"/cancel", nil, "Prefer", "wait=10")

	// What is refused, with marks where they do not belong.
	bad := wish(49, "+1 202 555 0111 ext Ottoline")
	call("POST", r.route("/bookings"), bad)
	for field, value := range map[string]any{"start": "Ottoline at 2025550111", "resource": "xylophone", "service": "2025550111", "duration": "brittle hinge"} {
		bad := wish(49, sound)
		bad[field] = value
		if a := call("POST", r.route("/bookings"), bad); a.status < 400 {
			t.Errorf("%s: %d", field, a.status)
		}
	}
	call("POST", r.route("/bookings"), json.RawMessage(`"Ottoline Wexcombe 2025550111"`))
	call("GET", r.route("/bookings?cursor=Ottoline&state=2025550111"), nil)
	call("GET", r.route("/bookings/2025550111"), nil)
	call("GET", r.str("api_url")+"/Ottoline/2025550111", nil)
	call("GET", r.route("/bookings"), nil, "Authorization", "Bearer hf_ottoline5550_Wexcombe2025550111xxxxxxxxxxxxxxxxx")
	call("POST", r.str("api_url")+"/webhooks/events/"+r.str("org"), wish(49, sound), "webhook-id", "Ottoline", "webhook-timestamp", "2025550111", "webhook-signature", "v1,Wexcombe")
	call("POST", r.str("api_url")+"/webhooks/vapi/"+r.str("org"), wish(49, sound), "X-Vapi-Secret", "Ottoline")
	return said.String(), codes, customer
}

// found is a place's text, and something that is known to stand in it.
type found struct{ text, known string }

// everything is all that the system keeps or shows, by place. audited is an action that stands in the audit log.
func (r ready) everything(t *testing.T, p *process, answers, audited string) map[string]found {
	t.Helper()
	ops := func(path string) answer {
		return r.call(t, "GET", r.str("ops_url")+path, nil, "Authorization", "Bearer "+r.str("ops_token"))
	}
	dump, err := exec.Command("pg_dump", "--enable-row-security", "--dbname", r.str("database_url")).Output()
	if err != nil {
		t.Fatalf("pg_dump, which this test needs: %v", err)
	}
	db, err := pgx.Connect(t.Context(), r.str("database_url"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(t.Context()))
	return map[string]found{
		"answers":          {answers, `"code_state":`},
		"log":              {p.out.String(), "Paste into another terminal"},
		"Redis":            {allOfRedis(t, r.str("redis_url")), "asynq:queues"},
		"metrics":          {ops("/metrics").raw, "holdfast_commit_to_provider_seconds"},
		"asynqmon":         {r.asynqmon(t, ops), "verification:send"},
		"pg_dump":          {string(dump), "COPY public.audit_log"},
		"audit log":        {r.exec(t, db, "SELECT COALESCE(string_agg(to_jsonb(a)::text, E'\n'), '') FROM audit_log a WHERE org_id = $1"), audited},
		"PostgreSQL's log": {r.serverLog(t, "postgres.log"), "division by zero"},
		"Redis's log":      {r.serverLog(t, "redis.log"), "Ready to accept connections"},
	}
}

// serverLog is what one of our own servers has logged: in the data folder, or where that one says.
func (r ready) serverLog(t *testing.T, name string) string {
	t.Helper()
	dir := r.str("data_dir")
	if place, err := os.ReadFile(filepath.Join(dir, "place")); err == nil {
		if raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(place)), name)); err == nil {
			return string(raw)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// asynqmon is its page, and all that its own API tells of each queue, and of each task in it.
func (r ready) asynqmon(t *testing.T, ops func(path string) answer) string {
	t.Helper()
	all := ops("/queues/").raw
	queues, _ := ops("/queues/api/queues").body["queues"].([]any)
	for _, q := range queues {
		name := q.(map[string]any)["queue"].(string)
		for _, state := range []string{"active", "pending", "scheduled", "retry", "archived", "completed"} {
			list := ops("/queues/api/queues/" + name + "/" + state + "_tasks?size=500")
			all += list.raw
			tasks, _ := list.body["tasks"].([]any)
			for _, task := range tasks[:min(len(tasks), 50)] {
				all += ops("/queues/api/queues/" + name + "/tasks/" + task.(map[string]any)["id"].(string)).raw
			}
		}
	}
	for _, path := range []string{"servers", "scheduler_entries", "redis_info"} {
		all += ops("/queues/api/" + path).raw
	}
	if len(queues) < 5 {
		t.Errorf("%d queues", len(queues))
	}
	return all
}
