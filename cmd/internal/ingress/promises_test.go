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
func writes(f fixture) map[string]wish {
	at := "/bookings/" + f.booking.ID.String()
	return map[string]wish{
		"book":    {http.MethodPost, "/bookings", bookingBody(tomorrow("11:00"))},
		"verify":  {http.MethodPost, at + "/verify", `{"code":"123456"}`},
		"resend":  {http.MethodPost, at + "/resend", `{"phone":"+15550100043"}`},
		"cancel":  {http.MethodPost, at + "/cancel", ""},
		"block":   {http.MethodPost, "/blocks", blockBody},
		"unblock": {http.MethodDelete, "/blocks/" + f.block.String(), ""},

		"transcript": {http.MethodPost, "/transcripts", transcriptBody("call-2", aCall)},
		"report":     {http.MethodPost, "/transcripts/" + f.transcript.String() + "/reports", `{"kind":"missed","start":0,"end":5}`},
	}
}

var blockBody = `{"resource":"chair","start":"` + tomorrow("14:00") + `","end":"` + tomorrow("15:00") + `"}`

// fixture is what writes are about.
type fixture struct {
	booking           handlers.BookingView
	block, transcript uuid.UUID
}

// fixtures are made by a worker that ends with them.
func (r *rig) fixtures(t *testing.T) (f fixture) {
	t.Helper()
	t.Run("what is there", func(t *testing.T) {
		r.worker(t)
		f.booking, _ = r.booked(t)
		for path, w := range map[string]struct {
			body string
			id   *uuid.UUID
		}{"/blocks": {blockBody, &f.block}, "/transcripts": {transcriptBody("call-1", aCall), &f.transcript}} {
			var made struct{ ID uuid.UUID }
			r.api(t, "POST", path, w.body, "Prefer", "wait=10").json(t, &made)
			*w.id = made.ID
		}
	})
	return f
}

// TestEveryWriteIsTaken: a client that does not wait gets 202, and what it asked for is written down.
func TestEveryWriteIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	f := r.fixtures(t)
	before := r.count(t, "request")
	all := writes(f)
	for name, w := range all {
		if a := r.api(t, w.method, w.path, w.body); a.StatusCode != 202 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if n := r.count(t, "request"); n != before+len(all) {
		t.Errorf("%d requests were written", n-before)
	}
}
