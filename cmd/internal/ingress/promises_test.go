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
func writes(booking, block uuid.UUID) map[string]wish {
	at := "/bookings/" + booking.String()
	return map[string]wish{
		"book":    {http.MethodPost, "/bookings", bookingBody(tomorrow("11:00"))},
		"verify":  {http.MethodPost, at + "/verify", `{"code":"123456"}`},
		"resend":  {http.MethodPost, at + "/resend", `{"phone":"+15550100043"}`},
		"cancel":  {http.MethodPost, at + "/cancel", ""},
		"block":   {http.MethodPost, "/blocks", blockBody},
		"unblock": {http.MethodDelete, "/blocks/" + block.String(), ""},
	}
}

var blockBody = `{"resource":"chair","start":"` + tomorrow("14:00") + `","end":"` + tomorrow("15:00") + `"}`

// TestEveryWriteIsTaken: a client that does not wait gets 202, and what it asked for is written down.
func TestEveryWriteIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var b handlers.BookingView
	var block struct{ ID uuid.UUID }
	t.Run("what is there", func(t *testing.T) {
		r.worker(t) // for as long as this takes
		b, _ = r.booked(t)
		r.api(t, "POST", "/blocks", blockBody, "Prefer", "wait=10").json(t, &block)
	})
	before := r.count(t, "request")
	all := writes(b.ID, block.ID)
	for name, w := range all {
		if a := r.api(t, w.method, w.path, w.body); a.StatusCode != 202 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if n := r.count(t, "request"); n != before+len(all) {
		t.Errorf("%d requests were written", n-before)
	}
}
