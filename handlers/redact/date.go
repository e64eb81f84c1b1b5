package redact

// date notes that tokens from..to-1 are a date, if the policy wants dates, or if it is one of birth.
func (m *matcher) date(from, to int, plain, birth rule) {
	if m.birth(from, to) {
		m.hit(birth, from, to)
		return
	}
	if m.e.strict {
		m.hit(plain, from, to)
	} else {
		m.never(DateOfBirth, from, to, "a date, and no word of a birth")
	}
}

// birth says whether the words around a date say that somebody was born then.
func (m *matcher) birth(from, to int) bool {
	t := m.toks
	if what, back := m.cue(from); what&mBirth != 0 {
		return back <= 3 || m.asked
	} else if what&(mBorn|mBirthday) != 0 {
		return back == 0 || what&mBorn != 0 && back <= 2 || what&mBirthday != 0 && m.asked
	}
	if m.is(from-2, "b") && t[from-1].sign == '.' && t[from-1].gap == none {
		return true
	}
	words := 0
	for j := to; words <= 4 && t[j].kind != kEnd && t[j].kind != kBar && t[j].kind != kNum; j++ {
		switch {
		case t[j].kind == kSign && t[j].sign != ',' && t[j].sign != '(':
			return false
		case t[j].marks&(mBirth|mBirthday) != 0:
			return true
		case t[j].kind == kWord && !m.is(j, "is", "was", "es", "era", "fue", "the", "la", "el") && t[j].marks&(mMine|mWrap) == 0:
			return false
		}
		words++
	}
	return false
}

// bareBirth recognises eight digits that a word says are a date of birth: 19790512, 05121979.
func (m *matcher) bareBirth(i int) bool {
	t := &m.toks[i]
	if t.len() != 8 {
		return false
	}
	if what, back := m.cue(i); what&mBirth == 0 || back > 2 && !m.asked {
		return false
	}
	v := m.value(i)
	ok := func(year, month, day int) bool {
		return year >= 1900 && year <= 2100 && month >= 1 && month <= 31 && day >= 1 && day <= 31 && (month <= 12 || day <= 12)
	}
	if !ok(v/10000, v/100%100, v%100) && !ok(v%10000, v/1000000, v/10000%100) {
		return false
	}
	m.hit(rBirth, i, i+1)
	m.done = i
	return true
}

// monthDate looks at the name of a month at token i, for the day and the year beside it.
func (m *matcher) monthDate(i int) {
	if i <= m.done {
		return
	}
	t := m.toks
	s, e := i, i+1
	spoken := false
	// Before: 14, 14th, the fourteenth, of.
	j := i - 1
	if t[j].kind == kWord && m.is(j, "of", "de") || t[j].sign == '-' && t[i].gap == none {
		j--
	}
	if day, words := m.dayBefore(j); day > 0 {
		s, spoken = day, words
	}
	// Behind: day and year.
	j = e
	if t[j].sign == '.' || t[j].sign == '-' || t[j].sign == ',' {
		j++
	}
	if t[j].gap <= space {
		if end, words := m.dayBehind(j); end > 0 && s == i {
			e, spoken = end, spoken || words
		}
		if end, words := m.yearBehind(e); end > 0 {
			e, spoken = end, spoken || words
		}
	}
	if e == i+1 && s == i {
		if m.e.strict && t[i].len() > 3 && t[i].marks&mProv == 0 && !m.is(i, "march") {
			m.hit(rDate, s, e)
		}
		return
	}
	plain, birth := rDate, rBirth
	if spoken {
		plain, birth = rDateSpoken, rBirthSpoken
	}
	m.date(s, e, plain, birth)
	m.done = max(m.done, e-1)
}

// is says whether token i is one of those words.
func (m *matcher) is(i int, words ...string) bool {
	t := &m.toks[i]
	for _, w := range words {
		if t.kind == kWord && string(m.f.text[t.start:t.end]) == w {
			return true
		}
	}
	return false
}

// dayBefore is the first token of a day of the month that ends with token j, or 0.
func (m *matcher) dayBefore(j int) (s int, words bool) {
	t := m.toks
	if t[j+1].gap > space {
		return 0, false
	}
	if m.is(j, "st", "nd", "rd", "th") && t[j-1].kind == kNum {
		j--
	}
	if t[j].kind == kNum && m.within(j, 31) {
		return j, false
	}
	for s = j; s > j-3 && t[s].kind == kWord && t[s].word != 0; s-- {
		n := m.x.words[t[s].word].number
		if n[english].kind == notNumber && n[spanish].kind == notNumber && !m.is(s, "y") {
			break
		}
	}
	if s == j {
		return 0, false
	}
	return s + 1, true
}

// dayBehind ends a day of the month that begins with token j; 0 for none.
func (m *matcher) dayBehind(j int) (e int, words bool) {
	t := m.toks
	if m.is(j, "the") {
		j++
	}
	if t[j].kind == kNum && m.within(j, 31) && !m.joined(j+1, ':') {
		e = j + 1
		if m.is(e, "st", "nd", "rd", "th") {
			e++
		}
		return e, false
	}
	for l := range tongues {
		n := m.numeral(j, l)
		switch n.kind {
		case ordinal, teen:
			return j + 1, true
		case unit:
			if n.value > 0 {
				return j + 1, true
			}
		case tens:
			if next := m.numeral(j+1, l); n.value <= 30 && (next.kind == ordinal && next.value < 10 || next.kind == unit) {
				return j + 2, true
			}
			if n.value <= 30 {
				return j + 1, true
			}
		default:
		}
	}
	return 0, false
}

// numeral is what token i counts as in a language.
func (m *matcher) numeral(i int, l tongue) numeral {
	if t := &m.toks[i]; t.kind == kWord && t.word != 0 {
		return m.x.words[t.word].number[l]
	}
	return numeral{}
}

// yearBehind ends a year that stands behind token e-1, after a comma or "of"; 0 for none.
func (m *matcher) yearBehind(e int) (end int, words bool) {
	t := m.toks
	j := e
	for (t[j].sign == ',' || t[j].sign == '-' || t[j].sign == '\'' || t[j].sign == '.') && t[j].gap <= space || m.is(j, "of", "de", "del", "in") {
		j++
	}
	if t[j].gap > space {
		return 0, false
	}
	if m.year(j) || t[j].kind == kNum && t[j].len() == 2 && j > e && t[j-1].sign == '\'' || t[j].len() == 2 && t[j].kind == kNum && m.is(j-1, "del") {
		return j + 1, false
	}
	for l := range tongues {
		if end := m.yearWords(j, l); end > 0 {
			return end, true
		}
	}
	return 0, false
}

// yearWords ends a year in words, as nineteen eighty five or mil novecientos ochenta y cinco; 0 for none.
func (m *matcher) yearWords(j int, l tongue) int {
	t := m.toks
	first := m.numeral(j, l)
	ok := first.kind == teen || first.kind == tens && (l == english || m.is(j-1, "del")) || first.kind == thousand || first.kind == unit && m.numeral(j+1, l).kind == thousand
	if !ok {
		return 0
	}
	n := 0
	for k := j; k < j+7; k++ {
		if k > j && t[k].sign == '-' && t[k].gap == none && t[k+1].gap == none && m.numeral(k+1, l).kind != notNumber { // forty-nine
			n++
			continue
		}
		switch m.numeral(k, l).kind {
		case unit, oh, teen, tens, hundred, hundreds, thousand:
			n++
			continue
		default:
		}
		if m.is(k, "y", "and") && m.numeral(k+1, l).kind != notNumber {
			n++
			continue
		}
		break
	}
	if n < 2 {
		return 0
	}
	for n > 0 && m.is(j+n-1, "y", "and") {
		n--
	}
	return j + n
}
