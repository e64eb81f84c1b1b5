package redact_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"holdfast/handlers/redact"
	"holdfast/handlers/redact/redacttest"
)

// fuzzed are engines that differ in all that a policy can say.
func fuzzed(tb testing.TB) []*redact.Engine {
	tb.Helper()
	tokens, masks := map[redact.Type]redact.Action{}, map[redact.Type]redact.Action{}
	for _, t := range redact.Types() {
		tokens[t] = redact.Token
		if t.Maskable() {
			masks[t] = redact.Mask
		}
	}
	var all []*redact.Engine
	for _, p := range []redact.Policy{
		{},
		{Name: redact.Strict, Actions: tokens},
		{Region: "DE", Actions: masks, MRN: "MR-######", Terms: []string{"chair", "blue wand", "call me"}},
	} {
		e, err := p.Compile()
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

var fuzzKey = redact.Key("a key of an org in a test")

// holds checks what must be true of any text.
func holds(t testing.TB, engines []*redact.Engine, text string, seed uint64) {
	t.Helper()
	for i, e := range engines {
		spans := e.Find(nil, text, "Ana Lee", "Will")
		last := 0
		for _, s := range spans {
			if s.Start < last || s.End <= s.Start || s.End > len(text) {
				t.Fatalf("engine %d: span %+v after %d in %d bytes of %q", i, s, last, len(text), text)
			}
			if !boundary(text, s.Start) || !boundary(text, s.End) {
				t.Fatalf("engine %d: span %+v cuts a rune of %q", i, s, text)
			}
			last = s.End
		}
		once, redactions := e.Redact(text, fuzzKey, "Ana Lee", "Will")
		if len(redactions) != len(spans) {
			t.Fatalf("engine %d: %d redactions of %d spans in %q", i, len(redactions), len(spans), text)
		}
		if twice, more := e.Redact(once, fuzzKey, "Ana Lee", "Will"); twice != once {
			t.Fatalf("engine %d: %q\n once  %q\n twice %q\n again %+v", i, text, once, twice, more)
		}
		if streamed, reports := stream(t, e, text, seed); streamed != once || len(reports) != len(redactions) {
			t.Fatalf("engine %d: %q\n whole  %q\n stream %q", i, text, once, streamed)
		} else if len(reports) > 0 && reports[len(reports)-1] != redactions[len(redactions)-1] {
			t.Fatalf("engine %d: the last redaction is %+v, in a stream %+v", i, redactions[len(redactions)-1], reports[len(reports)-1])
		}
	}
}

// boundary says whether text may be cut at i. A byte that is not UTF-8 stands for itself.
func boundary(text string, i int) bool {
	if i == len(text) || utf8.RuneStart(text[i]) {
		return true
	}
	for k := 1; k < utf8.UTFMax && k <= i; k++ {
		if _, n := utf8.DecodeRuneInString(text[i-k:]); n > k {
			return false
		}
	}
	return true
}

// stream redacts text in pieces of any size.
func stream(t testing.TB, e *redact.Engine, text string, seed uint64) (string, []redact.Redaction) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	var out bytes.Buffer
	var all []redact.Redaction
	w := e.NewWriter(&out, fuzzKey, func(r redact.Redaction) { all = append(all, r) }, "Ana Lee", "Will")
	for rest := text; rest != ""; {
		n := min(len(rest), 1+r.IntN(1+int(seed%5000)))
		if _, err := w.Write([]byte(rest[:n])); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), all
}

// FuzzRedact: any bytes in, valid spans out; what is redacted stays as it is; a stream is redacted like the whole.
func FuzzRedact(f *testing.F) {
	engines := fuzzed(f)
	cases, err := redacttest.Load(os.DirFS("testdata/cases"))
	if err != nil {
		f.Fatal(err)
	}
	for i, c := range cases {
		f.Add(c.Text, uint64(i))
	}
	f.Add("0 lumpeCtomY1MAY", uint64(0)) // was one word with the number until that was gone
	f.Fuzz(func(t *testing.T, text string, seed uint64) { holds(t, engines, text, seed) })
}

// TestPieces holds texts made of pieces that mean something to the same rules: what random bytes would never hit.
func TestPieces(t *testing.T) {
	engines := fuzzed(t)
	pieces := strings.Fields(`call my phone number is 202 555 0142 202-555-0142 (202) +1 +44 20 7946 0958 ext x 12 ssn social 536-22-8841 card
		4111 1111 4111111111111111 five double oh one four two eight hundred twenty forty uno dos cinco cuarenta y and comma dash dot at gmail com
		ana lee will Will May ana@example.com 192.168.1.1 ::1 2001:db8::1 mrn MR-123456 dob born 3/4/1985 march third nineteen eighty may 14:30
		$20 9.99 order no. # - / . , : ; ? ! ( ) [ ] [PHONE_NUMBER] [NAME] [US_SSN:*8841] [NAME:abcdefghijklmnop] [ metformin cold stroke diagnosed
		office fax my name is Mr. Ortiz in agent: caller: uh wait no 2026 10 100 1 0 12 Main Street Apt 4 box zip 62701 www.example.com https://x.y/z
		aged 95 years old last four of NPI 1987654328 BB1234563 1EG4-TE5-MK73 é ñ１２３ ٤٥٦ – — 🙂 ` + "\u200b \u00a0 a\u0301 \xff \x00")
	joints := []string{" ", "  ", "", "-", ".", ", ", "\n", "\n\n", "/", ": ", ". "}
	rapid.Check(t, func(r *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(1, 40).Draw(r, "pieces") {
			b.WriteString(rapid.SampledFrom(pieces).Draw(r, "piece"))
			b.WriteString(joints[max(0, rapid.IntRange(-12, len(joints)-1).Draw(r, "joint"))])
		}
		holds(t, engines, b.String(), 7)
	})
}

// TestLongTexts holds texts of several blocks to the same rules.
func TestLongTexts(t *testing.T) {
	engines := fuzzed(t)
	whole := strings.Join(redacttest.Transcript(100_000), "\n")
	for i, text := range []string{whole, strings.ReplaceAll(whole, "\n", " "), strings.Repeat("2", 50_000), strings.Repeat("ä", 30_000)} {
		holds(t, engines, text, uint64(i)*1000+17)
	}
}
