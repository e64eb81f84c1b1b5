package validate

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

var tenancyChecks = []check{
	{name: "credentials", promise: "without a valid key nothing is shown or done", run: credentials},
	{name: "tenancy", promise: "no org sees or changes what is another's", needs: []need{needOther}, run: tenancy},
	{name: "tenancy-webhooks", promise: "what one org has signed is nothing to another", needs: []need{needOther, needEvents, needTwilio}, run: tenancyWebhooks},
	{name: "tenancy-keys", promise: "one Idempotency-Key in two orgs is two keys", needs: []need{needOther}, run: tenancyKeys},
	{
		name: "security-events", promise: "an org is told of its key on another's path and of signatures that are not its own",
		needs: []need{needOther, needEvents, needTwilio, needAuditor}, slow: true, run: securityEvents,
	},
}

func needOther(s *system) string {
	if s.OtherOrg == "" || s.OtherKey == "" {
		return "no second org and its key were given"
	}
	return ""
}

func credentials(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	guess := s.Key // the last half made up, so that it has the shape of a key
	if n := len(guess) / 2; n > 0 {
		guess = guess[:n] + strings.Repeat("x", len(guess)-n)
	}
	stranger := &client{http: s.api.http, url: s.api.url, org: s.api.org, key: guess}
	for i, c := range []*client{s.open, stranger} {
		what := []string{"no key", "a wrong key"}[i]
		read, err := c.do(ctx, http.MethodGet, c.route("/bookings"), nil)
		if err != nil || !read.is(http.StatusUnauthorized, "unauthorized") {
			return "", or(err, fmt.Sprintf("%s, reading: %v, want 401 unauthorized", what, read))
		}
		written, err := c.do(ctx, http.MethodPost, c.route("/bookings"), s.wish(day[0].Start, s.phones.fresh()))
		if err != nil || !written.is(http.StatusUnauthorized, "unauthorized") {
			return "", or(err, fmt.Sprintf("%s, writing: %v, want 401 unauthorized", what, written))
		}
	}
	if offered, err := s.offered(ctx, day[0].Start); err != nil || !offered {
		return "", or(err, "a refused caller took the time all the same")
	}
	return "no key and a wrong key: 401 unauthorized, reading and writing; the slot is still free", nil
}

// tenancy lets the second org reach for what is the first one's: by the first one's paths, and by its own.
func tenancy(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	b, err := s.hold(ctx, day[0].Start, s.phones.fresh())
	if err != nil {
		return "", err
	}
	intruder := &client{http: s.api.http, url: s.api.url, org: s.Org, key: s.OtherKey}
	code := map[string]string{"code": "123456"}
	n := 0
	for _, try := range []struct {
		method, path string
		body         any
		status       int
		kind         string // what it is told on its own path
	}{
		{http.MethodGet, "/bookings/" + b.ID, nil, http.StatusNotFound, "not-found"},
		{http.MethodGet, "/bookings/" + b.ID + "/timeline", nil, http.StatusNotFound, "not-found"},
		{http.MethodPost, "/bookings", s.wish(day[0].Start, s.phones.fresh()), http.StatusUnprocessableEntity, "unknown-resource"},
		{http.MethodPost, "/bookings/" + b.ID + "/verify", code, http.StatusNotFound, "not-found"},
		{http.MethodPost, "/bookings/" + b.ID + "/reschedule", map[string]string{"start": day[0].Start}, http.StatusNotFound, "not-found"},
		{http.MethodPost, "/bookings/" + b.ID + "/cancel", nil, http.StatusNotFound, "not-found"},
	} {
		there, err := intruder.do(ctx, try.method, intruder.route(try.path), try.body)
		if err != nil || !there.is(http.StatusForbidden, "forbidden") {
			return "", or(err, fmt.Sprintf("another org's key on this org's path: %v, want 403 forbidden", there))
		}
		own, err := s.other.do(ctx, try.method, s.other.route(try.path), try.body, wait...)
		if err != nil || !own.is(try.status, try.kind) {
			return "", or(err, fmt.Sprintf("what is this org's on another org's path (%s): %v, want %d %s", place(try.path), own, try.status, try.kind))
		}
		n += 2
	}
	// What is another's and what does not exist must look the same.
	never, err := s.other.do(ctx, http.MethodGet, s.other.route("/bookings/"+uuid.NewString()), nil)
	if err != nil || !never.is(http.StatusNotFound, "not-found") {
		return "", or(err, fmt.Sprintf("an id that nobody has: %v, want 404 not-found", never))
	}
	now, err := s.booking(ctx, b.ID)
	if err == nil && now.State != "held" {
		err = fmt.Errorf("after all tries the booking is %s", now.State)
	}
	return fmt.Sprintf("%d tries: 403 on this org's path, 404 or 422 on its own; the booking is still held", n), err
}
