package sms

import (
	"regexp"
	"strings"
	"unicode"
)

// maxNote is how long a note may be that a text quotes, in septets: beside it and the shortest names a follow-up is
// still one segment.
const maxNote = 30

// unfit is what keeps a note out of texts: square brackets, as redaction leaves them ([NAME], [PHONE_NUMBER:*0142]);
// numbers longer than a time or an amount has; and what is or looks like the address of a page or mailbox.
var unfit = regexp.MustCompile(`[][]|\pN{4}|://|@|[\pL\pN]\.\pL{2}`)

// FitNote is an integrator's note as a text may quote it: word for word, with what GSM-7 lacks in its plain form.
// It is "" for a note that may not be quoted: of several lines, too long, with characters that have no plain form, with
// something in it that was redacted or should have been, or asking for a reply that means something else to the provider.
func FitNote(note string) string {
	note = strings.TrimSpace(note)
	if unfit.MatchString(note) || strings.ContainsFunc(note, unprintable) {
		return ""
	}
	plain, ok := toGSM(tidy(note))
	if !ok || units(plain) > maxNote || unfit.MatchString(plain) || invites(plain) {
		return ""
	}
	return plain
}

// unprintable holds for what is not seen, or breaks the line.
func unprintable(r rune) bool {
	return r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
