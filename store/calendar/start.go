package calendar

import (
	"errors"
	"strings"
	"time"
)

var (
	// ErrFormat says that a text is no date and time in a form we read.
	ErrFormat = errors.New("want RFC 3339 with an offset, or a local time as 2006-01-02T15:04")
	// ErrGap says that the clocks were put forward over that local time: it does not exist.
	ErrGap = errors.New("does not exist on that day: the clocks are put forward over it")
)

// ParseStart reads a start that carries an offset, or is local to zone. A local time that the clocks skip is
// ErrGap; one that occurs twice means its first occurrence, as calendars do.
func ParseStart(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if strings.Contains(text, "  ") { // time.Parse takes any number of spaces for one
		return time.Time{}, ErrFormat
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			if t, err = local(t, zone); err != nil {
				return time.Time{}, err
			}
			return t, nil
		}
	}
	return time.Time{}, ErrFormat
}

// local finds the first instant at which a clock in zone shows wall, which is given in UTC. With ErrGap comes an
// instant beside the gap.
func local(wall time.Time, zone *time.Location) (time.Time, error) {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	if !shows(t).Equal(wall) {
		return t, ErrGap
	}
	// Offsets change by at most a few hours at a time; the earlier twin, if any, has the offset from before.
	for _, before := range []time.Duration{time.Hour, 30 * time.Minute, 2 * time.Hour} {
		if twin := t.Add(-before); shows(twin).Equal(wall) {
			return twin, nil
		}
	}
	return t, nil
}

// shows is what a clock shows at t, as the time in UTC that looks the same.
func shows(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}
