package ingress

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// fill writes n held bookings, one a day and resource-free of each other.
func (r *rig) fill(t *testing.T, n int) {
	t.Helper()
	ctx := t.Context()
	_, err := store.InTx(ctx, r.db.App, r.org.ID, func(tx *store.Tx) error {
		customer := uuid.New()
		if err := store.InsertCustomer(tx, r.db.Keys, store.Customer{ID: customer, Phone: pii.KnownPhone("+15550100042")}); err != nil {
			return err
		}
		offer, err := store.FindOffer(ctx, tx, "chair", "", 0)
		if err != nil {
			return err
		}
		for i := range n {
			start := time.Now().Truncate(time.Hour).Add(time.Duration(24+i) * time.Hour)
			c := store.Candidate{Resource: offer.Resources[0], Calendar: offer.Calendar(offer.Resources[0]), Span: calendar.Span{Start: start, End: start.Add(30 * time.Minute)}}
			id := uuid.New()
			expires, ok, err := store.TakeHold(ctx, tx, c.Resource.ID, id, c.Span, time.Hour)
			if err != nil || !ok {
				return err
			}
			if _, err := store.InsertBooking(tx, r.db.Keys, store.NewBooking{ID: id, Candidate: c, CustomerID: customer, Now: time.Now(), Expires: expires}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(store.Safe(err))
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.fill(t, 120)
	var all []handlers.BookingView
	query, pages := url.Values{"state": {"held"}}, 0
	for {
		a := r.api(t, "GET", "/bookings?"+query.Encode(), "")
		var page bookingList
		if a.json(t, &page); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		all = append(all, page.Bookings...)
		if pages++; page.NextCursor == nil || pages > 5 {
			break
		}
		query.Set("cursor", *page.NextCursor)
	}
	if len(all) != 120 || pages != 3 {
		t.Fatalf("%d bookings on %d pages", len(all), pages)
	}
	for i := 1; i < len(all); i++ {
		if !all[i-1].Start.Before(all[i].Start) {
			t.Fatalf("%v stands before %v", all[i-1].Start, all[i].Start)
		}
	}
	for query, want := range map[string]int{
		"state=confirmed": 0,
		"from=" + url.QueryEscape(all[100].Start.Format(time.RFC3339)): 20,
		"from=" + all[100].Start.Format(time.RFC3339):                  20, // its plus or minus as it stands
		"to=" + url.QueryEscape(all[3].Start.Format(time.RFC3339)):     3,
		"from=2020-01-01&to=2020-01-02":                                0,
		"from=" + all[0].Start.UTC().Format("2006-01-02T15:04:05Z") + "&to=" + all[1].Start.UTC().Format("2006-01-02T15:04:05Z"): 1,
	} {
		var page bookingList
		a := r.api(t, "GET", "/bookings?"+query, "")
		if a.json(t, &page); a.StatusCode != 200 || len(page.Bookings) != want || page.Bookings == nil {
			t.Errorf("%s: %d, %d bookings, want %d", query, a.StatusCode, len(page.Bookings), want)
		}
	}
	for query, want := range map[string]string{
		"state=odd":                          "invalid-request state",
		"from=soon":                          "invalid-request from",
		"to=2020-13-01":                      "invalid-request to",
		"from=2020-01-02&to=2020-01-01":      "invalid-range to",
		"from=2020-01-01&to=2020-01-01":      "invalid-range to",
		"cursor=x":                           "invalid-request cursor",
		"cursor=f" + strings.Repeat("_", 31): "invalid-request cursor",
		"from=2030-03-10T02:30":              "time-does-not-exist from",
	} {
		if p := r.api(t, "GET", "/bookings?"+query, "").problem(t); p.Type+" "+p.Field != want {
			t.Errorf("%s: %+v", query, p)
		}
	}
}

// TestOtherOrgsIDs: an id that is not the org's own is not found, whatever it names.
func TestOtherOrgsIDs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	b, _ := r.booked(t)
	pending := r.api(t, "POST", "/blocks", `{"resource":"chair","start":"`+tomorrow("12:00")+`","end":"`+tomorrow("13:00")+`"}`, "Prefer", "wait=10")
	var block handlers.BlockView
	pending.json(t, &block)
	var request uuid.UUID
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT id FROM request LIMIT 1").Scan(&request); err != nil {
		t.Fatal(err)
	}
	mine := r.org
	r.org = storetest.NewOrg(t, r.db, "garage")
	for _, call := range [][3]string{
		{"GET", "/bookings/" + b.ID.String()},
		{"GET", "/bookings/" + b.ID.String() + "/timeline"},
		{"POST", "/bookings/" + b.ID.String() + "/verify", `{"code":"123456"}`},
		{"POST", "/bookings/" + b.ID.String() + "/cancel"},
		{"DELETE", "/blocks/" + block.ID.String()},
		{"GET", "/requests/" + request.String()},
		{"GET", "/bookings/" + uuid.NewString()},
	} {
		if p := r.api(t, call[0], call[1], call[2]).problem(t); p.Type != "not-found" {
			t.Errorf("%s %s: %+v", call[0], call[1], p)
		}
	}
	if p := r.api(t, "POST", "/bookings", strings.Replace(bookingBody(tomorrow("10:00")), `"chair"`, `"`+mine.Chair.String()+`"`, 1)).problem(t); p.Type != "unknown-resource" {
		t.Errorf("foreign resource: %+v", p)
	}
}

func TestAvailability(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	day := tomorrow("")[:10]
	next := time.Now().AddDate(0, 0, 2).Format("2006-01-02")
	find := func(query string) (openings, answer) {
		a := r.api(t, "GET", "/availability?"+query, "")
		var o openings
		if a.StatusCode == 200 {
			a.json(t, &o)
		}
		return o, a
	}
	o, a := find("resource=chair&from=" + day + "&to=" + next)
	if a.StatusCode != 200 || len(o.Slots) != 20 || o.Resource == nil || *o.Resource != r.org.Chair || o.TimeZone != "America/New_York" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if s := o.Slots[0]; s.Start.Format("15:04") != "08:00" || s.End.Sub(s.Start) != 30*time.Minute || s.Seats != 1 || s.Resource != r.org.Chair {
		t.Errorf("first slot %+v", s)
	}
	r.worker(t)
	r.booked(t) // at 10:00
	if o, _ = find("resource=" + r.org.Chair.String() + "&from=" + day + "&to=" + next); len(o.Slots) != 19 {
		t.Errorf("%d slots after a booking", len(o.Slots))
	}
	if o, a = find("service=cleaning&from=" + day + "&to=" + next); o.Resource != nil || !strings.Contains(string(a.body), `"resource":null`) || len(o.Slots) < 25 {
		t.Errorf("by service: %s", a.body)
	}
	if o, _ = find("resource=chair&duration=PT1H&from=" + day + "&to=" + next); len(o.Slots) == 0 || o.Slots[0].End.Sub(o.Slots[0].Start) != time.Hour {
		t.Errorf("by duration: %+v", o)
	}
	if o, a = find("resource=chair"); a.StatusCode != 200 || len(o.Slots) < 100 || !o.Slots[0].Start.After(time.Now()) {
		t.Errorf("the next 7 days: %d, %d slots", a.StatusCode, len(o.Slots))
	}
	if o, a = find("resource=chair&from=2020-01-01&to=2020-01-05"); a.StatusCode != 200 || o.Slots == nil || len(o.Slots) != 0 {
		t.Errorf("past: %d %s", a.StatusCode, a.body)
	}
	for query, want := range map[string]string{
		"":                             "missing-field resource",
		"resource=sofa":                "unknown-resource resource",
		"resource=%00":                 "unknown-resource resource",
		"resource=%ff":                 "unknown-resource resource",
		"service=magic":                "unknown-service service",
		"resource=chair&duration=0":    "invalid-request duration",
		"resource=chair&duration=1441": "invalid-request duration",
		"resource=chair&duration=long": "invalid-request duration",
		"resource=chair&from=never":    "invalid-request from",
		"resource=chair&to=2020-01-01": "invalid-range to",
		"resource=chair&from=2030-01-01&to=2030-02-02": "invalid-range to",
	} {
		if p := r.api(t, "GET", "/availability?"+query, "").problem(t); p.Type+" "+p.Field != want || p.Status != 422 {
			t.Errorf("%q: %+v", query, p)
		}
	}
	if _, a := find("resource=chair&from=2026-10-20&to=2026-11-20"); a.StatusCode != 200 { // 31 days and an hour
		t.Errorf("over the end of summer time: %d %s", a.StatusCode, a.body)
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-03-01":                "2026-03-01T05:00:00Z",
		"2026-03-01T10:00":          "2026-03-01T15:00:00Z",
		"2026-03-01 10:00":          "2026-03-01T15:00:00Z",
		"2026-03-01T10:00:00+02:00": "2026-03-01T08:00:00Z",
		"2026-03-01T10:00:00 02:00": "2026-03-01T08:00:00Z",
		"2026-11-01T01:30":          "2026-11-01T05:30:00Z",
		"2026-03-08T02:30":          "time-does-not-exist",
		"today":                     "invalid-request",
		"":                          "invalid-request",
	} {
		at, err := moment("from", text, zone)
		got := at.UTC().Format(time.RFC3339)
		if err != nil {
			got = strings.TrimPrefix(problemOf(err).Type, handlers.ProblemBase)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestCursor(t *testing.T) {
	t.Parallel()
	want := store.Cursor{Start: time.UnixMicro(1_800_000_000_123_456), ID: uuid.New()}
	got, err := readCursor(writeCursor(want))
	if err != nil || !got.Start.Equal(want.Start) || got.ID != want.ID {
		t.Errorf("%v, %v", got, err)
	}
}
