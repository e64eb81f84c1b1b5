package redact

import (
	"encoding/binary"
	"slices"
)

// kind is what a token is made of.
type kind uint8

const (
	kWord kind = iota + 1 // letters, and apostrophes between them
	kNum                  // digits
	kSign                 // one other byte
	kIdeo                 // one letter that needs no space beside it
	kBar                  // what is taken out
	kEnd                  // past the last
)

// gap is what separates a token from the one before.
type gap uint8

const (
	none  gap = iota
	space     // spaces
	line      // a new line
	para      // an empty line
)

// token is a piece of a folded text.
type token struct {
	start, end int32
	word       int32 // in the lexicon; 0: not there
	kind       kind
	gap        gap
	sign       byte // the byte of a kSign
	marks      mark
}

func (t *token) len() int32 { return t.end - t.start }

// kinds says what byte of a folded text begins what token; 0 is space.
var kinds = func() (t [256]kind) {
	for c := range t {
		t[c] = kSign
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c] = kWord
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = kNum
	}
	t[' '], t['\n'], t[letterByte], t[ideoByte], t[barByte], t[0] = 0, 0, kWord, kIdeo, kBar, kEnd
	return t
}()

// lead is how many ends stand before the first token and behind the last, so that looking around needs no bounds.
const lead = 64

// ends are what stands on both sides of a text.
var ends = func() (t [lead]token) {
	for i := range t {
		t[i] = token{kind: kEnd, gap: para}
	}
	return t
}()

// scan cuts a folded text into tokens, with their words looked up. begins gets those that begin a phrase.
func (x *lexicon) scan(toks []token, begins []int32, text []byte) ([]token, []int32) {
	if len(toks) < lead {
		toks = append(toks[:0], ends[:]...)
	}
	toks = slices.Grow(toks[:lead], len(text)+lead) // as many as there can be
	next := lead
	toks = toks[:cap(toks)]
	b := text[:len(text)+pad]
	n := int32(len(text))
	gap := para
	for i := int32(0); i < n; {
		c := b[i]
		k := kinds[c]
		if k == 0 {
			switch {
			case c == ' ':
				gap = max(gap, space)
			case gap < line:
				gap = line
			default:
				gap = para
			}
			i++
			continue
		}
		t := &toks[next]
		next++
		*t = token{start: i, kind: k, gap: gap}
		gap = none
		i++
		switch k {
		case kWord:
			for kinds[b[i]] == kWord || b[i] == '\'' && kinds[b[i+1]] == kWord {
				i++
			}
			t.end = i
			n := t.len()
			if t.word = x.find(hash(b[t.start:], n)); t.word == 0 {
				if n < 3 || b[i-2] != '\'' || b[i-1] != 's' {
					continue
				}
				t.word = x.find(hash(b[t.start:], n-2))
			}
			if t.marks = x.words[t.word].marks; t.marks&mBegin != 0 {
				t.marks &^= mBegin
				begins = append(begins, int32(next-1))
			}
		case kNum:
			for kinds[b[i]] == kNum {
				i++
			}
			t.end = i
		default:
			t.end, t.sign = i, c
		}
	}
	toks = append(toks[:next], ends[:]...)
	for i := next; i < len(toks); i++ {
		toks[i].start, toks[i].end = n, n
	}
	return toks, begins
}

// hash mixes the n bytes that b begins with; b has at least 8 more.
func hash(b []byte, n int32) uint64 {
	const m = 0x9e3779b97f4a7c15
	h := uint64(n) * m
	for ; n > 8; n -= 8 {
		h = (h ^ binary.LittleEndian.Uint64(b)) * m
		h ^= h >> 29
		b = b[8:]
	}
	h = (h ^ binary.LittleEndian.Uint64(b)<<(8*(8-n))) * m
	return h ^ h>>32
}
