package sms

import (
	"strings"
	"unicode"

	"holdfast/store/pii"
)

// run is digits that belong together: groups of digits with nothing but a joiner between them.
type run struct {
	digits  []byte
	groups  []int  // digits in each group
	joiners string // one rune for each gap: ' ', '-', '.', or '/' for any other
	glued   bool   // touches a letter, a plus or a currency sign: an order number, a phone, an amount
}

// findCode finds the one-time code in a reply: one run of six digits in one of the shapes that people
// write a code in. A longer run (a phone number, an order number) is none, and two different codes are
// none, since a wrong guess costs an attempt.
func findCode(body string) (pii.Code, bool) {
	found := ""
	visible := make([]rune, 0, len(body))
	for _, r := range body {
		if !unicode.Is(unicode.Cf, r) { // zero-width spaces and direction marks come along with a copy
			visible = append(visible, r)
		}
	}
	for _, r := range runs(visible) {
		if r.glued || len(r.digits) != pii.CodeDigits || !r.shaped() {
			continue
		}
		if found != "" && found != string(r.digits) {
			return pii.Code{}, false
		}
		found = string(r.digits)
	}
	return pii.NewCode(found), found != ""
}

// shaped reports whether six digits stand as a code does: 123456, 123 456, 123-456, 123.456 (dictation
// writes such), 12 34 56, 1 2 3 4 5 6, 1-2-3-4-5-6. But 12-10-26 and 12/10/26 are dates.
func (r run) shaped() bool {
	var sizes strings.Builder
	for _, n := range r.groups {
		sizes.WriteByte('0' + byte(min(n, 9)))
	}
	switch sizes.String() {
	case "6":
		return true
	case "33":
		return r.joiners != "/"
	case "222":
		return r.joiners == "  "
	case "111111":
		return r.joiners == "     " || r.joiners == "-----"
	}
	return false
}

// runs splits a text into its runs of digits.
func runs(text []rune) []run {
	var all []run
	for i := 0; i < len(text); {
		if _, ok := digit(text[i]); !ok {
			i++
			continue
		}
		r := run{glued: i > 0 && sticks(text[i-1], true)}
		for {
			n := 0
			for ; i < len(text); i++ {
				d, ok := digit(text[i])
				if !ok {
					break
				}
				r.digits, n = append(r.digits, '0'+d), n+1
			}
			r.groups = append(r.groups, n)
			joiner, width := joined(text[i:])
			if width == 0 {
				break
			}
			r.joiners += string(joiner)
			i += width
		}
		r.glued = r.glued || (i < len(text) && sticks(text[i], false))
		all = append(all, r)
	}
	return all
}

// joined reads what joins two groups of digits: up to three characters of space and punctuation on one
// line with a digit behind them. width is 0 when the run ends here.
func joined(text []rune) (joiner rune, width int) {
	joiner = ' '
	for i, r := range text {
		if _, ok := digit(r); ok {
			return joiner, i
		}
		if i == 3 {
			break
		}
		switch c := narrow(r); {
		case c == ' ' || c == '\t' || unicode.Is(unicode.Zs, c):
		case joiner != ' ':
			joiner = '/'
		case c == '-' || unicode.Is(unicode.Pd, c) || c == '−':
			joiner = '-'
		case c == '.' || c == ',':
			joiner = '.'
		case strings.ContainsRune("/:()+·*_", c):
			joiner = '/'
		default:
			return 0, 0
		}
	}
	return 0, 0
}

// sticks reports whether a neighbour makes digits part of something else.
func sticks(r rune, before bool) bool {
	c := narrow(r)
	return unicode.IsLetter(c) || c == '_' || c == '@' || unicode.Is(unicode.Sc, c) || (before && c == '+') || (!before && c == '%')
}
