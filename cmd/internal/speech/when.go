package speech

import (
	"errors"
	"time"

	"holdfast/store/calendar"
)

// ErrUnclear says that a text could not be read as a day or a time with certainty.
var ErrUnclear = errors.New("not understood as a day or a time")

// Part is a stretch of a day, in minutes of its clock.
type Part struct{ From, To int }

// When is what somebody said of a time.
type When struct {
	// At is an instant, when the text meant one by itself: an offset was given, or "in two hours".
	At time.Time
	// Day is a day of the calendar, at midnight UTC whatever the zone; zero when none was said.
	Day time.Time
	// Clock lists what the clock may have shown, in minutes of the day: none was said, one, or two when it was not
	// said whether before or after noon.
	Clock []int
	// Part is said instead of a clock: "in the afternoon". Zero means all day.
	Part Part
}

// HasTime reports whether a time of the day was said.
func (w When) HasTime() bool { return !w.At.IsZero() || len(w.Clock) > 0 }

// Starts are the instants that may be meant, in zone, after now where there are any. calendar.ErrGap: the
// clocks are put forward over the only one there is.
func (w When) Starts(now time.Time, zone *time.Location) ([]time.Time, error) {
	if !w.At.IsZero() {
		return []time.Time{w.At.In(zone)}, nil
	}
	var all, ahead []time.Time
	var gap error
	for _, m := range w.Clock {
		at, err := calendar.ParseStart(w.Day.Add(time.Duration(m)*time.Minute).Format("2006-01-02T15:04"), zone)
		if err != nil {
			gap = err
			continue
		}
		all = append(all, at)
		if at.After(now) {
			ahead = append(ahead, at)
		}
	}
	switch {
	case len(ahead) > 0:
		return ahead, nil
	case len(all) > 0:
		return all, nil
	case gap != nil:
		return nil, gap
	}
	return nil, ErrUnclear
}

// ParseWhen reads a day, a time or both as they are written (RFC 3339, local ISO 8601) or spoken in either
// language, as of now in zone. What is ambiguous in itself ("3/4", "Tuesday 3") is ErrUnclear; a local time that
// does not exist is calendar.ErrGap.
func ParseWhen(text string, now time.Time, zone *time.Location) (When, error) {
	switch at, err := calendar.ParseStart(text, zone); {
	case err == nil:
		return When{At: at}, nil
	case errors.Is(err, calendar.ErrGap):
		return When{}, err
	}
	p := newParser(text, now.In(zone))
	if len(p.words) == 0 || len(p.words) > maxWords {
		return When{}, ErrUnclear
	}
	for p.at < len(p.words) {
		if !p.step() {
			return When{}, ErrUnclear
		}
	}
	return p.when()
}

// today is the day that a clock in now's zone shows.
func today(now time.Time) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// when puts together what was read.
func (p *parser) when() (When, error) {
	if !p.exact.IsZero() {
		if p.hasClock || !p.day.IsZero() || p.weekday >= 0 || p.half {
			return When{}, ErrUnclear
		}
		return When{At: p.exact}, nil
	}
	if !p.day.IsZero() && p.weekday >= 0 && int(p.day.Weekday()) != p.weekday {
		return When{}, ErrUnclear // Monday the 24th, which is a Tuesday
	}
	w := When{Day: p.day}
	if p.hasClock {
		clock, ok := p.clocks()
		if !ok {
			return When{}, ErrUnclear
		}
		w.Clock = clock
		p.place(&w)
		return w, nil
	}
	if w.Part = p.part; w.Day.IsZero() && p.weekday < 0 {
		if w.Part == (Part{}) {
			return When{}, ErrUnclear
		}
		w.Day = today(p.now) // "this afternoon"
	}
	p.place(&w)
	return w, nil
}

// clocks are the minutes of the day that hour and minute may mean.
func (p *parser) clocks() ([]int, bool) {
	h, m := p.hour, p.minute
	if h > 23 || m > 59 {
		return nil, false
	}
	switch {
	case h > 12:
		return []int{h*60 + m}, !p.half || p.afternoon // but not 15 in the morning
	case p.half && p.afternoon:
		return []int{(h%12+12)*60 + m}, h > 0
	case p.half:
		return []int{h%12*60 + m}, true
	case p.day24 || h == 0:
		return []int{h*60 + m}, true
	}
	return []int{h%12*60 + m, (h%12+12)*60 + m}, true
}

// place finds the day of a weekday, and of a time without a day: the next one there is.
func (p *parser) place(w *When) {
	day := today(p.now)
	minute := p.now.Hour()*60 + p.now.Minute()
	over := len(w.Clock) > 0 && w.Clock[len(w.Clock)-1] <= minute
	switch {
	case !w.Day.IsZero():
		return
	case p.weekday < 0:
		if over {
			day = day.AddDate(0, 0, 1)
		}
	default:
		ahead := (p.weekday - int(day.Weekday()) + 7) % 7
		if ahead == 0 && (p.next || over) {
			ahead = 7
		}
		day = day.AddDate(0, 0, ahead)
	}
	w.Day = day
}
