package ingress

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/handlers"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// sign signs an event as its sender would.
func sign(t *testing.T, secret pii.Token, id string, at time.Time, body string) []string {
	t.Helper()
	hook, err := webhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	signature, err := hook.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"webhook-id", id, "webhook-timestamp", strconv.FormatInt(at.Unix(), 10), "webhook-signature", signature}
}

func (r *rig) event(t *testing.T, id, body string, headers ...string) answer {
	t.Helper()
	return r.do(t, "POST", "/webhooks/events/"+r.org.ID.String(), body, append(sign(t, r.org.Events, id, time.Now(), body), headers...)...)
}

// twilio posts a form as Twilio would, signed for the public URL.
func (r *rig) twilio(t *testing.T, path string, form url.Values) answer {
	t.Helper()
	form.Set("AccountSid", r.org.Account.SID)
	path = "/webhooks/twilio/" + r.org.ID.String() + path
	return r.do(t, "POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded",
		"X-Twilio-Signature", sms.Sign(r.org.Account.Token, publicURL+path, form))
}

// booked makes a held booking and returns it with the message that carries its code.
func (r *rig) booked(t *testing.T) (b handlers.BookingView, message uuid.UUID) {
	t.Helper()
	a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "wait=10")
	if a.StatusCode != 201 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a.json(t, &b)
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT id FROM message WHERE booking_id = $1", b.ID).Scan(&message); err != nil {
		t.Fatal(err)
	}
	return b, message
}

func (r *rig) messageState(t *testing.T, id uuid.UUID) (state string) {
	t.Helper()
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT state FROM message WHERE id = $1", id).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"type":"booking.requested","timestamp":"2026-01-01T00:00:00Z","data":` + bookingBody(tomorrow("10:00")) + `}`
	a := r.event(t, "msg_1", body)
	if a.StatusCode != 202 || !strings.Contains(a.Header.Get("Location"), "/requests/") {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	r.worker(t)
	made := r.event(t, "msg_1", body, "Prefer", "wait=10") // signed anew, as a sender's retry is
	if made.StatusCode != 201 {
		t.Fatalf("%d %s", made.StatusCode, made.body)
	}
	if again := r.event(t, "msg_1", body); string(again.body) != string(made.body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("repeat: %d %s", again.StatusCode, again.body)
	}
	if p := r.event(t, "msg_1", strings.Replace(body, "Ana", "Bob", 1)).problem(t); p.Type != "key-reused" {
		t.Errorf("other body: %+v", p)
	}
	// The API's keys are a scope of their own.
	if a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:30")), "Idempotency-Key", "msg_1", "Prefer", "wait=10"); a.StatusCode != 201 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	for name, tt := range map[string]struct{ body, kind, field string }{
		"type":        {`{"type":"booking.moved","data":{}}`, "invalid-request", "type"},
		"transcript":  {`{"type":"transcript.created","data":{}}`, "missing-field", "call_id"},
		"no type":     {`{"data":{}}`, "missing-field", "type"},
		"no data":     {`{"type":"booking.canceled"}`, "missing-field", "data"},
		"null data":   {`{"type":"booking.canceled","data":null}`, "missing-field", "data"},
		"text data":   {`{"type":"booking.canceled","data":"x"}`, "invalid-request", "data"},
		"no booking":  {`{"type":"booking.canceled","data":{}}`, "missing-field", "booking"},
		"bad booking": {`{"type":"booking.canceled","data":{"booking":"7"}}`, "not-found", ""},
		"no such":     {`{"type":"booking.canceled","data":{"booking":"` + uuid.NewString() + `"}}`, "not-found", ""},
		"field":       {`{"type":"booking.requested","data":{"resource":"chair","start":"x","customer":{"phone":"1"}}}`, "invalid-phone", "customer.phone"},
		"code":        {`{"type":"booking.code_given","data":{"booking":"` + uuid.NewString() + `","code":"1"}}`, "invalid-code", "code"},
		"JSON":        {`{`, "invalid-json", ""},
	} {
		if p := r.event(t, "msg-"+strings.ReplaceAll(name, " ", "-"), tt.body).problem(t); p.Type != tt.kind || p.Field != tt.field {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestEventSignatures(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := storetest.NewOrg(t, r.db, "garage")
	body := `{"type":"booking.requested","timestamp":"2026-01-01T00:00:00Z","data":` + bookingBody(tomorrow("10:00")) + `}`
	now := time.Now()
	good := sign(t, r.org.Events, "m", now, body)
	rotated := pii.NewToken("whsec_" + strings.Repeat("QUJD", 8))
	path := "/webhooks/events/" + r.org.ID.String()
	var want []byte
	for _, tt := range []struct {
		name, path, body string
		headers          []string
		status           int
	}{
		{"good", path, body, good, 202},
		{"four minutes old", path, body, sign(t, r.org.Events, "m", now.Add(-4*time.Minute), body), 202},
		{"four minutes ahead", path, body, sign(t, r.org.Events, "m", now.Add(4*time.Minute), body), 202},
		{"second of two", path, body, append(good[:5:5], sign(t, rotated, "m", now, body)[5]+" "+good[5]), 202},
		{"six minutes old", path, body, sign(t, r.org.Events, "m", now.Add(-6*time.Minute), body), 401},
		{"six minutes ahead", path, body, sign(t, r.org.Events, "m", now.Add(6*time.Minute), body), 401},
		{"another secret", path, body, sign(t, rotated, "m", now, body), 401},
		{"another id", path, body, append([]string{"webhook-id", "n"}, good[2:]...), 401},
		{"another version", path, body, append(good[:5:5], strings.Replace(good[5], "v1,", "v2,", 1)), 401},
		{"another body", path, body + " ", good, 401},
		{"bad JSON, unsigned", path, "{", good, 401},
		{"no signature", path, body, good[:4], 401},
		{"no org", "/webhooks/events/" + uuid.NewString(), body, good, 401},
		{"no id", "/webhooks/events/us", body, good, 401},
		{"other org, same secret", "/webhooks/events/" + other.ID.String(), body, sign(t, pii.NewToken("whsec_"), "m", now, body), 401},
	} {
		a := r.do(t, "POST", tt.path, tt.body, tt.headers...)
		if a.StatusCode != tt.status {
			t.Errorf("%s: %d %s", tt.name, a.StatusCode, a.body)
			continue
		}
		if tt.status != 401 {
			continue
		}
		// Nobody can tell an unknown org from a bad signature.
		p := a.problem(t)
		p.RequestID = ""
		got, _ := json.Marshal(p)
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) || a.Header.Get("Www-Authenticate") != "Signature" {
			t.Errorf("%s: %s %v, others got %s", tt.name, got, a.Header, want)
		}
	}
	if n := r.count(t, "request"); n != 1 {
		t.Errorf("%d requests", n)
	}
	// A new secret counts within a second, though the old one is remembered and many have failed to prove themselves.
	if err := store.SetWebhookSecret(t.Context(), r.db.Owner, r.db.Keys, r.org.ID, "events", rotated); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return r.do(t, "POST", path, body, sign(t, rotated, "m", now, body)...).StatusCode == 202 })
	// The former one is good for as long as it was kept: either signs, and then the newest alone.
	next := pii.NewToken("whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 24)))
	if err := store.AddWebhookSecret(t.Context(), r.db.Owner, r.db.Keys, r.org.ID, "events", next, time.Hour); err != nil {
		t.Fatal(err)
	}
	r.in.secrets.forget() // as three seconds do
	for _, secret := range []pii.Token{next, rotated} {
		if a := r.do(t, "POST", path, body, sign(t, secret, "m", now, body)...); a.StatusCode != 202 {
			t.Errorf("while both are good: %d %s", a.StatusCode, a.body)
		}
	}
	if a := r.do(t, "POST", path, body, sign(t, r.org.Events, "m", now, body)...); a.StatusCode != 401 {
		t.Errorf("one that had ended before: %d %s", a.StatusCode, a.body)
	}
	if _, err := r.db.Admin.Exec(t.Context(), "UPDATE webhook_secret SET ends_at = clock_timestamp() WHERE ends_at > clock_timestamp()"); err != nil {
		t.Fatal(err)
	}
	r.in.secrets.forget()
	if a := r.do(t, "POST", path, body, sign(t, rotated, "m", now, body)...); a.StatusCode != 401 {
		t.Errorf("after its end: %d %s", a.StatusCode, a.body)
	}
	if a := r.do(t, "POST", path, body, sign(t, next, "m", now, body)...); a.StatusCode != 202 {
		t.Errorf("the newest: %d %s", a.StatusCode, a.body)
	}
}

// TestExamples replays docs/examples in the order in which a booking lives.
func TestExamples(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	r.worker(t)
	booked := r.example(t, "event-booking-requested.http", nil)
	var b handlers.BookingView
	if booked.StatusCode != 201 || booked.is(t, &b) != "held" {
		t.Fatalf("%d %s", booked.StatusCode, booked.body)
	}
	var message uuid.UUID
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT id FROM message WHERE booking_id = $1", b.ID).Scan(&message); err != nil {
		t.Fatal(err)
	}
	of := map[string]string{"booking": b.ID.String(), "message": message.String(), "code": r.code(t, b.ID)}
	names, _ := filepath.Glob("../../../docs/examples/*.http")
	want := map[string]int{
		"twilio-status-delivered.http": 204, "twilio-status-undelivered.http": 204, "twilio-inbound.http": 200,
		"event-booking-code-given.http": 200, "event-booking-canceled.http": 200, "book.http": 201,
		"vapi-hold-slot.http": 200, "vapi-verify-code.http": 200, "vapi-status-update.http": 200,
		"retell-hold-slot.http": 200, "retell-cancel-booking-args-only.http": 200,
		"settings.http": 200, "transcript.http": 201, "event-transcript-created.http": 201,
	}
	for _, name := range []string{"twilio-status-delivered.http", "twilio-status-undelivered.http", "twilio-inbound.http",
		"event-booking-code-given.http", "event-booking-canceled.http", "book.http", "settings.http",
		"transcript.http", "event-transcript-created.http"} {
		if a := r.example(t, name, of); a.StatusCode != want[name] {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	r.voiceExamples(t)
	if len(names) != len(want)+1 {
		t.Errorf("%d examples, %d replayed", len(names), len(want)+1)
	}
	if got := r.messageState(t, message); got != "delivered" {
		t.Errorf("the text is %s", got)
	}
}

// unfilled is a place in an example that nobody filled in. {{.Code}} is a template's own.
var unfilled = regexp.MustCompile(`\{\{\w`)

// example sends a file of docs/examples, filled in and signed.
func (r *rig) example(t *testing.T, name string, values map[string]string) answer {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../../docs/examples", name))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	all := []string{"{{org}}", r.org.ID.String(), "{{account_sid}}", r.org.Account.SID, "{{api_key}}", r.org.Key.Reveal(), "{{vapi_secret}}", vapiSecret,
		"{{webhook_id}}", "msg_" + name, "{{timestamp}}", strconv.FormatInt(now.Unix(), 10), "{{now}}", now.Format(time.RFC3339), "{{start}}", tomorrow("10:00")}
	for k, v := range values {
		all = append(all, "{{"+k+"}}", v)
	}
	head, body, _ := strings.Cut(strings.NewReplacer(all...).Replace(string(raw)), "\n\n")
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\n\n")))
	if err != nil {
		t.Fatal(err)
	}
	body = strings.TrimSuffix(body, "\n")
	if strings.HasPrefix(name, "twilio") {
		form, _ := url.ParseQuery(body)
		req.Header.Set("X-Twilio-Signature", sms.Sign(r.org.Account.Token, publicURL+req.URL.Path, form))
	} else if strings.HasPrefix(name, "event") {
		signed := sign(t, r.org.Events, req.Header.Get("webhook-id"), now, body)
		req.Header.Set("webhook-signature", signed[5])
	} else if strings.HasPrefix(name, "retell") {
		req.Header.Set("X-Retell-Signature", retellSign(body, now))
	}
	if unfilled.MatchString(body) {
		t.Fatalf("%s: not filled in: %s", name, body)
	}
	out, _ := http.NewRequestWithContext(t.Context(), req.Method, r.URL+req.URL.String(), strings.NewReader(body))
	out.Header = req.Header
	resp, err := r.Client().Do(out)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, got}
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
