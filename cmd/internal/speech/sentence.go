package speech

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentence is what there is to say; its words are in the table of each language.
type Sentence string

// Values fill the places of a sentence: {when}, {with} and so on.
type Values map[string]string

// maxSaid is how long an answer may get, in bytes: nobody listens to more.
const maxSaid = 800

var place = regexp.MustCompile(`\{[a-z]+\}`)

// Say fills in a sentence. What comes out is one line whatever the values hold, as some platforms need it, and
// begins with a capital.
func (l Lang) Say(s Sentence, values Values) string {
	text, ok := sentences[l][s]
	if !ok {
		text = sentences[English][s]
	}
	text = place.ReplaceAllStringFunc(text, func(p string) string { return values[p[1:len(p)-1]] })
	return oneLine(text)
}

func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	for len(text) > maxSaid {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	first, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[n:]
}

// What there is to say.
const (
	Held            Sentence = "held"
	HeldWithoutText Sentence = "held-without-text"
	Confirmed       Sentence = "confirmed"
	Expired         Sentence = "expired"
	Canceled        Sentence = "canceled"
	Over            Sentence = "over"
	Free            Sentence = "free" // one time
	FreeTimes       Sentence = "free-times"
	IsFree          Sentence = "is-free"
	NotFree         Sentence = "not-free"
	NothingFree     Sentence = "nothing-free"
	NothingFreeOn   Sentence = "nothing-free-on"
	Taken           Sentence = "taken"
	NotOpen         Sentence = "not-open"
	HoldExpired     Sentence = "hold-expired"
	Past            Sentence = "past"
	TooFar          Sentence = "too-far"
	NoSuchTime      Sentence = "no-such-time"
	Which           Sentence = "which"
	WhenUnclear     Sentence = "when-unclear"
	WhenMissing     Sentence = "when-missing"
	TimeMissing     Sentence = "time-missing"
	PhoneMissing    Sentence = "phone-missing"
	PhoneWrong      Sentence = "phone-wrong"
	WhatMissing     Sentence = "what-missing"
	ServiceUnknown  Sentence = "service-unknown"
	ResourceUnknown Sentence = "resource-unknown"
	NotOffered      Sentence = "not-offered"
	TooLong         Sentence = "too-long"
	CodeUnclear     Sentence = "code-unclear"
	WrongCode       Sentence = "wrong-code"
	WrongCodeOnce   Sentence = "wrong-code-once" // one try left
	WrongCodeLast   Sentence = "wrong-code-last"
	CodeExpired     Sentence = "code-expired"
	CodeRevoked     Sentence = "code-revoked"
	TextFailed      Sentence = "text-failed"
	Resent          Sentence = "resent"
	TooSoon         Sentence = "too-soon"
	TooManySends    Sentence = "too-many-sends"
	TooManyCodes    Sentence = "too-many-codes"
	OptedOut        Sentence = "opted-out"
	NoBooking       Sentence = "no-booking"
	NoTexts         Sentence = "no-texts"
	StillWorking    Sentence = "still-working"
	Unreachable     Sentence = "unreachable"
	WentWrong       Sentence = "went-wrong"
	UnknownTool     Sentence = "unknown-tool"
	OneAtATime      Sentence = "one-at-a-time"
	Unreadable      Sentence = "unreadable"
)
