package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Redaction is what the audit trail has of a span that was taken out. It never has the value.
type Redaction struct {
	Span
	Action Action
	Hash   [32]byte // HMAC-SHA-256 of key, type and normalised value: the same for the same value of an org
}

// Key is an org's secret for tokens and hashes; at least 16 bytes. It is never printed.
type Key []byte

// Format keeps the key out of logs, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// Redact is text with its personal data replaced, and what was. A replacement is never found again.
func (e *Engine) Redact(text string, key Key, names ...string) (string, []Redaction) {
	spans := e.Find(nil, text, names...)
	if len(spans) == 0 {
		return text, nil
	}
	var b strings.Builder
	b.Grow(len(text))
	all := make([]Redaction, 0, len(spans))
	last := 0
	for _, s := range spans {
		r, replacement := e.replace(s, text[s.Start:s.End], key)
		b.WriteString(text[last:s.Start])
		b.WriteString(replacement)
		last = s.End
		all = append(all, r)
	}
	b.WriteString(text[last:])
	return b.String(), all
}

// replace is what stands for a value from now on.
func (e *Engine) replace(s Span, value string, key Key) (Redaction, string) {
	normal := e.normal(s.Type, value)
	h := hmac.New(sha256.New, key)
	h.Write([]byte{byte(s.Type)})
	h.Write([]byte(normal))
	r := Redaction{Span: s, Action: e.policy.Actions[s.Type]}
	h.Sum(r.Hash[:0])
	name := "[" + s.Type.String()
	switch r.Action {
	case Mask:
		number, _, _ := strings.Cut(normal, " ") // without the extension
		if digits := digitsOf(number); len(digits) >= leastMasked {
			return r, name + ":*" + digits[len(digits)-4:] + "]"
		}
	case Token:
		b := make([]byte, tokenLength)
		for i := range b {
			b[i] = 'a' + r.Hash[i/2]>>(4*(i%2))&15
		}
		return r, name + ":" + string(b) + "]"
	case Remove:
	}
	return r, name + "]"
}

// leastMasked is how many digits a number has of which four may stay: at most half.
const leastMasked = 8

func digitsOf(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}

// byPlace sorts candidates.
func byPlace(all []Candidate) []Candidate {
	slices.SortStableFunc(all, func(a, b Candidate) int { return a.Start - b.Start })
	return all
}
