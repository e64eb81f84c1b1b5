package sms

import (
	"slices"
	"strings"
	"unicode"

	"holdfast/store/pii"
)

// Intent is what a reply asks for.
type Intent string

// The intents. An inbound text has exactly one.
const (
	IntentCode    Intent = "code"    // it holds a one-time code
	IntentKeep    Intent = "keep"    // keep the hold
	IntentChoice  Intent = "choice"  // take one of the alternatives
	IntentCancel  Intent = "cancel"  // cancel the booking
	IntentStop    Intent = "stop"    // no more texts from this sender
	IntentStart   Intent = "start"   // texts again
	IntentHelp    Intent = "help"    // what is this?
	IntentUnknown Intent = "unknown" // none of these
)

// Reply is an inbound text, read.
type Reply struct {
	Intent Intent
	Code   pii.Code // for IntentCode
	Choice int      // for IntentChoice, from 1 to 3
}

// maxReply bounds what is read of a reply, in bytes; Twilio joins segments up to 1,600 characters.
const maxReply = 8 << 10

// ParseReply reads an inbound text in English or Spanish, whatever the customer's locale. A wish to stop
// comes first, wherever it stands; then a text that is a keyword as a whole; then a code; then plain
// sentences. It never fails: what it cannot read is IntentUnknown.
func ParseReply(body string) Reply {
	if len(body) > maxReply {
		body = body[:maxReply]
	}
	text := words(body)
	bare := trim(text, courtesies, courtesies)
	for _, m := range grammar {
		if m.intent == IntentStop && (m.is(text, bare) >= 0 || m.said(text)) {
			return Reply{Intent: IntentStop}
		}
	}
	for _, m := range grammar {
		i := m.is(text, bare)
		if m.intent == IntentChoice && i < 0 {
			i = m.chosen(bare)
		}
		if i < 0 {
			continue
		}
		r := Reply{Intent: m.intent}
		if m.intent == IntentChoice {
			r.Choice = i%maxChoice + 1
		}
		return r
	}
	if code, ok := findCode(body); ok {
		return Reply{Intent: IntentCode, Code: code}
	}
	for _, m := range grammar {
		if m.said(text) {
			return Reply{Intent: m.intent}
		}
	}
	return Reply{Intent: IntentUnknown}
}

// is finds a text among those that are m as a whole, or bare, which is the text without its courtesies. It is -1 when
// it is none.
func (m meaning) is(text, bare string) int {
	if i := slices.Index(m.whole, text); i >= 0 || !m.polite {
		return i
	}
	return slices.Index(m.whole, bare)
}

// chosen finds the choice that a bare text makes with some words around it. It is -1 when it makes none.
func (m meaning) chosen(bare string) int {
	for was := ""; was != bare; {
		if i := slices.Index(m.whole, bare); i >= looseChoices {
			return i
		}
		was = bare
		bare = trimOnce(bare, choosing, chosen)
	}
	return -1
}

// trim takes phrases off a text's ends, as long as something is left.
func trim(text string, before, behind []string) string {
	for was := ""; was != text; {
		was = text
		text = trimOnce(text, before, behind)
	}
	return text
}

// trimOnce takes the first phrase that stands at one of a text's ends.
func trimOnce(text string, before, behind []string) string {
	for _, p := range before {
		if rest, ok := strings.CutPrefix(text, p+" "); ok {
			return rest
		}
	}
	for _, p := range behind {
		if rest, ok := strings.CutSuffix(text, " "+p); ok {
			return rest
		}
	}
	return text
}

// said reports whether one of m's sentences stands in the text and is meant.
func (m meaning) said(text string) bool {
	return containsAny(text, m.sentences) && !containsAny(text, m.unless)
}

func containsAny(text string, phrases []string) bool {
	padded := " " + text + " "
	for _, p := range phrases {
		if strings.Contains(padded, " "+p+" ") {
			return true
		}
	}
	return false
}

// words is a text as the grammar spells it: lower case, without accents, apostrophes or punctuation,
// in ASCII digits, with single spaces.
func words(body string) string {
	var b strings.Builder
	for _, r := range body {
		r = narrow(r)
		if d, ok := digit(r); ok {
			b.WriteByte('0' + d)
			continue
		}
		plain, ok := folded[r]
		if !ok {
			plain = string(r)
		}
		for _, p := range plain {
			switch {
			case p == '\'' || unicode.Is(unicode.Mn, p) || unicode.Is(unicode.Cf, p):
			case unicode.IsLetter(p):
				b.WriteRune(unicode.ToLower(p))
			default:
				b.WriteByte(' ')
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// narrow maps the full-width forms of Asian keyboards (U+FF01 to U+FF5E) to ASCII.
func narrow(r rune) rune {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E:
		return r - 0xFEE0
	case r == 0x3000:
		return ' '
	}
	return r
}

// digit is the value of a decimal digit of any script. Unicode encodes each script's digits as ten code
// points in a row from zero (The Unicode Standard, section 4.6).
func digit(r rune) (byte, bool) {
	if r >= '0' && r <= '9' {
		return byte(r - '0'), true
	}
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	for _, g := range unicode.Nd.R16 {
		if lo, hi := rune(g.Lo), rune(g.Hi); r >= lo && r <= hi {
			return byte((r - lo) % 10), true
		}
	}
	for _, g := range unicode.Nd.R32 {
		if lo, hi := rune(g.Lo), rune(g.Hi); r >= lo && r <= hi {
			return byte((r - lo) % 10), true
		}
	}
	return 0, false
}
