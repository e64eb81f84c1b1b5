package calendar_test

import (
	"testing"
	"time"

	"holdfast/store/calendar"
)

// Quiet hours are those of a local clock, over midnight, and on days when clocks change.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	night, noon, early := calendar.QuietHours{From: 21, To: 8}, calendar.QuietHours{From: 12, To: 14}, calendar.QuietHours{From: 22, To: 2}
	midnight := calendar.QuietHours{From: 20, To: 0}
	for _, c := range []struct {
		q         calendar.QuietHours
		zone, now string
		end, next string // end "" = not quiet
	}{
		{night, "America/New_York", "2026-11-24T20:59:59", "", "2026-11-24T21:00:00-05:00"},
		{night, "America/New_York", "2026-11-24T21:00:00", "2026-11-25T08:00:00-05:00", "2026-11-25T21:00:00-05:00"},
		{night, "America/New_York", "2026-11-24T03:00:00", "2026-11-24T08:00:00-05:00", "2026-11-24T21:00:00-05:00"},
		{night, "America/New_York", "2026-11-24T08:00:00", "", "2026-11-24T21:00:00-05:00"},
		{night, "Europe/Madrid", "2026-12-31T23:30:00", "2027-01-01T08:00:00+01:00", "2027-01-01T21:00:00+01:00"},
		{noon, "America/New_York", "2026-11-24T13:59:00", "2026-11-24T14:00:00-05:00", "2026-11-25T12:00:00-05:00"},
		{noon, "America/New_York", "2026-11-24T11:00:00", "", "2026-11-24T12:00:00-05:00"},
		{noon, "America/New_York", "2026-11-24T14:00:00", "", "2026-11-25T12:00:00-05:00"},
		{calendar.QuietHours{}, "America/New_York", "2026-11-24T03:00:00", "", ""},
		// An hour shorter, an hour longer.
		{night, "America/New_York", "2026-03-07T21:00:00", "2026-03-08T08:00:00-04:00", "2026-03-08T21:00:00-04:00"},
		{night, "America/New_York", "2026-10-31T21:00:00", "2026-11-01T08:00:00-05:00", "2026-11-01T21:00:00-05:00"},
		// Their end is an hour that does not exist.
		{early, "America/New_York", "2026-03-08T01:30:00", "2026-03-08T03:00:00-04:00", "2026-03-08T22:00:00-04:00"},
		{midnight, "America/Santiago", "2026-09-05T22:00:00", "2026-09-06T01:00:00-03:00", "2026-09-06T20:00:00-03:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.ParseInLocation("2006-01-02T15:04:05", c.now, zone)
		if err != nil {
			t.Fatal(err)
		}
		show := func(at time.Time, ok bool) string {
			if !ok {
				return ""
			}
			return at.Format(time.RFC3339)
		}
		if got := show(c.q.Until(now)); got != c.end {
			t.Errorf("%v at %s in %s end %q, want %q", c.q, c.now, c.zone, got, c.end)
		}
		if next := c.q.Next(now); show(next, !next.IsZero()) != c.next {
			t.Errorf("%v after %s in %s begin %v, want %q", c.q, c.now, c.zone, next, c.next)
		}
	}
}
