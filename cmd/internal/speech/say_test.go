package speech

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write golden files")

// TestSentencesGolden: every sentence of both languages, as a caller hears it.
func TestSentencesGolden(t *testing.T) {
	t.Parallel()
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, newYork) }
	for _, l := range []Lang{English, Spanish} {
		free := l.Say(FreeTimes, Values{"times": l.Times([]time.Time{at(24, 15, 30), at(24, 16, 0)}, sunday)})
		values := Values{
			"when": l.At(at(24, 15, 0), sunday), "day": l.Day(at(24, 15, 0), sunday), "with": "Dr. Lee", "phone": Spaced("42"), "free": free,
			"times": l.Times([]time.Time{at(24, 9, 0), at(25, 12, 0)}, sunday), "left": "3", "seconds": "25", "list": l.Or([]string{"Cleaning", "Whitening"}),
		}
		var out strings.Builder
		keys := make([]string, 0, len(sentences[l]))
		for s := range sentences[l] {
			keys = append(keys, string(s))
		}
		slices.Sort(keys)
		for _, s := range keys {
			fmt.Fprintf(&out, "%s: %s\n", s, l.Say(Sentence(s), values))
		}
		golden := filepath.Join("testdata", string(l)+".golden.txt")
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || string(want) != out.String() {
			t.Errorf("%s: what is said has changed (%v):\n%s", l, err, out.String())
		}
	}
}

// TestLanguagesSayTheSame: each sentence exists in each language and fills the same places.
func TestLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	places := func(text string) string {
		found := place.FindAllString(text, -1)
		slices.Sort(found)
		return strings.Join(found, " ")
	}
	if len(sentences[English]) != len(sentences[Spanish]) {
		t.Errorf("%d and %d sentences", len(sentences[English]), len(sentences[Spanish]))
	}
	for s, en := range sentences[English] {
		if es := sentences[Spanish][s]; places(en) != places(es) || es == "" {
			t.Errorf("%s: %q and %q", s, places(en), places(es))
		}
	}
	if got := English.Say(Held, Values{"when": English.At(time.Date(2026, 11, 24, 15, 0, 0, 0, newYork), sunday), "with": "Dr. Lee", "phone": Spaced("42")}); got !=
		"Tuesday the 24th at 3 PM with Dr. Lee is held. A code was sent to the number ending in 4 2." {
		t.Error(got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, newYork)
	}
	for _, tt := range []struct {
		starts []time.Time
		en, es string
	}{
		{nil, "", ""},
		{[]time.Time{at(11, 24, 15, 30), at(11, 24, 16, 0)}, "3:30 PM or 4 PM on Tuesday", "el martes a las 3:30 de la tarde o a las 4 de la tarde"},
		{[]time.Time{at(11, 24, 9, 0), at(11, 24, 12, 0), at(11, 24, 13, 0)}, "9 AM, noon or 1 PM on Tuesday",
			"el martes a las 9 de la mañana, a las 12 del mediodía o a la 1 de la tarde"},
		{[]time.Time{at(11, 24, 16, 0), at(11, 25, 8, 0)}, "Tuesday at 4 PM or Wednesday at 8 AM", "el martes a las 4 de la tarde o el miércoles a las 8 de la mañana"},
		{[]time.Time{at(12, 1, 0, 0)}, "midnight on Tuesday, December 1st", "el martes 1 de diciembre a las 12 de la noche"},
		{[]time.Time{at(11, 29, 20, 0)}, "8 PM on Sunday the 29th", "el domingo 29 a las 8 de la noche"},
	} {
		if got := English.Times(tt.starts, sunday); got != tt.en {
			t.Errorf("%q, want %q", got, tt.en)
		}
		if got := Spanish.Times(tt.starts, sunday); got != tt.es {
			t.Errorf("%q, want %q", got, tt.es)
		}
	}
	if got := English.Day(at(11, 22, 0, 0).AddDate(1, 0, 0), sunday); got != "Monday, November 22nd, 2027" {
		t.Error(got)
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"one two three four five six": "123456", "1 2 3 4 5 6": "123456", "123 456": "123456", "uno dos tres cuatro cinco seis": "123456",
		"One, two, three. Four, five, six.": "123456", "my code is 12-34-56": "123456", "double five oh one triple two": "5501222",
		"twelve thirty four fifty six": "123456", "doce treinta y cuatro cincuenta y seis": "123456", "el código es cero nueve": "09",
		"oh five five five": "0555", "twenty twenty": "2020",
		"": "", "hello": "", "one two tree": "", "an hour": "", "double": "",
	} {
		if got, ok := Digits(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Dr. Lee": "dr lee", "dr lee": "dr lee", "  DR.  LÉE ": "dr lee", "Ñandú": "nandu", "Chair-1": "chair 1", "O'Neil": "oneil", "3pm": "3 pm", "p.m.": "pm",
	} {
		if got := Fold(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if LangOf("es-MX") != Spanish || LangOf("") != English || LangOf("fr") != English {
		t.Error("languages")
	}
}

// TestOneLine: whatever fills a sentence, it stays one line that is not too long.
func TestOneLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		got := English.Say(Confirmed, Values{"when": rapid.String().Draw(rt, "when"), "with": rapid.StringN(0, 2000, -1).Draw(rt, "with") + "\r\n\u2028"})
		if strings.ContainsAny(got, "\r\n\u2028\u2029") || len(got) > maxSaid {
			rt.Fatalf("%d bytes: %q", len(got), got)
		}
	})
}
