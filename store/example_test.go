package store_test

import (
	"errors"
	"fmt"
	"time"

	"holdfast/store"
	"holdfast/store/calendar"
)

func ExampleCheckSlot() {
	chair := store.Resource{Slug: "chair", TimeZone: "America/New_York", Seats: 1, DefaultMinutes: 30, Hours: calendar.Daily(8*60, 18*60)}
	offer := store.Offer{Resources: []store.Resource{chair}}
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, start := range []string{"2027-03-02T10:00", "2027-03-02T19:00"} {
		candidates, err := store.CheckSlot(offer, start, now)
		var refused *store.Refusal
		if errors.As(err, &refused) {
			fmt.Println(refused.Kind, "of", refused.Field)
			continue
		}
		fmt.Println(candidates[0].Resource.Slug, candidates[0].Span.Start.Format(time.RFC3339))
	}
	// Output:
	// chair 2027-03-02T10:00:00-05:00
	// outside-hours of start
}
