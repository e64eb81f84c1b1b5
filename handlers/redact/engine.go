package redact

import "io"

// Span is a place in a text that is personal data.
type Span struct {
	Start, End int // bytes of the text as it was given, End exclusive; on rune boundaries
	Type       Type
	Rule       Rule
}

// Rule is what recognised a span.
type Rule struct {
	Name       string // as phone.nanp
	Confidence uint8  // percent: 99 a checksum or a known value, 90 a cue beside the right shape, 75 the shape alone
}

// Redaction is what the audit trail has of a span that was taken out. It never has the value.
type Redaction struct {
	Span
	Action Action
	Hash   [32]byte // HMAC-SHA-256 of key, type and normalised value: the same for the same value of an org
}

// Key is an org's secret for tokens and hashes; at least 16 bytes. It is never printed.
type Key []byte

// String, GoString and Format keep the key out of logs.
func (Key) String() string   { return "[key]" }
func (Key) GoString() string { return "[key]" }

// Engine finds and replaces personal data by one policy. It is immutable, and safe for concurrent use.
type Engine struct {
	policy Policy
}

// Compile checks the policy and makes its engine. The error wraps one of ErrPolicy, ErrMask, ErrTerm, ErrMRN, ErrRegion.
func (p Policy) Compile() (*Engine, error) { return &Engine{p}, nil }

// Version names what the engine works by: the rules, the dictionary, and a hash of the policy. It changes when a
// result may.
func (e *Engine) Version() string { return "" }

// Find appends the personal data of text to spans, in order and without overlap, and returns it. Names are known
// values, as of the booking's customer; each word of them counts. It allocates nothing when there is nothing to find.
func (e *Engine) Find(spans []Span, text string, names ...string) []Span { return spans }

// Redact is text with its personal data replaced, and what was. A replacement is never found again.
func (e *Engine) Redact(text string, key Key, names ...string) (string, []Redaction) {
	return text, nil
}

// Candidate is a place that was looked at: a span, or why it is none.
type Candidate struct {
	Span
	Found bool
	Why   string // constant text, never a part of the value, as "a date" or "lost to CREDIT_CARD"
}

// Explain tells of each candidate of text, in order. It is for people: slower than Find, which decides alike.
func (e *Engine) Explain(text string, names ...string) []Candidate { return nil }

// Writer redacts a stream, in constant memory. What it writes is what Redact gives for the whole, however the stream is
// cut into writes. It is not safe for concurrent use.
type Writer struct{}

// NewWriter is a writer that passes what it is given on to w, redacted; each redaction is told to report, if that is
// not nil, with its place in the stream. Close writes what is held back, and leaves w open.
func (e *Engine) NewWriter(w io.Writer, key Key, report func(Redaction), names ...string) *Writer {
	return &Writer{}
}

// Write takes more of the stream.
func (w *Writer) Write(p []byte) (int, error) { return len(p), nil }

// Close ends the stream.
func (w *Writer) Close() error { return nil }
