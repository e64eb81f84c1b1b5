package validate

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

var inputChecks = []check{{
	name: "bad-input", promise: "bad input is told by kind and field, and nothing is written", run: badInput,
}}

// badWish is a request with one thing wrong, and how it must be told.
type badWish struct {
	what   string
	body   []byte
	status int
	kind   string
	field  string
}

// badWishes are wrong wishes for the first slot of a day.
func (s *system) badWishes(day []slot, zone *time.Location) []badWish {
	start := day[0].Start
	good := func() map[string]any { return s.wish(start, s.phones.fresh()) }
	with := func(field string, value any) []byte {
		w := good()
		w[field] = value
		return asJSON(w)
	}
	without := func(field string) []byte {
		w := good()
		delete(w, field)
		return asJSON(w)
	}
	bad := []badWish{
		{"a missing field", without("start"), 422, "missing-field", "start"},
		{"a missing phone", with("customer", map[string]any{"name": "Ana"}), 422, "missing-field", "customer.phone"},
		{"a bad phone", with("customer", map[string]any{"phone": "call me"}), 422, "invalid-phone", "customer.phone"},
		{"no time", with("start", "soon"), 422, "invalid-start", "start"},
		{"a past start", with("start", "2020-01-01T10:00"), 422, "start-in-past", "start"},
		{"an unknown resource", with("resource", "no-such-resource"), 422, "unknown-resource", "resource"},
		{"an unknown service", with("service", "no-such-service"), 422, "unknown-service", "service"},
		{"a wrong type", with("resource", 5), 422, "invalid-request", "resource"},
		{"bad JSON", []byte(`{"start":`), 400, "invalid-json", ""},
		{"a too large body", with("notes", strings.Repeat("n", 70_000)), 413, "body-too-large", ""},
	}
	// Where no day begins before the morning, it is closed at night.
	if at, err := time.Parse(time.RFC3339, start); err == nil && s.calendar.first() > "05" {
		night := time.Date(at.Year(), at.Month(), at.Day(), 3, 0, 0, 0, zone).Format(time.RFC3339)
		bad = append(bad, badWish{"closed hours", with("start", night), 422, "outside-hours", "start"})
	}
	return bad
}

func badInput(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 2)
	if err != nil {
		return "", err
	}
	zone, err := s.calendar.where(ctx)
	if err != nil {
		return "", err
	}
	before, err := s.list(ctx, "held", day[0].Start, day[len(day)-1].End)
	if err != nil {
		return "", err
	}
	wrong, kinds := s.badWishes(day, zone), make(map[string]bool)
	for _, w := range wrong {
		a, err := s.api.do(ctx, http.MethodPost, s.api.route("/bookings"), w.body)
		if err != nil {
			return "", fmt.Errorf("%s: %w", w.what, err)
		}
		if a.status == http.StatusAccepted { // it was taken: find what to cancel
			if done, err := s.outcome(ctx, a); err == nil {
				s.keep(read[bookingView](done).ID)
			}
		}
		if field := read[problemView](a).Field; !a.is(w.status, w.kind) || field != w.field {
			return "", fmt.Errorf("%s: %v, field %q; want %d %s, field %q", w.what, a, field, w.status, w.kind, w.field)
		}
		kinds[w.kind] = true
	}
	after, err := s.list(ctx, "held", day[0].Start, day[len(day)-1].End)
	if err != nil {
		return "", err
	}
	if len(after) != len(before) {
		return "", fmt.Errorf("%d bookings were written", len(after)-len(before))
	}
	if offered, err := s.offered(ctx, day[0].Start); err != nil || !offered {
		return "", or(err, "a refused wish took the time all the same")
	}
	return fmt.Sprintf("%d wrong inputs told by %d kinds and their fields; bookings of that day before and after: %d", len(wrong), len(kinds), len(after)), nil
}
