package redacttest

import "unicode"

// Hidden reports what must not be left of a text that people wrote: Unicode's Default_Ignorable_Code_Point, as
// DerivedCoreProperties.txt puts it together, and what turns lines around; without the joiners and the two selectors that emoji are
// written with. It is written apart from what it tests.
func Hidden(r rune) bool {
	switch r {
	case '\u200c', '\u200d', '\ufe0e', '\ufe0f':
		return false
	}
	is := func(t *unicode.RangeTable) bool { return unicode.Is(t, r) }
	ignorable := (is(unicode.Other_Default_Ignorable_Code_Point) || is(unicode.Cf) || is(unicode.Variation_Selector)) &&
		!is(unicode.White_Space) && (r < 0xfff9 || r > 0xfffb) && (r < 0x13430 || r > 0x13440) && !is(unicode.Prepended_Concatenation_Mark)
	return ignorable || is(unicode.Bidi_Control)
}
