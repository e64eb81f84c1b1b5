package validate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

var bookingChecks = []check{
	{
		name: "booking", promise: "a request becomes a held booking, a code text and, by the code, a confirmed booking",
		needs: []need{needDouble}, run: bookingPath,
	},
	{
		name: "no-wait", promise: "without Prefer a request is answered 202 with the address of its outcome",
		run: withoutWait,
	},
}

func bookingPath(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	start, phone := day[0].Start, s.phones.fresh()
	asked, err := s.api.do(ctx, http.MethodPost, s.api.route("/bookings"), s.wish(start, phone), wait...)
	if err != nil {
		return "", err
	}
	answered, b := time.Now(), read[bookingView](asked)
	s.keep(b.ID)
	switch {
	case asked.status != http.StatusCreated || b.State != "held" || !b.HoldExpiresAt.After(time.Now().Add(-time.Minute)):
		return "", fmt.Errorf("asked for a free slot with Prefer: wait: %v %s, want 201 held", asked, b.State)
	case asked.header.Get("Location") != s.api.route("/bookings/"+b.ID):
		return "", fmt.Errorf("the 201 has Location %q", asked.header.Get("Location"))
	}
	if offered, err := s.offered(ctx, start); err != nil || offered {
		return "", or(err, "a held slot is still offered")
	}
	code, err := s.double.code(ctx, phone)
	if err != nil {
		return "", err
	}
	texted := time.Since(answered)
	given, err := s.verify(ctx, b.ID, code)
	if err != nil {
		return "", err
	}
	if got := read[bookingView](given); given.status != http.StatusOK || got.State != "confirmed" {
		return "", fmt.Errorf("the right code: %v %s, want 200 confirmed", given, got.State)
	}
	if offered, err := s.offered(ctx, start); err != nil || offered {
		return "", or(err, "a confirmed slot is still offered")
	}
	texts, err := s.double.count(ctx, phone, 2)
	if err != nil {
		return "", fmt.Errorf("the confirmation: %w", err)
	}
	if strings.Contains(texts[1].Body, code) {
		return "", errors.New("the second text is no confirmation")
	}
	story, err := s.timeline(ctx, b.ID)
	if err != nil {
		return "", err
	}
	kinds := story.kinds()
	if held, confirmed := slices.Index(kinds, "held"), slices.Index(kinds, "confirmed"); held < 0 || confirmed < held {
		return "", fmt.Errorf("the timeline tells %v", kinds)
	}
	return fmt.Sprintf("held after %d ms, code text seen after %d ms, confirmed after %d ms; timeline of %d events; %d texts",
		asked.took.Milliseconds(), texted.Milliseconds(), given.took.Milliseconds(), len(kinds), len(texts)), nil
}

func withoutWait(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	a, err := s.api.do(ctx, http.MethodPost, s.api.route("/bookings"), s.wish(day[0].Start, s.phones.fresh()))
	if err != nil {
		return "", err
	}
	at := a.header.Get("Location")
	if a.status != http.StatusAccepted || !strings.HasPrefix(at, s.api.route("/requests/")) {
		return "", fmt.Errorf("without Prefer: %v, Location %q; want 202 and a request of the org", a, at)
	}
	start := time.Now()
	done, err := s.outcome(ctx, a)
	if err != nil {
		return "", err
	}
	b := read[bookingView](done)
	s.keep(b.ID)
	if done.status != http.StatusCreated || b.State != "held" {
		return "", fmt.Errorf("the outcome is %v %s, want 201 held", done, b.State)
	}
	return fmt.Sprintf("202 after %d ms, done %d ms later with 201", a.took.Milliseconds(), time.Since(start).Milliseconds()), nil
}

// or is err, or an error that says what was seen.
func or(err error, seen string) error {
	if err != nil {
		return err
	}
	return errors.New(seen)
}
