package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"holdfast/handlers/ijson"
	"holdfast/handlers/redact"
)

// Broken is a rule that a document breaks. Detail never quotes what was sent.
type Broken struct {
	Field  string `json:"field"` // the path, as limits.phone.per_day
	Detail string `json:"detail"`
}

// Invalid says what is wrong with a document: everything that is, by path.
type Invalid []Broken

// Error is one line that names each path and rule.
func (e Invalid) Error() string {
	lines := make([]string, len(e))
	for i, b := range e {
		if lines[i] = b.Detail; b.Field != "" {
			lines[i] = b.Field + ": " + b.Detail
		}
	}
	return strings.Join(lines, "; ")
}

// maxBroken bounds what is told of a document that is wrong all over.
const maxBroken = 50

// limits of a document: it is four deep, and its values are mostly medical terms.
var limits = ijson.Limits{Depth: 8, Values: redact.MaxTerms + 2000}

// Parse reads a whole document: what it leaves out has the default of an org of region. The error is Invalid.
func Parse(raw []byte, region string, in Installation) (Document, error) {
	d := Defaults(region, in)
	if !utf8.Valid(raw) {
		return d, Invalid{{Detail: "not UTF-8"}}
	}
	var twice *ijson.Broken
	if json.Valid(raw) && errors.As(ijson.Check(raw, limits), &twice) {
		return d, Invalid{{twice.Path, twice.Rule}}
	}
	p := parser{doc: &d}
	p.object("", raw)
	if rule := reachable(d.Endpoint.URL, in.Endpoints); rule != "" {
		p.breaks("endpoint.url", rule)
	}
	for _, path := range health(d, Defaults(region, in)) {
		p.breaks(path, healthRule)
	}
	if len(p.broken) > 0 {
		return d, p.broken[:min(len(p.broken), maxBroken)]
	}
	return d, nil
}

type parser struct {
	doc    *Document
	broken Invalid
}

// object reads the object at a path, its keys in order.
func (p *parser) object(path string, raw json.RawMessage) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) {
		p.breaks(path, "want one JSON object")
		return
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		p.value(path, key, object[key])
	}
}

func (p *parser) value(parent, key string, raw json.RawMessage) {
	path := join(parent, key)
	for _, f := range table {
		within := strings.HasPrefix(f.path, path+".")
		if f.path == path || within && f.alone && bytes.HasPrefix(raw, []byte(`"`)) {
			if rule := f.read(p.doc, raw); rule != "" {
				p.breaks(f.path, rule)
			}
			return
		}
		if within {
			p.object(path, raw)
			return
		}
	}
	if !plainKey.MatchString(key) { // whatever it is, it is not repeated
		p.breaks(parent, "holds something that is no setting")
		return
	}
	p.breaks(path, "is no setting")
}

func (p *parser) breaks(path, rule string) { p.broken = append(p.broken, Broken{path, rule}) }

func join(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}

// plainKey is a key that could be a setting, mistyped.
var plainKey = regexp.MustCompile(`^(?:[a-z][a-z0-9_]{0,39}|[A-Z][A-Z_]{0,39})$`)

// own is what differs from the defaults, as it is stored.
func own(d, defaults Document) ([]byte, error) {
	tree := map[string]any{}
	for _, f := range table {
		if v := f.get(d); !reflect.DeepEqual(v, f.get(defaults)) {
			put(tree, strings.Split(f.path, "."), v)
		}
	}
	return json.Marshal(tree)
}

func put(tree map[string]any, path []string, v any) {
	for ; len(path) > 1; path = path[1:] {
		branch, ok := tree[path[0]].(map[string]any)
		if !ok {
			branch = map[string]any{}
			tree[path[0]] = branch
		}
		tree = branch
	}
	tree[path[0]] = v
}

// Change is one value that has changed, as the audit log has it.
type Change struct {
	Path string `json:"path"`
	Old  any    `json:"old"`
	New  any    `json:"new"`
}

// diff lists what two documents have different, by the table.
func diff(before, after Document) []Change {
	var all []Change
	for _, f := range table {
		c := Change{f.path, f.get(before), f.get(after)}
		if reflect.DeepEqual(c.Old, c.New) {
			continue
		}
		if f.audited != nil {
			c.Old, c.New = f.audited(c.Old), f.audited(c.New)
		}
		all = append(all, c)
	}
	return all
}
