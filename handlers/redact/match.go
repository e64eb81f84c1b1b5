package redact

import (
	"slices"
	"strings"
	"sync"
)

// matcher looks at one window of a text. It is reused: its slices keep their room.
type matcher struct {
	e      *Engine
	x      *lexicon
	f      folded
	room   []int32 // for f.at
	toks   []token
	begins []int32 // those that begin a phrase
	found  []hit
	text   string   // the window, as it was given
	known  []string // the words of names that were told
	phones []string // the digits of phones that were told
	groups []group
	w      written
	parts  [tongues][]part
	doubts [][2]int // ambiguous terms
	last   number   // what was found last
	passed []hit    // what was looked at and is nothing
	asked  bool     // a question stood before what cue has found
	again  bool     // what is found changes what else can be
	bars   []Span
	cased  bool // the window has a capital

	done  int // the last token that is understood
	v6    int32
	trace func(c Candidate) // nil: nobody asks
}

// hit is a place that a rule has recognised, in the folded text.
type hit struct {
	start, end int32
	rule       rule
}

var matchers = sync.Pool{New: func() any { return new(matcher) }}

// hit notes that tokens from..to-1 are what r says.
func (m *matcher) hit(r rule, from, to int) {
	m.found = append(m.found, hit{m.toks[from].start, m.toks[to-1].end, r})
}

// no notes why tokens from..to-1 are not of type t.
func (m *matcher) no(t Type, from, to int, why string) {
	m.passed = append(m.passed, hit{start: m.toks[from-2].start, end: m.toks[to+1].end})
	m.never(t, from, to, why)
}

// never is no, for what does not depend on what is found beside it.
func (m *matcher) never(t Type, from, to int, why string) {
	if m.trace != nil {
		m.trace(Candidate{Span: Span{Start: int(m.f.origin(m.toks[from].start)), End: int(m.f.origin(m.toks[to-1].end)), Type: t}, Why: why})
	}
}

// match appends the hits of a window, in order and without overlap, to m.found. bars are spans that are taken out
// already, by places in text.
func (m *matcher) match(text string, bars []Span) {
	m.text, m.cased = text, strings.ContainsAny(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	m.f.fold(text, bars, m.room)
	if m.f.at != nil {
		m.room = m.f.at
	}
	m.toks, m.begins = m.x.scan(m.toks, m.begins[:0], m.f.text)
	m.last.n = 0
	m.found, m.passed, m.done, m.v6, m.again = m.found[:0], m.passed[:0], lead-1, 0, false
	m.phrases()
	m.settle()
	all := m.e.strict || m.e.mrn != nil || len(m.known) > 0
	for i := lead; m.toks[i].kind != kEnd; {
		if t := &m.toks[i]; t.kind == kWord && t.marks == 0 && t.word == 0 && !all { // most
			i++
			continue
		}
		i = max(i+1, m.at(i))
	}
	if len(m.found) > 0 {
		m.arbitrate()
		m.touched()
	}
}

// at looks at token i, and returns the token to go on with.
func (m *matcher) at(i int) int {
	t := &m.toks[i]
	switch t.kind {
	case kNum:
		if m.e.strict && i > m.done {
			if end := m.strictNumber(i); end > 0 {
				m.done = end - 1
				return end
			}
		}
		if m.e.mrn != nil {
			m.ownMRN(i)
		}
		return m.number(i)
	case kSign:
		switch t.sign {
		case '@':
			return m.email(i)
		case ':':
			return m.ipv6(i)
		}
	case kWord:
		if m.e.mrn != nil {
			m.ownMRN(i)
		}
		if m.e.strict && i > m.done {
			m.url(i)
		}
		if t.word == 0 && t.marks == 0 {
			if len(m.known) > 0 {
				m.knownName(i)
			}
			return i + 1
		}
		return m.word(i)
	default:
	}
	return i + 1
}

// word looks at a word of the lexicon.
func (m *matcher) word(i int) int {
	t := &m.toks[i]
	if len(m.known) > 0 {
		m.knownName(i)
	}
	w := &m.x.words[t.word]
	if i > m.done && (w.number[english].kind != notNumber || w.number[spanish].kind != notNumber) {
		if next := m.spoken(i); next > i {
			return next
		}
	}
	switch {
	case t.marks&mMonth != 0:
		m.monthDate(i)
	case t.marks&(mNamed|mMister) != 0:
		m.nameAfter(i)
	}
	if t.marks&mAt != 0 {
		m.spokenEmail(i)
	}
	return i + 1
}

// phrases gives the last word of each phrase its marks, and notes medical terms.
func (m *matcher) phrases() {
	next := 0
	for _, b := range m.begins {
		i := int(b)
		if i < next { // within the one before
			continue
		}
		t := &m.toks[i]
		for _, p := range m.x.words[t.word].phrases {
			last, ok := m.phrase(i, p.rest)
			if !ok {
				continue
			}
			switch {
			case p.marks == mMed:
				m.toks[last].marks |= mMed
			case p.marks != 0:
				for j := i; j < last; j++ { // they say the same, but only the last one is what others look for
					m.toks[j].marks = p.marks&^(mCue|mNamed|mMister|mAt) | mWrap
				}
				m.toks[last].marks = p.marks
			}
			if p.term {
				m.term(i, last, &p)
			}
			if p.term || p.plain || p.marks != mMed {
				next = last + 1
				break
			}
		}
	}
}

// phrase says whether rest follows word i, and where it ends. Hyphens and spaces stand between, or nothing but a dot.
func (m *matcher) phrase(i int, rest []string) (last int, ok bool) {
	for _, w := range rest {
		i++
		if t := &m.toks[i]; t.sign == '-' || t.gap == none && (t.sign == '.' || t.sign == '_' || t.sign == '/' || t.sign == '\'') {
			i++
		}
		t := &m.toks[i]
		if t.kind != kWord && t.kind != kNum || t.gap == para || string(m.f.text[t.start:t.end]) != w {
			return 0, false
		}
	}
	return i, true
}

// arbitrate drops hits that overlap a better one, and sorts the rest.
func (m *matcher) arbitrate() {
	better := func(a, b hit) int {
		if d := int(rules[b.rule].Confidence) - int(rules[a.rule].Confidence); d != 0 {
			return d
		}
		if d := (b.end - b.start) - (a.end - a.start); d != 0 {
			return int(d)
		}
		return int(a.start - b.start)
	}
	slices.SortFunc(m.found, func(a, b hit) int { return int(a.start - b.start) })
	kept := m.found[:0]
	for _, h := range m.found {
		for len(kept) > 0 && kept[len(kept)-1].end > h.start && better(h, kept[len(kept)-1]) < 0 {
			m.lost(kept[len(kept)-1], h)
			kept = kept[:len(kept)-1]
		}
		if len(kept) > 0 && kept[len(kept)-1].end > h.start {
			m.lost(h, kept[len(kept)-1])
			continue
		}
		kept = append(kept, h)
	}
	m.found = kept
}

// touched sees whether something that was passed over stands beside something that was found: then it may look
// different when that is gone.
func (m *matcher) touched() {
	k := 0
	for _, p := range m.passed {
		for k > 0 && m.found[k].end > p.start { // they are only nearly in order
			k--
		}
		for k < len(m.found)-1 && m.found[k].end <= p.start {
			k++
		}
		if m.found[k].start < p.end && m.found[k].end > p.start {
			m.again = true
			return
		}
	}
}

// lost notes that a hit gave way to another.
func (m *matcher) lost(h, to hit) {
	m.again = true
	if m.trace != nil {
		r := rules[h.rule]
		m.trace(Candidate{Span: Span{Start: int(m.f.origin(h.start)), End: int(m.f.origin(h.end)), Type: r.t, Rule: r.Rule}, Why: "lost to " + rules[to.rule].t.String()})
	}
}
