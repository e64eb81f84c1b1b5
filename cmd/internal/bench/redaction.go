package main

import (
	"context"
	"fmt"

	"holdfast/handlers/redact"
	"holdfast/handlers/redact/redacttest"
)

// transcript is how much is read, in bytes.
const transcript = 1_000_000

// redaction is how fast transcripts are read for personal data of all types, with as many terms of an org's own as it may
// have. What else there is for it in Go is a module of its own, in the folder peers.
func (b *bench) redaction(context.Context, *system) error {
	engine, err := redact.Policy{Name: redact.Strict, Terms: redacttest.Terms(), MRN: "NSD-######"}.Compile()
	if err != nil {
		return err
	}
	var spans []redact.Span
	s := redacttest.Time(redacttest.Transcript(transcript), func(line string) { spans = engine.Find(spans[:0], line) })[0]
	b.above("redaction, all types, 10,000 terms of an org: MB a second on one core", "%.0f", goalRedaction, s.MBPerSecond)
	clean := redacttest.Time(redacttest.Clean(transcript), func(line string) { engine.Find(nil, line) })[0]
	b.just("  on text with nothing to hide", fmt.Sprintf("%.0f", clean.MBPerSecond))
	b.just("  bytes allocated by it", fmt.Sprintf("%.0f", clean.Allocated*transcript))
	return nil
}
