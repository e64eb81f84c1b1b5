package ingress

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers"
)

// wish is one write to a route of the API.
type wish struct{ method, path, body string }

// writes are all writes, to a booking and a block of the rig's.
func writes(on fixtures) map[string]wish {
	at := "/bookings/" + on.booking.ID.String()
	return map[string]wish{
		"book":       {http.MethodPost, "/bookings", bookingBody(tomorrow("11:00"))},
		"verify":     {http.MethodPost, at + "/verify", `{"code":"123456"}`},
		"resend":     {http.MethodPost, at + "/resend", `{"phone":"+15550100043"}`},
		"reschedule": {http.MethodPost, at + "/reschedule", `{"start":"` + tomorrow("16:00") + `"}`},
		"mark":       {http.MethodPost, "/bookings/" + on.over.String() + "/mark", `{"state":"no_show"}`},
		"cancel":     {http.MethodPost, at + "/cancel", ""},
		"block":      {http.MethodPost, "/blocks", blockBody},
		"unblock":    {http.MethodDelete, "/blocks/" + on.block.String(), ""},
		"transcript": {http.MethodPost, "/transcripts", transcriptBody("call-2", aCall)},
		"erase":      {http.MethodDelete, "/customers/" + on.booking.Customer.ID.String(), ""},
		"report":     {http.MethodPost, "/transcripts/" + on.transcript.String() + "/reports", `{"kind":"missed","start":0,"end":1}`},
	}
}

var blockBody = `{"resource":"chair","start":"` + tomorrow("14:00") + `","end":"` + tomorrow("15:00") + `"}`

// fixtures are what a write can be about.
type fixtures struct {
	booking                 handlers.BookingView
	over, block, transcript uuid.UUID // over is a booking that has ended
}

// fixtures are made by a worker that ends with them.
func (r *rig) fixtures(t *testing.T) (f fixtures) {
	t.Helper()
	t.Run("what is there", func(t *testing.T) {
		r.worker(t)
		f.booking, _ = r.booked(t)
		var made struct{ ID uuid.UUID }
		r.api(t, "POST", "/blocks", blockBody, "Prefer", "wait=10").json(t, &made)
		f.block = made.ID
		over := `{"resource":"table","start":"` + tomorrow("09:00") + `","customer":{"phone":"+15550100049"}}`
		r.api(t, "POST", "/bookings", over, "Prefer", "wait=10").json(t, &made)
		f.over = made.ID
		r.ended(t, f.over)
		r.api(t, "POST", "/transcripts", transcriptBody("call-1", aCall), "Prefer", "wait=10").json(t, &made)
		f.transcript = made.ID
	})
	return f
}

// ended makes a booking one that was confirmed and is over.
func (r *rig) ended(t *testing.T, booking uuid.UUID) {
	t.Helper()
	if _, err := r.db.Admin.Exec(t.Context(), `UPDATE booking SET state = 'completed', confirmed_at = created_at,
		starts_at = created_at - interval '1 h', ends_at = created_at WHERE id = $1`, booking); err != nil {
		t.Fatal(err)
	}
}

// TestEveryWriteIsTaken: a client that does not wait gets 202, and what it asked for is written down.
func TestEveryWriteIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	on := r.fixtures(t)
	before := r.count(t, "request")
	all := writes(on)
	for name, w := range all {
		if a := r.api(t, w.method, w.path, w.body); a.StatusCode != 202 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if n := r.count(t, "request"); n != before+len(all) {
		t.Errorf("%d requests were written", n-before)
	}
}
