package validate

import (
	"context"
	"fmt"
	"net/http"
	"sync"
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
	var wg sync.WaitGroup
	for i := range s.crowd {
		wg.Go(func() { answers[i], failed[i] = s.ask(ctx, wanted.Start, s.phones.fresh()) })
	}
	wg.Wait()
	won, offered := 0, map[slot]bool{}
	for i, a := range answers {
		if failed[i] != nil {
			return "", failed[i]
		}
		if a.status == http.StatusCreated {
			won++
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
	return fmt.Sprintf("1 of %d won, %d told slot-taken, all %d alternatives could be booked", s.crowd, s.crowd-1, len(offered)), nil
}
