package validate

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

var contentionChecks = []check{{
	name: "contention", promise: "of many who want one slot exactly one gets it, and the others get alternatives that can be booked",
	alone: true, run: contention,
}}

func contention(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 6)
	if err != nil {
		return "", err
	}
	wanted := day[len(day)/2]
	answers := make([]answer, s.crowd)
	failed := make([]error, s.crowd)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range s.crowd {
		wg.Go(func() { answers[i], failed[i] = s.ask(ctx, wanted.Start, s.phones.fresh()) })
	}
	wg.Wait()
	took := time.Since(start)
	won, offered, lasts := 0, map[slot]bool{}, time.Duration(0)
	for i, a := range answers {
		if failed[i] != nil {
			return "", failed[i]
		}
		if a.status == http.StatusCreated {
			b := read[bookingView](a)
			won, lasts = won+1, b.HoldExpiresAt.Sub(b.CreatedAt)
			continue
		}
		if !a.is(http.StatusConflict, "slot-taken") {
			return "", fmt.Errorf("one of %d was told %v", s.crowd, a)
		}
		free := read[problemView](a).Alternatives
		if len(free) == 0 {
			return "", fmt.Errorf("one of %d was told slot-taken without alternatives", s.crowd)
		}
		for _, f := range free {
			offered[f] = true
		}
	}
	if won > 1 && took > lasts { // one after the other's end, perhaps
		return "", &cannot{fmt.Sprintf("%d took longer than a hold lasts", s.crowd)}
	}
	if won != 1 {
		return "", fmt.Errorf("%d of %d got the same slot", won, s.crowd)
	}
	for f := range offered {
		a, err := s.ask(ctx, f.Start, s.phones.fresh())
		if err != nil {
			return "", err
		}
		if a.status != http.StatusCreated {
			return "", fmt.Errorf("1 of %d won, but one of %d alternatives could not be booked: %v", s.crowd, len(offered), a)
		}
	}
	evidence := fmt.Sprintf("1 of %d won, %d told slot-taken, all %d alternatives could be booked", s.crowd, s.crowd-1, len(offered))
	if n := s.busy.Load(); n > 0 {
		evidence += fmt.Sprintf("; %d were told 503 first, and came again", n)
	}
	return evidence, nil
}
