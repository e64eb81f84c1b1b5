package validate

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// These take as long as the system's holds and codes: on one with the usual five and ten minutes they are not made.
var lateChecks = []check{
	{
		name: "late-hold", promise: "the right code after the hold's end confirms if the time is still free, else it gets alternatives",
		needs: []need{needDouble}, slow: true, run: lateHold,
	},
	{name: "late-code", promise: "a code ends with its life", needs: []need{needDouble}, slow: true, run: lateCode},
}

// shortHold is the longest hold whose end is waited for.
const shortHold = 20 * time.Second

// lapsed waits for the end of a hold, if that is soon.
func (s *system) lapsed(ctx context.Context, b bookingView) (bookingView, error) {
	if left := time.Until(b.HoldExpiresAt); left > shortHold {
		return b, &cannot{fmt.Sprintf("holds last %v", left.Round(time.Second))}
	}
	err := until(ctx, shortHold+s.patience, "the end of a hold", func() (done bool, err error) {
		b, err = s.booking(ctx, b.ID)
		return b.State != "held", err
	})
	if err == nil && b.State != "expired" {
		err = fmt.Errorf("a hold that has lapsed is %s", b.State)
	}
	return b, err
}

func lateHold(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 6)
	if err != nil {
		return "", err
	}
	free, taken := day[0].Start, day[len(day)/2].Start
	var held [2]bookingView
	var codes [2]string
	for i, start := range []string{free, taken} {
		phone := s.phones.fresh()
		if held[i], err = s.hold(ctx, start, phone); err != nil {
			return "", err
		}
		if left := time.Until(held[i].HoldExpiresAt); left > shortHold {
			return "", &cannot{fmt.Sprintf("holds last %v", left.Round(time.Second))}
		}
		if codes[i], err = s.double.code(ctx, phone); err != nil {
			return "", err
		}
	}
	for i := range held {
		if held[i], err = s.lapsed(ctx, held[i]); err != nil {
			return "", err
		}
		if held[i].CodeState == "expired" {
			return "", &cannot{"codes end with their holds"}
		}
	}
	if a, err := s.ask(ctx, taken, s.phones.fresh()); err != nil || a.status != http.StatusCreated {
		return "", or(err, fmt.Sprintf("a lapsed hold's time: %v, want 201", a))
	}
	a, err := s.verify(ctx, held[0].ID, codes[0])
	if err != nil {
		return "", err
	}
	if read[bookingView](a).State != "confirmed" {
		return "", fmt.Errorf("the right code while the time was free: %v, want 200 confirmed", a)
	}
	if a, err = s.verify(ctx, held[1].ID, codes[1]); err != nil {
		return "", err
	}
	n := len(read[problemView](a).Alternatives)
	if !a.is(http.StatusConflict, "hold-expired") || n == 0 {
		return "", fmt.Errorf("the right code when another had the time: %v with %d alternatives, want 409 hold-expired", a, n)
	}
	return fmt.Sprintf("free: 200 confirmed; taken by another: 409 hold-expired with %d alternatives", n), nil
}

func lateCode(ctx context.Context, s *system) (string, error) {
	b, _, code, err := s.held(ctx)
	if err != nil {
		return "", err
	}
	made := time.Now()
	if b, err = s.lapsed(ctx, b); err != nil {
		return "", err
	}
	// A code is told to live a little longer than a hold; how long is not to be seen before its end.
	err = until(ctx, shortHold, "the end of a code", func() (bool, error) {
		b, err = s.booking(ctx, b.ID)
		return b.CodeState == "expired", err
	})
	if err != nil {
		return "", &cannot{fmt.Sprintf("codes live longer than %v", time.Since(made).Round(time.Second))}
	}
	a, err := s.verify(ctx, b.ID, code)
	if err == nil && !a.is(http.StatusConflict, "code-expired") {
		err = fmt.Errorf("the right code after its end: %v, want 409 code-expired", a)
	}
	return fmt.Sprintf("the right code after %v: 409 code-expired", time.Since(made).Round(time.Second)), err
}
