// Package calendar knows when a resource is open and which starts are free. It is pure: no database, no clock.
//
// Days are local, lengths are absolute: an hour is 60 minutes also on the night the clocks change.
package calendar

import (
	"slices"
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
		if !c.moment(y, m, d, 0).Before(to) {
			break
		}
		weekday := int(time.Date(y, m, d, 12, 0, 0, 0, time.UTC).Weekday())
		for _, h := range c.Hours {
			if h.Weekday != weekday {
				continue
			}
			s := Span{c.moment(y, m, d, h.Opens), c.moment(y, m, d, h.Closes)}
			if s.End.After(from) && s.Start.Before(to) && s.Start.Before(s.End) {
				spans = append(spans, s)
			}
		}
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.Start.Compare(b.Start) })
	return spans
}

// moment is when a clock in the zone shows that minute of the day, for the first time; where it is put forward
// over it (time.Date would then give a moment an hour aside), when that is done.
func (c Calendar) moment(y int, m time.Month, d, minute int) time.Time {
	wall := time.Date(y, m, d, 0, minute, 0, 0, time.UTC)
	t, err := local(wall, c.Zone)
	if err == nil {
		return t
	}
	start, end := t.ZoneBounds()
	if shows(t).Before(wall) {
		return end
	}
	return start
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
	seats := newSeats(c.Seats, busy)
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
			if free := c.Seats - seats.taken(c.Reserve(s)); free > 0 {
				slots = append(slots, Slot{s, free})
			}
		}
	}
	return slots
}

// Free is how many seats are free for all of s, by what is taken.
func (c Calendar) Free(s Span, busy []Busy) int {
	return c.Seats - newSeats(c.Seats, busy).taken(c.Reserve(s))
}

// Reserve is what an appointment takes of a seat: itself and its buffers.
func (c Calendar) Reserve(s Span) Span { return Span{s.Start.Add(-c.Before), s.End.Add(c.After)} }

// seats walks along what is taken, once, as the spans asked about move forward.
type seats struct {
	busy []Busy // by start; those before next have begun
	next int
	on   []Busy // begun and perhaps not over
	mark []bool // by seat
}

func newSeats(n int, busy []Busy) *seats {
	sorted := slices.Clone(busy)
	slices.SortFunc(sorted, func(a, b Busy) int { return a.Start.Compare(b.Start) })
	return &seats{busy: sorted, mark: make([]bool, n)}
}

// taken counts the seats that somebody has at some moment of s: a seat must be free for all of it. Neither end of
// s may lie before that of the span asked about last.
func (x *seats) taken(s Span) (n int) {
	for ; x.next < len(x.busy) && x.busy[x.next].Start.Before(s.End); x.next++ {
		x.on = append(x.on, x.busy[x.next])
	}
	x.on = slices.DeleteFunc(x.on, func(b Busy) bool { return !b.End.After(s.Start) })
	clear(x.mark)
	for _, b := range x.on {
		if b.Seat < len(x.mark) && !x.mark[b.Seat] {
			x.mark[b.Seat] = true
			n++
		}
	}
	return n
}
