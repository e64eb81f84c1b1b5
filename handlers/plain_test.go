package handlers

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"holdfast/handlers/redact/redacttest"
)

// What is unseen, by name of its kind.
var unseen = map[string]string{
	"override": "\u202e", "embedding": "\u202a", "isolate": "\u2067", "end of isolate": "\u2069", "mark": "\u200f", "Arabic mark": "\u061c",
	"zero width": "\u200b", "word joiner": "\u2060", "byte order mark": "\ufeff", "soft hyphen": "\u00ad", "tag": "\U000e0041",
	"annotation": "\ufff9", "noncharacter": "\uffff", "filler": "\u3164", "invisible times": "\u2062",
	"variation selector": "\U000e0101", "text's selector": "\ufe00", "Mongolian selector": "\u180b", "another": "\u180f", "vowel separator": "\u180e",
	"joiner of graphemes": "\u034f", "Jamo filler": "\u115f", "half filler": "\uffa0", "reserved": "\U000e0fff",
}

func TestUnseen(t *testing.T) {
	t.Parallel()
	for name, s := range unseen {
		text := "A" + s + "na " + s + s + "Lee" + s
		for what, got := range map[string]string{"line": Line(text), "prose": Prose(text), "spoken": Spoken(text)} {
			if got != "Ana Lee" {
				t.Errorf("%s, %s: %q", name, what, got)
			}
		}
	}
	hidden := 0
	for r := range unicode.MaxRune + 1 {
		if !redacttest.Hidden(r) {
			continue
		}
		hidden++
		text := "4" + string(r) + "1"
		if l, p, s := Line(text), Prose(text), Spoken(text); l != "41" || p != "41" || s != "41" {
			t.Errorf("%U: %q, %q, %q", r, l, p, s)
		}
	}
	if hidden < 4000 { // 4,174 of Unicode 15, less four
		t.Errorf("%d hidden characters", hidden)
	}
	for _, tt := range []struct{ text, line, prose, spoken string }{
		{"a\u2800b", "a b", "a b", "a b"},
		{" Ana \t Lee\r\n", "Ana Lee", " Ana \t Lee\r\n", " Ana \t Lee\r\n"},
		{"a\u2028b\u00a0c", "a b c", "a\nb\u00a0c", "a\nb\u00a0c"},
		{"می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم"},
		{"👩\u200d⚕️ José Ñandú O’Neil", "👩\u200d⚕️ José Ñandú O’Neil", "👩\u200d⚕️ José Ñandú O’Neil", "👩\u200d⚕️ José Ñandú O’Neil"},
		{"a\x00b\x07c\x7fd\u0085e", "a\x00b\x07c\x7fd e", "a\x00b\x07c\x7fd\u0085e", "abcde"},
		{"\xffa\xc0\xaf", "\ufffda\ufffd\ufffd", "\ufffda\ufffd\ufffd", "a"},
		{"", "", "", ""},
	} {
		if l, p, s := Line(tt.text), Prose(tt.text), Spoken(tt.text); l != tt.line || p != tt.prose || s != tt.spoken {
			t.Errorf("%q: %q, %q, %q", tt.text, l, p, s)
		}
	}
	for text, want := range map[string]bool{"\x00": true, "\x1b[31m": true, "\x7f": true, "\u009b": true, "a\tb\r\nc": false, "é\u202e": false} {
		if hasControl(text) != want {
			t.Errorf("%q has a control character: %v", text, !want)
		}
	}
}

// FuzzText: what is left has nothing unseen, is left as it is, has no more characters than there were, and loses nothing that
// is seen.
func FuzzText(f *testing.F) {
	f.Add("Ana Lee")
	for _, s := range unseen {
		f.Add("a" + s + "1")
	}
	f.Add("\x00\x07\u2028\xff 👩\u200d⚕️")
	f.Fuzz(func(t *testing.T, text string) {
		for name, clean := range map[string]func(string) string{"line": Line, "prose": Prose, "spoken": Spoken} {
			got := clean(text)
			if clean(got) != got || !utf8.ValidString(got) || utf8.RuneCountInString(got) > utf8.RuneCountInString(text) {
				t.Fatalf("%s: %q became %q, then %q", name, text, got, clean(got))
			}
			for _, r := range got {
				if redacttest.Hidden(r) || name == "spoken" && r == 0 || name == "line" && r == '\n' {
					t.Fatalf("%s: %q became %q", name, text, got)
				}
			}
			letters := func(s string) string {
				return strings.Map(func(r rune) rune {
					if r < unicode.MaxASCII && unicode.IsGraphic(r) && r != ' ' {
						return r
					}
					return -1
				}, s)
			}
			if letters(got) != letters(text) {
				t.Fatalf("%s: %q lost what is seen: %q", name, text, got)
			}
		}
	})
}
