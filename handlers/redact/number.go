package redact

import "strings"

// group is some digits of a written number, and what stands before them.
type group struct {
	tok int
	n   int
	sep byte // ' ', '-', '.', '/', '(' and ')' for a parenthesis that begins or ends, '~' for a hyphen between spaces
}

const (
	maxGroups = 10
	maxDigits = 24
)

// written is a written number: groups of digits, and all of their digits.
type written struct {
	groups []group
	digits [maxDigits]byte
	n      int
	start  int // the first token, a sign perhaps
	end    int // behind the last token, a parenthesis perhaps
	plus   bool
	paren  bool // begins with one
}

// number looks at the digits at token i, and returns the token to go on with.
func (m *matcher) number(i int) int {
	if i <= m.done {
		return i + 1
	}
	if end := m.ipv4(i); end > 0 {
		m.done = end - 1
		return end
	}
	if m.mixed(i) {
		if end := m.spoken(i); end > i {
			return end
		}
	}
	if end, why := m.ordinary(i); end > 0 {
		if why == aMeasure { // of which the unit may be found to be something
			m.no(PhoneNumber, i, end, why)
		} else {
			m.never(PhoneNumber, i, end, why)
		}
		m.done = end - 1
		return end
	}
	if m.bareBirth(i) || m.dea(i-1) {
		return i + 1
	}
	if m.toks[i].len() > maxDigits {
		return i + 1
	}
	w := &m.w
	*w = written{}
	m.write(w, i)
	for _, look := range [...]func(*matcher, *written) int{
		(*matcher).card, (*matcher).ssn, (*matcher).npi, (*matcher).mrn, (*matcher).mbi, (*matcher).phone, (*matcher).vanity,
	} {
		if end := look(m, w); end > 0 {
			m.done = end - 1
			return end
		}
	}
	return i + 1
}

// write collects the written number that begins with token i.
func (m *matcher) write(w *written, i int) {
	t := m.toks
	w.start, w.groups = i, m.groups[:0]
	before := func(sign byte) bool {
		p := &t[w.start-1]
		if t[w.start].gap != none && !(sign == '(' && t[w.start].gap == space && t[i+1].gap == space) || p.kind != kSign || p.sign != sign {
			return false
		}
		w.start--
		return true
	}
	closes := (t[i+1].sign == ')' || t[i+1].sign == ']') && t[i+1].gap <= space
	w.paren = closes && (before('(') || t[i+1].sign == ']' && before('['))
	w.plus = before('+')
	before('+') // a double one is a slip of the pen
	if w.plus && closes && !w.paren {
		w.paren = before('(')
	}
	open := w.paren
	sep := byte(0)
	for {
		n := int(t[i].len())
		if w.n+n > maxDigits || len(w.groups) == maxGroups {
			break
		}
		w.n += copy(w.digits[w.n:], m.f.text[t[i].start:t[i].end])
		w.groups = append(w.groups, group{i, n, sep})
		w.end = i + 1
		if open && (sep == 0 || sep == '(') && t[i+1].sign == ')' && t[i+1].gap == none {
			w.end = i + 2 // the parenthesis belongs to it even if nothing follows
		}
		var next int
		if next, sep = m.separator(i, &open); next == 0 {
			break
		}
		i = next
	}
	m.groups = w.groups[:0]
}

// separator is what stands between the digits at token i and the next ones, which may belong to the same number.
func (m *matcher) separator(i int, open *bool) (next int, sep byte) {
	t := m.toks[i+1 : i+5]
	switch {
	case t[0].kind == kNum && t[0].gap == space:
		if m.numericDate(i+1) > 0 || m.clock(i+1) > 0 {
			return 0, 0
		}
		return i + 1, ' '
	case t[0].kind != kSign || t[0].gap > space:
		return 0, 0
	}
	digits := func(k int, most gap) bool { return t[k].kind == kNum && t[k].gap <= most }
	switch t[0].sign {
	case ')', ']':
		if !*open && (t[0].gap != none || t[0].sign == ']' || m.toks[i].len() != 3) { // "1) 202…" is a list
			return 0, 0
		}
		*open = false
		switch {
		case digits(1, space):
			return i + 2, ')'
		case t[1].gap == none && (t[1].sign == '-' || t[1].sign == '.' || t[1].sign == '/') && digits(2, none):
			return i + 3, ')'
		case t[1].gap <= space && t[1].sign == '-' && digits(2, space):
			return i + 3, ')'
		case t[1].gap <= space && t[1].sign == '(' && digits(2, none):
			*open = true
			return i + 3, ')'
		}
	case '-':
		switch {
		case t[0].gap == none && digits(1, none):
			return i + 2, '-'
		case t[0].gap == none && t[1].kind == kNum && t[1].gap == line: // wrapped
			return i + 2, '-'
		case t[0].gap == space && digits(1, space) && t[1].gap == space:
			return i + 2, '~'
		case t[0].gap == space && digits(1, none):
			return i + 2, '-'
		case t[0].gap == none && t[1].gap == none && t[1].sign == '-' && digits(2, none):
			return i + 3, '-'
		case t[0].gap == none && t[1].gap == none && t[1].sign == '(' && digits(2, none):
			*open = true
			return i + 3, '('
		}
	case '.', '/', '~':
		if t[0].gap == none && digits(1, none) {
			return i + 2, t[0].sign
		}
	case '(':
		if !*open && digits(1, none) && t[2].sign == ')' && t[2].gap == none {
			*open = true
			return i + 2, '('
		}
	}
	return 0, 0
}

// prefix is how many groups have n digits between them, or 0 when a group ends elsewhere.
func (w *written) prefix(n int) int {
	for k, g := range w.groups {
		if n -= g.n; n <= 0 {
			if n == 0 {
				return k + 1
			}
			return 0
		}
	}
	return 0
}

// shape says whether the groups begin with those lengths.
func (w *written) shape(lengths ...int) bool {
	if len(w.groups) < len(lengths) {
		return false
	}
	for k, n := range lengths {
		if w.groups[k].n != n {
			return false
		}
	}
	return true
}

// seps says whether the separators before groups 1 to n-1 are all sep.
func (w *written) seps(n int, sep byte) bool {
	for _, g := range w.groups[1:n] {
		if g.sep != sep {
			return false
		}
	}
	return true
}

// until is the token behind the first n groups.
func (w *written) until(n int) int {
	if n == len(w.groups) {
		return w.end
	}
	return w.groups[n-1].tok + 1
}

// freeLeft says whether the number that begins at token s stands for itself on that side.
func (m *matcher) freeLeft(s int, spaced bool) bool {
	t := m.toks
	p := &t[s-1]
	if t[s].gap != none {
		// A group before, by the same separator, would be a part of it.
		return !(spaced && t[s].gap == space && p.kind == kNum && s-1 > m.done)
	}
	q := &t[s-2]
	glued := p.gap == none // to q
	switch p.kind {
	case kWord:
		return t[s].sign == '+' || t[s].sign == '(' && p.len() > 1 || p.marks&mPhone != 0
	case kIdeo, kEnd:
		return true
	case kNum, kBar:
		return false
	default:
	}
	switch p.sign {
	case ':':
		return !(glued && q.kind == kNum)
	case '-':
		if glued && q.kind == kWord {
			return t[s].sign == '(' || t[s].sign == '+' || q.marks&mPhone != 0
		}
		return !(glued && q.kind == kNum)
	case '.':
		return !glued || t[s].sign == '+' || q.kind == kWord && q.marks&(mPhone|mNumber|mSSN|mCard|mBirth) != 0 || q.kind == kSign
	case '/':
		return s-2 == m.done || q.kind == kWord && q.marks&mPhone != 0
	case ',': // but not of 1,415
		return !(glued && q.kind == kNum) || q.len() > 3 || s-2 <= m.done
	case '@':
		return false
	case '_', '*': // Markdown
		return !glued || q.kind == kSign || q.kind == kEnd
	case '#':
		return q.kind == kWord && q.marks&mCue&^(mLabel|mVersion) != 0 || glued && q.kind != kWord && q.kind != kEnd
	case '$', '%', '~', '+', '^':
		return false
	}
	return true
}

// freeRight says whether the number that ends before token e stands for itself on that side.
func (m *matcher) freeRight(e int, spaced bool) bool {
	t := m.toks
	p := &t[e]
	if p.gap != none {
		return !(spaced && p.gap == space && p.kind == kNum && p.len() > 2 && !m.counted(e))
	}
	q := &t[e+1]
	glued := q.gap == none
	switch p.kind {
	case kWord, kNum, kBar:
		return false
	case kIdeo, kEnd:
		return true
	default:
	}
	switch p.sign {
	case '-':
		return !glued || q.kind == kWord && (q.marks&mPhoneTail != 0 || m.emDash(e)) || q.kind == kSign
	case ',':
		return !(glued && q.kind == kNum) || q.len() != 3 || t[e+2].sign == '-'
	case '.', ':', '(':
		return !(glued && q.kind == kNum)
	case '/':
		return !(glued && q.kind == kNum) || q.len() == 3 && t[e+2].gap == none && t[e+2].sign == '-' || q.len() == 4 || q.len() >= 10
	case '_':
		return !glued || q.kind == kSign || q.kind == kEnd
	case '@', '%', '$', '=', '^':
		return false
	}
	return true
}

// emDash says whether the hyphen at token i was a dash, which separates.
func (m *matcher) emDash(i int) bool {
	return strings.HasPrefix(m.text[m.f.origin(m.toks[i].start):], "\u2014")
}

// counted says whether the digits at token i count something of their own: an amount, a measure, a house.
func (m *matcher) counted(i int) bool {
	n := &m.toks[i+1]
	return (n.sign == '$' || n.sign == '%') || n.kind == kWord
}

// cueReach is how many words a cue reaches over.
const cueReach = 8

// cue is what the words before token i say that follows, and how many words back; 0 when they say nothing.
func (m *matcher) cue(i int) (what mark, back int) {
	number, mine, listed := false, false, false
	words := 0
	m.asked = false
	gap := m.toks[i].gap
	if p := &m.toks[i-1]; p.sign == '#' && gap == none {
		number = true
	}
	for j := i - 1; j > i-lead && words <= cueReach; j-- {
		t := &m.toks[j]
		switch gap {
		case line:
			words++
		case para:
			words += 3
		default:
		}
		switch t.kind {
		case kEnd, kNum, kBar:
			switch {
			case t.kind == kNum && t.gap == none && m.toks[j-1].kind == kWord: // IPv6 is a word
			case t.kind == kNum && (m.toks[j+1].kind == kNum && listed || m.is(j+1, "of", "and", "or", "y", "o", "to")): // so is what comes before
				listed = true
			default:
				j = 0
			}
		case kIdeo:
			words++
		case kSign:
			switch {
			case (t.sign == '.' || t.sign == '!' || t.sign == ';') && gap != none && m.toks[j-1].len() > 1 && m.toks[j-1].marks&(mNumber|mCue) == 0:
				words += 3
			case t.sign == '?':
				words++
				m.asked = true
			case t.sign == ',':
				words++
			}
		case kWord:
			switch {
			case t.marks&mLabel != 0 && m.toks[j+1].sign == ',' && m.toks[j+2].gap != none: // "in case, …"
				words++
			case t.marks&mCue != 0 && words <= cueReach:
				return t.marks & mCue, words
			case t.marks == 0 && m.camelID(j):
				return mLabel, words
			case t.marks&mNumber != 0:
				number = number || words <= 3
			case t.marks&(mIs|mFiller) == 0:
				words++
			}
			if t.marks&mMine != 0 && number && words <= 3 {
				mine = true
			}
		}
		if j > 0 {
			gap = t.gap
		}
	}
	switch {
	case mine:
		return mPhone, 1
	case number:
		return mNumber, 1
	}
	return 0, 0
}

// camelID says whether token i is the name of a field as orderId.
func (m *matcher) camelID(i int) bool {
	t := &m.toks[i]
	if t.len() < 4 || m.f.text[t.end-1] != 'd' || m.f.text[t.end-2] != 'i' {
		return false
	}
	at := m.f.origin(t.end - 2)
	return m.text[at] == 'I' && m.text[at-1] >= 'a' && m.text[at-1] <= 'z'
}
