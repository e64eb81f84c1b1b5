package calendar

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
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
