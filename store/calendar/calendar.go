// Package calendar knows when a resource is open and which starts are free. It is pure: no database, no clock.
//
// Days are local, lengths are absolute: an hour is 60 minutes also on the night the clocks change.
package calendar

import (
	"sort"
	"time"
)

// Hours is one opening of a weekday (0 = Sunday), in minutes of the local day. Closes may be 1440.
type Hours struct {
	Weekday int `json:"weekday"`
	Opens   int `json:"opens"`
	Closes  int `json:"closes"`
}

// Daily opens every day from one minute of the day to another.
func Daily(opens, closes int) []Hours {
	week := make([]Hours, 7)
	for d := range week {
		week[d] = Hours{Weekday: d, Opens: opens, Closes: closes}
	}
	return week
}

// Span is a half-open range of time.
type Span struct{ Start, End time.Time }

// Overlaps reports whether the two have a moment in common.
func (s Span) Overlaps(o Span) bool { return s.Start.Before(o.End) && o.Start.Before(s.End) }

// Busy is a taken seat; its span includes the buffers of whoever took it.
type Busy struct {
	Seat int
	Span
}

// Slot is a start that can be booked, and in how many seats.
type Slot struct {
	Span
	Seats int
}

// Calendar is one resource, asked about appointments of one length.
type Calendar struct {
	Zone          *time.Location
	Hours         []Hours
	Seats         int
	Length        time.Duration
	Before, After time.Duration // buffers, kept free around an appointment
}

// openings lists the opening spans that touch [from, to), in order.
func (c Calendar) openings(from, to time.Time) []Span {
	var spans []Span
	day := from.In(c.Zone).AddDate(0, 0, -1)
	for y, m, d := day.Date(); ; d++ {
		midnight := time.Date(y, m, d, 0, 0, 0, 0, c.Zone)
		if !midnight.Before(to) {
			break
		}
		weekday := int(time.Date(y, m, d, 12, 0, 0, 0, time.UTC).Weekday())
		for _, h := range c.Hours {
			if h.Weekday != weekday {
				continue
			}
			s := Span{time.Date(y, m, d, 0, h.Opens, 0, 0, c.Zone), time.Date(y, m, d, 0, h.Closes, 0, 0, c.Zone)}
			if s.End.After(from) && s.Start.Before(to) && s.Start.Before(s.End) {
				spans = append(spans, s)
			}
		}
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].Start.Before(spans[j].Start) })
	return spans
}

// IsOpen reports whether the resource is open for the whole of s. Hours that touch count as one opening, so
// that an appointment may pass midnight where both days are open.
func (c Calendar) IsOpen(s Span) bool {
	at := s.Start
	for _, o := range c.openings(s.Start, s.End) {
		if !o.Start.After(at) && o.End.After(at) {
			at = o.End
		}
	}
	return !at.Before(s.End)
}

// Slots lists the starts in [from, to) that are free, in order. They step by length plus buffers from each
// opening, and keep clear of the next opening's first, so that all of them can be booked together.
func (c Calendar) Slots(from, to time.Time, busy []Busy) []Slot {
	step := c.Length + c.Before + c.After
	var slots []Slot
	openings := c.openings(from, to.AddDate(0, 0, 1))
	for i, o := range openings {
		last := o.End
		if i+1 < len(openings) {
			if clear := openings[i+1].Start.Add(-c.Before - c.After); clear.Before(last) {
				last = clear
			}
		}
		for start := o.Start; start.Before(to); start = start.Add(step) {
			s := Span{start, start.Add(c.Length)}
			if s.End.After(last) {
				break
			}
			if start.Before(from) {
				continue
			}
			if free := c.Seats - c.taken(s, busy); free > 0 {
				slots = append(slots, Slot{s, free})
			}
		}
	}
	return slots
}

// taken counts the seats that somebody has at some moment of s or its buffers: a seat must be free for all of it.
func (c Calendar) taken(s Span, busy []Busy) int {
	s = c.Reserve(s)
	var seats map[int]bool
	for _, b := range busy {
		if b.Overlaps(s) && b.Seat < c.Seats {
			if seats == nil {
				seats = make(map[int]bool)
			}
			seats[b.Seat] = true
		}
	}
	return len(seats)
}

// Reserve is what an appointment takes of a seat: itself and its buffers.
func (c Calendar) Reserve(s Span) Span { return Span{s.Start.Add(-c.Before), s.End.Add(c.After)} }
