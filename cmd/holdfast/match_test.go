package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// page holds answers against what a page shows of them.
type page struct {
	ids map[string]string // an id on the page stands for one id, wherever it stands
}

func newPage() *page { return &page{ids: make(map[string]string)} }

var anID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// match compares: JSON by structure, text by lines.
func (p *page) match(want block, got string) error {
	if want.lang == "text" {
		return matchLines(want.text, got)
	}
	var w, g any
	if err := json.Unmarshal([]byte(want.text), &w); err != nil {
		return fmt.Errorf("the page's own JSON: %w", err)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	return p.value("", w, g)
}

// value compares what the page shows; objects may have more fields.
func (p *page) value(at string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: no object", at)
		}
		for name, inner := range w {
			v, ok := g[name]
			if !ok {
				return fmt.Errorf("%s.%s is missing", at, name)
			}
			if err := p.value(at+"."+name, inner, v); err != nil {
				return err
			}
		}
		return nil
	case []any:
		return p.list(at, w, got)
	case string:
		if w == "…" { // a number too
			return nil
		}
		g, ok := got.(string)
		if !ok || !p.text(w, g) {
			return fmt.Errorf("%s: %v, the page says %s", at, got, w)
		}
		return nil
	default: // a number, true, false, null
		if want != got {
			return fmt.Errorf("%s: %v, the page says %v", at, got, want)
		}
		return nil
	}
}

// list compares element by element. "…" at the end stands for any number more.
func (p *page) list(at string, want []any, got any) error {
	g, ok := got.([]any)
	if !ok {
		return fmt.Errorf("%s: no list", at)
	}
	if n := len(want); n > 0 && want[n-1] == "…" {
		want = want[:n-1]
	} else if n != len(g) {
		return fmt.Errorf("%s: %d elements, the page shows %d", at, len(g), n)
	}
	if len(g) < len(want) {
		return fmt.Errorf("%s: %d elements, the page shows %d", at, len(g), len(want))
	}
	for i, w := range want {
		if err := p.value(fmt.Sprintf("%s[%d]", at, i), w, g[i]); err != nil {
			return err
		}
	}
	return nil
}

// text compares strings: an id stands for an id, a time for a time of the same form, anything else for itself.
func (p *page) text(want, got string) bool {
	if anID.MatchString(want) {
		if known, ok := p.ids[want]; ok {
			return known == got
		}
		p.ids[want] = got
		return anID.MatchString(got)
	}
	if _, err := time.Parse(time.RFC3339, want); err == nil {
		_, err := time.Parse(time.RFC3339, got)
		return err == nil && strings.HasSuffix(want, "Z") == strings.HasSuffix(got, "Z")
	}
	return glob(want).MatchString(got)
}

// matchLines wants the page's lines in this order; there may be others between.
func matchLines(want, got string) error {
	lines := strings.Split(strings.ReplaceAll(got, "\r", ""), "\n")
	for w := range strings.Lines(want) {
		line := glob(strings.TrimSpace(w))
		found := false
		for len(lines) > 0 && !found {
			found = line.MatchString(lines[0])
			lines = lines[1:]
		}
		if !found {
			return fmt.Errorf("no line %s", strings.TrimSpace(w))
		}
	}
	return nil
}

// glob is text in which "…" stands for anything.
func glob(text string) *regexp.Regexp {
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(text), "…", ".*") + "$")
}

func TestMatch(t *testing.T) {
	t.Parallel()
	const a, b = "0190a111-2222-7333-8444-555566667777", "0190a111-2222-7333-8444-555566667778"
	for _, tt := range []struct {
		lang, want, got string
		ok              bool
	}{
		{"json", `{"a":1}`, `{"a":1,"b":2}`, true},
		{"json", `{"a":1}`, `{"a":2}`, false},
		{"json", `{"a":null}`, `{"a":1}`, false},
		{"json", `{"a":null}`, `{}`, false},
		{"json", `{"a":"x…"}`, `{"a":"xy"}`, true},
		{"json", `{"a":"x…"}`, `{"a":"y"}`, false},
		{"json", `{"a":"…"}`, `{"a":29}`, true},
		{"json", `{"a":"…"}`, `{}`, false},
		{"json", `["` + a + `","` + a + `"]`, `["` + b + `","` + b + `"]`, true},
		{"json", `["` + a + `","` + a + `"]`, `["` + b + `","` + a + `"]`, false},
		{"json", `["` + a + `"]`, `["x"]`, false},
		{"json", `["2026-11-24T15:00:00-05:00"]`, `["2027-01-01T00:00:00+01:00"]`, true},
		{"json", `["2026-11-24T15:00:00-05:00"]`, `["2027-01-01T00:00:00Z"]`, false},
		{"json", `["2026-11-24T15:00:00-05:00"]`, `["soon"]`, false},
		{"json", `[1,"…"]`, `[1,2,3]`, true},
		{"json", `[1,2,"…"]`, `[1]`, false},
		{"json", `[1]`, `[1,2]`, false},
		{"json", `[1]`, `{}`, false},
		{"json", `{}`, `not JSON`, false},
		{"text", "A\nC: …", "A\r\nB\r\nC: d", true},
		{"text", "C: …\nA", "A\nB\nC: d", false},
	} {
		if err := newPage().match(block{lang: tt.lang, text: tt.want}, tt.got); (err == nil) != tt.ok {
			t.Errorf("%s against %s: %v", tt.got, tt.want, err)
		}
	}
}
