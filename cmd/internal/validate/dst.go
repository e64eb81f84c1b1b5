package validate

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

var dstChecks = []check{
	{name: "dst-skipped", promise: "a local time that the clocks skip is refused", run: dstSkipped},
	{name: "dst-twice", promise: "a local time that occurs twice means its first occurrence", run: dstTwice},
	{name: "dst-day", promise: "on a day when the clocks change only times that exist are offered, and can be booked", run: dstDay},
}

// change is a moment at which a zone's clocks are set.
type change struct {
	at time.Time // the first moment with the new offset
	by time.Duration
}

// horizon is as far as bookings may be made, less a margin.
const horizon = 700 * 24 * time.Hour

// next finds the next change of a zone, forward or back, that a booking can be made for.
func next(zone *time.Location, forward bool) (change, error) {
	now := time.Now().In(zone)
	for at := now; ; {
		_, end := at.ZoneBounds()
		if end.IsZero() || end.Sub(now) > horizon {
			return change{}, &cannot{fmt.Sprintf("the clocks of %s do not change within two years", zone)}
		}
		_, before := end.Add(-time.Second).Zone()
		_, after := end.Zone()
		c := change{at: end, by: time.Duration(after-before) * time.Second}
		if c.by != 0 && (c.by > 0) == forward && end.Sub(now) > 48*time.Hour {
			return c, nil
		}
		at = end
	}
}

const localTime = "2006-01-02T15:04"

// skipped is a local time in the middle of what the clocks skip.
func (c change) skipped() string {
	return c.at.Add(c.by / 2).In(fixed(c.at.Add(-time.Second))).Format(localTime)
}

// twice is a local time in the middle of what occurs twice, and the first moment at which it does.
func (c change) twice() (local string, first time.Time) {
	first = c.at.Add(c.by / 2) // by is negative
	return first.Format(localTime), first
}

// fixed is the offset of a moment, for good.
func fixed(t time.Time) *time.Location {
	name, offset := t.Zone()
	return time.FixedZone(name, offset)
}

func dstSkipped(ctx context.Context, s *system) (string, error) {
	zone, err := s.calendar.where(ctx)
	if err != nil {
		return "", err
	}
	c, err := next(zone, true)
	if err != nil {
		return "", err
	}
	a, err := s.ask(ctx, c.skipped(), s.phones.fresh())
	if err != nil {
		return "", err
	}
	if field := read[problemView](a).Field; !a.is(http.StatusUnprocessableEntity, "time-does-not-exist") || field != "start" {
		return "", fmt.Errorf("%s in %s, which is skipped: %v, field %q; want 422 time-does-not-exist, field \"start\"", c.skipped(), zone, a, field)
	}
	return fmt.Sprintf("%s in %s: 422 time-does-not-exist", c.skipped(), zone), nil
}

// dstTwice asks by a block, which need not lie in opening hours.
func dstTwice(ctx context.Context, s *system) (string, error) {
	zone, err := s.calendar.where(ctx)
	if err != nil {
		return "", err
	}
	c, err := next(zone, false)
	if err != nil {
		return "", err
	}
	local, first := c.twice()
	b, err := s.block(ctx, local, c.at.Add(-c.by).Format(localTime))
	if err != nil {
		return "", err
	}
	got, err := time.Parse(time.RFC3339, b.Start)
	if err == nil && !got.Equal(first) {
		err = fmt.Errorf("%s in %s, which occurs twice, was read as %s, want %s", local, zone, b.Start, first.Format(time.RFC3339))
	}
	return fmt.Sprintf("%s in %s is %s", local, zone, b.Start), err
}

func dstDay(ctx context.Context, s *system) (string, error) {
	zone, err := s.calendar.where(ctx)
	if err != nil {
		return "", err
	}
	evidence := ""
	for _, forward := range []bool{true, false} {
		c, err := next(zone, forward)
		if err != nil {
			return "", err
		}
		date := c.at.Format(time.DateOnly)
		o, err := s.calendar.openings(ctx, date, c.at.AddDate(0, 0, 1).Format(time.DateOnly))
		if err != nil {
			return "", err
		}
		if len(o.Slots) == 0 {
			return "", &cannot{"nothing is free on " + date}
		}
		for _, f := range o.Slots {
			// What a clock in the zone shows at that moment must be what was written, offset included.
			at, err := time.Parse(time.RFC3339, f.Start)
			if err != nil || at.In(zone).Format(time.RFC3339) != f.Start {
				return "", fmt.Errorf("%s offers %s, which is no time in %s", date, f.Start, zone)
			}
		}
		if _, err := s.hold(ctx, o.Slots[0].Start, s.phones.fresh()); err != nil {
			return "", fmt.Errorf("%s, the first that %s offers: %w", o.Slots[0].Start, date, err)
		}
		if evidence != "" {
			evidence += "; "
		}
		evidence += fmt.Sprintf("%s: %d starts, all exist, %s could be booked", date, len(o.Slots), o.Slots[0].Start)
	}
	return evidence, nil
}
