package speech

import (
	"strconv"
	"time"
)

// names lists names by their number, each with its short forms.
func names(from int, list ...string) map[string]int {
	m := make(map[string]int)
	for n, same := range list {
		for w := range set(same) {
			m[w] = from + n
		}
	}
	return m
}

var weekdays = names(0, "sunday sun domingo", "monday mon lunes", "tuesday tue tues martes", "wednesday wed miercoles",
	"thursday thu thur thurs jueves", "friday fri viernes", "saturday sat sabado")

var months = names(1, "january jan enero", "february feb febrero", "march mar marzo", "april apr abril", "may mayo", "june jun junio",
	"july jul julio", "august aug agosto", "september sep sept septiembre setiembre", "october oct octubre", "november nov noviembre",
	"december dec diciembre")

// ofWeek is a weekday: the next one there is. "next" leaves out today and nothing else, since people differ in
// which week they mean; the answer says the date, so that they hear it.
func (p *parser) ofWeek() bool {
	next := p.take("next", "proximo", "el proximo", "this next")
	if !next {
		p.take("this coming", "this", "coming", "este", "el")
	}
	day, ok := weekdays[p.ahead0()]
	if !ok || p.weekday >= 0 {
		return false
	}
	p.at++
	p.weekday, p.next = day, p.take("que viene", "proximo") || next
	return true
}

// ofMonth is "November 24th", "24 de noviembre de 2026", "the 24th", "el 24".
func (p *parser) ofMonth() bool {
	return p.try(p.monthFirst) || p.try(p.dayFirst)
}

func (p *parser) monthFirst() bool {
	p.take("the", "el")
	month, ok := months[p.ahead0()]
	if !ok {
		return false
	}
	p.at++
	p.take("the")
	day, ok := p.number()
	if !ok {
		return false
	}
	p.take("st", "nd", "rd", "th")
	return p.setDate(p.year(), time.Month(month), day)
}

func (p *parser) dayFirst() bool {
	the := p.take("on the", "the", "el dia", "el", "dia")
	ordinal := ordinals[p.ahead0()]
	day, ok := p.number()
	if !ok {
		return false
	}
	ordinal = p.take("st", "nd", "rd", "th") || ordinal
	p.take("of", "de")
	if month, ok := months[p.ahead0()]; ok {
		p.at++
		return p.setDate(p.year(), time.Month(month), day)
	}
	if p.words[p.at-1] == "de" || !the && !ordinal || len(p.words) > p.at && p.words[p.at] == "oclock" {
		return false
	}
	t := today(p.now)
	for m := range 12 { // the next month that has this day
		d := time.Date(t.Year(), t.Month()+time.Month(m), day, 0, 0, 0, 0, time.UTC)
		if d.Day() == day && !d.Before(t) {
			return p.setDay(d)
		}
	}
	return false
}

var ordinals = set(`first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
	sixteenth seventeenth eighteenth nineteenth twentieth thirtieth`)

// ahead0 is the next word, "" at the end.
func (p *parser) ahead0() string {
	if len(p.ahead()) == 0 {
		return ""
	}
	return p.ahead()[0]
}

// year takes a year of four digits; 0 when there is none.
func (p *parser) year() int {
	before := p.at
	p.take("of", "del", "de")
	if y, err := strconv.Atoi(p.ahead0()); err == nil && len(p.ahead0()) == 4 {
		p.at++
		return y
	}
	p.at = before
	return 0
}
