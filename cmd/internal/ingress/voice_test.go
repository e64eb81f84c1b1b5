package ingress

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
)

// voiceExamples replays what voice agents send, from docs/examples.
func (r *rig) voiceExamples(t *testing.T) {
	t.Helper()
	said := func(name string, values map[string]string) string {
		t.Helper()
		a := r.example(t, name, values)
		if a.StatusCode != 200 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		return string(a.body)
	}
	if got := said("vapi-hold-slot.http", nil); !strings.Contains(got, "at 2 PM with") || strings.Count(got, "toolCallId") != 1 {
		t.Errorf("hold: %s", got)
	}
	code := strings.Join(strings.Split(r.code(t, r.newest(t)), ""), " ")
	if got := said("vapi-verify-code.http", map[string]string{"spoken_code": code}); !strings.Contains(got, "is confirmed") {
		t.Errorf("verify: %s", got)
	}
	if got := said("vapi-status-update.http", nil); got != "{}" {
		t.Errorf("status: %s", got)
	}
	if got := said("retell-hold-slot.http", nil); !strings.Contains(got, "at 4 PM with") {
		t.Errorf("hold: %s", got)
	}
	if got := said("retell-cancel-booking-args-only.http", map[string]string{"booking": r.newest(t).String()}); !strings.Contains(got, "is canceled") {
		t.Errorf("cancel: %s", got)
	}
}

// TestToolDefinitions: what is pasted into the platforms is what the handlers take: every tool, every property,
// and what is required truly is.
func TestToolDefinitions(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	type parameters struct {
		Properties map[string]struct{ Type, Description string }
		Required   []string
	}
	type definition struct {
		Name, URL   string
		Description string
		Parameters  parameters
		Function    *definition
		Server      struct{ URL string }
	}
	for _, platform := range []string{sourceVapi, sourceRetell} {
		raw, err := os.ReadFile(filepath.Join("../../../docs/examples", platform+"-tools.json"))
		if err != nil {
			t.Fatal(err)
		}
		var defs []definition
		if err := json.Unmarshal(raw, &defs); err != nil {
			t.Fatal(err)
		}
		a := r.agent(platform, "")
		listed := map[string]bool{}
		for _, d := range defs {
			url := d.URL
			if d.Function != nil {
				url, d = d.Server.URL, *d.Function
			}
			if tools[d.Name] == nil || listed[d.Name] || d.Description == "" || !strings.HasSuffix(url, "/webhooks/"+platform+"/ORG") {
				t.Errorf("%s: %+v", platform, d)
			}
			listed[d.Name] = true
			for name, p := range d.Parameters.Properties {
				raw := fmt.Appendf(nil, "{%q:%q}", name, "x")
				if p.Type != "string" || p.Description == "" || readArgs(raw) == (toolArgs{}) {
					t.Errorf("%s %s: %s is not taken", platform, d.Name, name)
				}
			}
			for _, name := range d.Parameters.Required {
				args := []string{"service", "cleaning", "resource", "chair", "start", "in two days at 10 am", "phone", "+15550100042", "code", "123456"}
				i := slices.Index(args, name)
				if _, ok := d.Parameters.Properties[name]; !ok || i < 0 {
					t.Fatalf("%s %s: %s is required and no property", platform, d.Name, name)
				}
				without := a.use(t, d.Name, slices.Delete(slices.Clone(args), i, i+2)...)
				want := map[string]string{"start": "For which day and time?", "code": "I need the six digits"}[name]
				if !strings.HasPrefix(without.text, want) {
					t.Errorf("%s %s without %s: %s", platform, d.Name, name, without.text)
				}
			}
		}
		if len(listed) != len(tools) {
			t.Errorf("%s: %d tools of %d", platform, len(listed), len(tools))
		}
	}
}

// TestWhoIsOnTheLine: the number of the platform comes before a dictated one; without it the dictated one
// counts, but finds nobody's bookings.
func TestWhoIsOnTheLine(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	r.worker(t)
	retell := func(tool, args, call string) heard {
		t.Helper()
		a := r.agent(sourceRetell, "")
		return a.send(t, `{"name":"`+tool+`","args":`+args+`,"call":{"call_id":"`+uuid.NewString()+`",`+call+`}}`)
	}
	slot := func(hour int) string {
		return fmt.Sprintf(`{"resource":"chair","start":"in two days at %d:00 am","phone":"five five five oh one oh oh oh four four"}`, hour)
	}
	for i, tt := range []struct{ call, ends string }{
		{`"direction":"inbound","from_number":"+15550100042","to_number":"+15550100043"`, "4 2."},
		{`"direction":"outbound","from_number":"+15550100042","to_number":"+15550100043"`, "4 3."},
		{`"call_type":"web_call"`, "4 4."},
		{`"from_number":"anonymous"`, "4 4."},
	} {
		if h := retell("hold_slot", slot(8+i), tt.call); !strings.HasSuffix(h.text, "ending in "+tt.ends) {
			t.Errorf("%s: %s", tt.call, h.text)
		}
	}
	retell("hold_slot", `{"resource":"chair","start":"tomorrow at noon"}`, `"call_type":"web_call"`).says(t, "To which phone number")
	retell("hold_slot", `{"resource":"chair","start":"tomorrow at noon","phone":"one two three"}`, `"call_type":"web_call"`).says(t, "That phone number does not seem right.")
	retell("cancel_booking", `{"phone":"+15550100044"}`, `"call_type":"web_call"`).says(t, "I find no appointment of yours.")
	if h := retell("cancel_booking", `{}`, `"from_number":"+15550100043"`); h.State != "canceled" {
		t.Errorf("by the caller's own number: %+v", h)
	}
	chat := r.agent(sourceRetell, "")
	chat.send(t, `{"name":"cancel_booking","args":{},"chat":{"chat_id":"x"}}`).says(t, "I find no appointment of yours.")
	chat.send(t, `{"code":"1"}`).says(t, "I cannot do that.")
}

// TestNamedBooking: a booking is named by its id, and only one of this call or of the number that calls; what is no id
// names none.
func TestNamedBooking(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	r.worker(t)
	other := r.agent(sourceRetell, "+15550100043")
	if h := other.use(t, "hold_slot", "resource", "chair", "start", "in two days at 9 am"); h.State != "held" {
		t.Fatal(h.text)
	}
	foreign := r.newest(t).String()
	a := r.agent(sourceRetell, "+15550100042")
	if h := a.use(t, "hold_slot", "resource", "chair", "start", "in two days at 10 am"); h.State != "held" {
		t.Fatal(h.text)
	}
	own := r.newest(t).String()
	a.use(t, "cancel_booking", "booking", foreign).says(t, "I find no appointment of yours.")
	if b := r.api(t, "GET", "/bookings/"+foreign, ""); !strings.Contains(string(b.body), `"held"`) {
		t.Errorf("somebody else's: %s", b.body)
	}
	if h := a.use(t, "cancel_booking", "booking", "the latest one"); h.Booking == nil || h.Booking.String() != own || h.State != "canceled" {
		t.Errorf("no id: %+v", h)
	}
	if h := a.use(t, "cancel_booking", "booking", own); h.State != "canceled" {
		t.Errorf("his own: %+v", h)
	}
}

// TestArgumentsAreHashedByKey: what was said holds codes and phones, which a plain hash would let anybody guess.
func TestArgumentsAreHashedByKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	said, again := toolArgs{Code: "123456"}, toolArgs{Code: "123456"}
	raw, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	plain := sha256.Sum256(raw)
	keyed := said.hash(r.db.Keys, r.org.ID)
	if keyed != again.hash(r.db.Keys, r.org.ID) || keyed == (toolArgs{Code: "123457"}).hash(r.db.Keys, r.org.ID) {
		t.Error("it does not tell arguments apart")
	}
	if keyed == said.hash(r.db.Keys, uuid.New()) || keyed == hex.EncodeToString(plain[:16]) {
		t.Error("it needs no key")
	}
}

// TestSpeaksSpanish: in the org's language, and in a customer's own once he has told it.
func TestSpeaksSpanish(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	r.worker(t)
	booked := r.api(t, "POST", "/bookings", strings.Replace(bookingBody(tomorrow("08:00")), `"name"`, `"locale":"es","name"`, 1), "Prefer", "wait=10")
	if booked.StatusCode != 201 {
		t.Fatalf("%d %s", booked.StatusCode, booked.body)
	}
	a := r.agent(sourceVapi, "+15550100042")
	if h := a.use(t, "hold_slot", "resource", "dr lee", "start", "pasado mañana a las tres de la tarde"); !strings.Contains(h.text, " a las 3 de la tarde con Dr. Lee queda apartado. Se envió un código") {
		t.Errorf("heard %q", h.text)
	}
	b := r.agent(sourceVapi, "+15550100043")
	b.use(t, "hold_slot", "resource", "dr lee", "start", "pasado mañana a las tres de la tarde").says(t, "That time was just taken.")
}

// TestHardTimes: what is closed, past, unclear or not there.
func TestHardTimes(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	r.worker(t)
	a := r.agent(sourceVapi, "+15550100042")
	hold := func(start string) heard { return a.use(t, "hold_slot", "resource", "chair", "start", start) }
	hold("tomorrow at 9 pm").says(t, "We are not open at that time. ")
	hold("2020-01-01T10:00").says(t, "That time has passed.")
	hold("2099-01-01T10:00").says(t, "That is too far ahead.")
	hold("3/4 at 10").says(t, "I did not understand the day and time.")
	hold("tomorrow").says(t, "At what time on ")
	a.use(t, "hold_slot", "start", "tomorrow at 8", "resource", "Dr. Who").says(t, "I do not find that name. There is Dr. Lee or Table.")
	a.use(t, "hold_slot", "service", "Dr. Lee", "start", "whenever").says(t, "I did not understand the day and time.")
	// A day that is full is answered with the nearest.
	block := r.api(t, "POST", "/blocks", `{"resource":"chair","start":"`+tomorrow("00:00")+`","end":"`+tomorrow("23:59")+`"}`, "Prefer", "wait=10")
	if block.StatusCode != 201 {
		t.Fatalf("%d %s", block.StatusCode, block.body)
	}
	full := a.use(t, "check_availability", "resource", "chair", "start", "tomorrow")
	if !strings.HasPrefix(full.text, "Nothing is free on ") || !strings.HasSuffix(full.text, " are free.") {
		t.Errorf("heard %q", full.text)
	}
	if h := a.use(t, "check_availability", "resource", "chair", "start", "tomorrow at 10 am"); !strings.Contains(h.text, " at 10 AM is not free. ") {
		t.Errorf("heard %q", h.text)
	}
	// Open day and night: three is not clear.
	r.admin(t, "DELETE FROM opening_hours WHERE resource_id = $1", r.org.Table)
	r.admin(t, "INSERT INTO opening_hours SELECT $1, $2, d, 0, 1440 FROM generate_series(0, 6) d", r.org.ID, r.org.Table)
	if h := a.use(t, "hold_slot", "resource", "table", "start", "in two days at 3"); !strings.HasPrefix(h.text, "Do you mean 3 AM or 3 PM on ") {
		t.Errorf("heard %q", h.text)
	}
}

// TestNames: names are found as they sound, and only when one is meant.
func TestNames(t *testing.T) {
	t.Parallel()
	all := []store.Named{{ID: uuid.New(), Slug: "lee", Name: "Dr. Lee"}, {ID: uuid.New(), Slug: "lopez", Name: "Dra. Ana López"}, {ID: uuid.New(), Slug: "chair-1", Name: "Chair 1"},
		{ID: uuid.New(), Slug: "chair-2", Name: "Chair 2"}}
	for said, want := range map[string]string{
		"dr lee": "lee", "DR. LEE": "lee", "Lee": "lee", "drlee": "lee", "doctor Dr. Lee please": "lee", "ana lopez": "lopez", "López": "lopez", "dra ana lópez": "lopez",
		"chair-2": "chair-2", "chair 2": "chair-2", "Chair2": "chair-2", all[2].ID.String(): "chair-1",
		"chair": "?", "nobody": "?", "...": "?",
	} {
		got, ok := find(all, said)
		slug := "?"
		if got != nil {
			slug = got.Slug
		}
		if slug != want || ok != (want != "?") {
			t.Errorf("%q is %s, want %s", said, slug, want)
		}
	}
	if got, ok := find(all, ""); got != nil || !ok {
		t.Error("nothing was said")
	}
}
