package redact_test

import (
	"io"
	"strings"
	"testing"

	"holdfast/handlers/redact"
	"holdfast/handlers/redact/redacttest"
)

// withTerms is the default policy with as many terms of its own as an org may have.
func withTerms(tb testing.TB) *redact.Engine {
	tb.Helper()
	engine, err := redact.Policy{Terms: redacttest.Terms()}.Compile()
	if err != nil {
		tb.Fatal(err)
	}
	return engine
}

// TestCleanTextAllocatesNothing: most texts have nothing to hide, and cost no garbage; so do those for whose spans there is room.
func TestCleanTextAllocatesNothing(t *testing.T) {
	engine := withTerms(t)
	lines := redacttest.Clean(5000)
	whole := strings.Join(lines, "\n")
	spans := make([]redact.Span, 0, 16)
	for _, c := range []struct {
		name, text string
		room       []redact.Span
		found      int
	}{
		{"a line", lines[0], nil, 0},
		{"a call", whole, nil, 0},
		{"a phone", "call 202-555-0142", spans, 1},
		{"a spoken phone", "call two oh two five five five oh one four two", spans, 1},
		{"a term", "they gave me metformin", spans, 1},
	} {
		var found []redact.Span
		if n := redacttest.Allocations(func() { found = engine.Find(c.room, c.text) }); n != 0 || len(found) != c.found {
			t.Errorf("%s: %v allocations, found %v", c.name, n, found)
		}
	}
}

func benchmark(b *testing.B, lines []string, do func(e *redact.Engine, line string)) {
	engine := withTerms(b)
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			do(engine, line)
		}
	}
}

func BenchmarkFindClean(b *testing.B) {
	benchmark(b, redacttest.Clean(1<<20), func(e *redact.Engine, line string) { e.Find(nil, line) })
}

func BenchmarkFindTranscript(b *testing.B) {
	var spans []redact.Span
	benchmark(b, redacttest.Transcript(1<<20), func(e *redact.Engine, line string) { spans = e.Find(spans[:0], line) })
}

func BenchmarkFindWhole(b *testing.B) {
	var spans []redact.Span
	whole := strings.Join(redacttest.Transcript(1<<20), "\n")
	benchmark(b, []string{whole}, func(e *redact.Engine, text string) { spans = e.Find(spans[:0], text) })
}

func BenchmarkRedactTranscript(b *testing.B) {
	key := redact.Key("sixteen bytes and more")
	benchmark(b, redacttest.Transcript(1<<20), func(e *redact.Engine, line string) { e.Redact(line, key) })
}

func BenchmarkWriter(b *testing.B) {
	key := redact.Key("sixteen bytes and more")
	whole := strings.Join(redacttest.Transcript(1<<20), "\n")
	benchmark(b, []string{whole}, func(e *redact.Engine, text string) {
		w := e.NewWriter(io.Discard, key, nil)
		if _, err := io.Copy(w, strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	})
}
