package speech

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// parser reads the words of a day and a time from left to right. Each thing may be said once; a word that no
// rule takes ends it.
type parser struct {
	words []string
	at    int
	now   time.Time // in the zone of whoever speaks

	exact           time.Time
	day             time.Time
	weekday         int // -1: none
	next            bool
	hasClock, day24 bool // day24: the hour is one of 24
	hour, minute    int
	half, afternoon bool // half: which half of the day is known
	part            Part
}

func newParser(text string, now time.Time) *parser {
	return &parser{words: fold(text), now: now, weekday: -1}
}

var rules = []func(*parser) bool{
	(*parser).distance, (*parser).namedDay, (*parser).date, (*parser).ofWeek, (*parser).ofMonth,
	(*parser).noon, (*parser).past, (*parser).daypart, (*parser).clock, (*parser).filler,
}

// step takes the next words by the first rule that fits them.
func (p *parser) step() bool {
	for _, rule := range rules {
		if p.try(func() bool { return rule(p) }) {
			return true
		}
	}
	return false
}

// ahead is what is left to read.
func (p *parser) ahead() []string { return p.words[p.at:] }

// take takes the first of the phrases that comes next.
func (p *parser) take(phrases ...string) bool {
	for _, phrase := range phrases {
		words := strings.Fields(phrase)
		if rest := p.ahead(); len(rest) >= len(words) && slices.Equal(rest[:len(words)], words) {
			p.at += len(words)
			return true
		}
	}
	return false
}

// number takes a number.
func (p *parser) number() (int, bool) {
	n, took := number(p.ahead())
	p.at += took
	return n, took > 0
}

// try undoes what a rule took when it does not fit to its end.
func (p *parser) try(rule func() bool) bool {
	before := *p
	if rule() {
		return true
	}
	*p = before
	return false
}

// setDay says the day; a second one is a contradiction.
func (p *parser) setDay(day time.Time) bool {
	if !p.day.IsZero() && !p.day.Equal(day) {
		return false
	}
	p.day = day
	return true
}

func (p *parser) setClock(hour, minute int, day24 bool) bool {
	if p.hasClock {
		return false
	}
	p.hasClock, p.hour, p.minute, p.day24 = true, hour, minute, day24
	return true
}

var units = map[string]time.Duration{
	"minute": time.Minute, "minutes": time.Minute, "min": time.Minute, "mins": time.Minute, "minuto": time.Minute, "minutos": time.Minute,
	"hour": time.Hour, "hours": time.Hour, "hora": time.Hour, "horas": time.Hour,
	"day": 24 * time.Hour, "days": 24 * time.Hour, "dia": 24 * time.Hour, "dias": 24 * time.Hour,
	"week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour, "semana": 7 * 24 * time.Hour, "semanas": 7 * 24 * time.Hour,
}

// roughly is how exactly "in two hours" is meant: starts lie on quarters.
const roughly = 15 * time.Minute

// distance is "in two hours", "in half an hour", "dentro de tres días", "two weeks from now".
func (p *parser) distance() bool {
	return p.try(func() bool {
		before := p.take("in", "within", "dentro de", "en", "de aqui a")
		d, unit, ok := p.length()
		if !ok || !before && !p.take("from now", "from today") {
			return false
		}
		if unit >= 24*time.Hour {
			return p.setDay(today(p.now).AddDate(0, 0, int(d/(24*time.Hour))))
		}
		if !p.exact.IsZero() {
			return false
		}
		p.exact = p.now.Add(d + roughly - 1).Truncate(roughly)
		return true
	})
}

// length is a number of units, "half an hour", or "an hour and a half".
func (p *parser) length() (d, unit time.Duration, ok bool) {
	if p.take("half an hour", "half hour", "media hora") {
		return 30 * time.Minute, time.Minute, true
	}
	n, ok := p.number()
	if !ok || len(p.ahead()) == 0 {
		return 0, 0, false
	}
	unit, ok = units[p.ahead()[0]]
	if !ok {
		return 0, 0, false
	}
	p.at++
	d = time.Duration(n) * unit
	switch {
	case unit == time.Hour && p.take("and a half", "y media"):
		d += 30 * time.Minute
	case unit == time.Hour:
		p.try(func() bool {
			m, found := 0, p.take("and", "y")
			if found {
				m, found = p.number()
			}
			d += time.Duration(m) * time.Minute
			if found = found && p.take("minutes", "minutos"); !found {
				d -= time.Duration(m) * time.Minute
			}
			return found
		})
	}
	return d, unit, true
}

func (p *parser) namedDay() bool {
	day := today(p.now)
	switch {
	case p.take("day after tomorrow", "the day after tomorrow", "pasado manana"):
		return p.setDay(day.AddDate(0, 0, 2))
	case p.take("tomorrow", "tmrw", "manana"):
		return p.setDay(day.AddDate(0, 0, 1))
	case p.take("tonight", "esta noche"):
		return p.setDay(day) && p.inPart(Part{17 * 60, 24 * 60}, true)
	case p.take("today", "hoy"):
		return p.setDay(day)
	}
	return false
}

// date is a date in digits. Two numbers that may both be the month are not guessed at.
func (p *parser) date() bool {
	w := p.ahead()[0]
	if day, err := time.Parse(time.DateOnly, w); err == nil {
		p.at++
		return p.setDay(day)
	}
	parts := strings.Split(w, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return false
	}
	a, err1 := strconv.Atoi(parts[0])
	b, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil || a <= 12 && b <= 12 && a != b {
		return false
	}
	year := 0
	if len(parts) == 3 {
		var err error
		if year, err = strconv.Atoi(parts[2]); err != nil {
			return false
		}
		if year < 100 {
			year += 2000
		}
	}
	p.at++
	return p.setDate(max(year, 0), time.Month(min(a, b)), max(a, b))
}

// setDate says a day of a month; without a year it is the next one.
func (p *parser) setDate(year int, month time.Month, day int) bool {
	t := today(p.now)
	y := year
	if y == 0 {
		y = t.Year()
	}
	for ; ; y++ {
		d := time.Date(y, month, day, 0, 0, 0, 0, time.UTC)
		if d.Month() == month && d.Day() == day && (year != 0 || !d.Before(t)) {
			return p.setDay(d)
		}
		if year != 0 || y > t.Year()+4 { // 30 February; 29 February is at most four years ahead (but in 2100)
			return false
		}
	}
}
