package ingress

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store/storetest"
)

func transcriptBody(call, text string) string {
	raw, _ := json.Marshal(handlers.TranscriptBody{CallID: call, Text: text})
	return string(raw)
}

const aCall = "Agent: Your number?\nAna: (202) 555-0142, on Tuesday at 3. ¿Sí? Sí."

// TestTranscript: only redacted text comes back, and the same wherever it is asked for: by who waits, in the request's
// result, by its id, and to a repeat.
func TestTranscript(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	pending := r.api(t, "POST", "/transcripts", transcriptBody("call-1", aCall), "Idempotency-Key", "k")
	var req requestView
	if pending.json(t, &req); pending.StatusCode != 202 || req.Status != "pending" {
		t.Fatalf("%d %s", pending.StatusCode, pending.body)
	}
	if n := r.count(t, "request WHERE body_sealed IS NOT NULL") + r.count(t, "transcript"); n != 1 {
		t.Errorf("%d copies before it is done", n)
	}
	r.worker(t)
	waited := r.api(t, "POST", "/transcripts", transcriptBody("call-1", aCall), "Idempotency-Key", "k", "Prefer", "wait=10")
	var v handlers.TranscriptView
	if waited.json(t, &v); waited.StatusCode != 201 {
		t.Fatalf("%d %s", waited.StatusCode, waited.body)
	}
	if strings.Contains(v.Text, "0142") || !strings.Contains(v.Text, "[PHONE_NUMBER], on Tuesday at 3. ¿Sí? Sí.") || v.CallID != "call-1" || v.State != "done" ||
		fmt.Sprint(v.Redactions) != "map[PHONE_NUMBER:1]" || v.CreatedAt.After(v.RedactedAt) || v.BookingID != nil {
		t.Errorf("%s", waited.body)
	}
	at := "/transcripts/" + v.ID.String()
	if got, want := waited.Header.Get("Location"), "/v1/orgs/"+r.org.ID.String()+at; got != want {
		t.Errorf("Location %s, want %s", got, want)
	}
	found := r.api(t, "GET", at, "")
	var result requestView
	r.api(t, "GET", "/requests/"+req.ID.String(), "").json(t, &result)
	again := r.api(t, "POST", "/transcripts", transcriptBody("call-1", aCall), "Idempotency-Key", "k")
	if result.Result == nil || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("%+v, %v", result, again.Header)
	}
	for where, body := range map[string][]byte{"GET": found.body, "the request": result.Result.Body, "a repeat": again.body} {
		if strings.TrimSpace(string(body)) != string(waited.body) {
			t.Errorf("%s: %s, want %s", where, body, waited.body)
		}
	}
	// Answers are not sealed: of the text nothing is kept with the request.
	var kept string
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT answer::text || (body_sealed IS NULL) FROM request").Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(kept, "Tuesday") || !strings.HasSuffix(kept, "true") {
		t.Errorf("the request keeps %s", kept)
	}
	// Without a key the same call has one more, and the first stays.
	if a := r.api(t, "POST", "/transcripts", transcriptBody("call-1", "Ana: Tuesday, after all."), "Prefer", "wait=10"); a.StatusCode != 201 || r.count(t, "transcript WHERE call_id = 'call-1'") != 2 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "GET", "/transcripts/"+uuid.NewString(), ""); a.problem(t).Type != "not-found" {
		t.Errorf("%s", a.body)
	}
	if strings.Contains(r.log.String(), "0142") || strings.Contains(r.log.String(), "Tuesday") {
		t.Error("the log has what was said")
	}
}

// TestTranscriptIsTheOrgs: another org's key finds nothing, by no route.
func TestTranscriptIsTheOrgs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	var v handlers.TranscriptView
	r.api(t, "POST", "/transcripts", transcriptBody("call-1", aCall), "Prefer", "wait=10").json(t, &v)
	var b handlers.BookingView
	r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "wait=10").json(t, &b)
	mine := r.org
	r.org = storetest.NewOrg(t, r.db, "other")
	at := "/transcripts/" + v.ID.String()
	if a := r.api(t, "GET", at, ""); a.StatusCode != 404 {
		t.Errorf("GET: %d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "POST", at+"/reports", `{"kind":"missed","start":0,"end":1}`); a.StatusCode != 404 {
		t.Errorf("report: %d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "POST", "/transcripts", `{"call_id":"c","text":"t","booking_id":"`+b.ID.String()+`"}`); a.problem(t).Field != "booking_id" {
		t.Errorf("booking of another: %d %s", a.StatusCode, a.body)
	}
	if a := r.do(t, "GET", "/v1/orgs/"+mine.ID.String()+at, "", "Authorization", "Bearer "+r.org.Key.Reveal()); a.StatusCode != 403 {
		t.Errorf("path of another: %d %s", a.StatusCode, a.body)
	}
}

// TestReports: a report is held against the text that it is about, by bytes and whole characters.
func TestReports(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	var v handlers.TranscriptView
	r.api(t, "POST", "/transcripts", transcriptBody("call-1", aCall), "Prefer", "wait=10").json(t, &v)
	from := strings.Index(v.Text, "[PHONE_NUMBER]")
	to, last := from+len("[PHONE_NUMBER]"), len(v.Text)
	accent := strings.Index(v.Text, "í") // two bytes
	if from < 0 {
		t.Fatal(v.Text)
	}
	for _, tt := range []struct {
		name, kind string
		start, end int
		typ        string
		status     int
		about      string // the field, or the report's type
	}{
		{"false", "false", from, to, "", 201, "PHONE_NUMBER"},
		{"false, with its type", "false", from, to, "PHONE_NUMBER", 201, "PHONE_NUMBER"},
		{"false, of another type", "false", from, to, "EMAIL", 422, "type"},
		{"false, of a part", "false", from + 1, to, "", 422, "start"},
		{"false, of more", "false", from, to + 1, "", 422, "start"},
		{"false, of nothing", "false", 0, 5, "", 422, "start"},
		{"missed", "missed", 0, 5, "", 201, ""},
		{"missed, with its type", "missed", 0, 5, "NAME", 201, "NAME"},
		{"to the last byte", "missed", last - 1, last, "", 201, ""},
		{"past the last byte", "missed", last - 1, last + 1, "", 422, "end"},
		{"behind the last byte", "missed", last, last + 1, "", 422, "start"},
		{"negative", "missed", -1, 5, "", 422, "start"},
		{"empty", "missed", 5, 5, "", 422, "end"},
		{"backwards", "missed", 5, 4, "", 422, "end"},
		{"from within a character", "missed", accent + 1, last, "", 422, "start"},
		{"to within a character", "missed", 0, accent + 1, "", 422, "end"},
		{"a whole character", "missed", accent, accent + 2, "", 201, ""},
	} {
		a := r.api(t, "POST", "/transcripts/"+v.ID.String()+"/reports",
			fmt.Sprintf(`{"kind":%q,"start":%d,"end":%d,"type":%q}`, tt.kind, tt.start, tt.end, tt.typ), "Prefer", "wait=10")
		var got handlers.ReportView
		if a.StatusCode == 201 {
			a.json(t, &got)
		}
		about := ""
		if got.Type != nil {
			about = *got.Type
		}
		if a.StatusCode >= 400 {
			about = a.problem(t).Field
		}
		if a.StatusCode != tt.status || about != tt.about {
			t.Errorf("%s: %d %s", tt.name, a.StatusCode, a.body)
		}
		if a.StatusCode == 201 && (got.Transcript != v.ID || got.Start != tt.start || got.End != tt.end || got.Kind != tt.kind) {
			t.Errorf("%s: %s", tt.name, a.body)
		}
	}
	if n := r.count(t, "transcript_report r JOIN api_key k ON r.actor = k.id::text"); n != 6 {
		t.Errorf("%d reports by the key", n)
	}
	if n := r.count(t, "request WHERE kind = 'report'"); n != 6 {
		t.Errorf("%d requests: what is refused must not be written", n)
	}
}

// TestTranscriptExample: what the document shows of a transcript and of a report is what comes of its own examples.
func TestTranscriptExample(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	var got, want handlers.TranscriptView
	r.api(t, "POST", "/transcripts", string(exampleTranscript), "Prefer", "wait=10").json(t, &got)
	if err := json.Unmarshal(exampleRedacted, &want); err != nil || got.Text != want.Text || fmt.Sprint(got.Redactions) != fmt.Sprint(want.Redactions) {
		t.Errorf("%+v, the document says %+v (%v)", got, want, err)
	}
	var report, shown handlers.ReportView
	r.api(t, "POST", "/transcripts/"+got.ID.String()+"/reports", string(exampleReport), "Prefer", "wait=10").json(t, &report)
	if err := json.Unmarshal(exampleReported, &shown); err != nil || report.Type == nil || *report.Type != *shown.Type || report.Start != shown.Start || report.End != shown.End {
		t.Errorf("%+v, the document says %+v (%v)", report, shown, err)
	}
}
