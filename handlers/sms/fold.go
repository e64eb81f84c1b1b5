package sms

import (
	"strings"
	"unicode"
)

// foldings lists characters after the plain form that stands in for them: letters without their accent,
// and typography that phones and word processors put in unasked. One of these would turn a whole text
// into UCS-2 and double its price.
const foldings = `
a àáâãäåāăą
A ÀÁÂÃÄÅĀĂĄ
ae æ
AE Æ
c çćĉċč
C ÇĆĈĊČ
d ďđð
D ĎĐÐ
e èéêëēĕėęě
E ÈÉÊËĒĔĖĘĚ
g ĝğġģ
G ĜĞĠĢ
h ĥħ
H ĤĦ
i ìíîïĩīĭįı
I ÌÍÎÏĨĪĬĮİ
j ĵ
J Ĵ
k ķ
K Ķ
l ĺļľł
L ĹĻĽŁ
n ñńņň
N ÑŃŅŇ
o òóôõöøōŏő
O ÒÓÔÕÖØŌŎŐ
oe œ
OE Œ
r ŕŗř
R ŔŖŘ
s śŝşšș
S ŚŜŞŠȘ
ss ß
t ţťŧþț
T ŢŤŦÞȚ
u ùúûüũūŭůűų
U ÙÚÛÜŨŪŬŮŰŲ
w ŵ
W Ŵ
y ýÿŷ
Y ÝŸŶ
z źżž
Z ŹŻŽ
' ‘’‚‛′´` + "`" + `
" “”„‟″«»
- ‐‑‒–—―−
... …
* •·
TM ™
(R) ®
(C) ©
o º
a ª
`

var folded = func() map[rune]string {
	m := make(map[rune]string, 256)
	for line := range strings.Lines(foldings) {
		plain, from, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, r := range from {
			m[r] = plain
		}
	}
	return m
}()

// tidy makes one line of a name: white space of any kind becomes single spaces; control and invisible
// formatting characters go.
func tidy(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, name)
	return strings.Join(strings.Fields(clean), " ")
}

// toGSM folds a name to GSM-7, keeping what has a place there (é, ñ). It is false when some character
// has neither place nor stand-in.
func toGSM(name string) (string, bool) {
	var b strings.Builder
	for _, r := range name {
		switch f, known := folded[r]; {
		case septets[r] > 0:
			b.WriteRune(r)
		case known:
			b.WriteString(f)
		case unicode.Is(unicode.Mn, r): // a combining accent: the letter before it stands
		default:
			return "", false
		}
	}
	return b.String(), true
}

// cut shortens a name to n units, septets where it is GSM-7, else characters: after a whole word if
// that keeps half of it, and never with punctuation dangling.
func cut(name string, n int) string {
	used, end := 0, len(name)
	for i, r := range name {
		used += unit(r)
		if used > n {
			end = i
			break
		}
	}
	if end == len(name) {
		return name
	}
	short := name[:end]
	if space := strings.LastIndexByte(short, ' '); name[end] != ' ' && space >= end/2 {
		short = short[:space]
	}
	return strings.TrimRight(short, " ,;:&+-/(\"'")
}

func unit(r rune) int { return max(septets[r], 1) }

// units is a name's length as cut counts it.
func units(name string) (n int) {
	for _, r := range name {
		n += unit(r)
	}
	return n
}
