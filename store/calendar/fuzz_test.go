package calendar_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/store/calendar"
)

// FuzzParseStart: what is read is shown again by the clock of its zone, and by none earlier; with an offset it is the same
// instant in every zone; what cannot be read is told by a fixed text.
func FuzzParseStart(f *testing.F) {
	for _, s := range []string{"2026-11-24T15:00:00-05:00", "2026-11-24T15:00:00Z", "2026-11-24T15:00", "2026-11-24 15:00", "2027-03-14T02:30", "2027-11-07T01:30", "2027-10-03T02:15",
		"2011-12-30T10:00", "2026-02-30T10:00", "2026-11-24T24:00", "2026-11-24T23:59:60", "0000-01-01T00:00", "9999-12-31T23:59:59Z", "10000-01-01T00:00", "-2026-11-24T15:00",
		"2026-11-24t15:00:00z", "2026-11-24T15:00:00+23:59", "2026-11-24T15:00:00.123456789012Z", "２０２６-11-24T15:00", "2026-11-24T15:00\x00", "\u202e2026-11-24T15:00", "soon", "1e9", "", "0001-01-01 0:00", "2000-01-01  0:00"} {
		for zone := range uint8(5) {
			f.Add(s, zone)
		}
	}
	var zones []*time.Location
	for _, name := range []string{"America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Antarctica/Troll", "Europe/Dublin"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			f.Fatal(err)
		}
		zones = append(zones, zone)
	}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		zone := zones[int(which)%len(zones)]
		at, err := calendar.ParseStart(text, zone)
		if err != nil {
			if !errors.Is(err, calendar.ErrFormat) && !errors.Is(err, calendar.ErrGap) || len(text) > 16 && strings.Contains(err.Error(), text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, other := range zones {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				break
			}
			if same, err := calendar.ParseStart(text, other); err != nil || !same.Equal(at) {
				t.Fatalf("%q is %v in %v: %v", text, same, other, err)
			}
		}
		// An offset leads out of the years that have a form, and local mean times had seconds in their offsets, which have none.
		if _, offset := at.Zone(); at.Year() < 1 || at.Year() > 9999 || offset%60 != 0 {
			return
		}
		if again, err := calendar.ParseStart(at.Format(time.RFC3339Nano), zone); err != nil || !again.Equal(at) {
			t.Fatalf("%q is %v, then %v: %v", text, at, again, err)
		}
		if _, err := time.Parse(time.RFC3339, text); err == nil {
			return
		}
		const shown = "2006-01-02T15:04:05"
		wall, err := time.Parse("2006-01-02T15:04", strings.Replace(text, " ", "T", 1))
		if err != nil {
			if wall, err = time.Parse(shown, strings.Replace(text, " ", "T", 1)); err != nil {
				t.Fatalf("%q is read as %v", text, at)
			}
		}
		if got := at.In(zone).Format(shown); got != wall.Format(shown) {
			t.Fatalf("%q is shown as %v", text, got)
		}
		for _, before := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
			if twin := at.Add(-before).In(zone); twin.Format(shown) == at.In(zone).Format(shown) {
				t.Fatalf("%q is %v, and was %v before", text, at, twin)
			}
		}
	})
}

// FuzzQuietHours: what is read is written the same, in one form, and is over within a day.
func FuzzQuietHours(f *testing.F) {
	for _, s := range []string{"21-8", "off", "OFF", "0-23", "8-8", "24-1", "-1-5", "21-", "-", "021-8", "+21-8", "２１-8", "21-8\x00", "99999999999999999999-1", "21–8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var q calendar.QuietHours
		if err := q.UnmarshalText([]byte(text)); err != nil {
			if !errors.Is(err, calendar.ErrQuietHours) || q != (calendar.QuietHours{}) {
				t.Fatalf("%q: %v, and %v", text, err, q)
			}
			return
		}
		raw, err := q.MarshalText()
		var again calendar.QuietHours
		if err != nil || again.UnmarshalText(raw) != nil || again != q || !q.Valid() {
			t.Fatalf("%q is %v, then %s, %v: %v", text, q, raw, again, err)
		}
		now := time.Date(2026, 11, 24, 23, 30, 0, 0, time.UTC)
		for range 24 {
			now = now.Add(time.Hour)
			if end, quiet := q.Until(now); quiet && (q.Off() || !end.After(now) || end.Sub(now) > 24*time.Hour) {
				t.Fatalf("%q: at %v quiet until %v", text, now, end)
			}
		}
	})
}
