package redact

import (
	"strings"
	"unicode/utf8"
)

// Span is a place in a text that is personal data.
type Span struct {
	Start, End int // bytes of the text as it was given, End exclusive; on rune boundaries
	Type       Type
	Rule       Rule
}

// Rule is what recognised a span.
type Rule struct {
	Name       string // as phone.nanp
	Confidence uint8  // percent, by the kind of evidence; docs/redaction.md has the table
}

// Engine finds and replaces personal data by one policy. It is immutable, and safe for concurrent use.
type Engine struct {
	policy  Policy
	lexicon *lexicon
	strict  bool
	mrn     []byte // the folded pattern
	version string
}

// Version names what the engine works by: the rules, the dictionary, and a hash of the policy. It changes when a
// result may.
func (e *Engine) Version() string { return e.version }

// Find appends the personal data of text to spans, in order and without overlap, and returns it. Names are known
// values, as of the booking's customer: each word of a name counts, and of a phone its last seven digits and more. It allocates nothing when there is nothing to find
// and no name is given.
func (e *Engine) Find(spans []Span, text string, names ...string) []Span {
	m := e.matcher(names)
	defer matchers.Put(m)
	first := len(spans)
	for from := 0; from < len(text); {
		to := cut(text, from)
		spans = m.block(spans, first, text, from, to)
		from = to
	}
	return spans
}

// matcher is one from the pool, for this engine.
func (e *Engine) matcher(names []string) *matcher {
	m := matchers.Get().(*matcher)
	m.e, m.x, m.trace = e, e.lexicon, nil
	m.known = m.known[:0]
	m.phones = m.phones[:0]
	for _, name := range names {
		if d := digitsOf(fold(name)); len(d) >= leastPhone {
			m.phones = append(m.phones, d)
			continue
		}
		for w := range strings.FieldsFuncSeq(fold(name), func(r rune) bool { return kinds[byte(r)] != kWord && r != '\'' }) {
			if len(w) > 1 && !particle(w) {
				m.known = append(m.known, w)
			}
		}
	}
	return m
}

// particle says whether a word stands in names and names nobody.
func particle(w string) bool {
	switch w {
	case "de", "del", "la", "las", "los", "da", "das", "do", "dos", "di", "du", "van", "von", "der", "den", "al", "el", "bin", "y", "e", "mr", "mrs", "ms", "dr", "jr", "sr", "ii", "iii":
		return true
	}
	return false
}

// A text is looked at in blocks, so that a stream needs no more memory than one. Each is seen with what stands around
// it. Where they end depends on the text alone.
const (
	blockLeast = 8 << 10
	blockMost  = 16 << 10
	behind     = 256
	ahead      = 512
)

// cut ends the block that begins at from: at a new line, else at a space, else after blockMost bytes.
func cut(text string, from int) int {
	if len(text)-from <= blockMost {
		return len(text)
	}
	tail := text[from+blockLeast : from+blockMost]
	if i := strings.IndexByte(tail, '\n'); i >= 0 {
		return from + blockLeast + i + 1
	}
	if i := strings.IndexByte(tail, ' '); i >= 0 {
		return from + blockLeast + i + 1
	}
	return runeStart(text, from+blockMost)
}

// runeStart is the first byte of the rune that place i is in.
func runeStart(text string, i int) int {
	for k := range utf8.UTFMax {
		if i-k <= 0 || i-k >= len(text) || utf8.RuneStart(text[i-k]) {
			return max(i-k, 0)
		}
	}
	return i
}

// block appends the spans that begin in text[from:to] to spans, of which those from first on are of this text.
//
// What has been found is looked at again with the spans taken out, until nothing more is found: so a result that is
// redacted once more stays as it is, though rules count words and one match hides another.
func (m *matcher) block(spans []Span, first int, text string, from, to int) []Span {
	lo, hi := max(from-behind, 0), min(to+ahead, len(text))
	if lo > 0 {
		lo = runeStart(text, lo)
		if i := strings.IndexAny(text[lo:from], " \n"); i >= 0 {
			lo += i
		}
	}
	if hi < len(text) {
		hi = runeStart(text, hi)
	}
	for first < len(spans) && spans[first].End <= lo {
		first++
	}
	if first < len(spans) && spans[first].Start < lo {
		lo = spans[first].Start
	}
	window := text[lo:hi]
	for range 8 {
		m.bars = m.bars[:0]
		for _, s := range spans[first:] {
			m.bars = append(m.bars, Span{Start: s.Start - lo, End: s.End - lo})
		}
		m.match(window, m.bars)
		known := len(spans)
		for _, h := range m.found {
			s := m.span(h)
			s.Start, s.End = s.Start+lo, s.End+lo
			if s.Start >= from && s.Start < to {
				spans = append(spans, s)
			}
		}
		sortTail(spans[first:], known-first)
		if len(spans) == known || !m.again {
			break
		}
	}
	return spans
}

// sortTail merges the sorted spans from n on into the sorted ones before them.
func sortTail(spans []Span, n int) {
	for ; n < len(spans); n++ {
		for k := n; k > 0 && spans[k].Start < spans[k-1].Start; k-- {
			spans[k], spans[k-1] = spans[k-1], spans[k]
		}
	}
}

// span is a hit as a span of the window.
func (m *matcher) span(h hit) Span {
	r := &rules[h.rule]
	start, end := int(m.f.origin(h.start)), int(m.f.origin(h.end))
	if m.f.at != nil { // without what is invisible behind it, but with the accents that stand apart
		end = int(m.f.origin(h.end - 1))
		_, n := utf8.DecodeRuneInString(m.text[end:])
		for end += n; ; end += n {
			var c rune
			if c, n = utf8.DecodeRuneInString(m.text[end:]); !accent(c) {
				break
			}
		}
	}
	return Span{Start: start, End: end, Type: r.t, Rule: r.Rule}
}

// accent says whether c stands on the letter or the digit before it, as a key's frame does.
func accent(c rune) bool {
	return c >= 0x300 && c <= 0x36f || c >= 0x1ab0 && c <= 0x1aff || c >= 0x1dc0 && c <= 0x1dff || c >= 0x20d0 && c <= 0x20ff || c >= 0xfe20 && c <= 0xfe2f
}

// Candidate is a place that was looked at: a span, or why it is none.
type Candidate struct {
	Span
	Found bool
	Why   string // constant text, never a part of the value, as "a date" or "lost to CREDIT_CARD"
}

// Explain tells of each candidate of text, by place. It is for people: slower than Find, which decides alike.
func (e *Engine) Explain(text string, names ...string) []Candidate {
	var all []Candidate
	found := e.Find(nil, text, names...)
	for _, s := range found {
		all = append(all, Candidate{Span: s, Found: true, Why: s.Rule.Name})
	}
	m := e.matcher(names)
	defer matchers.Put(m)
	for from := 0; from < len(text); {
		to := cut(text, from)
		m.trace = func(c Candidate) {
			c.Start, c.End = c.Start+from, c.End+from
			for _, s := range found {
				if c.Start < s.End && s.Start < c.End && c.Type == s.Type {
					return
				}
			}
			for _, a := range all { // the rest of it
				if a.Type == c.Type && a.Start < c.Start && a.End >= c.End {
					return
				}
			}
			all = append(all, c)
		}
		m.match(text[from:to], nil)
		from = to
	}
	m.trace = nil
	return byPlace(all)
}
