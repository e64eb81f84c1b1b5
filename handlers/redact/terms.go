package redact

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// DictionaryVersion names a state of the medical dictionary: year, month and number of its edition, and how the SHA-256
// of terms.txt begins. So no edition can be mistaken for another, and a redaction can be told from one by a later edition.
const DictionaryVersion = "2026.11.1-b6178d9e"

//go:embed terms.txt
var termsFile string

// category is what an entry of terms.txt is about.
type category uint8

const (
	drug category = iota + 1
	substance
	condition
	procedure
	test // in a laboratory, by imaging, or an examination
	symptom
	cue   // no term, but beside it an ambiguous term is medical
	plain // no term: an ordinary phrase with a term's words in it, as "cold start", which being longer keeps them from being one
)

var categoryNames = [...]string{
	drug: "drug", substance: "substance", condition: "condition", procedure: "procedure", test: "test", symptom: "symptom",
	cue: "cue", plain: "plain",
}

func (c category) String() string { return categoryNames[c] }

// term is an entry of the dictionary, or a form of one.
type term struct {
	words     []string // folded, as a text's are
	category  category
	ambiguous bool // an ordinary word, medical only near another term that is not, or a cue
}

// medical is the dictionary with all forms of its entries: first the entries as they stand in terms.txt, then what forms
// made of them. No two have the same words.
var medical = sync.OnceValues(func() ([]term, error) { return parseTerms(termsFile) })

// entry is a line of terms.txt.
type entry struct {
	term
	spanish bool
}

// parseTerms reads lines as terms.txt has them. The error names each line that is none.
func parseTerms(text string) ([]term, error) {
	var entries []entry
	var errs []error
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		e, err := parseEntry(line)
		if err != nil {
			errs = append(errs, fmt.Errorf("terms.txt:%d: %w", n, err))
			continue
		}
		entries = append(entries, e)
	}
	var terms []term
	seen := make(map[string]bool)
	add := func(e entry, words []string) {
		if key := strings.Join(words, " "); !seen[key] {
			seen[key] = true
			terms = append(terms, term{words, e.category, e.ambiguous})
		}
	}
	for _, e := range entries {
		add(e, e.words)
	}
	for _, e := range entries {
		for _, words := range e.forms() {
			add(e, words)
		}
	}
	return terms, errors.Join(errs...)
}

func parseEntry(line string) (e entry, err error) {
	fields := strings.Split(line, "|")
	if len(fields) != 3 {
		return e, errors.New("want text|category|flags")
	}
	e.words = split(fold(fields[0]))
	if len(e.words) == 0 {
		return e, errors.New("want a word")
	}
	i := slices.Index(categoryNames[1:], fields[1])
	if i < 0 {
		return e, fmt.Errorf("no category %q", fields[1])
	}
	e.category = category(i + 1)
	for _, flag := range strings.Fields(fields[2]) {
		switch flag {
		case "ambiguous":
			e.ambiguous = true
		case "es":
			e.spanish = true
		default:
			return e, fmt.Errorf("no flag %q", flag)
		}
	}
	return e, nil
}

// forms are the other ways to write an entry. Each term is also its plural; drugs too, since "two Tylenols" is said, and a plural that
// nobody uses does no harm. A name's 's is also written s, and left out before another word: "down syndrome", but not
// the surname alone. What is no term stays as it is.
func (e entry) forms() [][]string {
	if e.category == cue || e.category == plain {
		return nil
	}
	var forms [][]string
	for i, w := range e.words {
		name, of := strings.CutSuffix(w, "'s")
		if !of {
			continue
		}
		forms = append(forms, replaced(e.words, i, name+"s"))
		if i < len(e.words)-1 {
			forms = append(forms, replaced(e.words, i, name))
		}
	}
	pluralize := pluralEnglish
	if e.spanish {
		pluralize = pluralSpanish
	}
	for _, words := range append([][]string{e.words}, forms...) {
		forms = append(forms, pluralize(words))
	}
	return forms
}

func replaced(words []string, i int, word string) []string {
	words = slices.Clone(words)
	words[i] = word
	return words
}

// What follows one of these belongs to the noun before it, and stays: "losses of appetite", "dolores de muela".
var (
	linksEnglish = []string{"and", "at", "for", "from", "in", "of", "on", "to", "with"}
	linksSpanish = []string{"a", "al", "con", "contra", "de", "del", "en", "para", "por", "sin", "tipo", "y"}
)

func head(words, links []string) int {
	if i := slices.IndexFunc(words, func(w string) bool { return slices.Contains(links, w) }); i >= 0 {
		return i
	}
	return len(words)
}

// pluralEnglish puts the noun into the plural: the last word, or the last before a preposition. One that ends in s
// has none, as diabetes, but for -sis.
func pluralEnglish(words []string) []string {
	n := head(words, linksEnglish)
	if n == 0 {
		return words
	}
	w := words[n-1]
	switch {
	case len(w) < 2: // a letter or a number, as in hepatitis C
	case strings.HasSuffix(w, "teeth"), strings.HasSuffix(w, "feet"), w == "lice": // it is in the plural
	case strings.HasSuffix(w, "tooth"):
		w = strings.TrimSuffix(w, "ooth") + "eeth"
	case strings.HasSuffix(w, "foot"):
		w = strings.TrimSuffix(w, "oot") + "eet"
	case strings.HasSuffix(w, "sis"):
		w = strings.TrimSuffix(w, "is") + "es"
	case strings.HasSuffix(w, "s"):
	case strings.HasSuffix(w, "x"), strings.HasSuffix(w, "z"), strings.HasSuffix(w, "ch"), strings.HasSuffix(w, "sh"):
		w += "es"
	case w[len(w)-1] == 'y' && !strings.ContainsRune("aeiou", rune(w[len(w)-2])):
		w = strings.TrimSuffix(w, "y") + "ies"
	default:
		w += "s"
	}
	return replaced(words, n-1, w)
}

// pluralSpanish puts the noun and what agrees with it into the plural: each word before the first preposition.
func pluralSpanish(words []string) []string {
	words = slices.Clone(words)
	for i, w := range words[:head(words, linksSpanish)] {
		switch w[len(w)-1] {
		case 'a', 'e', 'i', 'o', 'u':
			w += "s"
		case 's', 'x':
		case 'z':
			w = strings.TrimSuffix(w, "z") + "ces"
		default:
			w += "es"
		}
		words[i] = w
	}
	return words
}

// split is the words of a folded text as scan would find them, without its tokens, which for some thousand entries are 30 MB.
func split(folded string) (words []string) {
	for i := 0; i < len(folded); {
		k, end := kinds[folded[i]], i+1
		for end < len(folded) && (kinds[folded[end]] == k ||
			k == kWord && folded[end] == '\'' && end+1 < len(folded) && kinds[folded[end+1]] == kWord) {
			end++
		}
		if k == kWord || k == kNum {
			words = append(words, folded[i:end])
		}
		i = end
	}
	return words
}
