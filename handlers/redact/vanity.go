package redact

// tollFree says whether the digits are an area that letters are dialled in, with or without the 1 before.
func tollFree(d []byte) bool {
	if len(d) == 4 && d[0] == '1' {
		d = d[1:]
	}
	if len(d) != 3 || d[0] != '8' {
		return false
	}
	return d[1] == '0' && d[2] == '0' || d[1] == d[2] && d[1] >= '2'
}

// vanity recognises a phone whose last seven places are letters in part, as 1-800-555-BOOK.
func (m *matcher) vanity(w *written) int {
	d, area := 0, 0
	if w.digits[0] == '1' && w.n > 1 {
		d = 1
	}
	if area = w.prefix(d + 3); area == 0 || w.n > d+6 || w.n > d+3 && w.prefix(d+6) == 0 {
		return 0
	}
	what, _ := m.cue(w.start)
	if !tollFree(w.digits[:d+3]) && what&mPhone == 0 || what&mLabel != 0 {
		return 0
	}
	t := m.toks
	places := w.n - d - 3
	e := w.groups[len(w.groups)-1].tok + 1
	letters := 0
	for {
		j := e
		if (t[j].sign == '-' || t[j].sign == ')' || t[j].sign == '.') && t[j].gap == none {
			j++
		}
		if t[j].kind != kWord && (t[j].kind != kNum || letters == 0) || t[j].gap > space || t[j].gap == space && letters > 0 || j == e && t[j].gap == none && t[j].kind == kWord && letters == 0 || places >= 7 {
			break
		}
		if t[j].kind == kWord && !m.capitals(j) {
			break
		}
		if t[j].kind == kWord {
			letters += int(t[j].len())
		}
		places += int(t[j].len())
		e = j + 1
	}
	if letters < 3 || places < 7 || places > 9 || !m.freeLeft(w.start, false) || !m.freeRight(e, false) {
		return 0
	}
	m.hit(rPhoneVanity, w.start, e)
	return e
}

// capitals says whether all of token i is in capitals.
func (m *matcher) capitals(i int) bool {
	t := &m.toks[i]
	for k := t.start; k < t.end; k++ {
		if c := m.text[m.f.origin(k)]; c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// spelledVanity ends "one eight hundred F L O W E R S", of which s is the number; 0 when that is none.
func (m *matcher) spelledVanity(s *said, i int) int {
	if s.n != 4 && s.n != 3 || !tollFree(s.digits[:s.n]) {
		return 0
	}
	t := m.toks
	e := s.end
	for t[e].kind == kWord && t[e].len() == 1 && t[e].gap <= space {
		e++
	}
	if n := e - s.end; n >= 7 && n <= 9 {
		return e
	}
	if what, back := m.cue(i); what&mPhone != 0 && back <= 1 && t[s.end].kind == kWord && t[s.end].gap <= space && t[s.end].len() >= 6 && t[s.end].len() <= 9 && t[s.end].marks == 0 {
		return s.end + 1
	}
	return 0
}
