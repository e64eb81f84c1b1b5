package ingress

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
)

// TestAccepted: without a wish to wait, a write is accepted with its request and one task.
func TestAccepted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")))
	if a.StatusCode != 202 || a.Header.Get("Retry-After") != "1" || a.Header.Get("Preference-Applied") != "" {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	var v requestView
	a.json(t, &v)
	if want := "/v1/orgs/" + r.org.ID.String() + "/requests/" + v.ID.String(); v.Status != "pending" || a.Header.Get("Location") != want {
		t.Errorf("Location %s, body %s", a.Header.Get("Location"), a.body)
	}
	if r.count(t, "request") != 1 || r.count(t, "task") != 1 {
		t.Error("want one request and one task")
	}
	if s := a.Header.Get("Server-Timing"); !strings.Contains(s, "auth;dur") || !strings.Contains(s, "db;dur") {
		t.Errorf("Server-Timing %q", s)
	}
	if a := r.do(t, "GET", v.location(r), "", "Authorization", "Bearer "+r.org.Key.Reveal()); string(a.body) != `{"id":"`+v.ID.String()+`","status":"pending"}`+"\n" {
		t.Errorf("pending request: %s", a.body)
	}
	r.worker(t)
	until(t, func() bool {
		a := r.api(t, "GET", "/requests/"+v.ID.String(), "")
		a.json(t, &v)
		return v.Status == "done"
	})
	var b handlers.BookingView
	if v.Result.Status != 201 || (answer{nil, v.Result.Body}).is(t, &b) != "held" {
		t.Errorf("result %d %s", v.Result.Status, v.Result.Body)
	}
}

func (v requestView) location(r *rig) string {
	return "/v1/orgs/" + r.org.ID.String() + "/requests/" + v.ID.String()
}

// is reads a booking and returns its state.
func (a answer) is(t *testing.T, b *handlers.BookingView) string {
	t.Helper()
	a.json(t, b)
	return b.State
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	end := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("not within 10 s")
		}
	}
}

// TestSaga walks a booking through all writes, waiting for each.
func TestSaga(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	wait := []string{"Prefer", "wait=10"}
	a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), wait...)
	var b handlers.BookingView
	if a.StatusCode != 201 || a.is(t, &b) != "held" || a.Header.Get("Preference-Applied") != "wait=10" {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if want := "/v1/orgs/" + r.org.ID.String() + "/bookings/" + b.ID.String(); a.Header.Get("Location") != want {
		t.Errorf("Location %s, want %s", a.Header.Get("Location"), want)
	}
	if s := a.Header.Get("Server-Timing"); !strings.Contains(s, "wait;dur") {
		t.Errorf("Server-Timing %q", s)
	}
	of := "/bookings/" + b.ID.String()

	other := strings.Replace(bookingBody(tomorrow("10:00")), "0042", "0043", 1)
	a = r.api(t, "POST", "/bookings", other, wait...)
	if p := a.problem(t); p.Type != "slot-taken" || a.StatusCode != 409 || len(p.Alternatives) != 3 || a.Header.Get("Location") != "" {
		t.Errorf("taken: %d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "POST", of+"/verify", `{"code":"`+r.wrongCode(t, b.ID)+`"}`, wait...); a.problem(t).Type != "wrong-code" {
		t.Errorf("wrong code: %d %s", a.StatusCode, a.body)
	}
	code := r.code(t, b.ID)
	if a := r.api(t, "POST", of+"/verify", `{"code":"`+code[:3]+" "+code[3:]+`"}`, wait...); a.StatusCode != 200 || a.is(t, &b) != "confirmed" {
		t.Errorf("right code: %d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "GET", of, ""); a.StatusCode != 200 || a.is(t, &b) != "confirmed" || b.Customer.Phone != "•••• 42" {
		t.Errorf("GET: %s", a.body)
	}
	if a := r.api(t, "POST", of+"/cancel", "", wait...); a.StatusCode != 200 || a.is(t, &b) != "canceled" {
		t.Errorf("cancel: %d %s", a.StatusCode, a.body)
	}
	var tl timeline
	a = r.api(t, "GET", of+"/timeline", "")
	a.json(t, &tl)
	if a.StatusCode != 200 || len(tl.Events) < 4 || tl.Events[0].Kind != "held" {
		t.Errorf("timeline: %s", a.body)
	}
	a = r.api(t, "POST", "/blocks", `{"resource":"chair","start":"`+tomorrow("12:00")+`","end":"`+tomorrow("13:00")+`"}`, wait...)
	var block handlers.BlockView
	if a.json(t, &block); a.StatusCode != 201 {
		t.Fatalf("block: %d %s", a.StatusCode, a.body)
	}
	for _, want := range []int{200, 404} {
		if a := r.api(t, "DELETE", "/blocks/"+block.ID.String(), "", wait...); a.StatusCode != want {
			t.Errorf("unblock: %d %s, want %d", a.StatusCode, a.body, want)
		}
	}
	if leak := leaked(r.log.String()); leak != "" {
		t.Errorf("the log holds %q", leak)
	}
}

// leaked finds personal data of the fixtures in a text.
func leaked(text string) string {
	for _, s := range []string{"5550100042", "5550100043", "Ana Lee", "first visit"} {
		if strings.Contains(text, s) {
			return s
		}
	}
	return ""
}

// code derives a booking's code, as its text would carry it.
func (r *rig) code(t *testing.T, booking uuid.UUID) (code string) {
	t.Helper()
	_, err := store.InTx(t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		v, err := store.LatestVerification(t.Context(), tx, booking)
		if err != nil {
			return err
		}
		c, err := v.Code(r.db.Keys, r.org.ID)
		code = c.Reveal()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (r *rig) wrongCode(t *testing.T, booking uuid.UUID) string {
	t.Helper()
	if code := r.code(t, booking); code[0] == '9' {
		return "0" + code[1:]
	} else {
		return string(code[0]+1) + code[1:]
	}
}

// TestReplay: a key takes effect once, while its request is in hand and after.
func TestReplay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := bookingBody(tomorrow("11:00"))
	first := r.api(t, "POST", "/bookings", body, "Idempotency-Key", "k-1")
	again := r.api(t, "POST", "/bookings", strings.ReplaceAll(body, ",", " , "), "Idempotency-Key", "k-1")
	if first.StatusCode != 202 || again.StatusCode != 202 || string(first.body) != string(again.body) || again.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("in hand: %d %s, then %d %s", first.StatusCode, first.body, again.StatusCode, again.body)
	}
	if p := r.api(t, "POST", "/bookings", bookingBody(tomorrow("11:30")), "Idempotency-Key", "k-1").problem(t); p.Type != "key-reused" || p.Field != "Idempotency-Key" {
		t.Errorf("another body: %+v", p)
	}
	// One joins the wait for what another has asked.
	joined := make(chan answer)
	go func() { joined <- r.api(t, "POST", "/bookings", body, "Idempotency-Key", "k-1", "Prefer", "wait=10") }()
	until(t, func() bool { return r.waiting() == 1 })
	r.worker(t)
	made := <-joined
	if made.StatusCode != 201 {
		t.Fatalf("joined: %d %s", made.StatusCode, made.body)
	}
	stored := r.api(t, "POST", "/bookings", body, "Idempotency-Key", "k-1")
	if stored.StatusCode != 201 || stored.Header.Get("Idempotency-Replayed") != "true" || string(stored.body) != string(made.body) ||
		stored.Header.Get("Location") != made.Header.Get("Location") {
		t.Errorf("stored: %d %v %s", stored.StatusCode, stored.Header, stored.body)
	}
	if n := r.count(t, "request"); n != 1 {
		t.Errorf("%d requests", n)
	}
	if n := r.count(t, "task WHERE type = 'booking:claim'"); n != 1 {
		t.Errorf("%d claims", n)
	}
}

// TestReplayOutlivesCheck: a repeat gets its answer though the request could no longer be met.
func TestReplayOutlivesCheck(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := bookingBody(tomorrow("09:00"))
	first := r.api(t, "POST", "/bookings", body, "Idempotency-Key", "k")
	if first.StatusCode != 202 {
		t.Fatalf("%d %s", first.StatusCode, first.body)
	}
	if _, err := r.db.Owner.Exec(t.Context(), "UPDATE resource SET active = false"); err != nil {
		t.Fatal(err)
	}
	if a := r.api(t, "POST", "/bookings", body, "Idempotency-Key", "k"); a.StatusCode != 202 || string(a.body) != string(first.body) {
		t.Errorf("repeat: %d %s", a.StatusCode, a.body)
	}
	// The offer is still believed, so the claim refuses.
	r.worker(t)
	if p := r.api(t, "POST", "/bookings", body, "Idempotency-Key", "new", "Prefer", "wait=10").problem(t); p.Type != "unknown-resource" {
		t.Errorf("new: %+v", p)
	}
}

// TestRefusalIsNeverRemembered: what an offer is believed to be never refuses; hours that were changed a moment ago count.
func TestRefusalIsNeverRemembered(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	evening := bookingBody(tomorrow("19:00"))
	if a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("09:00"))); a.StatusCode != 202 {
		t.Fatalf("in hours: %d %s", a.StatusCode, a.body)
	}
	if p := r.api(t, "POST", "/bookings", evening).problem(t); p.Type != "outside-hours" {
		t.Fatalf("closed: %+v", p)
	}
	if _, err := r.db.Owner.Exec(t.Context(), "UPDATE opening_hours SET closes = 22 * 60"); err != nil {
		t.Fatal(err)
	}
	if a := r.api(t, "POST", "/bookings", evening); a.StatusCode != 202 {
		t.Errorf("open: %d %s", a.StatusCode, a.body)
	}
}
