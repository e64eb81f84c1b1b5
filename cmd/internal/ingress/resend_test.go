package ingress

import (
	"strconv"
	"testing"

	"holdfast/handlers"
)

// TestResend: a text too soon is refused before anything is written, tells when, and leaves the key free.
func TestResend(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	b, _ := r.booked(t)
	of := "/bookings/" + b.ID.String() + "/resend"
	requests := r.count(t, "request")
	key := []string{"Idempotency-Key", "again", "Prefer", "wait=10"}
	a := r.api(t, "POST", of, "", key...)
	p := a.problem(t)
	if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); p.Type != "too-soon" || a.StatusCode != 429 || err != nil || wait < 1 || wait > 30 || wait != p.RetryAfter {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	for body, want := range map[string]string{`{"phone":"12"}`: "invalid-phone", `{"phone":7}`: "invalid-request", `[`: "invalid-json"} {
		if p := r.api(t, "POST", of, body, "Prefer", "wait=10").problem(t); p.Type != want {
			t.Errorf("%s: %+v", body, p)
		}
	}
	if n := r.count(t, "request"); n != requests || r.count(t, "message") != 1 {
		t.Errorf("refused, and %d requests are new", n-requests)
	}
	if _, err := r.db.Admin.Exec(t.Context(), "UPDATE message SET created_at = created_at - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	var v handlers.BookingView
	if a = r.api(t, "POST", of, "", key...); a.StatusCode != 200 || a.is(t, &v) != "held" || v.ID != b.ID {
		t.Fatalf("the key answers %d %s", a.StatusCode, a.body)
	}
	if again := r.api(t, "POST", of, "", key...); string(again.body) != string(a.body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("repeat: %d %s", again.StatusCode, again.body)
	}
	if n := r.count(t, "message"); n != 2 {
		t.Errorf("%d texts", n)
	}
	if a := r.api(t, "POST", of, `{"phone":"+15550100043"}`, "Prefer", "wait=10"); a.StatusCode != 200 || a.is(t, &v) != "held" || v.Customer.Phone != "•••• 43" {
		t.Errorf("new number: %d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "POST", of, ""); a.StatusCode != 429 || a.problem(t).Type != "too-many-sends" || a.Header.Get("Retry-After") == "" {
		t.Errorf("fourth: %d %s", a.StatusCode, a.body)
	}
}
