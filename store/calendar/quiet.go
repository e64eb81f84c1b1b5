package calendar

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// QuietHours is a daily span of local time, from the full hour From to the full hour To of the same or
// the next day. The zero value is off.
type QuietHours struct{ From, To int }

// Off reports whether there are no quiet hours.
func (q QuietHours) Off() bool { return q.From == q.To }

// String is the form that UnmarshalText reads: "21-8" or "off".
func (q QuietHours) String() string {
	if q.Off() {
		return "off"
	}
	return fmt.Sprintf("%d-%d", q.From, q.To)
}

// ErrQuietHours tells what quiet hours must be.
var ErrQuietHours = errors.New("want two different hours from 0 to 23, as 21-8, or off")

// MarshalText writes the same form.
func (q QuietHours) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalText reads "21-8" or "off".
func (q *QuietHours) UnmarshalText(b []byte) error {
	if strings.EqualFold(string(b), "off") {
		*q = QuietHours{}
		return nil
	}
	from, to, ok := strings.Cut(string(b), "-")
	f, errFrom := strconv.Atoi(from)
	t, errTo := strconv.Atoi(to)
	if !ok || errFrom != nil || errTo != nil {
		return ErrQuietHours
	}
	got := QuietHours{f, t}
	if got.Off() || !got.Valid() {
		return ErrQuietHours
	}
	*q = got
	return nil
}

// Valid reports whether both are hours of a day.
func (q QuietHours) Valid() bool {
	return q.From >= 0 && q.From < 24 && q.To >= 0 && q.To < 24
}

// Until tells whether t, by the clock of its own location, is in the quiet hours, and when they end.
func (q QuietHours) Until(t time.Time) (end time.Time, quiet bool) {
	over := q.From > q.To // over midnight
	evening := t.Hour() >= q.From
	morning := t.Hour() < q.To
	switch {
	case q.Off(), over && !evening && !morning, !over && !(evening && morning):
		return time.Time{}, false
	}
	return next(t, q.To), true
}

// Next is when the quiet hours begin next, after t: by the clock of t's own location. It is zero when they are off.
func (q QuietHours) Next(t time.Time) time.Time {
	if q.Off() {
		return time.Time{}
	}
	return next(t, q.From)
}

// next is the first moment after t at which a local clock shows a full hour, or would if clocks did not go forward over it.
func next(t time.Time, hour int) time.Time {
	for day := 0; ; day++ {
		y, m, d := t.Date()
		at := time.Date(y, m, d+day, hour, 0, 0, 0, t.Location())
		if at.Hour() == (hour+23)%24 { // of an hour that is skipped time.Date may give the one before
			at = at.Add(time.Hour)
		}
		if at.After(t) {
			return at
		}
	}
}
