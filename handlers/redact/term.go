package redact

// termReach is how many words a medical word reaches over to an ambiguous one.
const termReach = 8

// term notes the medical term of tokens from..last.
func (m *matcher) term(from, last int, p *phrase) {
	if !m.wholeWord(from, last) {
		return
	}
	switch {
	case p.own:
		m.hit(rTermOwn, from, last+1)
	case p.ambiguous:
		m.doubts = append(m.doubts, [2]int{from, last})
		return
	default:
		m.hit(rTerm, from, last+1)
	}
	m.toks[from].marks |= mMed
	m.toks[last].marks |= mMed
}

// wholeWord says whether nothing is glued to tokens from..last that makes them a part of a name of something.
func (m *matcher) wholeWord(from, last int) bool {
	glued := func(t, g *token) bool { // g: whose gap is between
		return g.gap == none && (t.kind == kNum || t.kind == kWord || t.kind == kBar || (t.sign == '_' || t.sign == '@' || t.sign == '#' || t.sign == '$' || t.sign == '='))
	}
	return !glued(&m.toks[from-1], &m.toks[from]) && !glued(&m.toks[last+1], &m.toks[last+1])
}

// settle decides about ambiguous terms, by what stands around them.
func (m *matcher) settle() {
	for _, d := range m.doubts {
		if m.medical(d[0]-1, -1) || m.medical(d[1]+1, 1) {
			m.hit(rTermCue, d[0], d[1]+1)
		} else {
			m.never(MedicalTerm, d[0], d[1]+1, "an ordinary word too, and nothing medical beside it")
		}
	}
	m.doubts = m.doubts[:0]
}

// medical says whether a medical word stands near token i, in that direction.
func (m *matcher) medical(i, step int) bool {
	for words := 0; words < termReach; i += step {
		t := &m.toks[i]
		if t.kind == kEnd || t.kind == kBar || step < 0 && m.toks[i+1].gap >= line || step > 0 && t.gap >= line {
			return false
		}
		if (t.sign == '.' || t.sign == '!' || t.sign == '?') && m.toks[i+1].gap != none {
			return false
		}
		if t.marks&mMed != 0 {
			return true
		}
		if t.kind != kSign {
			words++
		}
	}
	return false
}
