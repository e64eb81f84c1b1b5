package ingress

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// FuzzIdempotencyKey: what is taken is one line of visible ASCII that can be kept as it is; else the header is named, not
// quoted.
func FuzzIdempotencyKey(f *testing.F) {
	for _, s := range []string{"k", "", "a b", "\x00", "é", strings.Repeat("k", 255), strings.Repeat("k", 256), "8e03978e-40d5-43dd-bc93-6894a57f9324", "\x7f", "\u202e"} {
		f.Add(s, "", false)
		f.Add(s, "second", true)
	}
	f.Fuzz(func(t *testing.T, value, second string, two bool) {
		h := http.Header{headerKey: {value}}
		if two {
			h[headerKey] = append(h[headerKey], second)
		}
		key, err := idempotencyKey(h)
		if err != nil {
			if p := problemOf(err); p.Field != headerKey || key != "" || len(value) > 10 && strings.Contains(p.Detail, value) {
				t.Fatalf("%q: %+v", value, p.Problem)
			}
			return
		}
		if two || key != value || len(key) < 1 || len(key) > 255 || strings.Trim(key, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
			t.Fatalf("%q and %q: %q", value, second, key)
		}
		if again := keyOf("a", key); !validKey(again) || again == keyOf("b", key) {
			t.Fatalf("%q: %q", key, again)
		}
	})
}

// FuzzCursor: a cursor is a place that can be asked for, and reads the same when it is written again.
func FuzzCursor(f *testing.F) {
	good := writeCursor(store.Cursor{Start: time.Unix(1_790_000_000, 0), ID: fuzzOrg})
	for _, s := range []string{good, good[:31], good + "=", strings.ToLower(good), strings.Repeat("_", 32), strings.Repeat("A", 32), good[:16] + "\n" + good[16:], "", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := readCursor(text)
		if err != nil {
			if p := problemOf(err); p.Field != "cursor" || p.Status != 422 {
				t.Fatalf("%q: %+v", text, p.Problem)
			}
			return
		}
		again, err := readCursor(writeCursor(c))
		if err != nil || !again.Start.Equal(c.Start) || again.ID != c.ID || c.Start.Year() < 1 || c.Start.Year() > 9999 {
			t.Fatalf("%q: %v, then %v", text, c, again)
		}
	})
}

// FuzzQueries reads what queries say: lists, and availability.
func FuzzQueries(f *testing.F) {
	for _, s := range []string{"", "2026-11-24", "2026-11-24T15:00", "2026-11-24T15:00:00 05:00", "2026-11-24T15:00:00-05:00", "2027-03-14T02:30", "0000-01-01", "9999-12-31", "10000-01-01", "\x00", "soon", "2026-02-30"} {
		f.Add(s, s, "30m")
		f.Add("2026-11-01", s, "PT45M")
	}
	f.Add("", "", "1e400")
	f.Add("", "", "99999999999999999999")
	f.Add("", "", "-5")
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, zone)
	f.Fuzz(func(t *testing.T, from, to, duration string) {
		list := listInput{From: from, To: to}
		if p, err := list.page(zone); err != nil {
			refused(t, from+" "+to, err)
		} else if !p.From.Before(p.To) || p.Limit != pageSize+1 {
			t.Fatalf("%q to %q: %v to %v", from, to, p.From, p.To)
		}
		open := availabilityInput{Resource: from, Service: to, From: from, To: to, Duration: duration}
		if minutes, err := open.check(); err != nil {
			refused(t, duration, err)
		} else if minutes < 0 || minutes > 1440 {
			t.Fatalf("%q: %d minutes", duration, minutes)
		}
		if span, err := open.span(zone, now); err != nil {
			refused(t, from+" "+to, err)
		} else if span.Start.Before(now) && span.End.After(span.Start) || span.End.Sub(span.Start) > (maxDays+1)*24*time.Hour || span.End.After(now.Add(store.Horizon)) && span.End.After(span.Start) {
			t.Fatalf("%q to %q: %v", from, to, span)
		}
	})
}

// FuzzHeaders reads the headers that every request may have. What is read of them holds whatever their case and spaces.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"", "*/*", "application/json;q=0", "application/json; charset=latin1", "application/json; charset=\"utf-8\"", "a/b;;;=,", "Bearer x", "bearer  hf_1_2", "Basic x",
		`"1"`, `W/"1"`, `*`, `"1", "2"`, "gzip", "identity", "\x00", "application/problem+json", ";", "text/html, application/*;q=0.1"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		h := http.Header{"Accept": {a, b}, "Content-Type": {a}, "Authorization": {a}, "Content-Encoding": {b}}
		r := &http.Request{Header: h, URL: &url.URL{}, Body: &buffered{raw: []byte("{}")}}
		if acceptable(r) == nil != (acceptable(&http.Request{Header: http.Header{"Accept": {a + "," + b}}}) == nil) {
			t.Fatalf("%q and %q are not what they are in one line", a, b)
		}
		if err := readable(r); err != nil {
			refused(t, a, err)
		} else if a != "" && !isJSON(a) {
			t.Fatalf("%q is read as JSON", a)
		}
		if token, ok := bearer(h); ok {
			if again, ok := bearer(http.Header{"Authorization": {"Bearer " + token.Reveal()}}); !ok || !again.Equal(token) || !strings.EqualFold(a[:6], "bearer") {
				t.Fatalf("%q is no bearer token", a)
			}
		}
		if err := checkHeaders(h); err != nil {
			refused(t, b, err)
		} else if b != "" && !strings.EqualFold(b, "identity") {
			t.Fatalf("a body in %q is read", b)
		}
		h["Authorization"] = []string{a, b}
		if p := problemOf(checkHeaders(h)); p.Field != "Authorization" {
			t.Fatalf("%+v", p)
		}
		if id, err := pathID(a); err == nil && (!strings.EqualFold(id.String(), a) || id != uuid.MustParse(a)) {
			t.Fatalf("%q is %s", a, id)
		}
		if m := matching(a); m != nil && m(1) && !strings.Contains(a, `"1"`) && !strings.Contains(a, "*") {
			t.Fatalf("%q matches", a)
		}
	})
}
