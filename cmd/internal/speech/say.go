package speech

import (
	"strconv"
	"strings"
	"time"
)

// Clock says a time of the day as its own location shows it: "3 PM", "3:30 PM"; "las 3 de la tarde".
func (l Lang) Clock(t time.Time) string {
	h, m := t.Hour(), t.Minute()
	hour := strconv.Itoa((h+11)%12 + 1)
	if m != 0 {
		hour += t.Format(":04")
	}
	if l != Spanish {
		switch {
		case m == 0 && h == 12:
			return "noon"
		case m == 0 && h == 0:
			return "midnight"
		}
		return hour + t.Format(" PM")
	}
	article := "las "
	if h%12 == 1 {
		article = "la "
	}
	return article + hour + " " + halfES(h)
}

// halfES is which part of the day an hour belongs to.
func halfES(h int) string {
	switch {
	case h == 0:
		return "de la noche"
	case h < 6:
		return "de la madrugada"
	case h < 12:
		return "de la mañana"
	case h == 12:
		return "del mediodía"
	case h < 20:
		return "de la tarde"
	}
	return "de la noche"
}

var (
	weekdaysES = [...]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}
	monthsES   = [...]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}
)

// Day says a day, with as much of its date as tells it from others as of now: "Tuesday the 24th", "Tuesday,
// December 1st", "Friday, January 1st, 2027"; "el martes 24", "el martes 1 de diciembre". Both in one zone.
func (l Lang) Day(t, now time.Time) string {
	now = now.In(t.Location())
	far, farther := t.Month() != now.Month() || t.Year() != now.Year(), t.Sub(now) > 300*24*time.Hour
	day := strconv.Itoa(t.Day())
	if l == Spanish {
		s := "el " + weekdaysES[t.Weekday()] + " " + day
		if far {
			s += " de " + monthsES[t.Month()-1]
		}
		if farther {
			s += " de " + strconv.Itoa(t.Year())
		}
		return s
	}
	s := t.Format("Monday")
	if far {
		s += t.Format(", January ") + ordinal(t.Day())
	} else {
		s += " the " + ordinal(t.Day())
	}
	if farther {
		s += t.Format(", 2006")
	}
	return s
}

func ordinal(n int) string {
	suffix := "th"
	if n/10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// At says a day and a time: "Tuesday the 24th at 3 PM", "el martes 24 a las 3 de la tarde".
func (l Lang) At(t, now time.Time) string { return l.Day(t, now) + l.at() + l.Clock(t) }

func (l Lang) at() string {
	if l == Spanish {
		return " a "
	}
	return " at "
}

// Times says several starts, in order, with their days: "3:30 PM or 4 PM on Tuesday", "Tuesday at 3 PM or
// Wednesday at 9 AM". A day within the next six goes by its weekday alone.
func (l Lang) Times(starts []time.Time, now time.Time) string {
	if len(starts) == 0 {
		return ""
	}
	same := true
	for _, s := range starts[1:] {
		same = same && s.Format(time.DateOnly) == starts[0].Format(time.DateOnly)
	}
	said := make([]string, len(starts))
	for i, s := range starts {
		switch {
		case !same:
			said[i] = l.near(s, now) + l.at() + l.Clock(s)
		case l == Spanish:
			said[i] = "a " + l.Clock(s)
		default:
			said[i] = l.Clock(s)
		}
	}
	switch {
	case !same:
		return l.Or(said)
	case l == Spanish:
		return l.near(starts[0], now) + " " + l.Or(said)
	}
	return l.Or(said) + " on " + l.near(starts[0], now)
}

// near is a day's name: its weekday where that cannot be another week's.
func (l Lang) near(t, now time.Time) string {
	if d := t.Sub(now); d < 0 || d > 6*24*time.Hour {
		return l.Day(t, now)
	}
	if l == Spanish {
		return "el " + weekdaysES[t.Weekday()]
	}
	return t.Format("Monday")
}

// Or joins what there is to choose from: "a, b or c".
func (l Lang) Or(list []string) string {
	or := " or "
	if l == Spanish {
		or = " o "
	}
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + or + list[n-1]
	}
	return strings.Join(list, "")
}

// Spaced puts a space between digits, so that they are read one by one: "4 2".
func Spaced(digits string) string { return strings.Join(strings.Split(digits, ""), " ") }
