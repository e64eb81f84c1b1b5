package redact

// said is a number as it is spoken: elements that are digits, and what is said between them.
type said struct {
	tongue tongue
	parts  []part
	digits [maxSaid]byte
	n      int
	units  int  // digits that were said one by one
	words  int  // number words
	dots   int  // how often "dot" was said
	mended bool // something was taken back
	turns  bool // another speaker was between
	firm   bool // more than "and" was between
	end    int  // behind the last element
}

// part is an element, as "double five" or "forty two".
type part struct {
	tok, end int // tokens
	n        int // digits up to here
	value    int
	dot      bool // "dot" was said before
}

const maxSaid = 40

// mixed says whether a number that is partly spoken, or interrupted, begins with the digits at token i.
func (m *matcher) mixed(i int) bool {
	t := m.toks
	n := int(t[i].len())
	if n == 1 && t[i-1].sign != '$' {
		k := i
		for ; t[k+1].gap <= space && t[k+1].kind != kEnd; k++ {
			if sign := t[k+1].kind == kSign && (t[k+1].sign == ',' || t[k+1].sign == '-'); !sign && !(t[k+1].kind == kNum && t[k+1].len() == 1) {
				break
			}
		}
		if k >= i+9 && k < i+22 && t[k].kind == kNum {
			return true
		}
	}
	for t[i+1].kind == kSign && (t[i+1].sign == '-' || t[i+1].sign == '.') && t[i+1].gap == none && t[i+2].kind == kNum && t[i+2].gap == none || t[i+1].kind == kNum && t[i+1].gap == space {
		if i++; t[i].kind != kNum {
			i++
		}
		n += int(t[i].len())
	}
	if n > 7 || t[i+1].kind == kEnd {
		return false
	}
	for l := range tongues {
		var s said
		if next := m.between(i+1, l, &s); next > 0 && (t[next].kind == kWord || s.turns || s.firm) {
			return true
		}
	}
	return false
}

// spoken looks at the number that is spoken from token i on, and returns the token to go on with.
func (m *matcher) spoken(i int) int {
	var best said
	for l := range tongues {
		s := said{tongue: l, parts: m.parts[l][:0]}
		m.listen(i, l, &s)
		m.parts[l] = s.parts
		if s.n > best.n || s.n == best.n && len(s.parts) > len(best.parts) {
			best = s
		}
	}
	if best.n == 0 {
		return i + 1
	}
	if e := m.understand(&best, i); e > 0 {
		m.done = e - 1
		return e
	}
	for k := i; k < best.end; k++ {
		if m.toks[k].kind == kNum {
			return max(i, k)
		}
	}
	return best.end
}

// listen collects the elements of a spoken number from token i on.
func (m *matcher) listen(i int, l tongue, s *said) {
	for k := i; len(s.parts) < maxSaid; {
		p, ok := m.element(k, l, s)
		if !ok {
			return
		}
		p.dot = s.dots > 0 && len(s.parts) > 0 && m.dotted(s.parts[len(s.parts)-1].end, k)
		s.parts = append(s.parts, p)
		s.end = p.end
		next := m.between(p.end, l, s)
		if next == 0 {
			return
		}
		k = next
	}
}

// dotted says whether a dot was said between tokens from and to.
func (m *matcher) dotted(from, to int) bool {
	for _, t := range m.toks[from:to] {
		if t.marks&mDot != 0 || t.kind == kSign && t.sign == '.' {
			return true
		}
	}
	return false
}

// element is the digits that are said at token k.
func (m *matcher) element(k int, l tongue, s *said) (p part, ok bool) {
	t := m.toks
	p = part{tok: k, end: k + 1}
	put := func(v, places int) {
		p.value = v
		for d := places - 1; d >= 0 && s.n < maxSaid; d-- {
			pow := 1
			for range d {
				pow *= 10
			}
			s.digits[s.n] = '0' + byte(v/pow%10)
			s.n++
		}
	}
	if t[k].kind == kNum {
		n := int(t[k].len())
		if n > 7 || s.n+n > maxSaid || t[k-1].kind == kSign && t[k].gap == none && (t[k-1].sign == '$' || t[k-1].sign == '#') || t[k+1].gap == none && (t[k+1].kind == kWord || t[k+1].sign == ':' || t[k+1].sign == '%') {
			return p, false
		}
		p.value = m.value(k)
		s.n += copy(s.digits[s.n:], m.f.text[t[k].start:t[k].end])
		s.units += n
		p.n = s.n
		return p, true
	}
	n := m.numeral(k, l)
	joined := func(j int) numeral { // what follows without a pause
		if t[j].gap > space {
			return numeral{}
		}
		return m.numeral(j, l)
	}
	switch n.kind {
	case unit:
		switch next := joined(k + 1); {
		case next.kind == hundred && n.value > 0:
			v := int(n.value) * 100
			p.end = k + 2
			v += m.tensBehind(&p, l)
			put(v, 3)
		case next.kind == thousand && l == english && n.value > 0 && s.n >= 6:
			put(int(n.value)*1000, 4)
			p.end = k + 2
		case next.kind == thousand:
			return p, false
		default:
			put(int(n.value), 1)
			s.units++
		}
	case oh:
		if len(s.parts) == 0 && m.between(k+1, l, &said{}) == 0 {
			return p, false
		}
		put(0, 1)
		s.units++
	case teen, tens:
		p.end = k
		v := m.tensBehind(&p, l)
		if joined(p.end).kind == hundred && s.n >= 6 { // ninety nine hundred
			p.end++
			put(v*100, 4)
		} else {
			put(v, 2)
		}
	case hundreds:
		put(int(n.value)+m.tensBehind(&p, l), 3)
	case times:
		again := joined(k + 1)
		switch {
		case t[k+1].kind == kNum && t[k+1].len() == 1 && t[k+1].gap <= space:
			again = numeral{unit, int16(m.value(k + 1))}
		case again.kind != unit && again.kind != oh:
			return p, false
		}
		for range n.value {
			put(int(again.value), 1)
		}
		s.units += int(n.value)
		p.end = k + 2
	default:
		return p, false
	}
	s.words++
	p.n = s.n
	return p, true
}

// tensBehind is the value of what is below a hundred at token p.end, as forty two, which it takes into p.
func (m *matcher) tensBehind(p *part, l tongue) int {
	t := m.toks
	j := p.end
	if j > p.tok && (t[j].gap > space || t[j].kind != kWord) {
		return 0
	}
	n := m.numeral(j, l)
	switch {
	case n.kind == teen:
		p.end = j + 1
		return int(n.value)
	case n.kind == tens:
		p.end = j + 1
		k := j + 1
		if l == english && t[k].kind == kSign && t[k].sign == '-' && t[k].gap == none {
			k++
		}
		if l == spanish && m.is(k, "y") {
			k++
		}
		if u := m.numeral(k, l); u.kind == unit && u.value > 0 && t[k].gap <= space && (l == english || k > j+1) {
			p.end = k + 1
			return int(n.value + u.value)
		}
		return int(n.value)
	}
	return 0
}

// between goes over what is said between the elements of one number, from token k on, and returns the next element, or
// 0 when the number is over.
func (m *matcher) between(k int, l tongue, s *said) int {
	t := m.toks
	signs, turn := 0, false
	for j := k; j < k+lead/2; j++ {
		w := &t[j]
		if w.gap >= line && j > k || w.gap == para {
			if w.gap == para || turn {
				return 0
			}
		}
		if w.gap == line {
			if c := m.speaker(j); c > 0 {
				if turn = false; s != nil {
					s.turns = true
				}
				j = c
				continue
			}
		}
		if w.kind == kNum {
			return j * btoi(w.gap != none || j == k || t[j-1].kind == kSign && t[j-1].sign != ':')
		}
		switch w.kind {
		case kSign:
			switch w.sign {
			case ',', '-', '.', '(', ')', '?', '!', otherByte:
				if signs++; signs > 8 {
					return 0
				}
				continue
			}
			return 0
		case kWord:
			if n := m.numeral(j, l); n.kind != notNumber {
				if n.kind == ordinal || n.kind == hundred {
					return 0
				}
				return j
			}
			switch {
			case w.marks&mDot != 0:
				s.dots++
			case w.marks&mMend != 0:
				s.mended = true
			case w.marks&(mFiller|mNod|mDash|mArea) != 0:
				s.firm = s.firm || w.marks&mFiller != 0 && !m.is(j, "and", "y", "then", "so", "like")
			default:
				return 0
			}
		default:
			return 0
		}
	}
	return 0
}

// speaker is the colon of "Caller:" that begins at token j, the first of its line; 0 for none.
func (m *matcher) speaker(j int) int {
	t := m.toks
	for k := j; k < j+3 && (t[k].kind == kWord || t[k].kind == kNum && k > j) && (k == j || t[k].gap == space); k++ {
		if c := &t[k+1]; c.kind == kSign && c.sign == ':' && c.gap == none {
			return k + 1
		}
	}
	return 0
}

// understand says what a spoken number is, and returns the token behind it, or 0.
func (m *matcher) understand(s *said, i int) int {
	if e := m.spelledVanity(s, i); e > 0 {
		m.hit(rPhoneVanity, i, e)
		return e
	}
	if s.n < 4 {
		return 0
	}
	t := m.toks
	from := i
	plus := t[i-1].kind == kWord && t[i-1].marks&mPlus != 0 && t[i].gap <= space || t[i-1].kind == kSign && t[i-1].sign == '+'
	if plus {
		from--
	}
	what, back := m.cue(from)
	if next := &t[s.end]; next.gap <= space && next.kind == kWord && next.marks&(mMoney|mUnit) != 0 && what&(mSSN|mCard|mMRN) == 0 {
		// The last element counts something: "five thirty p.m.".
		last := len(s.parts) - 1
		if last == 0 {
			return 0
		}
		s.parts = s.parts[:last]
		s.n, s.end = s.parts[last-1].n, s.parts[last-1].end
	}
	d := s.digits[:s.n]
	if what&mBirth != 0 && back <= 4 {
		if e := m.birthNumbers(s); e > 0 {
			m.hit(rBirthSpoken, i, e)
			return e
		}
	}
	switch {
	case what&mSSN != 0 && s.n == 9:
		m.hit(rSSNSpoken, i, s.end)
		return s.end
	case what&mSSN != 0 && s.n == 4 && m.lastFour(i):
		m.hit(rSSNLast, i, s.end)
		return s.end
	case what&mMRN != 0 && back <= 4 && s.n <= 14:
		m.hit(rMRNSpoken, i, s.end)
		return s.end
	case s.n >= 13 && s.n <= 19 && luhn(d) && !allSame(d):
		m.hit(rCardSpoken, i, s.end)
		return s.end
	}
	if s.dots == 3 {
		if e := m.spokenIP(s, what); e > 0 {
			m.hit(rIPSpoken, i, e)
			return e
		}
	}
	if s.n < 7 {
		return 0
	}
	if why := m.labelled(what, back); why != "" {
		m.no(PhoneNumber, i, s.end, why)
		return 0
	}
	// "At three, two oh two …": what stands before a pause is no part of it.
	if full := 10; s.n > full && s.n <= full+2 && !plus && s.digits[0] != '1' && s.digits[0] != '0' && len(s.parts) > 6 {
		if skip := s.parts[0].n; s.n-skip == full && m.toks[s.parts[0].end].sign == ',' {
			from = s.parts[1].tok
			copy(s.digits[:], s.digits[skip:s.n])
			s.n -= skip
			s.units--
			s.parts = s.parts[1:]
			for k := range s.parts {
				s.parts[k].n -= skip
			}
		}
	}
	e, r := m.spokenPhone(s, what&mPhone != 0 || m.tail(s.end), plus)
	if e == 0 {
		m.no(PhoneNumber, from, s.end, "not as many digits as a phone has")
		return 0
	}
	e = m.extension(e)
	m.hit(r, from, e)
	return e
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
	if s.counts() {
		return 0, r
	}
	full := 10
	if s.n >= 11 && (s.digits[0] == '1' || s.digits[0] == '0') || plus && s.digits[0] == '1' {
		full = 11
	}
	oneByOne := s.units >= 6 || s.n == 10 && s.grouped()
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
	case s.n > full && s.n <= full+2 && (near || oneByOne):
		return s.until(full), r
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
