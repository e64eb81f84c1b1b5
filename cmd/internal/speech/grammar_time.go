package speech

import (
	"strconv"
	"strings"
)

// noon is the middle of the day, and of the night.
func (p *parser) noon() bool {
	switch {
	case p.take("at noon", "noon", "midday", "al mediodia", "mediodia", "al medio dia", "medio dia"):
		return p.setClock(12, 0, true)
	case p.take("midnight", "at midnight", "medianoche", "a medianoche"):
		return p.setClock(0, 0, true)
	}
	return false
}

// past counts minutes from an hour: "half past three", "a quarter to four", "tres y media", "cuatro menos cuarto".
func (p *parser) past() bool {
	return p.try(func() bool {
		p.take("at", "a las", "a la", "las", "la")
		if minutes, ok := p.minutes(); ok && p.take("past", "after") {
			hour, ok := p.number()
			return ok && p.setClock(hour, minutes, hour > 12)
		} else if ok && p.take("to", "before", "til", "till") {
			hour, ok := p.number()
			return ok && hour > 0 && p.setClock(hour-1, 60-minutes, hour > 13)
		}
		return false
	}) || p.try(func() bool {
		p.take("a las", "a la", "las", "la")
		hour, ok := p.number()
		switch {
		case !ok || hour > 24:
			return false
		case p.take("y media"):
			return p.setClock(hour, 30, hour > 12)
		case p.take("y cuarto"):
			return p.setClock(hour, 15, hour > 12)
		case p.take("menos cuarto"):
			return hour > 0 && p.setClock(hour-1, 45, hour > 13)
		case p.take("menos"):
			m, ok := p.number()
			return ok && hour > 0 && m > 0 && m < 60 && p.setClock(hour-1, 60-m, hour > 13)
		case p.take("y"):
			m, ok := p.number()
			return ok && m < 60 && p.setClock(hour, m, hour > 12)
		}
		return false
	})
}

func (p *parser) minutes() (int, bool) {
	switch {
	case p.take("half"):
		return 30, true
	case p.take("a quarter", "quarter"):
		return 15, true
	}
	n, ok := p.number()
	p.take("minutes")
	return n, ok && n > 0 && n < 60
}

// daypart is a half of the day: of the clock that was said, or by itself.
func (p *parser) daypart() bool {
	switch {
	case p.hasClock && p.take("am", "a m"):
		return p.inHalf(false)
	case p.hasClock && p.take("pm", "p m"):
		return p.inHalf(true)
	case p.take("in the morning", "this morning", "morning", "de la manana", "por la manana", "en la manana", "esta manana", "de la madrugada"):
		return p.inPart(Part{0, 12 * 60}, false)
	case p.take("in the afternoon", "this afternoon", "afternoon"):
		return p.inPart(Part{12 * 60, 18 * 60}, true)
	case p.take("de la tarde", "por la tarde", "en la tarde", "esta tarde"):
		return p.inPart(Part{12 * 60, 20 * 60}, true)
	case p.take("in the evening", "this evening", "evening", "at night", "night", "de la noche", "por la noche", "en la noche"):
		return p.inPart(Part{17 * 60, 24 * 60}, true)
	case p.hasClock && p.hour == 12 && p.take("noon", "midday", "del mediodia", "del dia"):
		return p.inHalf(true)
	}
	return false
}

func (p *parser) inHalf(afternoon bool) bool {
	if p.half && p.afternoon != afternoon {
		return false
	}
	p.half, p.afternoon = true, afternoon
	return true
}

// inPart says a part of the day. Twelve at night is neither before nor after noon of that day.
func (p *parser) inPart(part Part, afternoon bool) bool {
	if p.hasClock && p.hour == 12 && part.From >= 17*60 || p.part != (Part{}) {
		return false
	}
	p.part = part
	return p.inHalf(afternoon)
}

// clock is a time of the day: 15:00, 3 pm, three thirty, at 3, a las 3. A bare number is none: it may be a day.
func (p *parser) clock() bool {
	at := p.take("at", "a las", "a la", "las", "la")
	word := p.ahead0()
	leading := len(word) > 1 && word[0] == '0'
	if h, m, ok := digital(word); ok {
		p.at++
		p.take("hours", "horas", "h", "hrs")
		return p.setClock(h, m, h > 12 || leading)
	}
	hour, ok := p.number()
	if !ok || hour > 24 || articles[word] {
		return false
	}
	begun := p.at
	p.take("oh", "o", "zero", "cero") // three oh five
	minute, _ := p.number()
	if minute > 59 {
		return false
	}
	p.take("oclock", "en punto", "horas", "hours")
	if !at && p.at == begun && !halves[p.ahead0()] {
		return false
	}
	return p.setClock(hour, minute, hour > 12 || leading)
}

// halves begin what makes an hour of a bare number.
var halves = set("am pm noon midday in de del")

// digital reads 15:00.
func digital(word string) (hour, minute int, ok bool) {
	h, m, ok := strings.Cut(word, ":")
	m, _, _ = strings.Cut(m, ":")
	if !ok || len(m) != 2 {
		return 0, 0, false
	}
	hour, err1 := strconv.Atoi(h)
	minute, err2 := strconv.Atoi(m)
	return hour, minute, err1 == nil && err2 == nil && hour < 24 && minute < 60
}

// fillers say nothing of the time.
var fillers = set(`on at around about the for please el los al de del un una a las la por favor para como sobre hacia and y of this
	appointment cita an i would like quiero maybe`)

func (p *parser) filler() bool {
	if fillers[p.ahead0()] {
		p.at++
		return true
	}
	return false
}
