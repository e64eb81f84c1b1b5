package redact

import "strings"

// email recognises ana.lee@example.com around the @ at token i.
func (m *matcher) email(i int) int {
	b := m.f.text[:len(m.f.text)+pad]
	at := m.toks[i].start
	letter := func(c byte) bool { return kinds[c] == kWord || kinds[c] == kNum || c == ideoByte }
	lo, hi := at, at+1
	for lo > 0 && (letter(b[lo-1]) || strings.IndexByte("._%+-'&/=", b[lo-1]) >= 0) {
		lo--
	}
	for lo < at && !letter(b[lo]) && b[lo] != '_' {
		lo++
	}
	// What stands before an equals sign or a slash is not of the mailbox.
	for k := at; k > lo; k-- {
		if c := b[k-1]; c == '=' || c == '/' || c == '&' {
			lo = k
			break
		}
	}
	label, top, digits := hi, int32(0), true
	for ; ; hi++ {
		c := b[hi]
		switch {
		case letter(c):
			digits = digits && kinds[c] == kNum
			continue
		case c == '-' && hi > label && (letter(b[hi+1]) || b[hi+1] == '-'):
			continue
		case c == '.' && hi > label && letter(b[hi+1]):
			label, digits = hi+1, true
			top = label
			continue
		}
		break
	}
	if lo == at || top == 0 || hi-top < 2 || digits && kinds[b[top]] == kNum || notTop(string(b[top:hi])) || lo > 0 && b[lo-1] == barByte {
		return i + 1
	}
	if !strings.HasPrefix(string(b[top:hi]), "xn--") && !onlyLetters(b[top:hi]) {
		return i + 1
	}
	if string(b[lo:at]) == "git" && b[hi] == ':' {
		return i + 1
	}
	e := i + 1
	for m.toks[e].start < hi {
		e++
	}
	m.found = append(m.found, hit{lo, hi, rEmail})
	m.done = max(m.done, e-1)
	return e
}

// notTop says whether what stands like a top-level domain is the end of a picture's name, as in logo@2x.png.
func notTop(s string) bool {
	switch s {
	case "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js":
		return true
	}
	return false
}

func onlyLetters(b []byte) bool {
	for _, c := range b {
		if kinds[c] != kWord && c != ideoByte {
			return false
		}
	}
	return true
}

// spokenEmail recognises "ana dot lee at gmail dot com" around the "at" at token i.
func (m *matcher) spokenEmail(i int) {
	t := m.toks
	if t[i].marks&mAt == 0 {
		return
	}
	after := i + 1
	hidden := false
	s := i - 1
	if (t[s].sign == '[' || t[s].sign == '(') && (t[after].sign == ']' || t[after].sign == ')') {
		s--
		after++
		hidden = true // from robots
	}
	e, host := m.spokenHost(after)
	if e == 0 {
		return
	}
	s, spelled, last := m.spokenMailbox(s)
	if s == 0 {
		return
	}
	what, back := m.cue(s)
	cued := what&mEmail != 0
	sure := hidden || m.toks[i].len() > 2 || host || cued
	switch {
	case last&(mCommon|mIs|mDay|mPhone) != 0 && !spelled && !hidden && m.toks[i].len() == 2:
		m.no(Email, s, e, "a place on the web")
		return
	case !sure && !spelled && !m.sentence(s) && !m.is(s-1, "it's", "is", "es", "to"):
		m.no(Email, s, e, "a place on the web")
		return
	}
	if cued && back <= 2 && !spelled { // all of "email is john smith at …"
		for k := s; k > s-4; k-- {
			if p := &t[k-1]; p.marks&(mIs|mEmail) != 0 {
				s = k
				break
			} else if p.kind != kWord || t[k].gap > space || p.marks&mCommon != 0 {
				break
			}
		}
	}
	if !spelled && (m.toks[i].len() > 2 || host) { // nobody says arroba, or the name of a provider, of anything else
		for k := s; k > s-3 && t[k-1].kind == kWord && t[k-1].marks == 0 && t[k].gap <= space; k-- {
			if m.sentence(k-1) || m.is(k-2, "at", "is", "es", "it's", "to") {
				s = k - 1
				break
			}
		}
	}
	m.hit(rEmailSpoken, s, e)
	m.done = max(m.done, e-1)
}

// single says whether token i is something spelled: a letter, digits, or a word for some.
func (m *matcher) single(i int) bool {
	t := &m.toks[i]
	if t.kind == kNum {
		return true
	}
	if t.kind != kWord {
		return false
	}
	if t.len() == 1 {
		return true
	}
	if t.word == 0 {
		return false
	}
	n := m.x.words[t.word].number
	return n[english].kind != notNumber && n[english].kind != ordinal || n[spanish].kind != notNumber && n[spanish].kind != ordinal
}

// link says whether token i joins the parts of a mailbox.
func (m *matcher) link(i int) bool {
	t := &m.toks[i]
	return t.kind == kWord && t.marks&(mDot|mDash|mUnder|mPlus) != 0 || (t.sign == '.' || t.sign == '_' || t.sign == '-')
}

// spokenMailbox goes back from token i, the last of a mailbox, to its first; 0 when there is none. last is what its
// last word means otherwise.
func (m *matcher) spokenMailbox(i int) (s int, spelled bool, last mark) {
	t := m.toks
	last = t[i].marks
	for j := i; ; {
		if t[j].kind != kWord && t[j].kind != kNum || m.link(j) && t[j].len() > 1 {
			return s, spelled, last
		}
		spelling := m.single(j)
		for m.single(j) {
			s = j
			j--
			if (t[j].sign == ',' || t[j].sign == '-') && m.single(j-1) {
				j--
			}
			if t[s].gap > space {
				break
			}
		}
		if spelling {
			spelled = true
		}
		// A word, and perhaps digits behind it.
		if s == 0 || s == j+1 && t[j].kind == kWord && t[j].marks&(mCommon|mIs|mEmail|mFiller) == 0 && t[j].len() > 1 && !m.link(j) && (!spelling || t[s].gap <= space) || !spelling {
			if t[j].kind == kWord && (s == 0 || j+1 == s && t[s].gap <= space || !spelling) {
				s = j
				j--
			}
		}
		if !m.link(j) || t[s].gap > space || t[j].gap > space {
			return s, spelled, last
		}
		spelled = true
		for j--; m.link(j) && t[j].kind == kWord; j-- { // guion bajo
		}
	}
}

// spokenHost ends a domain that is spoken from token i on; known says that mailboxes are there.
func (m *matcher) spokenHost(i int) (e int, known bool) {
	t := m.toks
	words := 0
	for j := i; j < i+16; j++ {
		w := &t[j]
		if w.gap > space || w.kind != kWord && w.kind != kNum && !(w.sign == '.' || w.sign == '-' || w.sign == '[' || w.sign == ']' || w.sign == '(' || w.sign == ')') {
			return e, known
		}
		dot := w.marks&mDot != 0 || w.sign == '.' && w.gap == none && t[j+1].gap == none
		switch {
		case dot && words == 0:
			return e, known
		case dot:
			k := j + 1
			if t[k].sign == ']' || t[k].sign == ')' {
				k++
			}
			if n := m.top(k, e > 0, t[j-1].marks&mHost != 0); n > 0 {
				known = known || t[j-1].marks&mHost != 0 || t[j-2].marks&mHost != 0
				e = k + n
				j = e - 1
				continue
			}
			if e > 0 {
				return e, known
			}
			words = 0
		case w.kind == kSign:
		case e > 0:
			return e, known
		case w.marks&(mIs|mAt) != 0 && w.len() > 1, w.marks&mCommon != 0 && w.len() > 2 && w.marks&mHost == 0:
			return 0, false
		default:
			if words++; words > 8 {
				return 0, false
			}
		}
	}
	return e, known
}

// top is how many tokens from token i on are a top-level domain: a word, or letters one by one. Behind another one any
// two letters are, and behind the name of a provider any short word that means nothing.
func (m *matcher) top(i int, second, known bool) int {
	t := m.toks
	if w := &t[i]; w.kind == kWord && w.gap <= space && (w.marks&mTop != 0 || second && w.len() == 2 || known && w.len() > 1 && w.len() < 5 && w.marks == 0) {
		return 1
	}
	var b [4]byte
	n := 0
	for n < len(b) && t[i+n].kind == kWord && t[i+n].len() == 1 && t[i+n].gap <= space {
		b[n] = m.f.text[t[i+n].start]
		n++
	}
	if known && n > 1 {
		return n
	}
	for ; n > 1; n-- {
		switch string(b[:n]) {
		case "com", "org", "net", "edu", "gov", "mx", "es", "us", "co", "io", "uk", "info":
			return n
		}
	}
	return 0
}
