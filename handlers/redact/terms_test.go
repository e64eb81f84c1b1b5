package redact

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// sections are the entries of terms.txt as its comments divide them.
func sections(t *testing.T) [][]entry {
	t.Helper()
	var all [][]entry
	for line := range strings.Lines(termsFile) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
			all = append(all, nil)
		case line != "":
			e, err := parseEntry(line)
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			text, _, _ := strings.Cut(line, "|")
			if strings.TrimSpace(text) != text || strings.Contains(text, "  ") {
				t.Errorf("%q: stray blanks", line)
			}
			if !slices.Equal(e.words, wordsOf(fold(text))) {
				t.Errorf("%q: a text has it as %q", line, wordsOf(fold(text)))
			}
			all[len(all)-1] = append(all[len(all)-1], e)
		}
	}
	return all
}

func (t term) text() string { return strings.Join(t.words, " ") }

func TestTermsAreWellFormed(t *testing.T) {
	if _, err := medical(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, section := range sections(t) {
		if !slices.IsSortedFunc(section, func(a, b entry) int { return strings.Compare(a.text(), b.text()) }) {
			for i := range section[1:] {
				if section[i].text() > section[i+1].text() {
					t.Errorf("%q is not sorted: it stands before %q", section[i].text(), section[i+1].text())
				}
			}
		}
		for _, e := range section {
			text := e.text()
			if seen[text] {
				t.Errorf("%q stands twice", text)
			}
			seen[text] = true
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q: fold does not know all of its letters", text)
			}
			if kinds[text[0]] != kWord {
				t.Errorf("%q begins with a number, at which no phrase is looked for", text)
			}
			if e.ambiguous && (e.category == cue || e.category == plain) {
				t.Errorf("%q is no term, and so not ambiguous", text)
			}
		}
	}
	for _, section := range sections(t) {
		for _, e := range section {
			for _, words := range e.forms() {
				if form := strings.Join(words, " "); seen[form] && form != e.text() {
					t.Errorf("%q is a form of %q: leave it out", form, e.text())
				}
			}
		}
	}
}

func TestForms(t *testing.T) {
	for line, want := range map[string][]string{
		"gallstone|condition|":                  {"gallstones"},
		"biopsy|test|":                          {"biopsies"},
		"x-ray|test|":                           {"x rays"},
		"rash|symptom|":                         {"rashes"},
		"metastasis|condition|":                 {"metastases"},
		"diabetes|condition|":                   nil,
		"hepatitis C|condition|":                nil,
		"broken tooth|condition|":               {"broken teeth"},
		"swollen foot|symptom|":                 {"swollen feet"},
		"crooked teeth|condition|":              nil,
		"loss of appetite|symptom|":             nil,
		"blood in stool|symptom|":               {"bloods in stool"},
		"Bell's palsy|condition|":               {"bells palsy", "bell palsy", "bell's palsies", "bells palsies", "bell palsies"},
		"Crohn's|condition|":                    {"crohns"},
		"migraña|condition|es":                  {"migranas"},
		"convulsión|condition|es":               {"convulsiones"},
		"infección urinaria|condition|es":       {"infecciones urinarias"},
		"dolor de muela|symptom|es":             {"dolores de muela"},
		"diabetes tipo 2|condition|es":          nil,
		"receta|cue|es":                         nil,
		"cold start|plain|":                     nil,
		"attention deficit disorder|condition|": {"attention deficit disorders"},
	} {
		e, err := parseEntry(line)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, words := range e.forms() {
			if form := strings.Join(words, " "); form != e.text() && !slices.Contains(got, form) {
				got = append(got, form)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestBadEntriesAreRefused(t *testing.T) {
	for _, line := range []string{"cold", "cold|condition", "cold|illness|", "cold|condition|maybe", "|condition|", "-|condition|", "cold|condition||"} {
		if _, err := parseTerms(line); err == nil {
			t.Errorf("%q is read", line)
		}
	}
}

func TestTermsAreManyOfEachKind(t *testing.T) {
	count := make(map[string]int)
	for _, e := range slices.Concat(sections(t)...) {
		language := "en"
		if e.spanish {
			language = "es"
		}
		count[e.category.String()+" "+language]++
		if e.category < cue {
			count["terms"]++
			count["terms "+language]++
		}
	}
	for kind, least := range map[string]int{
		"terms": 1500, "terms en": 1000, "terms es": 450,
		"drug en": 400, "drug es": 70, "substance en": 20, "condition en": 500, "condition es": 150, "procedure en": 200,
		"procedure es": 60, "test en": 100, "test es": 30, "symptom en": 100, "symptom es": 60, "cue en": 60, "cue es": 40,
	} {
		if count[kind] < least {
			t.Errorf("%s: %d, want %d", kind, count[kind], least)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%-13s %d", kind, count[kind])
	}
}

func TestDictionaryVersionIsOfItsFile(t *testing.T) {
	edition, hash, _ := strings.Cut(DictionaryVersion, "-")
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(termsFile)))[:8]; hash != got {
		t.Errorf("terms.txt is not the one of %s: raise the edition after %s, and end it in -%s", DictionaryVersion, edition, got)
	}
}

// contains says whether words stand in text, one after the other.
func contains(text, words []string) bool {
	for i := range text {
		if len(text)-i >= len(words) && slices.Equal(text[i:i+len(words)], words) {
			return true
		}
	}
	return false
}

func TestEverydayWordsAreNoTerms(t *testing.T) {
	terms, err := medical()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/everyday.txt")
	if err != nil {
		t.Fatal(err)
	}
	everyday := 0
	known := make(map[string]term)
	for _, term := range terms {
		known[term.text()] = term
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		for phrase := range strings.SplitSeq(line, ", ") {
			everyday++
			for words := wordsOf(fold(phrase)); len(words) > 0; {
				n := len(words) // the longest that stands here, else one word on
				for n > 1 && known[strings.Join(words[:n], " ")].category == 0 {
					n--
				}
				if found := known[strings.Join(words[:n], " ")]; found.category > 0 && found.category < cue && !found.ambiguous {
					t.Errorf("%q is said every day, and is or holds the term %q, not ambiguous", phrase, found.text())
				}
				words = words[n:]
			}
		}
	}
	if everyday < 300 {
		t.Errorf("%d everyday words, want 300", everyday)
	}
}

// A cue that held an ambiguous term would make it medical by itself.
func TestCuesHoldNoTerm(t *testing.T) {
	terms, err := medical()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range terms {
		for _, other := range terms {
			if c.category == cue && other.category < cue && contains(c.words, other.words) {
				t.Errorf("the cue %q holds the term %q", c.text(), other.text())
			}
		}
	}
}

// A plain phrase that holds no term keeps nothing from being one.
func TestPlainPhrasesHoldATerm(t *testing.T) {
	terms, err := medical()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range terms {
		if p.category == plain && !slices.ContainsFunc(terms, func(other term) bool {
			return other.category < cue && contains(p.words, other.words)
		}) {
			t.Errorf("the plain phrase %q holds no term", p.text())
		}
	}
}

// wordsOf are the words of a folded term, as scan finds them in a text: what split must give too.
func wordsOf(folded string) []string {
	var words []string
	var x lexicon
	x.slots, x.words = make([]slot, 1), make([]word, 1)
	text := append([]byte(folded), make([]byte, pad)...)[:len(folded)]
	toks, _ := x.scan(nil, nil, text)
	for _, t := range toks {
		if t.kind == kWord || t.kind == kNum {
			words = append(words, folded[t.start:t.end])
		}
	}
	return words
}
