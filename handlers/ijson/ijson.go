// Package ijson holds JSON to what I-JSON (RFC 7493) asks of it, where encoding/json is lenient: each key of an object
// stands there once, and strings are Unicode. It bounds depth and number besides. It judges; it decodes nothing.
package ijson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of one document. Values are counted wherever they stand: members, elements, the document itself.
type Limits struct{ Depth, Values int }

// Broken is a rule that a document breaks. It quotes no value, and of keys only such as could be ours.
type Broken struct {
	Path string // of the member, as customer.phone; "" = the document, or a place that has no name
	Rule string
}

// Error is the rule.
func (b *Broken) Error() string { return b.Rule }

// Check judges a document that is valid JSON by encoding/json; what it says of another means nothing. Keys that differ by
// case alone are the same, as they are to encoding/json. The error is a *Broken, or nil.
func Check(raw []byte, max Limits) error {
	c := checker{raw: raw, max: max}
	if !utf8.Valid(raw) {
		return &Broken{Rule: "not UTF-8"}
	}
	for c.at < len(raw) {
		if b := c.next(); b != nil {
			return b
		}
	}
	return nil
}

type checker struct {
	raw    []byte
	at     int
	max    Limits
	values int
	open   []level
}

// level is an object or an array that is not closed yet.
type level struct {
	object bool
	value  bool // a value is next, not a key
	key    string
	seen   map[string]bool
}

// next steps over one token.
func (c *checker) next() *Broken {
	switch b := c.raw[c.at]; b {
	case ' ', '\t', '\r', '\n':
		c.at++
		return nil
	case '{', '[':
		c.at++
		broken := c.count()
		if c.open = append(c.open, level{object: b == '{'}); len(c.open) > c.max.Depth {
			return &Broken{Rule: fmt.Sprintf("nested deeper than %d", c.max.Depth)}
		}
		return broken
	case '}', ']':
		c.at++
		c.open = c.open[:max(0, len(c.open)-1)]
		return nil
	case ':', ',':
		c.at++
		if n := len(c.open); n > 0 {
			c.open[n-1].value = b == ':'
		}
		return nil
	case '"':
		return c.text()
	}
	end := bytes.IndexAny(c.raw[c.at+1:], " \t\r\n,:]}")
	if c.at++; end < 0 {
		end = len(c.raw) - c.at
	}
	c.at += end
	return c.count()
}

func (c *checker) count() *Broken {
	if c.values++; c.values > c.max.Values {
		return &Broken{Rule: fmt.Sprintf("more than %d values", c.max.Values)}
	}
	return nil
}

// text steps over a string: a key, or a value.
func (c *checker) text() *Broken {
	end := c.at + 1
	for end < len(c.raw) && c.raw[end] != '"' {
		if c.raw[end] == '\\' {
			end++
		}
		end++
	}
	token := c.raw[c.at:min(end+1, len(c.raw))]
	c.at = end + 1
	n := len(c.open)
	if n == 0 || !c.open[n-1].object || c.open[n-1].value {
		if lone(token) {
			return &Broken{c.path(n), "half of a surrogate pair is no character"}
		}
		return c.count()
	}
	l := &c.open[n-1]
	if json.Unmarshal(token, &l.key) != nil || lone(token) {
		return &Broken{c.path(n - 1), "half of a surrogate pair is no character"}
	}
	key := fold(l.key)
	if l.seen[key] {
		return &Broken{c.path(n), "stands there twice"}
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	l.seen[key] = true
	return nil
}

// plain is a key that could be ours. Others are not repeated in a path: who knows what was sent.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z_]{0,39}$`)

// path names the member that stands at a depth, as far as all keys on the way are plain.
func (c *checker) path(depth int) string {
	var keys []string
	for _, l := range c.open[:depth] {
		if !l.object {
			continue
		}
		if !plain.MatchString(l.key) {
			break
		}
		keys = append(keys, l.key)
	}
	return strings.Join(keys, ".")
}

// lone reports an escape of one half of a surrogate pair without the other.
func lone(token []byte) bool {
	for i := 0; i+1 < len(token); i++ {
		if token[i] != '\\' {
			continue
		}
		if i++; token[i] != 'u' {
			continue
		}
		switch half(token, i-1) {
		case 0:
		case 1:
			if half(token, i+5) != 2 {
				return true
			}
			i += 6
		case 2:
			return true
		}
		i += 4
	}
	return false
}

// half tells which half of a surrogate pair the escape at i is: 1, 2, or 0 for another character or none.
func half(token []byte, i int) int {
	if i+6 > len(token) || token[i] != '\\' || token[i+1] != 'u' || token[i+2]|0x20 != 'd' {
		return 0
	}
	switch token[i+3] | 0x20 {
	case '8', '9', 'a', 'b':
		return 1
	case 'c', 'd', 'e', 'f':
		return 2
	}
	return 0
}

// fold makes one of what encoding/json takes for one key (unicode.SimpleFold).
func fold(key string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		if 'A' <= least && least <= 'Z' { // the long s and the Kelvin sign
			least += 'a' - 'A'
		}
		return least
	}, key)
}
