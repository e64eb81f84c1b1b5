package redact

// said is a number as it is spoken: elements that are digits, and what is said between them.
type said struct {
	tongue tongue
	parts  []part
	digits [maxSaid]byte
	n      int
	units  int // digits that were said one by one
	words  int // number words
	end    int // behind the last element
	manner
}

// manner is what was said between the elements.
type manner struct {
	dots     int  // how often "dot"
	mended   bool // something was taken back
	and      bool // "and"
	firm     bool // more than "and"
	turns    bool // another speaker
	stranger bool // somebody, or something, of whom nothing is known
}

// part is an element, as "double five" or "forty two".
type part struct {
	tok, end        int // tokens
	n, units, words int // what said counts, up to here
	value           int
	dot             bool // "dot" was said before
	fresh           bool // a pause was before: a sign, or a new line
}

// take leaves the first k elements.
func (s *said) take(k int) {
	last := s.parts[k-1]
	s.parts = s.parts[:k]
	s.n, s.units, s.words, s.end = last.n, last.units, last.words, last.end
}

// skip leaves out the first element.
func (s *said) skip() {
	p := s.parts[0]
	copy(s.digits[:], s.digits[p.n:s.n])
	s.n, s.units, s.words = s.n-p.n, s.units-p.units, s.words-p.words
	s.parts = s.parts[1:]
	for k := range s.parts {
		q := &s.parts[k]
		q.n, q.units, q.words = q.n-p.n, q.units-p.units, q.words-p.words
	}
}

const maxSaid = 40

// mixed says whether a number that is partly spoken, or interrupted, begins with the digits at token i.
func (m *matcher) mixed(i int) bool {
	t := m.toks
	n := int(t[i].len())
	if n == 1 && t[i-1].sign != '$' {
		k, ones := i, 1
		for ; k < i+24 && t[k+1].gap <= space && t[k+1].kind != kEnd; k++ {
			if sign := (t[k+1].sign == ',' || t[k+1].sign == '-'); !sign && !(t[k+1].kind == kNum && t[k+1].len() == 1) {
				break
			}
			if t[k+1].kind == kNum {
				ones++
			}
		}
		p := &t[i-1]
		alone := p.kind != kNum && !(p.sign == ',' || p.sign == '-' && p.gap == none || p.sign == '{' || p.sign == '[')
		if alone && t[k].kind == kNum && (ones == 10 || ones == 11 && m.value(i) == 1) {
			return true
		}
	}
	for n <= 7 && ((t[i+1].sign == '-' || t[i+1].sign == '.') && t[i+1].gap == none && t[i+2].kind == kNum && t[i+2].gap == none || t[i+1].kind == kNum && t[i+1].gap == space) {
		if i++; t[i].kind != kNum {
			i++
		}
		n += int(t[i].len())
	}
	if n > 7 || t[i+1].kind == kEnd || t[i].gap == none && t[i-1].kind == kWord {
		return false
	}
	for l := range tongues {
		var s said
		if next := m.between(i+1, l, &s); next > 0 && (t[next].kind == kWord || (s.turns || s.firm) && !s.stranger) {
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
		p.units, p.words = s.units, s.words
		if n := len(s.parts); n > 0 {
			p.dot = s.dots > 0 && m.dotted(s.parts[n-1].end, k)
			p.fresh = m.paused(s.parts[n-1].end, k)
		}
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
		if t.marks&mDot != 0 || t.sign == '.' {
			return true
		}
	}
	return false
}

// paused says whether a sign or a new line stands between what ends before token from and token to.
func (m *matcher) paused(from, to int) bool {
	for k := from; k <= to; k++ {
		if t := &m.toks[k]; t.gap >= line || k < to && t.kind == kSign && t.sign != '-' {
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
		if n > 7 || s.n+n > maxSaid || t[k-1].kind == kSign && t[k].gap == none && (t[k-1].sign == '$' || t[k-1].sign == '#') || t[k+1].gap == none && (t[k+1].kind == kWord || t[k+1].kind == kBar || t[k+1].sign == ':' || t[k+1].sign == '%') {
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
	switch n.kind {
	case teen:
		p.end = j + 1
		return int(n.value)
	case tens:
		p.end = j + 1
		k := j + 1
		if l == english && t[k].sign == '-' && t[k].gap == none {
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
	default:
	}
	return 0
}

// between goes over what is said between the elements of one number, from token k on, and returns the next element, or
// 0 when the number is over.
func (m *matcher) between(k int, l tongue, s *said) int {
	heard := s.manner
	next := m.pause(k, l, s)
	if next == 0 {
		s.manner = heard
	}
	return next
}

// pause is between, but leaves in s what was heard before it turned out that the number is over.
func (m *matcher) pause(k int, l tongue, s *said) int {
	t := m.toks
	signs, turn := 0, false
	for j := k; j < k+lead-24; j++ {
		w := &t[j]
		if w.gap >= line && j > k || w.gap == para {
			if w.gap == para || turn {
				return 0
			}
		}
		if w.gap == line {
			if c, known := m.speaker(j); c > 0 {
				turn = false
				s.turns = s.turns || known
				s.stranger = s.stranger || !known
				j = c
				continue
			}
		}
		if w.kind == kNum {
			return when(w.gap != none || j == k || t[j-1].kind == kSign && t[j-1].sign != ':', j)
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
				s.and = s.and || m.is(j, "and", "y")
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
