package calendar_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/store/calendar"
)

// drawCalendar draws opening hours, sizes and a zone; the steps are minutes that do not divide each other.
func drawCalendar(t *rapid.T) calendar.Calendar {
	l, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	minutes := func(name string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Minute
	}
	return calendar.Calendar{
		Zone: l, Seats: rapid.IntRange(1, 3).Draw(t, "seats"), Length: minutes("length", 1, 200),
		Before: minutes("before", 0, 40), After: minutes("after", 0, 40),
		Hours: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) calendar.Hours {
			// On a coarse grid too, so that hours touch and nearly touch.
			opens := rapid.OneOf(rapid.Just(0), rapid.Map(rapid.IntRange(0, 143), func(n int) int { return n * 10 }), rapid.IntRange(0, 1439)).Draw(t, "opens")
			return calendar.Hours{Weekday: rapid.IntRange(0, 6).Draw(t, "weekday"), Opens: opens,
				Closes: rapid.OneOf(rapid.Just(1440), rapid.Just(opens/10*10+10), rapid.IntRange(opens+1, 1440)).Draw(t, "closes")}
		}), 0, 14).Draw(t, "hours"),
	}
}

func drawBusy(t *rapid.T, c calendar.Calendar, from time.Time) []calendar.Busy {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) calendar.Busy {
		start := from.Add(time.Duration(rapid.IntRange(-1440, 5*1440).Draw(t, "start")) * time.Minute)
		return calendar.Busy{Seat: rapid.IntRange(0, c.Seats).Draw(t, "seat"), Span: calendar.Span{Start: start,
			End: start.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "for")) * time.Minute)}}
	}), 0, 8).Draw(t, "busy")
}

// freeLanes counts, minute by minute and seat by seat, what is free for an appointment and its buffers.
func freeLanes(c calendar.Calendar, s calendar.Span, busy []calendar.Busy) (free int) {
	for seat := range c.Seats {
		taken := false
		for at := s.Start.Add(-c.Before); at.Before(s.End.Add(c.After)); at = at.Add(time.Minute) {
			for _, b := range busy {
				taken = taken || b.Seat == seat && !at.Before(b.Start) && at.Before(b.End)
			}
		}
		if !taken {
			free++
		}
	}
	return free
}

// wallOpen says, by the clock on the wall alone, whether a minute lies in the opening hours.
func wallOpen(c calendar.Calendar, at time.Time) bool {
	at = at.In(c.Zone)
	minute := at.Hour()*60 + at.Minute()
	return slices.ContainsFunc(c.Hours, func(h calendar.Hours) bool {
		return h.Weekday == int(at.Weekday()) && h.Opens <= minute && minute < h.Closes
	})
}

// settled says that no clock changes near the span: there, what the wall shows decides alone.
func settled(c calendar.Calendar, s calendar.Span) bool {
	_, a := s.Start.Add(-4 * time.Hour).In(c.Zone).Zone()
	_, b := s.End.Add(4 * time.Hour).In(c.Zone).Zone()
	return a == b
}

// TestSlotsHold holds drawn calendars against what slots promise: they come in order, inside the range and the hours,
// clear of what is taken, with the seats that are free; and all of them can be taken together.
func TestSlotsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		from := aroundChange(t, c.Zone).Add(-time.Duration(rapid.IntRange(0, 2*1440).Draw(t, "lead")) * time.Minute)
		to := from.Add(time.Duration(rapid.IntRange(0, 3*1440).Draw(t, "span")) * time.Minute)
		busy := drawBusy(t, c, from)
		slots := c.Slots(from, to, busy)
		if !slices.IsSortedFunc(slots, func(a, b calendar.Slot) int { return a.Start.Compare(b.Start) }) {
			t.Fatalf("not in order: %v", slots)
		}
		booked := slices.Clone(busy)
		for _, s := range slots {
			if s.Start.Before(from) || !s.Start.Before(to) || s.End.Sub(s.Start) != c.Length {
				t.Fatalf("%v is not in the range, or too long", s)
			}
			if !c.IsOpen(s.Span) {
				t.Fatalf("%v: closed", s)
			}
			for at := s.Start; at.Before(s.End) && settled(c, s.Span); at = at.Add(time.Minute) {
				if !wallOpen(c, at) {
					t.Fatalf("%v: closed at %v", s, at.In(c.Zone))
				}
			}
			if n := freeLanes(c, s.Span, busy); s.Seats != n || n < 1 {
				t.Fatalf("%v: %d lanes are free", s, n)
			}
			// Take it in the first lane that is free, with all those before it taken.
			lane := -1
			for seat := range c.Seats {
				if !slices.ContainsFunc(booked, func(b calendar.Busy) bool { return b.Seat == seat && b.Overlaps(c.Reserve(s.Span)) }) {
					lane = seat
					break
				}
			}
			if lane < 0 {
				t.Fatalf("%v cannot be taken beside those before it: %v", s, booked)
			}
			booked = append(booked, calendar.Busy{Seat: lane, Span: c.Reserve(s.Span)})
		}
	})
}

// TestIsOpenByTheWall: where no clock changes, a span is open just when each of its minutes is.
func TestIsOpenByTheWall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		start := aroundChange(t, c.Zone).Add(time.Duration(rapid.IntRange(-3000, 3000).Draw(t, "at")) * time.Minute)
		s := calendar.Span{Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 1600).Draw(t, "for")) * time.Minute)}
		if !settled(c, s) {
			return
		}
		want := true
		for at := s.Start; at.Before(s.End); at = at.Add(time.Minute) {
			want = want && wallOpen(c, at)
		}
		if got := c.IsOpen(s); got != want {
			t.Fatalf("%v: open %v, by the wall %v", s, got, want)
		}
	})
}

// An empty calendar offers as much as its hours hold: none is left out without a reason.
func TestSlotsLeaveNothingOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		c.Zone = time.UTC
		slices.SortFunc(c.Hours, func(a, b calendar.Hours) int { return cmp.Compare(a.Opens, b.Opens) })
		c.Hours = c.Hours[:min(1, len(c.Hours))]
		from := time.Date(2027, 6, 6, 0, 0, 0, 0, time.UTC) // a Sunday
		want := 0
		for _, h := range c.Hours {
			step, open := c.Length+c.Before+c.After, time.Duration(h.Closes-h.Opens)*time.Minute
			if open >= c.Length {
				want = int((open-c.Length)/step) + 1
			}
		}
		if got := len(c.Slots(from, from.AddDate(0, 0, 7), nil)); got != want {
			t.Fatalf("%d slots a week, want %d", got, want)
		}
	})
}
