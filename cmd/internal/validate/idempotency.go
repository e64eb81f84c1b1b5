package validate

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/google/uuid"
)

var idempotencyChecks = []check{{
	name: "idempotency", promise: "an Idempotency-Key stands for one request, however often and however fast it is sent",
	run: idempotency,
}}

// repeats is how many times the same request is sent at once.
const repeats = 8

func idempotency(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 2)
	if err != nil {
		return "", err
	}
	phone, key := s.phones.fresh(), []string{"Idempotency-Key", uuid.NewString()}
	answers := make([]answer, repeats)
	failed := make([]error, repeats)
	var wg sync.WaitGroup
	for i := range repeats {
		wg.Go(func() { answers[i], failed[i] = s.ask(ctx, day[0].Start, phone, key...) })
	}
	wg.Wait()
	id := read[bookingView](answers[0]).ID
	for i, a := range answers {
		if failed[i] != nil {
			return "", failed[i]
		}
		if got := read[bookingView](a); a.status != http.StatusCreated || got.ID != id {
			return "", fmt.Errorf("of %d at once with one key, one was told %v, another booking: %t", repeats, a, got.ID != id)
		}
	}
	again, err := s.ask(ctx, day[0].Start, phone, key...)
	if err != nil {
		return "", err
	}
	if again.header.Get("Idempotency-Replayed") != "true" || read[bookingView](again).ID != id {
		return "", fmt.Errorf("later with the same key: %v, Idempotency-Replayed %q", again, again.header.Get("Idempotency-Replayed"))
	}
	other, err := s.ask(ctx, day[1].Start, phone, key...)
	if err != nil {
		return "", err
	}
	if !other.is(http.StatusUnprocessableEntity, "key-reused") {
		return "", fmt.Errorf("the same key with another body: %v, want 422 key-reused", other)
	}
	evidence := fmt.Sprintf("%d at once and 1 later got one booking, the last as a replay; another body 422", repeats)
	if s.double == nil {
		return evidence, nil
	}
	texts, err := s.double.count(ctx, phone, 1)
	if err == nil && len(texts) != 1 {
		err = fmt.Errorf("%d code texts for one booking", len(texts))
	}
	return evidence + "; 1 text", err
}
