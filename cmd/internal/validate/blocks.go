package validate

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

var blockChecks = []check{
	{name: "block", promise: "blocked time is neither offered nor booked, until it is freed", run: blockedTime},
	{name: "block-conflict", promise: "a block over a booking is refused and names it", run: blockConflict},
}

type blockView struct {
	ID    string `json:"id"`
	Start string `json:"start"`
}

// askBlock asks for a block and keeps what it gets.
func (s *system) askBlock(ctx context.Context, start, end string) (answer, error) {
	a, err := s.write(ctx, http.MethodPost, s.api.route("/blocks"), map[string]any{"resource": s.Resource, "start": start, "end": end})
	if err == nil && a.status == http.StatusCreated {
		s.keepBlock(read[blockView](a).ID)
	}
	return a, err
}

// block blocks time that is free.
func (s *system) block(ctx context.Context, start, end string) (blockView, error) {
	a, err := s.askBlock(ctx, start, end)
	if err == nil && a.status != http.StatusCreated {
		err = fmt.Errorf("a block of free time: %v, want 201", a)
	}
	return read[blockView](a), err
}

func blockedTime(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 3)
	if err != nil {
		return "", err
	}
	b, err := s.block(ctx, day[0].Start, day[1].End)
	if err != nil {
		return "", err
	}
	for i, f := range day[:3] {
		offered, err := s.offered(ctx, f.Start)
		if err != nil || offered != (i == 2) {
			return "", or(err, fmt.Sprintf("start %d of 3 with the first 2 blocked: offered %t", i+1, offered))
		}
	}
	a, err := s.ask(ctx, day[0].Start, s.phones.fresh())
	if err != nil || !a.is(http.StatusConflict, "slot-taken") {
		return "", or(err, fmt.Sprintf("blocked time was asked for: %v, want 409 slot-taken", a))
	}
	freed, err := s.write(ctx, http.MethodDelete, s.api.route("/blocks/"+b.ID), nil)
	if err != nil || freed.status != http.StatusOK {
		return "", or(err, fmt.Sprintf("freed: %v", freed))
	}
	if offered, err := s.offered(ctx, day[0].Start); err != nil || !offered {
		return "", or(err, "freed time is not offered")
	}
	if _, err := s.hold(ctx, day[0].Start, s.phones.fresh()); err != nil {
		return "", fmt.Errorf("freed time: %w", err)
	}
	return "2 starts blocked: not offered, 409 slot-taken; freed: offered and booked", nil
}

func blockConflict(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 2)
	if err != nil {
		return "", err
	}
	b, err := s.hold(ctx, day[1].Start, s.phones.fresh())
	if err != nil {
		return "", err
	}
	a, err := s.askBlock(ctx, day[0].Start, day[1].End)
	if err != nil {
		return "", err
	}
	if !a.is(http.StatusConflict, "block-conflicts") || !slices.Contains(read[problemView](a).Bookings, b.ID) {
		return "", fmt.Errorf("a block over a booking: %v, want 409 block-conflicts that names it", a)
	}
	if offered, err := s.offered(ctx, day[0].Start); err != nil || !offered {
		return "", or(err, "a refused block took time all the same")
	}
	return "409 block-conflicts with the booking's id; the free half is still offered", nil
}
