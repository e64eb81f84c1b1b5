// Package speech is what voice agents say and hear: times, days and digits as people speak them, in English and
// Spanish, and the sentences that a voice reads to a caller.
//
// It is pure: no clock, no database, nothing that prints what it read. What it cannot read with certainty it
// refuses, so that somebody asks again; a time that is guessed is an appointment missed.
package speech

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Lang is a language that is spoken here.
type Lang string

// The languages.
const (
	English Lang = "en"
	Spanish Lang = "es"
)

// LangOf is the language of a BCP 47 tag ("es-MX"); English stands in for any other.
func LangOf(locale string) Lang {
	if strings.HasPrefix(strings.ToLower(locale), "es") {
		return Spanish
	}
	return English
}

// maxWords bounds what is read of one text: a time or a code has far fewer.
const maxWords = 40

// Fold makes texts comparable that sound alike: without case, accents and punctuation, one space between words.
func Fold(text string) string { return strings.Join(fold(text), " ") }

// fold splits a text into words of plain letters and digits. A clock (3:30) and a date (2026-11-24, 11/24) stay
// one word each.
func fold(text string) []string {
	var words []string
	var word []rune
	end := func() {
		if w := strings.Trim(string(word), ":/-"); w != "" {
			words = append(words, w)
		}
		word = word[:0]
	}
	// Taken apart before, since some letters have a small form only then, and after, since some small forms can be.
	runes := []rune(norm.NFKD.String(strings.ToLower(norm.NFKD.String(text))))
	for i, r := range runes {
		switch {
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’': // an accent; o'clock
		case r == '.' && i > 0 && (runes[i-1] == 'a' || runes[i-1] == 'p' || runes[i-1] == 'm') && meridiem(runes, i):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if n := len(word); n > 0 && unicode.IsDigit(word[n-1]) != unicode.IsDigit(r) && !joins(word[n-1]) {
				end() // 3pm, 24th
			}
			word = append(word, r)
		case joins(r) && len(word) > 0 && unicode.IsDigit(word[len(word)-1]):
			word = append(word, r)
		default:
			end()
		}
	}
	end()
	return words
}

// joins holds what stands inside a clock or a date.
func joins(r rune) bool { return r == ':' || r == '/' || r == '-' }

// meridiem reports whether the dot at i is one of a.m. or p.m.
func meridiem(runes []rune, i int) bool {
	around := strings.ReplaceAll(string(runes[max(0, i-3):min(len(runes), i+3)]), " ", "")
	return strings.Contains(around, "a.m") || strings.Contains(around, "p.m")
}
