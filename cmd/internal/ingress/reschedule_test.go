package ingress

import (
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers"
)

// TestReschedule: a hold moves at once; what is confirmed keeps its time until the code comes, and shows what it waits for.
func TestReschedule(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	wait := []string{"Prefer", "wait=10"}
	b, _ := r.booked(t)
	at := "/bookings/" + b.ID.String()
	move := func(clock string) (a answer, v handlers.BookingView) {
		a = r.api(t, "POST", at+"/reschedule", `{"start":"`+tomorrow(clock)+`"}`, wait...)
		a.json(t, &v)
		return a, v
	}
	a, v := move("11:00")
	if a.StatusCode != 200 || v.State != "held" || v.Start.Format("2006-01-02T15:04") != tomorrow("11:00") || v.Move != nil || !v.HoldExpiresAt.Equal(b.HoldExpiresAt) {
		t.Fatalf("held: %d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "POST", at+"/verify", `{"code":"`+r.code(t, b.ID)+`"}`, wait...); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a, v = move("12:00")
	if a.StatusCode != 200 || v.State != "confirmed" || v.CodeState != "verified" || v.Start.Format("2006-01-02T15:04") != tomorrow("11:00") ||
		v.Move == nil || v.Move.Start.Format("2006-01-02T15:04") != tomorrow("12:00") || v.Move.CodeState != "pending" {
		t.Fatalf("confirmed: %d %s", a.StatusCode, a.body)
	}
	if a, _ := move("13:00"); a.StatusCode != 429 || a.problem(t).Type != "too-soon" || a.Header.Get("Retry-After") == "" {
		t.Errorf("at once again: %d %s", a.StatusCode, a.body)
	}
	if a, again := move("12:00"); a.StatusCode != 200 || again.Move == nil {
		t.Errorf("the same time again: %d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "POST", at+"/verify", `{"code":"`+r.code(t, b.ID)+`"}`, wait...); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	r.api(t, "GET", at, "").json(t, &v)
	if v.Start.Format("2006-01-02T15:04") != tomorrow("12:00") || v.Move != nil {
		t.Errorf("moved: %+v", v)
	}

	other := `{"resource":"chair","start":"` + tomorrow("14:00") + `","customer":{"phone":"+15550100043"}}`
	if a := r.api(t, "POST", "/bookings", other, wait...); a.StatusCode != 201 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a, _ := move("14:00"); a.StatusCode != 409 || a.problem(t).Type != "slot-taken" || len(a.problem(t).Alternatives) != 3 {
		t.Errorf("taken: %d %s", a.StatusCode, a.body)
	}
	for _, tt := range []struct{ sql, want string }{
		{"INSERT INTO message (org_id, id, kind, booking_id, to_hash, to_sealed) SELECT org_id, gen_random_uuid(), 'move_code', booking_id, to_hash, to_sealed FROM (SELECT * FROM message WHERE booking_id = $1 LIMIT 1) m, generate_series(1, 3)", "too-many-sends"},
		{"DELETE FROM sms_account WHERE $1::uuid IS NOT NULL", "sms-unavailable"},
		{"UPDATE resource SET active = false WHERE id = (SELECT resource_id FROM booking WHERE id = $1)", "unknown-resource"},
	} {
		if _, err := r.db.Admin.Exec(t.Context(), tt.sql, b.ID); err != nil {
			t.Fatal(err)
		}
		if a, _ := move("15:00"); a.problem(t).Type != tt.want {
			t.Errorf("%s, want %s", a.body, tt.want)
		}
	}
}

// TestMark: whether the customer came can be told, and corrected.
func TestMark(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	b, _ := r.booked(t)
	r.ended(t, b.ID)
	mark := func(id uuid.UUID, state string) answer {
		return r.api(t, "POST", "/bookings/"+id.String()+"/mark", `{"state":"`+state+`"}`, "Prefer", "wait=10")
	}
	for _, state := range []string{"no_show", "no_show", "completed"} {
		var v handlers.BookingView
		if a := mark(b.ID, state); a.StatusCode != 200 || a.is(t, &v) != state {
			t.Errorf("%s: %d %s", state, a.StatusCode, a.body)
		}
	}
}
