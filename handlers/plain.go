package handlers

import (
	"strings"
	"unicode"

	"holdfast/handlers/redact"
)

// What people write is kept as they wrote it, but for what nobody sees. Characters that turn a line around, that have no
// width, or that carry hidden text go (Unicode's format characters, and all that it calls default-ignorable): in a name they
// would make a text or a desk's page say something else than it seems to, and they hide numbers from redaction. The two joiners
// stay, since words of Persian and of Indian languages, and emoji, are written with them; of the variation selectors the two
// that tell an emoji from a sign. Control characters are refused (hasControl).

// Line makes one line of a name: nothing unseen, and one space wherever there is white space.
func Line(s string) string { return strings.Join(strings.Fields(strings.Map(visible, s)), " ") }

// Prose is a text of several lines without what is unseen.
func Prose(s string) string { return strings.Map(visible, s) }

// Spoken is what machines pass on of people's words, and cannot be asked to mend: what Prose leaves, without control
// characters and without what is no UTF-8.
func Spoken(s string) string {
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return visible(r)
	}, strings.ToValidUTF8(s, ""))
}

// visible drops what is not seen, and makes a line's end of the separators that few programs know as one, and a space of
// Braille's cell without dots.
func visible(r rune) rune {
	switch {
	case r == '\u2028' || r == '\u2029':
		return '\n'
	case r == '\u2800':
		return ' '
	case r < unicode.MaxASCII || unicode.Is(unicode.Join_Control, r) || r == '\ufe0e' || r == '\ufe0f':
		return r
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // seen, though they are format characters
		return r
	case redact.Unseen(r), unicode.Is(unicode.Noncharacter_Code_Point, r):
		return -1
	}
	return r
}

// isControl holds for control characters that no text has: all but tab and the ends of lines.
func isControl(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' }

// noControl is the rule that hasControl stands for.
const noControl = "must not contain control characters"

func hasControl(s string) bool { return strings.ContainsFunc(s, isControl) }
