package redact

// ordinary recognises at token i what looks like a number of a person and is none: it is asked first. It returns the
// token behind, or 0.
func (m *matcher) ordinary(i int) (end int, why string) {
	t := m.toks
	p, n := &t[i-1], &t[i+1]
	if p.sign == '$' && t[i].gap <= space {
		return m.amount(i), "an amount"
	}
	if end := m.numericDate(i); end > 0 {
		m.date(i, end, rDate, rBirth)
		return end, "a date"
	}
	if end := m.clock(i); end > 0 {
		return end, "a time of day"
	}
	if end := m.years(i); end > 0 {
		return end, "years"
	}
	if n.kind == kSign && n.gap == none {
		q := &t[i+2]
		digits := q.kind == kNum && q.gap == none
		after := &t[i+3]
		switch {
		case n.sign == ',' && digits && q.len() == 3 && t[i].len() <= 3:
			return m.amount(i), "thousands"
		case n.sign == '.' && digits && !(after.kind == kSign && after.sign == '.' && after.gap == none && t[i+4].kind == kNum) &&
			!(t[i].len() == 3 && q.len() >= 4) && !m.joined(i+3, '-') && !(p.kind == kSign && p.gap == none && p.sign == '.' && t[i].gap == none):
			return i + 3, "a decimal number"
		case n.sign == '%':
			return i + 2, "a percentage"
		case n.sign == '/' && digits && t[i].len() <= 2 && q.len() <= 2 && !(after.gap == none && after.kind == kSign && after.sign == '/'):
			return i + 3, "a fraction"
		}
	}
	if n.sign == '$' && n.gap <= space && t[i+2].kind != kNum && t[i].len() < 7 {
		return i + 1, "an amount"
	}
	if n.kind == kWord && n.marks&(mUnit|mMoney) != 0 && n.gap <= space && m.alone(i) && (t[i].len() < 7 || n.marks&mMoney != 0 || !m.phoneCued(i)) {
		return i + 1, aMeasure
	}
	if end := m.iban(i); end > 0 {
		return end, "an account number"
	}
	return 0, ""
}

// phoneCued says whether the words before token i speak of a phone.
func (m *matcher) phoneCued(i int) bool {
	what, _ := m.cue(i)
	return what&mPhone != 0
}

const aMeasure = "a measure"

// alone says whether no digits are joined to those at token i from the left.
func (m *matcher) alone(i int) bool {
	t := m.toks
	return t[i].gap != none && t[i-1].kind != kNum || t[i].gap == none && t[i-1].kind == kSign && t[i-1].sign != '-' && t[i-1].sign != ')' && t[i-1].sign != '.'
}

// amount ends 1,234,567.89 that begins at token i.
func (m *matcher) amount(i int) int {
	t := m.toks
	for t[i+1].sign == ',' && t[i+1].gap == none && t[i+2].kind == kNum && t[i+2].gap == none && t[i+2].len() == 3 {
		i += 2
	}
	if t[i+1].sign == '.' && t[i+1].gap == none && t[i+2].kind == kNum && t[i+2].gap == none {
		i += 2
	}
	return i + 1
}

// value is the number of at most 9 digits at token i; -1 for more, or for what are no digits.
func (m *matcher) value(i int) int {
	t := &m.toks[i]
	if t.kind != kNum || t.len() > 9 {
		return -1
	}
	v := 0
	for _, c := range m.f.text[t.start:t.end] {
		v = 10*v + int(c-'0')
	}
	return v
}

func (m *matcher) year(i int) bool {
	v := m.value(i)
	return m.toks[i].len() == 4 && v >= 1000 && v <= 2199
}

// within says whether token i is a number of one or two digits from 1 to most.
func (m *matcher) within(i, most int) bool {
	v := m.value(i)
	return m.toks[i].len() <= 2 && v >= 1 && v <= most
}

// joined says whether token i is sign, with digits right behind it.
func (m *matcher) joined(i int, sign byte) bool {
	t := m.toks
	return t[i].sign == sign && t[i].gap == none && t[i+1].kind == kNum && t[i+1].gap == none
}

// numericDate ends a date of digits that begins at token i: 3/14/2026, 14.3.26, 2026-03-14, 03-2026, 2016/11.
func (m *matcher) numericDate(i int) int {
	t := m.toks
	if t[i].gap == none && (t[i-1].sign == '-' || t[i-1].sign == '.' || t[i-1].sign == '/') && t[i-1].gap == none && t[i-2].kind == kNum && i-2 > m.done {
		return 0
	}
	for _, sep := range [...]byte{'/', '-', '.'} {
		if !m.joined(i+1, sep) {
			continue
		}
		a, b, c := i, i+2, i+4
		if m.joined(i+3, sep) {
			if m.joined(i+5, sep) || t[i+5].gap == none && t[i+5].kind == kNum {
				return 0
			}
			dayFirst := m.within(a, 31) && m.within(b, 12) || m.within(a, 12) && m.within(b, 31)
			yearLast := m.year(c) || t[c].len() == 2
			if dayFirst && yearLast || m.year(a) && m.within(b, 12) && m.within(c, 31) || m.year(a) && m.within(b, 31) && m.within(c, 12) {
				return c + 1
			}
			return 0
		}
		if m.year(a) && m.within(b, 12) || m.within(a, 12) && m.year(b) {
			return b + 1
		}
		if sep != '.' && (m.within(a, 12) && m.within(b, 31) || m.within(a, 31) && m.within(b, 12)) && t[i+3].sign != '(' {
			return b + 1
		}
		if n := &t[i+3]; m.within(a, 12) && m.within(b, 31) && n.sign == ',' && n.gap == none && t[i+4].gap == none && t[i+4].len() == 2 {
			return i + 5
		}
		return 0
	}
	if t[i].len() == 8 && (t[i+1].gap != none || t[i+1].kind == kSign) { // 20260314
		if v := m.value(i); v/10000 >= 1900 && v/10000 <= 2100 && v/100%100 >= 1 && v/100%100 <= 12 && v%100 >= 1 && v%100 <= 31 {
			return i + 1
		}
	}
	if t[i+1].kind == kNum && t[i+2].kind == kNum && t[i+1].gap == space && t[i+2].gap == space && m.within(i+1, 31) { // 14 3 2026
		dm := m.within(i, 31) && m.year(i+2) && m.value(i+2) >= 1900 && (m.within(i, 12) || m.within(i+1, 12))
		ym := m.year(i) && m.value(i) >= 1900 && m.within(i+2, 31) && (m.within(i+1, 12) || m.within(i+2, 12))
		if (dm || ym) && (t[i+3].kind != kNum || t[i+3].gap != space || t[i+3].len() <= 2) {
			return i + 3
		}
	}
	// 14 / 3 / 2026
	if (t[i+1].sign == '/' || t[i+1].sign == '-') && t[i+2].kind == kNum && t[i+2].gap <= space {
		if m.year(i) && m.within(i+2, 12) && m.toks[i+3].kind != kSign {
			return i + 3
		}
		if s := t[i+1].sign; m.within(i, 31) && m.within(i+2, 31) && t[i+3].sign == s && m.year(i+4) {
			return i + 5
		}
	}
	return 0
}

// clock ends a time of day that begins at token i: 14:30, 2:30:15.
func (m *matcher) clock(i int) int {
	v := m.value(i)
	if m.toks[i].len() > 2 || v > 24 || !m.joined(i+1, ':') || m.toks[i+2].len() != 2 {
		return 0
	}
	e := i + 3
	if m.joined(e, ':') && m.toks[e+1].len() == 2 {
		e += 2
		if m.joined(e, '.') {
			e += 2
		}
	}
	if m.joined(e, ':') {
		return 0
	}
	return e
}

// years ends two years with a dash between that begin at token i, and whatever number stands behind them.
func (m *matcher) years(i int) int {
	t := m.toks
	if !m.year(i) || m.value(i) < 1800 {
		return 0
	}
	s := &t[i+1]
	if (s.sign == '-' || s.sign == '/') && t[i+2].kind == kNum && (m.year(i+2) || t[i+2].len() == 2) && !m.joined(i+3, '-') {
		return i + 3
	}
	return 0
}

// iban ends an account number that begins with the two letters before token i: GB29 NWBK 6016 1331 9268 19.
func (m *matcher) iban(i int) int {
	t := m.toks
	if t[i].len() != 2 || t[i].gap != none || t[i-1].kind != kWord || t[i-1].len() != 2 {
		return 0
	}
	e, groups := i+1, 0
	for {
		n := int32(0)
		j := e
		for t[j].kind == kWord || t[j].kind == kNum {
			if n > 0 && t[j].gap != none || n == 0 && t[j].gap != space {
				break
			}
			n += t[j].len()
			j++
		}
		if n == 0 || n > 4 || groups > 0 && j-e == 1 && t[e].kind == kWord {
			break
		}
		e = j
		groups++
		if e > i+24 {
			break
		}
	}
	if groups < 3 {
		return 0
	}
	return e
}
