package calendar_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/store/calendar"
)

func TestParseStart(t *testing.T) {
	for _, c := range []struct {
		zone, text, want string // want "" = ErrGap
	}{
		{"America/New_York", "2027-06-01T10:00", "2027-06-01T14:00:00Z"},
		{"America/New_York", "2027-06-01T10:00:30", "2027-06-01T14:00:30Z"},
		{"America/New_York", "2027-06-01 10:00", "2027-06-01T14:00:00Z"},
		{"America/New_York", "2027-06-01 10:00:00", "2027-06-01T14:00:00Z"},
		{"America/New_York", "2027-06-01T10:00:00+02:00", "2027-06-01T08:00:00Z"},
		{"America/New_York", "2027-03-14T02:30:00-05:00", "2027-03-14T07:30:00Z"}, // with an offset it exists
		{"America/New_York", "2027-06-01T10:00:00Z", "2027-06-01T10:00:00Z"},
		{"America/New_York", "2027-03-14T01:59:59", "2027-03-14T06:59:59Z"},
		{"America/New_York", "2027-03-14T02:00", ""},
		{"America/New_York", "2027-03-14T02:59:59", ""},
		{"America/New_York", "2027-03-14T03:00", "2027-03-14T07:00:00Z"},
		{"America/New_York", "2027-11-07T00:59", "2027-11-07T04:59:00Z"},
		{"America/New_York", "2027-11-07T01:00", "2027-11-07T05:00:00Z"},
		{"America/New_York", "2027-11-07T01:59", "2027-11-07T05:59:00Z"},
		{"America/New_York", "2027-11-07T02:00", "2027-11-07T07:00:00Z"},
		{"Europe/Berlin", "2027-03-28T02:30", ""},
		{"Europe/Berlin", "2027-10-31T02:30", "2027-10-31T00:30:00Z"},
		{"Europe/Berlin", "2027-10-31T03:00", "2027-10-31T02:00:00Z"},
		{"Australia/Lord_Howe", "2027-10-03T02:15", ""},
		{"Australia/Lord_Howe", "2027-10-03T02:30", "2027-10-02T15:30:00Z"},
		{"Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45:00Z"},
		{"Antarctica/Troll", "2027-10-31T02:30", "2027-10-31T00:30:00Z"}, // two hours at once
		{"Pacific/Apia", "2011-12-30T10:00", ""},
		{"Pacific/Apia", "2011-12-31T10:00", "2011-12-30T20:00:00Z"},
		{"America/Santiago", "2027-09-05T00:30", ""},
	} {
		got, err := calendar.ParseStart(c.text, zone(t, c.zone))
		switch {
		case c.want == "" && !errors.Is(err, calendar.ErrGap):
			t.Errorf("%s %s: %v, %v; want a gap", c.zone, c.text, got, err)
		case c.want != "" && (err != nil || got.UTC().Format(time.RFC3339) != c.want):
			t.Errorf("%s %s: %v, %v; want %s", c.zone, c.text, got.UTC(), err, c.want)
		}
	}
	for _, bad := range []string{"", "tomorrow", "2027-06-01", "10:00", "2027-13-01T10:00", "2027-02-29T10:00", "2027-06-01T25:00", "2027-06-01T10:00+02:00x", "1748772000"} {
		if got, err := calendar.ParseStart(bad, time.UTC); !errors.Is(err, calendar.ErrFormat) {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

// zones are those whose clocks do something remarkable, and one that does nothing.
var zones = []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago", "Asia/Beirut", "Antarctica/Troll", "Asia/Kolkata"}

// A local time that some instant shows is read as the first such instant; one that none shows is a gap.
func TestParseStartIsTheFirstInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		wall := aroundChange(t, l).In(l).Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "minutes")) * time.Minute)
		text := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), rapid.IntRange(0, 59).Draw(t, "minute"), 0, 0, time.UTC).Format("2006-01-02T15:04")
		utc, err := time.Parse("2006-01-02T15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		var first time.Time // found by trying every minute of two days
		for at := utc.Add(-15 * time.Hour); at.Before(utc.Add(15 * time.Hour)); at = at.Add(time.Minute) {
			if at.In(l).Format("2006-01-02T15:04") == text {
				first = at
				break
			}
		}
		got, err := calendar.ParseStart(text, l)
		if first.IsZero() {
			if !errors.Is(err, calendar.ErrGap) {
				t.Fatalf("%s in %v: %v, %v; want a gap", text, l, got, err)
			}
		} else if err != nil || !got.Equal(first) {
			t.Fatalf("%s in %v: %v, %v; want %v", text, l, got, err, first.In(l))
		}
	})
}

// aroundChange draws an instant at which the clocks of l change, or any when they do not.
func aroundChange(t *rapid.T, l *time.Location) time.Time {
	at := time.Date(rapid.IntRange(2008, 2035).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 15, 12, 0, 0, 0, time.UTC)
	if _, end := at.In(l).ZoneBounds(); !end.IsZero() {
		return end
	}
	return at
}
