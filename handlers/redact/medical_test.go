package redact

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// word is a word of a text as the dictionary has it, and its place.
type word struct {
	text       string
	start, end int
	sentence   int
}

func wordsOf(text string) []word {
	var words []word
	start, sentence := -1, 0
	for i, r := range text + "\n" {
		if r == '\'' || r == '’' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			if s := split(fold(text[start:i])); len(s) == 1 {
				words = append(words, word{s[0], start, i, sentence})
			}
			start = -1
		}
		if strings.ContainsRune(".!?\n", r) {
			sentence++
		}
	}
	return words
}

// near is how many words an ambiguous term may be away from what makes it medical.
const near = 8

// medicalSpans says in the plainest way what a text's medical terms are, for the engine to be compared with.
func medicalSpans(terms map[string]term, text string) []Span {
	type match struct {
		term
		from, to int // words
	}
	words := wordsOf(text)
	var matches []match
	for i := 0; i < len(words); {
		n, found := 1, term{}
		for j := i + 1; j <= len(words) && words[j-1].sentence == words[i].sentence; j++ {
			var phrase []string
			for _, w := range words[i:j] {
				phrase = append(phrase, w.text)
			}
			if t, known := terms[strings.Join(phrase, " ")]; known {
				n, found = j-i, t
			}
		}
		if found.category != 0 {
			matches = append(matches, match{found, i, i + n})
		}
		i += n
	}
	var spans []Span
	for _, m := range matches {
		if m.category >= cue {
			continue
		}
		if m.ambiguous && !slices.ContainsFunc(matches, func(o match) bool {
			return !o.ambiguous && o.category != plain && words[o.from].sentence == words[m.from].sentence &&
				max(o.from-(m.to-1), m.from-(o.to-1)) <= near
		}) {
			continue
		}
		spans = append(spans, Span{Start: words[m.from].start, End: words[m.to-1].end, Type: MedicalTerm})
	}
	return spans
}

var marked = regexp.MustCompile(`\{\{([A-Z_]+)\|(.*?)\}\}`)

func TestMedicalCases(t *testing.T) {
	all, err := medical()
	if err != nil {
		t.Fatal(err)
	}
	terms := make(map[string]term)
	for _, m := range all {
		terms[m.text()] = m
	}
	data, err := os.ReadFile("testdata/cases/medical.txt")
	if err != nil {
		t.Fatal(err)
	}
	with, without := 0, 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		want, why, _ := strings.Cut(line, "\t")
		if why == "" {
			t.Errorf("%s: no reason", want)
		}
		want = strings.ReplaceAll(want, `\n`, "\n")
		text := marked.ReplaceAllString(want, "$2")
		got, end := "", 0
		for _, s := range medicalSpans(terms, text) {
			got += text[end:s.Start] + "{{" + s.Type.String() + "|" + text[s.Start:s.End] + "}}"
			end = s.End
		}
		if got += text[end:]; got != want {
			t.Errorf("%s:\n got %s\nwant %s", why, got, want)
		}
		if text == want {
			without++
		} else {
			with++
		}
	}
	if with < 150 || without < 150 {
		t.Errorf("%d cases with a span and %d without, want 150 of each", with, without)
	}
}
