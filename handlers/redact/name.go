package redact

import "strings"

// capital says whether token i begins with one, in the text as it was given.
func (m *matcher) capital(i int) bool {
	c := m.text[m.f.origin(m.toks[i].start)]
	return c >= 'A' && c <= 'Z' || c >= 0x80
}

// knownName recognises a word of a name that was told.
func (m *matcher) knownName(i int) {
	t := &m.toks[i]
	w := strings.TrimSuffix(string(m.f.text[t.start:t.end]), "'s")
	if !m.isKnown(w) {
		return
	}
	if t.marks&(mProv|mCommon|mMonth|mDay|mIs) != 0 {
		if !m.capital(i) || (m.sentence(i) || m.toks[i-1].kind == kBar) && !m.knownToken(i+1) && !m.knownToken(i-1) {
			m.no(Name, i, i+1, "an ordinary word, though it is also the name")
			return
		}
	}
	h := hit{t.start, t.start + int32(len(w)), rNameKnown}
	if n := len(m.found); n > 0 && m.found[n-1].rule == rNameKnown && m.toks[i-1].end == m.found[n-1].end && t.gap == space {
		m.found[n-1].end = h.end
		return
	}
	m.found = append(m.found, h)
}

// isKnown says whether w is a word of a known name.
func (m *matcher) isKnown(w string) bool {
	for _, k := range m.known {
		if k == w {
			return true
		}
	}
	return false
}

func (m *matcher) knownToken(i int) bool {
	t := &m.toks[i]
	return t.kind == kWord && m.isKnown(string(m.f.text[t.start:t.end]))
}

// sentence says whether token i begins a sentence.
func (m *matcher) sentence(i int) bool {
	p := &m.toks[i-1]
	return p.kind == kEnd || m.toks[i].gap >= line || (p.sign == '.' || p.sign == '!' || p.sign == '?' || p.sign == ':')
}

// nameAfter recognises the name behind "my name is" or "Mr." that ends with token i.
func (m *matcher) nameAfter(i int) {
	t := m.toks
	r := rNameCue
	s := i + 1
	most := 3
	if t[i].marks&mMister != 0 {
		r, most = rNameMister, 2
		if t[s].sign == '.' && t[s].gap == none {
			s++
			if t[s].gap == none && (!m.capital(i) || m.capitals(i)) { // ms.Lookup
				return
			}
		}
		if m.is(i, "ms") && (t[i-1].kind == kNum || t[i-1].kind == kBar) {
			return
		}
	} else {
		if m.is(i, "name", "nombre") && (t[i-1].kind == kWord || t[i-1].kind == kBar) && t[i].gap == space && t[i-1].marks&(mMine|mIs|mWrap) == 0 {
			return // of a file, of a user
		}
		if q, asked := m.answer(s); asked && m.is(i, "name", "nombre", "apellido", "surname") {
			m.answerName(q)
			return
		}
		said := m.is(i, "soy", "is", "name's", "es", "llamo", "llama", "called")
		for m.is(s, "is", "es", "was") || (t[s].sign == ':' || t[s].sign == ',' && said) {
			said = true
			s++
		}
		if !said {
			return
		}
		if t[s].marks&mMister != 0 { // it speaks for itself
			return
		}
	}
	m.nameFrom(s, most, r, i)
}

// answer is the first token of what is said to the question that ends behind token i: by the other side, on the next line.
func (m *matcher) answer(i int) (first int, asked bool) {
	t := m.toks
	for m.is(i, "please", "por", "favor", "for", "me") {
		i++
	}
	if t[i].sign != '?' || t[i+1].gap != line {
		return 0, false
	}
	i++
	if c, _ := m.speaker(i); c > 0 {
		i = c + 1
	}
	for t[i].gap <= space && (m.is(i, "it's", "its", "it", "is", "this", "yes", "yeah", "sure", "si", "es", "soy", "uh", "um", "claro", "my", "name", "i'm") || t[i].sign == ',') {
		i++
	}
	return i, true
}

// answerName recognises a name that answers a question: with capitals, and nothing else in its line's beginning.
func (m *matcher) answerName(s int) {
	if m.toks[s].kind == kWord && m.capital(s) {
		m.nameFrom(s, 3, rNameCue, s)
	}
}

// nameFrom recognises a name of so many words at token s; cue is the token that says so.
func (m *matcher) nameFrom(s, most int, r rule, cue int) {
	t := m.toks
	e := s
	for words := 0; words < most && t[e].kind == kWord && (t[e].gap == space || e == s && t[e].gap <= space) && m.nameWord(e, e > s); words++ {
		e++
		if t[e].sign == '.' && t[e-1].len() == 1 && t[e].gap == none && t[e+1].kind == kWord {
			e++ // an initial
		}
		if t[e].sign == '-' && t[e].gap == none && t[e+1].kind == kWord && t[e+1].gap == none && m.capital(e+1) {
			e += 2
		}
	}
	switch {
	case e == s,
		m.is(cue-1, "this") && !m.is(e, "calling", "speaking", "from", "here"),
		(m.is(cue-1, "this") || m.is(cue, "soy")) && !m.capital(s), m.is(cue, "soy") && e < s+2:
		return
	}
	m.hit(r, s, e)
	m.done = max(m.done, e-1)
	if last := &m.found[len(m.found)-1]; strings.HasSuffix(string(m.f.text[last.start:last.end]), "'s") {
		last.end -= 2
	}
}

// nameWord says whether token i can be a word of a name. In a text without any capitals a word that means nothing
// else can.
func (m *matcher) nameWord(i int, later bool) bool {
	t := &m.toks[i]
	const never = mCommon | mIs | mFiller | mNod | mMend | mMonth | mDay | mLabel | mUnit | mMoney | mEmail | mSSN | mMRN | mNamed | mAt
	switch {
	case m.capital(i):
		return t.marks&(never&^(mMonth|mMoney|mNod|mFiller)) == 0 || t.marks&mProv != 0
	case m.cased:
		return false
	}
	return t.marks&^(mProv|mState|mTop) == 0 && t.len() > 1 && !(later && t.word != 0)
}
