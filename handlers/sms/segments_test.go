package sms_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"holdfast/handlers/sms"
)

func TestSegments(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		count      int
		encoding   string
	}{
		{"empty", "", 0, sms.GSM7},
		{"one", "a", 1, sms.GSM7},
		{"160", strings.Repeat("a", 160), 1, sms.GSM7},
		{"161", strings.Repeat("a", 161), 2, sms.GSM7},
		{"306", strings.Repeat("a", 306), 2, sms.GSM7},
		{"307", strings.Repeat("a", 307), 3, sms.GSM7},
		{"accents with a place", "ñ é ü ¿ Å", 1, sms.GSM7},
		{"80 euros", strings.Repeat("€", 80), 1, sms.GSM7},
		{"81 euros", strings.Repeat("€", 81), 2, sms.GSM7},
		// 153 septets hold 76 pairs: the odd one stays empty, so 153 euros need three segments.
		{"no split pair", strings.Repeat("€", 153), 3, sms.GSM7},
		{"extension", "^{}\\[~]|€", 1, sms.GSM7},
		{"accent without a place", "código", 1, sms.UCS2},
		{"curly quote", "it’s", 1, sms.UCS2},
		{"backtick", "`", 1, sms.UCS2},
		{"70", strings.Repeat("á", 70), 1, sms.UCS2},
		{"71", strings.Repeat("á", 71), 2, sms.UCS2},
		{"134", strings.Repeat("á", 134), 2, sms.UCS2},
		{"135", strings.Repeat("á", 135), 3, sms.UCS2},
		{"35 emoji", strings.Repeat("😀", 35), 1, sms.UCS2},
		{"36 emoji", strings.Repeat("😀", 36), 2, sms.UCS2},
		{"no split surrogates", strings.Repeat("😀", 67), 3, sms.UCS2}, // 33 a segment
		{"invalid", "\xff", 1, sms.UCS2},
	} {
		if n, enc := sms.Segments(tt.text); n != tt.count || enc != tt.encoding {
			t.Errorf("%s: %d %s, want %d %s", tt.name, n, enc, tt.count, tt.encoding)
		}
	}
}

func FuzzSegments(f *testing.F) {
	for _, s := range []string{"", "a", "€", "á", "😀", "\xff", strings.Repeat("a€", 99), strings.Repeat("á😀", 60)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, enc := sms.Segments(s)
		units, alone, part := len(utf16.Encode([]rune(s))), 70, 67
		if enc == sms.GSM7 {
			units, alone, part = 0, 160, 153
			for _, r := range s {
				units++
				if strings.ContainsRune("^{}\\[~]|€", r) {
					units++
				}
			}
		}
		if (n == 0) != (s == "") || (n == 1) != (s != "" && units <= alone) {
			t.Fatalf("%d segments for %d units of %s", n, units, enc)
		}
		// A segment that cannot take a two-unit character leaves one unit empty, no more.
		if n > 1 && (n*part < units || (n-1)*(part-1) >= units) {
			t.Fatalf("%d segments for %d units of %s", n, units, enc)
		}
		if more, _ := sms.Segments(s + "a"); more < n {
			t.Fatalf("longer text, fewer segments: %d after %d", more, n)
		}
	})
}
