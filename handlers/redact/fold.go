package redact

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bytes of a folded text that stand for what ASCII has not.
const (
	barByte    = 0x01 // what is taken out already
	letterByte = 0x80 // a letter of an alphabet with capitals, as ß or Ж
	otherByte  = 0x81 // a sign, or a byte that is not UTF-8
	ideoByte   = 0x82 // a letter that needs no space beside it, as of Chinese
)

// folded is a text in the letters that the rules know: small, without accents, with ASCII's digits, hyphens and
// spaces, and nothing invisible. All currency signs are $.
type folded struct {
	text []byte
	at   []int32 // of each byte of text, and of its end, the place in the original; nil while they are the same
}

// origin is the place in the original of a place in the folded text.
func (f *folded) origin(i int32) int32 {
	if f.at == nil {
		return i
	}
	return f.at[i]
}

// pad is how many zero bytes follow a folded text, so that whoever looks ahead needs no bounds.
const pad = 8

// lower has what an ASCII byte becomes; 0 marks those that need a closer look.
var lower = func() (t [256]byte) {
	for c := byte(' '); c < 0x7f; c++ {
		t[c] = c
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = c + 'a' - 'A'
	}
	t['\n'], t['\r'], t['\t'] = '\n', ' ', ' '
	t['['] = 0 // perhaps a replacement
	return t
}()

// fold folds text. What bars cover, and replacements of an earlier redaction, become one barByte each.
func (f *folded) fold(text string, bars []Span, mapped []int32) {
	if need := len(text) + pad + len(bars); cap(f.text) < need {
		f.text = make([]byte, need+need/4)
	}
	f.text, f.at = f.text[:cap(f.text)], nil
	i := 0
	for len(bars) == 0 && i < len(text) {
		c := lower[text[i]]
		if c == 0 {
			if text[i] >= utf8.RuneSelf || placeholder(text[i:]) > 0 {
				break
			}
			c = odd(text[i])
		}
		f.text[i] = c
		i++
	}
	j := i
	if i < len(text) {
		j = f.foldMapped(text, bars, mapped, i)
	}
	clear(f.text[j : j+pad])
	f.text = f.text[:j]
}

// odd folds an ASCII byte that lower leaves open.
func odd(c byte) byte {
	if c == '[' {
		return '['
	}
	return otherByte
}

// foldMapped goes on from place i, with a map of places.
func (f *folded) foldMapped(text string, bars []Span, mapped []int32, i int) int {
	f.at = slices.Grow(mapped[:0], len(text)+1+len(bars))[:0]
	for k := range i {
		f.at = append(f.at, int32(k))
	}
	j := i
	put := func(c byte, from int) {
		f.text[j] = c
		j++
		f.at = append(f.at, int32(from))
	}
	for i < len(text) {
		if len(bars) > 0 && i >= bars[0].Start {
			put(barByte, i)
			i = max(i, bars[0].End)
			bars = bars[1:]
			continue
		}
		c := text[i]
		if c < utf8.RuneSelf {
			if l := lower[c]; l != 0 {
				put(l, i)
				i++
			} else if n := placeholder(text[i:]); n > 0 {
				put(barByte, i)
				i += n
			} else {
				put(odd(c), i)
				i++
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if b := foldRune(r, n); b != 0 {
			put(b, i)
		}
		i += n
	}
	f.at = append(f.at, int32(len(text)))
	return j
}

// latin has the plain letter of those with accents, up to the end of Latin Extended Additional, and of some of which
// Unicode says no parts.
var latin = sync.OnceValue(func() *[0x1f00]byte {
	t := &[0x1f00]byte{'ß': 's', 'ø': 'o', 'Ø': 'o', 'đ': 'd', 'Đ': 'd', 'ł': 'l', 'Ł': 'l', 'ı': 'i', 'æ': 'a', 'Æ': 'a',
		'œ': 'o', 'Œ': 'o', 'þ': 't', 'ð': 'd'}
	for r := range rune(len(t)) {
		if plain := norm.NFKD.String(string(r)); r >= utf8.RuneSelf && plain[0] < utf8.RuneSelf && unicode.IsLetter(rune(plain[0])) {
			t[r] = lower[plain[0]]
		}
	}
	return t
})

// foldRune is the folded byte of a rune of n bytes outside of ASCII, or 0 for one that nobody sees.
func foldRune(r rune, n int) byte {
	switch {
	case r == utf8.RuneError && n == 1:
		return letterByte // mostly an accent in an old encoding
	case r >= 0xff01 && r <= 0xff5e: // full width
		if c := byte(r - 0xfee0); lower[c] == 0 {
			return odd(c)
		}
		return lower[r-0xfee0]
	case r >= 0x2010 && r <= 0x2015, r == 0x2212, r == 0x2043, r == 0xfe58, r == 0xfe63:
		return '-'
	case r == 0x2018, r == 0x2019, r == 0x02bc:
		return '\''
	case r == 0xb7, r == 0x2022, r == 0x2219, r == 0x22c5: // dots in the middle
		return '.'
	case r == 0x201c, r == 0x201d:
		return '"'
	case r == 0x2028, r == 0x2029, r == 0x85:
		return '\n'
	case Unseen(r), accent(r):
		return 0
	case unicode.Is(unicode.Zs, r), r == 0x2800: // a Braille cell without dots
		return ' '
	case unicode.Is(unicode.Nd, r):
		return digit(r)
	case unicode.Is(unicode.Sc, r):
		return '$'
	}
	if t := latin(); int(r) < len(t) && t[r] != 0 {
		return t[r]
	}
	switch {
	case unicode.IsUpper(r), unicode.IsLower(r), unicode.Is(unicode.Mn, r):
		return letterByte
	case unicode.IsLetter(r):
		return ideoByte
	}
	return otherByte
}

// Unseen reports what nobody sees: Unicode's format characters, variation selectors, and the fillers and reserved characters
// that it calls default-ignorable. Rules step over it.
func Unseen(r rune) bool {
	return r >= utf8.RuneSelf && (unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r))
}

// digit is the ASCII digit of one of another script: they stand in tens, from zero to nine.
func digit(r rune) byte {
	for _, rg := range unicode.Nd.R16 {
		if r <= rune(rg.Hi) {
			return '0' + byte((r-rune(rg.Lo))%10)
		}
	}
	for _, rg := range unicode.Nd.R32 {
		if r <= rune(rg.Hi) {
			return '0' + byte((r-rune(rg.Lo))%10)
		}
	}
	return otherByte
}

// A replacement ends in the last four digits, or in a token: letters from a to p alone, so that nothing can hide in
// what looks like one.
const tokenLength = 16

// placeholder is the length of the replacement that text begins with, or 0.
func placeholder(text string) int {
	end := strings.IndexByte(text[:min(len(text), 40)], ']')
	if end < 0 || text[0] != '[' {
		return 0
	}
	name, value, valued := strings.Cut(text[1:end], ":")
	if t, ok := ParseType(name); !ok || valued && !(t.Maskable() && masked(value) || tokened(value)) {
		return 0
	}
	return end + 1
}

func masked(s string) bool {
	return len(s) == 5 && s[0] == '*' && strings.Trim(s[1:], "0123456789") == ""
}

func tokened(s string) bool {
	return len(s) == tokenLength && strings.Trim(s, "abcdefghijklmnop") == ""
}
