package ingress

import (
	"bytes"
	"encoding/json"
	"slices"

	"holdfast/handlers/ijson"
)

// What a platform of voice agents sends is mostly not for us: the talk so far, which grows with the call, cut where its program cut
// it, inside of an emoji as well. So only what is used is held to I-JSON: the calls of tools with their arguments, and what names the
// conversation. Of all else it is enough that encoding/json takes it, which bounds its depth (10,000); its size is bounded.

// part is a member of a message. It keeps each value that its key has: encoding/json takes Message for message too.
type part struct{ values []json.RawMessage }

// UnmarshalJSON takes every kind of value.
func (p *part) UnmarshalJSON(raw []byte) error {
	p.values = append(p.values, slices.Clone(raw))
	return nil
}

// object reports whether it is one object, or several.
func (p *part) object() bool {
	return slices.ContainsFunc(p.values, func(raw json.RawMessage) bool { return bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) })
}

// parts reads members, and remembers whether one of them cannot be relied on.
type parts struct{ odd bool }

// open reads the members of an object into v, a struct of parts. What is none has none.
func (ps *parts) open(p part, v any) {
	if !p.object() {
		return
	}
	if len(p.values) > 1 || json.Unmarshal(p.values[0], v) != nil {
		ps.odd = true
	}
}

// text reads a string; "" when there is none, or it is null.
func (ps *parts) text(p part) (s string) {
	if len(p.values) == 0 {
		return ""
	}
	if len(p.values) > 1 || unmarshal(p.values[0], &s) != nil {
		ps.odd = true
		return ""
	}
	return s
}

// unmarshal reads what must be I-JSON. What breaks the rules may have been read in part.
func unmarshal(raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return err
	}
	return ijson.Check(raw, voiceLimits)
}
