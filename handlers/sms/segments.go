package sms

import "unicode/utf16"

// Encodings of Segments.
const (
	GSM7 = "GSM-7"
	UCS2 = "UCS-2"
)

// The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, sections 6.2.1 and 6.2.1.1).
// A character of the extension costs two septets. The form feed and the escape itself are left out:
// nobody writes them.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtension = "^{}\\[~]|€"
)

// Units of one segment, alone and as part of a longer message, which loses six bytes to its header
// (3GPP TS 23.040, section 9.2.3.24; Twilio, "SMS character limit"): septets, and UTF-16 code units.
const (
	gsmAlone, gsmPart   = 160, 153
	ucs2Alone, ucs2Part = 70, 67
)

// septets holds the cost of each GSM-7 character.
var septets = func() map[rune]int {
	m := make(map[rune]int, 136)
	for _, r := range gsmBasic {
		m[r] = 1
	}
	for _, r := range gsmExtension {
		m[r] = 2
	}
	return m
}()

// Segments counts the SMS that a text is sent and billed as, and names its encoding: GSM-7 if every
// character has a place there, else UCS-2 for the whole text. No character is split over two segments.
// An empty text has none. Invalid UTF-8 counts as U+FFFD.
func Segments(text string) (count int, encoding string) {
	if cost, ok := gsmCost(text); ok {
		return pack(text, cost, gsmAlone, gsmPart, func(r rune) int { return septets[r] }), GSM7
	}
	cost := 0
	for _, r := range text {
		cost += utf16.RuneLen(r)
	}
	return pack(text, cost, ucs2Alone, ucs2Part, utf16.RuneLen), UCS2
}

// gsmCost is the length in septets, false when the text does not fit GSM-7.
func gsmCost(text string) (cost int, ok bool) {
	for _, r := range text {
		n := septets[r]
		if n == 0 {
			return 0, false
		}
		cost += n
	}
	return cost, true
}

func pack(text string, cost, alone, part int, units func(rune) int) int {
	if cost == 0 {
		return 0
	}
	if cost <= alone {
		return 1
	}
	count, room := 1, part
	for _, r := range text {
		n := units(r)
		if n > room {
			count, room = count+1, part
		}
		room -= n
	}
	return count
}
