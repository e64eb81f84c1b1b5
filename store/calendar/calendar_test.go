package calendar_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast/store/calendar"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const minute = "2006-01-02 15:04 -0700"

// starts lists what Slots gives for one local day, as local times with their offsets.
func starts(t *testing.T, c calendar.Calendar, day string) (got []string) {
	t.Helper()
	noon, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Slots(noon.Add(-36*time.Hour), noon.Add(60*time.Hour), nil) {
		if start := s.Start.In(c.Zone); start.Format(time.DateOnly) == day {
			got = append(got, start.Format("15:04-0700"))
		}
	}
	return got
}

// TestChangeOfClocks: an hour is 60 minutes also on the days when the clocks change, slots keep to what the clock on
// the wall shows of the opening hours, and what the clocks skip is not offered.
func TestChangeOfClocks(t *testing.T) {
	for _, c := range []struct {
		zone, day     string
		opens, closes int // minutes of the day
		want          []string
	}{
		// Spring: 2:00-3:00 does not exist.
		{"America/New_York", "2027-03-14", 0, 300, []string{"00:00-0500", "01:00-0500", "03:00-0400", "04:00-0400"}},
		{"America/New_York", "2027-03-14", 120, 300, []string{"03:00-0400", "04:00-0400"}},
		{"America/New_York", "2027-03-14", 0, 150, []string{"00:00-0500", "01:00-0500"}},
		{"America/New_York", "2027-03-14", 120, 180, nil},
		{"Europe/Berlin", "2027-03-28", 0, 300, []string{"00:00+0100", "01:00+0100", "03:00+0200", "04:00+0200"}},
		{"Europe/Berlin", "2027-03-28", 150, 300, []string{"03:00+0200", "04:00+0200"}},
		{"Europe/Berlin", "2027-03-28", 0, 150, []string{"00:00+0100", "01:00+0100"}},
		// Autumn: 1:00-2:00 (Berlin 2:00-3:00) is there twice; hours begin and end at its first occurrence.
		{"America/New_York", "2027-11-07", 0, 240, []string{"00:00-0400", "01:00-0400", "01:00-0500", "02:00-0500", "03:00-0500"}},
		{"America/New_York", "2027-11-07", 60, 180, []string{"01:00-0400", "01:00-0500", "02:00-0500"}},
		{"America/New_York", "2027-11-07", 0, 90, []string{"00:00-0400"}},
		{"Europe/Berlin", "2027-10-31", 0, 240, []string{"00:00+0200", "01:00+0200", "02:00+0200", "02:00+0100", "03:00+0100"}},
		{"Europe/Berlin", "2027-10-31", 120, 240, []string{"02:00+0200", "02:00+0100", "03:00+0100"}},
		{"Europe/Berlin", "2027-10-31", 60, 150, []string{"01:00+0200"}},
		// Lord Howe moves by half an hour.
		{"Australia/Lord_Howe", "2027-10-03", 60, 240, []string{"01:00+1030", "02:30+1100"}},
		{"Australia/Lord_Howe", "2027-10-03", 120, 240, []string{"02:30+1100"}},
		{"Australia/Lord_Howe", "2027-04-04", 60, 180, []string{"01:00+1100", "01:30+1030"}},
		// Santiago and Beirut skip midnight itself.
		{"America/Santiago", "2027-09-05", 0, 180, []string{"01:00-0300", "02:00-0300"}},
		{"Asia/Beirut", "2027-03-28", 0, 180, []string{"01:00+0300", "02:00+0300"}},
		// Apia skipped 30 December 2011, a Friday.
		{"Pacific/Apia", "2011-12-29", 480, 600, []string{"08:00-1000", "09:00-1000"}},
		{"Pacific/Apia", "2011-12-31", 480, 600, []string{"08:00+1400", "09:00+1400"}},
		{"Pacific/Apia", "2027-03-28", 480, 600, []string{"08:00+1300", "09:00+1300"}},
	} {
		cal := calendar.Calendar{Zone: zone(t, c.zone), Hours: calendar.Daily(c.opens, c.closes), Seats: 1, Length: time.Hour}
		if got := starts(t, cal, c.day); !slices.Equal(got, c.want) {
			t.Errorf("%s %s, %d-%d: %v, want %v", c.zone, c.day, c.opens, c.closes, got, c.want)
		}
	}
}

// The day that Apia skipped lends its hours to no other.
func TestSkippedDay(t *testing.T) {
	apia := zone(t, "Pacific/Apia")
	cal := calendar.Calendar{Zone: apia, Hours: []calendar.Hours{{Weekday: 5, Opens: 480, Closes: 600}}, Seats: 1, Length: time.Hour}
	from := time.Date(2011, 12, 24, 0, 0, 0, 0, apia)
	var got []string
	for _, s := range cal.Slots(from, from.AddDate(0, 0, 14), nil) {
		got = append(got, s.Start.In(apia).Format("Mon 2006-01-02 15:04"))
	}
	if want := []string{"Fri 2012-01-06 08:00", "Fri 2012-01-06 09:00"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSlots(t *testing.T) {
	ny := zone(t, "America/New_York")
	at := func(h, m int) time.Time { return time.Date(2027, 6, 1, h, m, 0, 0, ny) } // a Tuesday
	busy := func(seat, h, m, minutes int) calendar.Busy {
		return calendar.Busy{Seat: seat, Span: calendar.Span{Start: at(h, m), End: at(h, m).Add(time.Duration(minutes) * time.Minute)}}
	}
	half := calendar.Calendar{Zone: ny, Hours: calendar.Daily(480, 600), Seats: 1, Length: 30 * time.Minute}
	with := func(f func(*calendar.Calendar)) calendar.Calendar { c := half; f(&c); return c }
	for _, c := range []struct {
		name string
		cal  calendar.Calendar
		busy []calendar.Busy
		want string
	}{
		{"free", half, nil, "[8:00 1 8:30 1 9:00 1 9:30 1]"},
		{"one busy", half, []calendar.Busy{busy(0, 8, 30, 30)}, "[8:00 1 9:00 1 9:30 1]"},
		{"busy by a minute", half, []calendar.Busy{busy(0, 8, 59, 1), busy(0, 10, 0, 60)}, "[8:00 1 9:00 1 9:30 1]"},
		{"closed", with(func(c *calendar.Calendar) { c.Hours = c.Hours[:2] }), nil, "[]"},
		{"too long", with(func(c *calendar.Calendar) { c.Length = 121 * time.Minute }), nil, "[]"},
		{"just fits", with(func(c *calendar.Calendar) { c.Length = 120 * time.Minute }), nil, "[8:00 1]"},
		{"buffers", with(func(c *calendar.Calendar) { c.Before, c.After = 5*time.Minute, 10*time.Minute }), nil, "[8:00 1 8:45 1 9:30 1]"},
		{"buffers meet a neighbour's", with(func(c *calendar.Calendar) { c.Before, c.After = 5*time.Minute, 10*time.Minute }),
			[]calendar.Busy{busy(0, 9, 10, 15)}, "[8:00 1 9:30 1]"},
		{"lanes", with(func(c *calendar.Calendar) { c.Seats = 3 }), []calendar.Busy{busy(0, 8, 0, 45), busy(2, 8, 40, 5), busy(1, 9, 0, 30), busy(7, 8, 0, 120)},
			"[8:00 2 8:30 1 9:00 2 9:30 3]"},
		// At no moment are both seats taken, but no lane is free for all of it.
		{"lanes are not capacity", with(func(c *calendar.Calendar) { c.Seats, c.Length = 2, 2*time.Hour }),
			[]calendar.Busy{busy(0, 8, 0, 30), busy(1, 9, 0, 30)}, "[]"},
		{"lunch", with(func(c *calendar.Calendar) {
			c.Hours = []calendar.Hours{{Weekday: 2, Opens: 540, Closes: 590}, {Weekday: 2, Opens: 480, Closes: 540}}
		}), nil, "[8:00 1 8:30 1 9:00 1]"},
		// The last before lunch keeps clear of the first after it, buffers included.
		{"touching hours with buffers", with(func(c *calendar.Calendar) {
			c.Before, c.After = 10*time.Minute, 10*time.Minute
			c.Hours = []calendar.Hours{{Weekday: 2, Opens: 480, Closes: 560}, {Weekday: 2, Opens: 560, Closes: 590}}
		}), nil, "[8:00 1 9:20 1]"},
		{"a break shorter than both buffers", with(func(c *calendar.Calendar) {
			c.Before, c.After = 10*time.Minute, 10*time.Minute
			c.Hours = []calendar.Hours{{Weekday: 2, Opens: 480, Closes: 560}, {Weekday: 2, Opens: 575, Closes: 605}}
		}), nil, "[8:00 1 9:35 1]"},
	} {
		got := []string{}
		for _, s := range c.cal.Slots(at(0, 0), at(24, 0), c.busy) {
			got = append(got, fmt.Sprint(s.Start.Format("3:04 "), s.Seats))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	// Only starts in [from, to), whatever their grid.
	var got []string
	for _, s := range half.Slots(at(8, 1), at(9, 30), nil) {
		got = append(got, s.Start.Format("3:04"))
	}
	if !slices.Equal(got, []string{"8:30", "9:00"}) {
		t.Errorf("in a part of the day: %v", got)
	}
}

func TestIsOpen(t *testing.T) {
	ny := zone(t, "America/New_York")
	at := func(day, h, m int) time.Time { return time.Date(2027, 6, day, h, m, 0, 0, ny) } // the 1st is a Tuesday
	day := calendar.Daily(480, 1080)
	night := []calendar.Hours{{Weekday: 2, Opens: 1200, Closes: 1440}, {Weekday: 3, Opens: 0, Closes: 120}, {Weekday: 3, Opens: 120, Closes: 180}}
	for _, c := range []struct {
		name     string
		hours    []calendar.Hours
		from, to time.Time
		want     bool
	}{
		{"inside", day, at(1, 8, 0), at(1, 18, 0), true},
		{"a minute early", day, at(1, 7, 59), at(1, 9, 0), false},
		{"a minute late", day, at(1, 17, 0), at(1, 18, 1), false},
		{"over the night", day, at(1, 17, 0), at(2, 9, 0), false},
		{"another day", day[:1], at(1, 9, 0), at(1, 10, 0), false},
		{"no hours", nil, at(1, 9, 0), at(1, 10, 0), false},
		{"until midnight", night, at(1, 23, 0), at(2, 0, 0), true},
		{"past midnight, where both days are open", night, at(1, 23, 30), at(2, 0, 30), true},
		{"across three openings", night, at(1, 20, 0), at(2, 3, 0), true},
		{"past the last", night, at(2, 2, 30), at(2, 3, 1), false},
		{"before the first", night, at(1, 19, 59), at(1, 20, 30), false},
		{"around the clock for a week", calendar.Daily(0, 1440), at(1, 5, 0), at(8, 5, 0), true},
		{"a break", []calendar.Hours{{Weekday: 2, Opens: 480, Closes: 720}, {Weekday: 2, Opens: 780, Closes: 1080}}, at(1, 11, 0), at(1, 14, 0), false},
		{"overlapping hours", []calendar.Hours{{Weekday: 2, Opens: 480, Closes: 720}, {Weekday: 2, Opens: 600, Closes: 1080}, {Weekday: 2, Opens: 620, Closes: 640}}, at(1, 8, 0), at(1, 18, 0), true},
	} {
		cal := calendar.Calendar{Zone: ny, Hours: c.hours, Seats: 1, Length: time.Hour}
		if got := cal.IsOpen(calendar.Span{Start: c.from, End: c.to}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	// Around the clock also when the clocks change, midnight included.
	for _, c := range []struct{ zone, day string }{{"America/New_York", "2027-03-14"}, {"America/Santiago", "2027-09-05"}, {"Asia/Beirut", "2027-03-28"}, {"Asia/Beirut", "2027-10-31"}, {"Australia/Lord_Howe", "2027-04-04"}, {"Pacific/Apia", "2011-12-31"}} {
		l := zone(t, c.zone)
		from, err := time.ParseInLocation(minute, c.day+" 12:00 +0000", time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		cal := calendar.Calendar{Zone: l, Hours: calendar.Daily(0, 1440)}
		if !cal.IsOpen(calendar.Span{Start: from.Add(-48 * time.Hour), End: from.Add(48 * time.Hour)}) {
			t.Errorf("%s is closed around %s", c.zone, c.day)
		}
	}
}
