package redact

// luhn says whether the digits pass the check of ISO/IEC 7812-1, annex B.
func luhn(digits []byte) bool {
	sum := 0
	for k, c := range digits {
		d := int(c - '0')
		if (len(digits)-k)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// issuer says whether a card of n digits may begin so (ISO/IEC 7812 issuers in use; 12, 13, 18 and 19 digits are Maestro
// and old Visa cards).
func issuer(d []byte) bool {
	switch len(d) {
	case 15:
		return d[0] == '3' && (d[1] == '4' || d[1] == '7') || string(d[:4]) == "1800" || string(d[:4]) == "2131"
	case 14:
		return d[0] == '3' && (d[1] == '0' || d[1] == '6' || d[1] == '8' || d[1] == '9')
	case 16:
		return d[0] >= '3' && d[0] <= '6' || string(d[:4]) >= "2221" && string(d[:4]) <= "2720"
	case 13:
		return d[0] == '4'
	case 18, 19:
		return d[0] == '4' || d[0] == '6' || d[0] == '5'
	}
	return false
}

// card recognises a payment card. Its last digit is a check: one that fails is none, whatever is said of it.
func (m *matcher) card(w *written) int {
	if w.n < 12 || w.plus || w.paren {
		return 0
	}
	n := 0 // groups
	switch g := w.groups; {
	case g[0].n >= 12 && g[0].n <= 19:
		n = 1
	case w.shape(4, 4, 4, 4):
		n = 4
		if len(g) > 4 && g[4].n <= 3 && g[4].sep == g[1].sep && luhn(w.digits[:16+g[4].n]) {
			n = 5
		}
	case w.shape(4, 6, 5), w.shape(4, 6, 4), w.shape(4, 4, 5), w.shape(6, 13), w.shape(4, 4, 4, 3), w.shape(4, 3, 3, 3):
		n = 3
		if w.shape(4, 4, 4, 3) || w.shape(4, 3, 3, 3) {
			n = 4
		}
		if w.shape(6, 13) {
			n = 2
		}
	default:
		return 0
	}
	digits := 0
	for _, g := range w.groups[:n] {
		digits += g.n
	}
	d := w.digits[:digits]
	if n > 1 && (w.groups[1].sep != ' ' && w.groups[1].sep != '-' && w.groups[1].sep != '.' || !w.seps(n, w.groups[1].sep)) {
		return 0
	}
	e := w.until(n)
	what, back := m.cue(w.start)
	cued := what&mCard != 0
	switch {
	case !luhn(d):
		m.no(CreditCard, w.start, e, "the check digit is wrong")
		return 0
	case !cued && (!issuer(d) || len(d) == 13 || len(d) > 16):
		m.no(CreditCard, w.start, e, "no issuer's number")
		return 0
	case n == 1 && what&(mLabel|mMRN) != 0 && back <= 2:
		m.no(CreditCard, w.start, e, "a number with a label")
		return 0
	case allSame(d):
		return 0
	}
	if !m.freeLeft(w.start, false) && !(m.toks[w.start-1].sign == '-' && m.toks[w.start-1].gap != none) || !m.freeRight(e, false) {
		m.no(CreditCard, w.start, e, "part of something longer")
		return 0
	}
	m.hit(rCard, w.start, e)
	return e
}

func allSame(d []byte) bool {
	for _, c := range d {
		if c != d[0] {
			return false
		}
	}
	return true
}

// ssnValid says whether a number can be a social security number: the Social Security Administration gives no area
// 000, 666 or from 900, no group 00 and no serial 0000.
func ssnValid(d []byte) bool {
	area, groupNo, serial := string(d[:3]), string(d[3:5]), string(d[5:9])
	return area != "000" && area != "666" && area < "900" && groupNo != "00" && serial != "0000"
}

// ssn recognises a social security number: 3, 2 and 4 digits between the same separators; or a word says so.
func (m *matcher) ssn(w *written) int {
	if w.plus || w.paren || w.n < 4 {
		return 0
	}
	g := w.groups
	shaped := w.shape(3, 2, 4) && g[1].sep == g[2].sep && (g[1].sep == '-' || g[1].sep == '.' || g[1].sep == ' ' || g[1].sep == '~')
	bare := g[0].n == 9
	if !shaped && !bare && g[0].n != 4 {
		return 0
	}
	what, back := m.cue(w.start)
	cued := what&mSSN != 0
	n, r := 1, rSSNCue
	switch {
	case shaped:
		n = 3
		if !cued {
			r = rSSN
		}
		if !cued && (g[1].sep == '~' || g[1].sep == ' ' && (!m.alone3(w.start, w.until(3)) || m.round(w, 3) || string(w.digits[7:9]) == "00")) {
			return 0
		}
		if why := m.labelled(what&^mSSN, back); why != "" {
			m.no(SSN, w.start, w.until(3), why)
			return 0
		}
	case bare && cued:
	case g[0].n == 4 && len(g) == 1 && cued && back <= 4 && m.lastFour(w.start):
		r = rSSNLast
	default:
		return 0
	}
	e := w.until(n)
	if r != rSSNLast && !ssnValid(w.digits[:9]) {
		m.no(SSN, w.start, e, "no such social security number is given")
		return 0
	}
	spaced := shaped && g[1].sep == ' '
	if !m.freeLeft(w.start, spaced) || !m.freeRight(e, spaced) || n < len(g) && g[n].sep == g[1].sep && g[n].sep != ' ' {
		m.no(SSN, w.start, e, "part of something longer")
		return 0
	}
	m.hit(r, w.start, e)
	return e
}

// alone3 says whether tokens from..to-1 stand for themselves, between signs or the ends of a line.
func (m *matcher) alone3(from, to int) bool {
	before, after := &m.toks[from-1], &m.toks[to]
	return (before.kind == kSign || before.kind == kEnd || m.toks[from].gap >= line) && (after.kind == kSign || after.kind == kEnd || after.gap >= line)
}

// lastFour says whether "last four" stands a few words before token i.
func (m *matcher) lastFour(i int) bool {
	for j := i - 1; j > i-14 && m.toks[j].kind != kEnd && m.toks[j].kind != kBar; j-- {
		if m.toks[j].marks&mLast != 0 {
			return true
		}
	}
	return false
}

// npi recognises a provider's number: ten digits with the check of 45 CFR 162.406, which is Luhn's with 80840 before,
// beside a word that says so.
func (m *matcher) npi(w *written) int {
	if w.groups[0].n != 10 || w.digits[0] != '1' && w.digits[0] != '2' {
		return 0
	}
	if what, _ := m.cue(w.start); what&mNPI == 0 {
		return 0
	}
	e := w.groups[0].tok + 1
	d := [15]byte{'8', '0', '8', '4', '0'}
	copy(d[5:], w.digits[:10])
	if !luhn(d[:]) || !m.freeLeft(w.groups[0].tok, false) || !m.freeRight(e, false) {
		m.no(NPI, w.start, e, "the check digit is wrong")
		return 0
	}
	m.hit(rNPI, w.groups[0].tok, e)
	return e
}

// dea recognises a prescriber's registration: two letters at token i, the first one a kind of registrant, and seven
// digits, the last of which is a check (21 CFR 1301, by the sum of the 1st, 3rd, 5th and twice the 2nd, 4th, 6th).
func (m *matcher) dea(i int) bool {
	t := m.toks
	if t[i+1].len() != 7 || t[i+1].gap != none || t[i].kind != kWord || t[i].len() != 2 || t[i].gap == none && t[i-1].kind != kSign {
		return false
	}
	if next := &t[i+2]; next.gap == none && (next.kind == kWord || next.kind == kBar || next.kind == kSign && next.sign == '-' && t[i+3].kind != kEnd && t[i+3].gap == none) {
		return false
	}
	d := m.f.text[t[i+1].start:t[i+1].end]
	v := func(k int) int { return int(d[k] - '0') }
	sum := v(0) + v(2) + v(4) + 2*(v(1)+v(3)+v(5))
	switch c := m.f.text[t[i].start]; {
	case sum%10 != v(6):
		m.no(DEA, i, i+2, "the check digit is wrong")
	case c == 'd' || c == 'e' || c >= 'n' && c != 'p' && c != 'r' && c != 's' && c != 't' && c != 'u' && c != 'x':
		m.no(DEA, i, i+2, "no kind of registrant has that letter")
	default:
		m.hit(rDEA, i, i+2)
		m.done = i + 1
		return true
	}
	return false
}

// mbi recognises a Medicare beneficiary identifier: eleven places of fixed kind, without S, L, O, I, B and Z (CMS,
// Understanding the MBI), with or without dashes behind the 4th and 7th.
func (m *matcher) mbi(w *written) int {
	const kinds = "NAXNAXNAANN" // X: digit or letter
	t := m.toks
	i := w.start
	if w.plus || w.paren || t[i].len() > 1 || t[i].gap == none && t[i-1].kind != kSign {
		return 0
	}
	k, dashes := 0, 0
	e := i
	for ; k < len(kinds); e++ {
		if e > i && t[e].gap != none {
			return 0
		}
		switch t[e].kind {
		case kSign:
			if t[e].sign != '-' || k != 4 && k != 7 {
				return 0
			}
			dashes++
			continue
		case kWord, kNum:
		default:
			return 0
		}
		for _, c := range m.f.text[t[e].start:t[e].end] {
			if k == len(kinds) {
				return 0
			}
			digit := c <= '9'
			switch kind := kinds[k]; {
			case kind == 'N' && !digit, kind == 'A' && digit, k == 0 && c == '0':
				return 0
			case c == 's', c == 'l', c == 'o', c == 'i', c == 'b', c == 'z', c > 'z':
				return 0
			}
			k++
		}
	}
	if dashes == 1 || !m.freeRight(e, false) {
		return 0
	}
	m.hit(rMBI, i, e)
	return e
}

// mrn recognises a record number that a word says is one: with at least four digits, letters and dashes among them.
func (m *matcher) mrn(w *written) int {
	what, back := m.cue(w.start)
	if what&mMRN == 0 || back > 4 {
		return 0
	}
	t := m.toks
	s, e, digits := w.groups[0].tok, w.groups[0].tok, 0
	part := func(k int) bool {
		return t[k].kind == kNum || t[k].kind == kWord && t[k].len() <= 4 || t[k].sign == '-'
	}
	for t[s].gap == none && part(s-1) && t[s-1].marks&mCue == 0 && s > w.start-4 {
		s--
	}
	if t[s].kind == kSign {
		s++
	}
	for part(e) && (e == s || t[e].gap == none || e <= w.groups[0].tok) {
		if t[e].kind == kNum {
			digits += int(t[e].len())
		}
		e++
	}
	if t[e-1].kind == kSign {
		e--
	}
	if digits < 4 || digits > 14 || e == s+1 && m.year(s) || t[e].gap == none && (t[e].kind == kWord || t[e].kind == kBar || t[e].sign == '/' || t[e].sign == '@') {
		return 0
	}
	m.hit(rMRN, s, e)
	return e
}

// ownMRN recognises a number of the org's own pattern that begins with token i.
func (m *matcher) ownMRN(i int) {
	b := m.f.text[:len(m.f.text)+pad]
	t := m.toks
	at := t[i].start
	if t[i].gap == none && (t[i-1].kind != kSign || t[i-1].sign == '-' || t[i-1].sign == '_') {
		return
	}
	for k, c := range m.e.mrn {
		p := at + int32(k)
		if p >= int32(len(m.f.text)) {
			return
		}
		switch {
		case c == '#' && kinds[b[p]] == kNum, c == '@' && b[p] >= 'a' && b[p] <= 'z', c == b[p] && c != '#' && c != '@':
		default:
			return
		}
	}
	hi := at + int32(len(m.e.mrn))
	if kinds[b[hi]] == kWord || kinds[b[hi]] == kNum || b[hi] == '_' || b[hi] == barByte {
		return
	}
	m.found = append(m.found, hit{at, hi, rMRNOwn})
}
