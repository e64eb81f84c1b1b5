package sms

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// clock writes times as people of a locale read them. All are shown in the customer's zone, as they come.
type clock struct {
	locale string
	place  *time.Location // the resource's zone; nil: the customer's
	brief  bool           // leave the month out of choices
}

// Spanish short names, as people text them; sábado goes without its accent, which GSM-7 lacks.
var (
	weekdaysES = [...]string{"dom", "lun", "mar", "mié", "jue", "vie", "sab"}
	monthsES   = [...]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"}
)

// when writes a time in full: "Tue 24 Nov, 3:00 PM", "mar 24 nov, 15:00", and with its zone where it needs one.
func (c clock) when(t time.Time) string {
	return c.day(t, false) + ", " + c.hour(t) + c.mark(t)
}

// choices writes the times that can be had with their numbers: "1) 3:30 PM 2) 4 PM 3) Wed 25 Nov, 9 AM". On the day of
// the time that was asked for, the hour is enough. That they are by the customer's clock is said with that time, or else
// with the first of them that needs it; an hour that comes twice is told apart each time.
func (c clock) choices(asked time.Time, all []Choice) string {
	var b strings.Builder
	said := c.foreign(asked)
	for i, ch := range all {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d) ", i+1)
		if !sameDay(asked, ch.Start) {
			b.WriteString(c.day(ch.Start, c.brief) + ", ")
		}
		b.WriteString(c.shortHour(ch.Start))
		if twice(ch.Start) || !said && c.foreign(ch.Start) {
			b.WriteString(" " + zoneName(ch.Start))
			said = said || c.foreign(ch.Start)
		}
	}
	return b.String()
}

// numbers writes how choices are picked: "1, 2 or 3".
func (c clock) numbers(n int) string {
	or := " or "
	if c.locale == "es" {
		or = " o "
	}
	return [...]string{"", "1", "1" + or + "2", "1, 2" + or + "3"}[n]
}

func (c clock) day(t time.Time, brief bool) string {
	day, month := t.Format("Mon 2"), t.Format(" Jan")
	if c.locale == "es" {
		day, month = weekdaysES[t.Weekday()]+" "+strconv.Itoa(t.Day()), " "+monthsES[t.Month()-1]
	}
	if brief {
		return day
	}
	return day + month
}

func (c clock) hour(t time.Time) string {
	if c.locale == "es" {
		return t.Format("15:04")
	}
	return t.Format("3:04 PM")
}

// shortHour leaves out what a whole hour does not need: 4 PM. In Spanish 16 alone is no time.
func (c clock) shortHour(t time.Time) string {
	if c.locale != "es" && t.Minute() == 0 {
		return t.Format("3 PM")
	}
	return c.hour(t)
}

// mark is the zone that has to stand behind a time, with a space before it, or "".
func (c clock) mark(t time.Time) string {
	if c.foreign(t) || twice(t) {
		return " " + zoneName(t)
	}
	return ""
}

// foreign reports whether a clock at the resource shows another time than the customer's.
func (c clock) foreign(t time.Time) bool {
	if c.place == nil {
		return false
	}
	_, here := t.Zone()
	_, there := t.In(c.place).Zone()
	return here != there
}

// twice reports whether a clock in t's zone shows t's hour and minute twice, as on the night that summer time ends.
func twice(t time.Time) bool {
	_, offset := t.Zone()
	from, to := t.ZoneBounds()
	if !to.IsZero() {
		if _, next := to.Zone(); next < offset && !t.Before(to.Add(-time.Duration(offset-next)*time.Second)) {
			return true
		}
	}
	if !from.IsZero() {
		if _, last := from.Add(-time.Second).Zone(); last > offset && t.Before(from.Add(time.Duration(last-offset)*time.Second)) {
			return true
		}
	}
	return false
}

// maxZoneName is how long an abbreviation is at most: those of the time zone database are.
const maxZoneName = 5

// zoneName is the abbreviation of t's zone, as EST, or its offset where the time zone database has none: UTC-3, UTC+5:45.
func zoneName(t time.Time) string {
	name, offset := t.Zone()
	if name != "" && len(name) <= maxZoneName && isLetters(name) {
		return name
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	name = fmt.Sprintf("UTC%c%d", sign, offset/3600)
	if m := offset / 60 % 60; m != 0 {
		name += fmt.Sprintf(":%02d", m)
	}
	return name
}

// isLetters holds for ASCII letters.
func isLetters(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}
