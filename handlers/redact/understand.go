package redact

// understand says what a spoken number is, and returns the token behind it, or 0.
func (m *matcher) understand(s *said, i int) int {
	if e := m.spelledVanity(s, i); e > 0 {
		m.hit(rPhoneVanity, i, e)
		return e
	}
	if s.n < 4 {
		return 0
	}
	from := i
	plus := m.toks[i-1].marks&mPlus != 0 && m.toks[i].gap <= space || m.toks[i-1].sign == '+'
	if plus {
		from--
	}
	what, back := m.cue(from)
	if !m.end(s, what, plus) {
		return 0
	}
	if s.stranger && s.units > 2*s.words { // a table, rather
		m.no(PhoneNumber, i, s.end, "a list")
		return 0
	}
	if r, e := m.spokenIdentity(s, what, back); e > 0 {
		m.hit(r, i, e)
		m.remember(r, s.digits[:s.n])
		return e
	}
	if s.n < leastPhone {
		return 0
	}
	if why := m.labelled(what, back); why != "" {
		m.no(PhoneNumber, i, s.end, why)
		return 0
	}
	// "At three, two oh two …": what stands before a pause is no part of it.
	if s.n > 10 && s.n <= 12 && !plus && s.digits[0] > '1' && len(s.parts) > 6 && s.n-s.parts[0].n == 10 && s.parts[1].fresh {
		s.skip()
		from = s.parts[0].tok
	}
	e, r := m.spokenPhone(s, what&mPhone != 0 || m.tail(s.end), plus)
	if e == 0 {
		m.no(PhoneNumber, from, s.end, "not as many digits as a phone has")
		return 0
	}
	m.remember(r, s.digits[:s.n])
	e = m.extension(e)
	m.hit(r, from, e)
	return e
}

// end finds where the number ends, if more was heard: before a pause at which it is whole, or is what was said just
// before, since the other side reads numbers back and then goes on; and before an element that counts something else.
// It is false when nothing is left.
func (m *matcher) end(s *said, what mark, plus bool) bool {
	for k := 1; k < len(s.parts) && !plus && !s.mended; k++ {
		if p := &s.parts[k-1]; s.parts[k].fresh && (s.wholeAt(p.n, what) || p.n == m.last.n && string(s.digits[:p.n]) == string(m.last.digits[:p.n])) {
			s.take(k)
			return true
		}
	}
	next := &m.toks[s.end]
	if next.gap > space || next.kind != kWord || next.marks&(mMoney|mUnit) == 0 || what&(mSSN|mCard|mMRN) != 0 {
		return true
	}
	if len(s.parts) == 1 { // "five thirty p.m."
		return false
	}
	s.take(len(s.parts) - 1)
	return true
}

// wholeAt says whether the first n digits are all that such a number has.
func (s *said) wholeAt(n int, what mark) bool {
	switch first := s.digits[0]; {
	case what&mSSN != 0:
		return n == 9
	case what&mCard != 0:
		return n >= 13 && n <= 19 && luhn(s.digits[:n]) && issuer(s.digits[:n])
	case what&mMRN != 0:
		return false
	case first == '1':
		return n == 11
	case first == '0':
		return n == 11 && s.n >= 18
	default:
		return n == 10
	}
}

// number is a number that was found, for when it is read back.
type number struct {
	rule   rule
	digits [maxSaid]byte
	n      int
}

func (m *matcher) remember(r rule, digits []byte) {
	m.last.rule = r
	m.last.n = copy(m.last.digits[:], digits)
}

// spokenIdentity recognises what is no phone: by the word before, by a check digit, or because it is read back.
func (m *matcher) spokenIdentity(s *said, what mark, back int) (r rule, e int) {
	d := s.digits[:s.n]
	if what&mBirth != 0 && back <= 4 {
		if e := m.birthNumbers(s); e > 0 {
			return rBirthSpoken, e
		}
	}
	switch {
	case what&mSSN != 0 && s.n == 9:
		return rSSNSpoken, s.end
	case what&mSSN != 0 && s.n == 4 && m.lastFour(s.parts[0].tok):
		return rSSNLast, s.end
	case what&mMRN != 0 && back <= 4 && s.n <= 14:
		return rMRNSpoken, s.end
	case s.n >= 13 && s.n <= 19 && luhn(d) && !allSame(d) && (what&mCard != 0 || issuer(d) && s.units >= s.n-4 && m.labelled(what, back) == ""):
		return rCardSpoken, s.end
	case m.told(d):
		return rPhoneKnown, s.end
	case s.n >= leastPhone && s.n == m.last.n && string(d) == string(m.last.digits[:s.n]):
		return m.last.rule, s.end
	}
	if s.dots == 3 {
		if e := m.spokenIP(s, what); e > 0 {
			return rIPSpoken, e
		}
	}
	return 0, 0
}

// until ends the element at which s has n digits, or is 0.
func (s *said) until(n int) int {
	for _, p := range s.parts {
		if p.n == n {
			return p.end
		}
	}
	return 0
}

// spokenPhone ends the phone that s is; 0 when it is none. near says that a word before speaks of a phone.
func (m *matcher) spokenPhone(s *said, near, plus bool) (e int, r rule) {
	r = rPhoneSpoken
	if near {
		r = rPhoneSpokenCue
	}
	if s.counts() || s.and && !near && s.units < s.n-2 {
		return 0, r
	}
	full := 10
	if s.n >= 11 && (s.digits[0] == '1' || s.digits[0] == '0') || plus && s.digits[0] == '1' {
		full = 11
	}
	oneByOne := s.units >= 6 || s.n == 10 && !s.and && !s.turns && s.grouped()
	if s.units < 6 && s.and && s.n <= 15 && s.times(0) { // "call me at nine forty five and ten thirty"
		return 0, r
	}
	if s.words == 0 && !near && (s.digits[0] < '2' || s.digits[3] < '2') { // 2, 0, 2 …
		return 0, r
	}
	switch {
	case s.mended && s.n > full && (near || oneByOne):
		return s.end, r
	case plus:
		if s.n >= 8 && s.n <= 15 && (s.digits[0] != '1' || s.n == 11) {
			return s.end, r
		}
	case s.n == full && (near || oneByOne):
		return s.end, r
	case s.n > full && (s.n <= full+2 || s.n >= full+7 && s.units >= 6) && (near || oneByOne):
		return s.until(full), r
	case s.tongue == spanish && s.n == 9 && (s.digits[0] == '6' || s.digits[0] == '7') && s.words > 0 && s.until(3) > 0: // a mobile in Spain
		return s.end, r
	case near && s.n >= 7 && s.n <= 15:
		return s.end, r
	case s.turns && s.n > full && s.n <= 15 && oneByOne:
		return s.end, r
	}
	return 0, r
}

// grouped says whether ten digits that are not said one by one are said as a phone: area, exchange, line, and more
// than times of day.
func (s *said) grouped() bool {
	if s.digits[0] < '2' || s.digits[3] < '2' || s.until(3) == 0 && s.tongue == english {
		return false
	}
	zero := false
	for _, p := range s.parts {
		zero = zero || p.value == 0
	}
	if s.tongue == spanish && s.until(3) == 0 { // in pairs
		return zero
	}
	return s.until(6) > 0 && (s.units >= 3 || string(s.digits[3:6]) == "555")
}

// times says whether the elements from k on are times of day, one after the other: an hour, and perhaps minutes.
func (s *said) times(k int) bool {
	if k == len(s.parts) {
		return true
	}
	p := s.parts[k:]
	switch {
	case p[0].value < 1 || p[0].value > 12:
		return false
	case len(p) > 1 && p[1].value >= 10 && p[1].value < 60 && s.times(k+2), len(p) > 2 && p[1].value == 0 && p[2].value < 10 && s.times(k+3):
		return true
	}
	return s.times(k + 1)
}

// counts says whether the elements go up or down one by one: one two three.
func (s *said) counts() bool {
	if len(s.parts) < 7 {
		return false
	}
	step := s.parts[1].value - s.parts[0].value
	for k := 1; k < len(s.parts); k++ {
		if s.parts[k].value-s.parts[k-1].value != step {
			return false
		}
	}
	return step == 1 || step == -1
}

// spokenIP ends the address of four numbers with "dot" between them that s is; 0 when it is none.
func (m *matcher) spokenIP(s *said, what mark) int {
	if what&mVersion != 0 {
		return 0
	}
	v, places, dots := 0, 0, 0
	from := 0
	for _, p := range s.parts {
		if p.dot {
			if v > 255 || places == 0 {
				return 0
			}
			v, places = 0, 0
			dots++
		}
		for _, c := range s.digits[from:p.n] {
			v = 10*v + int(c-'0')
			places++
		}
		from = p.n
		if places > 3 {
			return 0
		}
	}
	if dots != 3 || v > 255 {
		return 0
	}
	return s.end
}

// birthNumbers ends a date that is said in numbers alone, month, day and year: three fourteen eighty five.
func (m *matcher) birthNumbers(s *said) int {
	if len(s.parts) < 3 {
		return 0
	}
	v := make([]int, 0, 8)
	for _, p := range s.parts[:min(len(s.parts), 6)] {
		if k := len(v); k > 0 && v[k-1] == 0 && p.value < 10 { // oh three
			v[k-1] = p.value
			continue
		}
		v = append(v, p.value)
	}
	if len(v) < 3 || v[0] < 1 || v[1] < 1 || v[0] > 31 || v[1] > 31 || v[0] > 12 && v[1] > 12 {
		return 0
	}
	switch {
	case v[2] >= 1900 && v[2] <= 2100, len(v) == 3 && v[2] <= 99, len(v) == 4 && (v[2] == 19 || v[2] == 20):
		return s.end
	}
	return 0
}

// digitWords ends the digits said one by one from token i on, at most so many.
func (m *matcher) digitWords(i, most int) int {
	for l := range tongues {
		s := said{tongue: l}
		k := i
		for s.n < most && m.toks[k].gap <= space {
			p, ok := m.element(k, l, &s)
			if !ok || s.n > most {
				break
			}
			k = p.end
		}
		if k > i {
			return k
		}
	}
	return i
}
