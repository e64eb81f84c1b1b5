package ingress

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
	"holdfast/tasks"
)

// TestWaitRunsOut: the client gets 202 when its patience ends, and what it granted is echoed.
func TestWaitRunsOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	start := time.Now()
	a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "respond-async, wait=1")
	if d := time.Since(start); a.StatusCode != 202 || a.Header.Get("Preference-Applied") != "wait=1" || d < time.Second || d > 3*time.Second {
		t.Errorf("%d after %v: %v", a.StatusCode, d, a.Header)
	}
}

// TestWaitWithoutRedis: when no news comes, the waiter finds the answer itself.
func TestWaitWithoutRedis(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	none := &tasks.DB{Pool: r.tasks.Pool}
	r = rigOn(t, r.db, none.Broker)
	r.worker(t)
	start := time.Now()
	a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "wait=10")
	if d := time.Since(start); a.StatusCode != 201 || d > 2*time.Second {
		t.Errorf("%d after %v: %s", a.StatusCode, d, a.body)
	}
}

// TestNewsIsFast: with Redis a wait ends with the answer, not with the next look.
func TestNewsIsFast(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.in.waiter.every = time.Hour
	got := make(chan answer)
	go func() {
		got <- r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "wait=10", "Idempotency-Key", "fast")
	}()
	var id uuid.UUID
	until(t, func() bool {
		return r.db.Admin.QueryRow(t.Context(), "SELECT id FROM request WHERE idem_key IS NOT NULL").Scan(&id) == nil
	})
	err := tasks.InTx(t.Context(), r.tasks, r.org.ID, func(tx *store.Tx) error {
		store.AnswerRequest(tx, id, handlers.NewProblem("slot-taken", "start", "").Answer())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := <-got; a.StatusCode != 409 || a.problem(t).Type != "slot-taken" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestHangUp: a client that goes away leaves its write behind.
func TestHangUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "POST", r.URL+"/v1/orgs/"+r.org.ID.String()+"/bookings", strings.NewReader(bookingBody(tomorrow("10:00"))))
	req.Header.Set("Authorization", "Bearer "+r.org.Key.Reveal())
	req.Header.Set("Prefer", "wait=20")
	done := make(chan error)
	go func() { _, err := r.Client().Do(req); done <- err }() //nolint:bodyclose // there is none
	until(t, func() bool { return r.count(t, "request") == 1 })
	cancel()
	if err := <-done; err == nil {
		t.Error("the client was answered")
	}
	until(t, func() bool { return r.waiting() == 0 })
	if r.count(t, "task") != 1 {
		t.Error("the task is gone")
	}
}

// TestCloseEndsWaits: shutting down, clients are told where their answer will be.
func TestCloseEndsWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := make(chan answer)
	go func() { got <- r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "wait=20") }()
	until(t, func() bool { return r.count(t, "request") == 1 })
	r.in.Close()
	if a := <-got; a.StatusCode != 202 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestLongWait: a wait may last longer than a request may take to arrive. (net/http lifts the read deadline once
// the body has been read; the front reads it whole.)
func TestLongWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	impatient := httptest.NewUnstartedServer(r.Config.Handler)
	impatient.Config.ReadTimeout = 300 * time.Millisecond
	impatient.Start()
	t.Cleanup(impatient.Close)
	r = &rig{Server: impatient, in: r.in, org: r.org}
	a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "wait=1")
	if a.StatusCode != 202 || !strings.Contains(a.Header.Get("Server-Timing"), "wait;dur=1") {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}
