package redact

// This file has what the policy Strict takes out besides.

// address recognises a street address that begins with the house number at token i, and returns the token behind; 0
// for none.
func (m *matcher) address(i int) int {
	t := m.toks
	if t[i].len() > 6 || t[i].gap == none && t[i-1].kind != kSign {
		return 0
	}
	for e := i + 1; e < i+6; e++ {
		if t[e].kind != kWord && !(t[e].kind == kNum && e > i+1) || t[e].gap != space && !(t[e].gap == none && t[e-1].kind == kNum && t[e].len() == 2) {
			return 0
		}
		if t[e].marks&mStreet != 0 && (e > i+1 || m.is(e, "calle", "avenida", "rue", "via", "camino")) {
			e++
			if t[e].sign == '.' && t[e].gap == none {
				e++
			}
			e = m.place(m.flat(e))
			m.hit(rAddress, i, e)
			return e
		}
		if t[e].marks&(mUnit|mMoney|mIs) != 0 && t[e].marks&mStreet == 0 {
			return 0
		}
	}
	return 0
}

// flat ends ", Apt 4B" at token e.
func (m *matcher) flat(e int) int {
	t := m.toks
	j := e
	if t[j].sign == ',' {
		j++
	}
	if t[j].gap <= space && (t[j].marks&mUnitNo != 0 || t[j].sign == '#') {
		j++
		if t[j].sign == '.' || t[j].sign == '#' {
			j++
		}
		if t[j].kind == kNum || t[j].kind == kWord && t[j].len() <= 2 {
			j++
			if t[j].kind == kWord && t[j].gap == none {
				j++
			}
			return j
		}
	}
	return e
}

// place ends ", Springfield, IL 62701" at token e.
func (m *matcher) place(e int) int {
	t := m.toks
	for j, words := e, 0; words < 5 && t[j].gap <= space; j++ {
		switch {
		case t[j].sign == ',':
			continue
		case t[j].marks&mState != 0 && t[j+1].kind == kNum && t[j+1].len() == 5:
			return m.zip(j + 1)
		case t[j].kind == kNum && t[j].len() == 5 && j > e:
			return m.zip(j)
		case t[j].kind == kWord && m.capital(j):
			words++
			continue
		}
		break
	}
	return e
}

// zip ends the ZIP code at token i, with its four further digits.
func (m *matcher) zip(i int) int {
	if m.joined(i+1, '-') && m.toks[i+2].len() == 4 {
		return i + 3
	}
	return i + 1
}

// strictNumber looks at the digits at token i for what only Strict takes out: an address, a box, a ZIP code, an age.
func (m *matcher) strictNumber(i int) int {
	t := m.toks
	if e := m.address(i); e > 0 {
		return e
	}
	if m.is(i-1, "box") && (m.is(i-2, "po") || t[i-2].sign == '.' || m.is(i-2, "o")) {
		s := i - 1
		for s > i-6 && (m.is(s-1, "p", "po", "o") || t[s-1].sign == '.') {
			s--
		}
		e := m.place(i + 1)
		m.hit(rAddressBox, s, e)
		return e
	}
	if t[i].len() == 5 && (t[i-1].marks&mState != 0 && t[i-1].len() == 2 && m.capital(i-1) || m.zipSaid(i)) {
		e := m.zip(i)
		m.hit(rAddressZip, i, e)
		return e
	}
	if v := m.value(i); v > 89 && v < 130 && (t[i+1].marks&mOld != 0 || m.yearsOld(i+1) || t[i-1].marks&mAge != 0 || t[i-2].marks&mAge != 0 && t[i-1].marks&mIs != 0) {
		m.hit(rAge, i, i+1)
		return i + 1
	}
	return 0
}

// yearsOld says whether "years old" or "-year-old" begins at token i.
func (m *matcher) yearsOld(i int) bool {
	t := m.toks
	if t[i].sign == '-' {
		i++
	}
	if !m.is(i, "years", "year", "anos") {
		return m.is(i, "yo", "y")
	}
	return t[i+1].marks&mOld != 0 || m.is(i+1, "old", "de", "of") || t[i+1].sign == '-' && m.is(i+2, "old")
}

func (m *matcher) zipSaid(i int) bool {
	for j := i - 1; j > i-4; j-- {
		if m.is(j, "zip", "zipcode", "postal") {
			return true
		}
	}
	return false
}

// url recognises https://… or www.… that begins with the word at token i.
func (m *matcher) url(i int) {
	b := m.f.text[:len(m.f.text)+pad]
	t := &m.toks[i]
	if t.gap == none && m.toks[i-1].kind != kSign {
		return
	}
	p := t.end
	switch {
	case m.is(i, "http", "https", "ftp") && b[p] == ':' && b[p+1] == '/' && b[p+2] == '/':
		p += 3
	case m.is(i, "www") && b[p] == '.':
		p++
	default:
		return
	}
	hi := p
	for b[hi] > ' ' && b[hi] != '"' && b[hi] != '<' && b[hi] != '>' && b[hi] != barByte && b[hi] < otherByte {
		hi++
	}
	for hi > p && (b[hi-1] == '.' || b[hi-1] == ',' || b[hi-1] == ')' || b[hi-1] == '?' || b[hi-1] == '!' || b[hi-1] == '\'' || b[hi-1] == ';' || b[hi-1] == ':') {
		hi--
	}
	if hi == p {
		return
	}
	m.found = append(m.found, hit{t.start, hi, rURL})
	for m.done = i; m.toks[m.done+1].start < hi; {
		m.done++
	}
}
