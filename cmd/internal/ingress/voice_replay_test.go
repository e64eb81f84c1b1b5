package ingress

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// delivery is a signed request of Retell's, which can be sent again as it is.
type delivery struct {
	a          *agent
	body, sign string
}

func (a *agent) sign(body string) delivery {
	return delivery{a, body, retellSign(body, time.Now())}
}

// to sends it; tool is what the URL says, "" = nothing.
func (d delivery) to(t *testing.T, tool string) heard {
	t.Helper()
	path := "/webhooks/retell/" + d.a.r.org.ID.String()
	if tool != "" {
		path += "?tool=" + tool
	}
	return d.a.hear(t, d.a.r.do(t, "POST", path, d.body, "X-Retell-Signature", d.sign))
}

// cancelByAPI cancels a booking past the agent.
func (r *rig) cancelByAPI(t *testing.T, booking uuid.UUID) {
	t.Helper()
	if c := r.api(t, "POST", "/bookings/"+booking.String()+"/cancel", "", "Prefer", "wait=10"); c.StatusCode != 200 {
		t.Fatalf("%d %s", c.StatusCode, c.body)
	}
}

// TestReplayedDelivery: the same bytes with the same signature do nothing a second time, whatever has become of what they did;
// signed anew, the same is asked anew.
func TestReplayedDelivery(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	r.worker(t)
	a := r.agent(sourceRetell, "+15550100042")
	counts := func(bookings, messages int) {
		t.Helper()
		if b, m := r.count(t, "booking"), r.count(t, "message"); b != bookings || m != messages {
			t.Errorf("%d bookings and %d texts, want %d and %d", b, m, bookings, messages)
		}
	}
	body := a.body(t, "hold_slot", "resource", "Dr. Lee", "start", "in two days at 10 am")
	first := a.sign(body)
	held := first.to(t, "")
	if held.State != "held" || first.to(t, "").text != held.text {
		t.Fatalf("heard %q", held.text)
	}
	r.code(t, *held.Booking)
	second := delivery{a, body, retellSign(body, time.Now().Add(time.Second))} // told how it stands
	if h := second.to(t, ""); h.text != held.text {
		t.Errorf("heard %q", h.text)
	}
	resend := a.sign(a.body(t, "resend_code"))
	r.admin(t, "UPDATE message SET created_at = created_at - interval '1 minute'")
	resend.to(t, "").says(t, "A code was sent")
	r.admin(t, "UPDATE message SET created_at = created_at - interval '2 minutes'")
	resend.to(t, "").says(t, "A code was sent")
	counts(1, 2)
	r.cancelByAPI(t, *held.Booking)
	for _, d := range []delivery{first, second, first} {
		if h := d.to(t, ""); h.State != "canceled" || *h.Booking != *held.Booking {
			t.Errorf("heard %q", h.text)
		}
	}
	counts(1, 2)
	cancel := a.sign(a.body(t, "cancel_booking"))
	cancel.to(t, "")
	anew := delivery{a, body, retellSign(body, time.Now().Add(2*time.Second))}
	if h := anew.to(t, ""); h.State != "held" || *h.Booking == *held.Booking {
		t.Errorf("heard %q", h.text)
	}
	if h := cancel.to(t, ""); h.State != "canceled" || *h.Booking != *held.Booking {
		t.Errorf("a cancel that comes again: %q", h.text)
	}
	if got := r.state(t, r.newest(t)); got != "held" {
		t.Errorf("the second booking is %s", got)
	}
}

// TestReplayedArguments: with "args only" a delivery counts once as well, and it is of the tool that it came for first, whether
// that reads or writes.
func TestReplayedArguments(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	r.worker(t)
	a := r.agent(sourceRetell, "")
	hold := a.sign(`{"resource":"Dr. Lee","start":"in two days at 10 am","phone":"+15550100042"}`)
	said := make([]heard, 6)
	var wg sync.WaitGroup
	for i := range said {
		wg.Go(func() { said[i] = hold.to(t, "hold_slot") })
	}
	wg.Wait()
	for _, h := range said {
		if h.State != "held" || h.text != said[0].text {
			t.Errorf("heard %q", h.text)
		}
	}
	if n := r.count(t, "booking"); n != 1 {
		t.Fatalf("%d bookings", n)
	}
	id := r.newest(t)
	guess := a.sign(`{"booking":"` + id.String() + `","code":"` + r.wrongCode(t, id) + `"}`)
	for range 3 {
		guess.to(t, "verify_code").says(t, "That code is not right. There are 4 tries left.")
	}
	for _, other := range []string{"cancel_booking", "resend_code", "check_availability"} {
		guess.to(t, other).says(t, "I cannot do that.")
	}
	guess.to(t, "fly").says(t, "I cannot do that.")
	look := a.sign(`{"booking":"` + id.String() + `","resource":"Dr. Lee"}`)
	for range 2 {
		if h := look.to(t, "check_availability"); !strings.Contains(h.text, " are free.") {
			t.Errorf("heard %q", h.text)
		}
	}
	look.to(t, "cancel_booking").says(t, "I cannot do that.")
	if got := r.state(t, id); got != "held" {
		t.Errorf("the booking is %s", got)
	}
	nameless := a.sign(`{"call":{"call_id":"c"},"args":{"booking":"` + id.String() + `","code":"12"}}`)
	nameless.to(t, "verify_code").says(t, "I need the six digits")
	nameless.to(t, "cancel_booking").says(t, "I cannot do that.")
	if h := a.sign(`{"booking":"`+id.String()+`"}`).to(t, "cancel_booking"); h.State != "canceled" {
		t.Errorf("signed anew: %q", h.text)
	}
	if h := hold.to(t, "hold_slot"); h.State != "canceled" {
		t.Errorf("heard %q", h.text)
	}
	if n := r.count(t, "booking"); n != 1 {
		t.Errorf("%d bookings", n)
	}
}

// TestDeliveryLeadsToOne: deliveries that are looked for before either has led to anything still lead to one request.
func TestDeliveryLeadsToOne(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ask := func(d store.SignedDelivery) (*reply, error) {
		s, err := r.in.book(t.Context(), r.org.ID, []byte(bookingBody(tomorrow("10:00"))))
		if err != nil {
			t.Fatal(err)
		}
		s.org, s.source, s.delivery = r.org.ID, sourceRetell, d
		return r.in.submit(t.Context(), s)
	}
	signed := store.SignedDelivery{Source: sourceRetell, Key: "k", Tool: "hold_slot"}
	first, err := ask(signed)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ask(signed); err != nil || again.Location != first.Location || r.count(t, "request") != 1 {
		t.Errorf("%+v, then %+v, %v", first, again, err)
	}
	signed.Tool = "cancel_booking"
	if _, err := ask(signed); !errors.Is(err, store.ErrOtherTool) {
		t.Errorf("another tool: %v", err)
	}
	signed.Key = "l"
	if other, err := ask(signed); err != nil || other.Location == first.Location {
		t.Errorf("another signature: %+v, %v", other, err)
	}
}
