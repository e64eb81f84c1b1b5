package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/calendar"
)

func (w *world) offer(resource, service string, minutes int) (o store.Offer, err error) {
	err = w.once(func(tx *store.Tx) (err error) {
		o, err = store.FindOffer(w.t.Context(), tx, resource, service, minutes)
		return err
	})
	return o, err
}

func TestFindOffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := store.CreateService(t.Context(), w.Owner, w.org.ID, uuid.New(), "polish", "Polish", 45, w.org.Table); err != nil {
		t.Fatal(err)
	}
	w.admin("UPDATE service SET buffer_after = 0 WHERE slug = 'polish'")
	for _, c := range []struct {
		resource, service string
		minutes           int
		want              string // resources with length and buffers; or the refusal's kind and field
	}{
		{"chair", "", 0, "[chair 30 0 0]"},
		{w.org.Chair.String(), "", 20, "[chair 20 0 0]"},
		{"", "cleaning", 0, "[chair 30 0 0 table 30 5 10]"},
		{"", w.org.Cleaning.String(), 60, "[chair 60 0 0 table 60 5 10]"},
		{"table", "cleaning", 0, "[table 30 5 10]"},
		{"", "polish", 0, "[table 45 5 0]"},
		{"chair", "polish", 0, "unknown-resource resource"},
		{"", "", 0, "missing-field resource"},
		{"nobody", "", 0, "unknown-resource resource"},
		{uuid.NewString(), "", 0, "unknown-resource resource"},
		{"", "nothing", 0, "unknown-service service"},
		{"chair", "nothing", 0, "unknown-service service"},
	} {
		o, err := w.offer(c.resource, c.service, c.minutes)
		parts := []string{}
		for _, r := range o.Resources {
			cal := o.Calendar(r)
			parts = append(parts, fmt.Sprintf("%s %.0f %.0f %.0f", r.Slug, cal.Length.Minutes(), cal.Before.Minutes(), cal.After.Minutes()))
		}
		got := fmt.Sprint(parts)
		var refused *store.Refusal
		if errors.As(err, &refused) {
			got = refused.Kind + " " + refused.Field
		} else if err != nil {
			t.Error(err)
		}
		if got != c.want {
			t.Errorf("%q %q %d: %s, want %s", c.resource, c.service, c.minutes, got, c.want)
		}
	}
	w.admin("UPDATE resource SET active = false WHERE slug = 'chair'")
	if _, err := w.offer("chair", "", 0); err == nil {
		t.Error("an inactive resource is offered")
	}
	w.in(func(tx *store.Tx) error {
		_, ok, err := store.TakeHold(t.Context(), tx, w.org.Chair, uuid.New(), at(10, 0), time.Minute)
		if ok {
			t.Error("an inactive resource can be held")
		}
		return err
	})
}

func TestCheckSlot(t *testing.T) {
	t.Parallel()
	o := store.Offer{Resources: []store.Resource{
		{Slug: "ny", TimeZone: "America/New_York", Seats: 1, DefaultMinutes: 30, Hours: calendar.Daily(480, 1080)},
		{Slug: "la", TimeZone: "America/Los_Angeles", Seats: 1, DefaultMinutes: 60, Hours: calendar.Daily(480, 1080)},
	}}
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	for start, want := range map[string]string{
		"2027-03-01T08:00:00-08:00": "[ny 11:00-11:30 la 08:00-09:00]",
		"2027-03-01T08:00:00-05:00": "[ny 08:00-08:30]",                // 5:00 in Los Angeles
		"2027-03-01T08:00":          "[ny 08:00-08:30 la 08:00-09:00]", // local to each
		"2027-03-01T17:30":          "[ny 17:30-18:00]",                // an hour does not fit any more
		"2027-03-01T17:31":          "outside-hours start",
		"2027-03-01T07:59":          "outside-hours start",
		"2027-03-01T12:00:00Z":      "start-in-past start",
		"2029-03-02T12:00:00Z":      "start-too-far start",
		"2027-03-14T02:30":          "time-does-not-exist start",
		"next week":                 "invalid-start start",
	} {
		candidates, err := store.CheckSlot(o, start, now)
		parts := []string{}
		for _, c := range candidates {
			parts = append(parts, c.Resource.Slug+" "+c.Span.Start.Format("15:04")+"-"+c.Span.End.Format("15:04"))
		}
		got := fmt.Sprint(parts)
		var refused *store.Refusal
		if errors.As(err, &refused) {
			got = refused.Kind + " " + refused.Field
		}
		if got != want {
			t.Errorf("%s: %s, want %s", start, got, want)
		}
	}
}

// All that is listed, as openings or as alternatives, can really be booked: every one, one after the other, in as many
// seats as it says.
func TestWhatIsListedCanBeBooked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := day.Add(-time.Hour)
	w.book(wish{Resource: w.org.Chair, Span: at(10, 0)})
	w.book(wish{Resource: w.org.Table, Span: at(9, 10), Before: 5 * time.Minute, After: 10 * time.Minute})
	w.book(lapsed(w.org.Chair, at(12, 0)))
	w.in(func(tx *store.Tx) error { _, err := w.block(tx, w.org.Table, at(14, 0)); return err })
	o, err := w.offer("", "cleaning", 0)
	if err != nil {
		t.Fatal(err)
	}
	var alternatives []store.Opening
	w.in(func(tx *store.Tx) (err error) {
		alternatives, err = store.Alternatives(t.Context(), tx, o, at(10, 0).Start, now, 5)
		return err
	})
	var got []string
	for _, a := range alternatives {
		got = append(got, a.Resource.Slug+" "+a.Start.Format("15:04"))
	}
	// The nearest five to 10:00, by time; the table's grid steps by 45 minutes, and one of its lanes is taken at 9:10.
	if want := []string{"chair 09:00", "chair 09:30", "table 09:30", "table 10:15", "chair 10:30"}; !slices.Equal(got, want) {
		t.Errorf("alternatives: %v, want %v", got, want)
	}
	var all []store.Opening
	w.in(func(tx *store.Tx) (err error) {
		all, err = store.Openings(t.Context(), tx, o, calendar.Span{Start: day, End: day.AddDate(0, 0, 1)})
		return err
	})
	if len(all) < 25 {
		t.Errorf("only %d openings", len(all))
	}
	if !slices.ContainsFunc(all, func(a store.Opening) bool { return a.Resource.Slug == "chair" && a.Start.Equal(at(12, 0).Start) }) {
		t.Error("the time of a lapsed hold is not offered")
	}
	book := func(a store.Opening) (ok bool) {
		cal := o.Calendar(a.Resource)
		w.in(func(tx *store.Tx) (err error) {
			_, ok, err = w.take(t.Context(), tx, wish{Resource: a.Resource.ID, Span: a.Span, Before: cal.Before, After: cal.After})
			return err
		})
		return ok
	}
	left := make(map[string]int)
	for _, a := range all {
		left[a.Resource.Slug+a.Start.String()] = a.Seats
	}
	for _, a := range slices.Concat(alternatives, all) {
		key := a.Resource.Slug + a.Start.String()
		if left[key] == 0 {
			continue // the last seat went as an alternative
		}
		left[key]--
		if !book(a) {
			t.Errorf("listed and not to be had: %s %v", a.Resource.Slug, a.Start)
		}
	}
	for _, a := range all { // then the other seats
		for ; left[a.Resource.Slug+a.Start.String()] > 0; left[a.Resource.Slug+a.Start.String()]-- {
			if !book(a) {
				t.Errorf("listed with %d seats and not to be had: %s %v", a.Seats, a.Resource.Slug, a.Start)
			}
		}
		if book(a) {
			t.Errorf("more than the %d seats listed: %s %v", a.Seats, a.Resource.Slug, a.Start)
		}
	}
	w.in(func(tx *store.Tx) error {
		none, err := store.Openings(t.Context(), tx, o, calendar.Span{Start: day, End: day.AddDate(0, 0, 1)})
		if len(none) > 0 {
			t.Errorf("after all are booked %d are open", len(none))
		}
		return err
	})
	if n := w.doubles(); n > 0 {
		t.Errorf("%d double bookings", n)
	}
}

// Where the day is full, alternatives come from other days, the nearest first, and never from the past.
func TestAlternativesLookFurther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o, err := w.offer("chair", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	block := func(from, to time.Time) {
		w.in(func(tx *store.Tx) error {
			ok, err := w.block(tx, w.org.Chair, calendar.Span{Start: from, End: to})
			if !ok {
				t.Errorf("%v cannot be blocked", from)
			}
			return err
		})
	}
	find := func(now time.Time) (got []string) {
		w.in(func(tx *store.Tx) error {
			list, err := store.Alternatives(t.Context(), tx, o, at(10, 0).Start, now, 3)
			for _, a := range list {
				got = append(got, a.Start.In(newYork()).Format("2 Jan 15:04"))
			}
			return err
		})
		return got
	}
	long := day.AddDate(0, 0, -60)
	block(at(8, 0).Start, at(17, 0).Start)
	if got, want := find(long), []string{"5 Mar 17:00", "5 Mar 17:30", "4 Mar 17:30"}; !sameSet(got, want) {
		t.Errorf("later that day, and the day before: %v", got)
	}
	block(at(17, 0).Start, at(18, 0).Start)
	if got, want := find(day), []string{"6 Mar 08:00", "6 Mar 08:30", "6 Mar 09:00"}; !slices.Equal(got, want) {
		t.Errorf("the next day: %v", got)
	}
	block(day.AddDate(0, 0, -10), day)
	block(day.AddDate(0, 0, 1), day.AddDate(0, 0, 12))
	if got, want := find(day), []string{"17 Mar 08:00", "17 Mar 08:30", "17 Mar 09:00"}; !slices.Equal(got, want) {
		t.Errorf("in twelve days: %v", got)
	}
	block(day.AddDate(0, 0, 12), day.AddDate(0, 0, 40))
	if got := find(day); len(got) > 0 {
		t.Errorf("for weeks there is nothing: %v", got)
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestLeastBusyFirst(t *testing.T) {
	t.Parallel()
	a, b := store.Candidate{Resource: store.Resource{ID: uuid.New()}}, store.Candidate{Resource: store.Resource{ID: uuid.New()}}
	busy := map[uuid.UUID][]calendar.Busy{a.Resource.ID: make([]calendar.Busy, 2), b.Resource.ID: make([]calendar.Busy, 1)}
	if got := store.LeastBusy([]store.Candidate{a, b}, busy); got[0].Resource.ID != b.Resource.ID {
		t.Error("the busier comes first")
	}
	if got := store.LeastBusy([]store.Candidate{b, a}, nil); got[0].Resource.ID != b.Resource.ID {
		t.Error("equals change places")
	}
}
