// Package contract holds what clients and servers said to each other against the API's own document. Tests alone use it.
//
// It reads the document more strictly than clients should: they must expect fields to be added, while here a field that
// nobody has documented is a finding.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Contract is an OpenAPI 3.1 document, ready to judge exchanges by, and what has been seen of it.
type Contract struct {
	doc        document
	mux        *http.ServeMux // finds the operation of a request as the server itself does
	operations map[string]operation
	open       *jsonschema.Compiler // the document's schemas as they stand
	closed     *jsonschema.Compiler // the same, taking no field that they do not name

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
	seen    map[string]bool
}

// document is what is read of OpenAPI.
type document struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Headers map[string]header `json:"headers"`
	} `json:"components"`
}

type operation struct {
	ID          string `json:"operationId"`
	RequestBody struct {
		Required bool             `json:"required"`
		Content  map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]response `json:"responses"`

	at string // the operation's place in the document, as a JSON pointer
}

type response struct {
	Headers map[string]header `json:"headers"`
	Content map[string]media  `json:"content"`
}

type header struct {
	Ref      string `json:"$ref"`
	Required bool   `json:"required"`
	Schema   struct {
		Type string `json:"type"`
	} `json:"schema"`
}

type media struct {
	Example  json.RawMessage `json:"example"`
	Examples map[string]struct {
		Value json.RawMessage `json:"value"`
	} `json:"examples"`
}

// Where the compilers find the document.
const (
	asItStands = "contract:///open.json"
	asClosed   = "contract:///closed.json"
)

// Read reads a document.
func Read(raw []byte) (*Contract, error) {
	c := &Contract{mux: http.NewServeMux(), operations: make(map[string]operation), schemas: make(map[string]*jsonschema.Schema), seen: make(map[string]bool)}
	if err := json.Unmarshal(raw, &c.doc); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	for path, item := range c.doc.Paths {
		for method, o := range item {
			o.at = "/paths/" + escape(path) + "/" + method
			pattern := strings.ToUpper(method) + " " + path
			c.operations[pattern] = o
			c.mux.Handle(pattern, http.NotFoundHandler())
		}
	}
	open, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	closed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	shut(closed)
	if c.open, err = compiler(asItStands, open); err != nil {
		return nil, err
	}
	c.closed, err = compiler(asClosed, closed)
	return c, err
}

func compiler(url string, doc any) (*jsonschema.Compiler, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	return c, nil
}

// shut closes every object whose properties are named. The document's schemas are not combined (allOf), so that each
// knows all of its own.
func shut(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			shut(inner)
		}
	case []any:
		for _, inner := range v {
			shut(inner)
		}
	}
}

// escape makes a step of a JSON pointer.
func escape(step string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(step) }

// schema is the schema at a place of the document.
func (c *Contract) schema(strict bool, at string) (*jsonschema.Schema, error) {
	url, from := asItStands, c.open
	if strict {
		url, from = asClosed, c.closed
	}
	// In a URL's fragment a brace and a percent sign are escaped once more.
	url += "#" + strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D").Replace(at)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.schemas[url]; ok {
		return s, nil
	}
	s, err := from.Compile(url)
	if err == nil {
		c.schemas[url] = s
	}
	return s, err
}

// validate holds JSON against the schema at a place of the document.
func (c *Contract) validate(strict bool, at string, raw []byte) error {
	s, err := c.schema(strict, at)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// Examples lists what is wrong with the examples: those that break their schema, and bodies without any.
func (c *Contract) Examples() (findings []string) {
	check := func(at string, content map[string]media) {
		for name, m := range content {
			at := at + "/content/" + escape(name)
			examples := map[string]json.RawMessage{"": m.Example}
			for kind, e := range m.Examples {
				examples[kind] = e.Value
			}
			if m.Example == nil {
				delete(examples, "")
			}
			if len(examples) == 0 {
				findings = append(findings, at+" has no example")
			}
			for kind, raw := range examples {
				if err := c.validate(true, at+"/schema", raw); err != nil {
					findings = append(findings, fmt.Sprintf("%s, example %q: %v", at, kind, err))
				}
			}
		}
	}
	for _, o := range c.operations {
		check(o.at+"/requestBody", o.RequestBody.Content)
		for status, r := range o.Responses {
			check(o.at+"/responses/"+status, r.Content)
		}
	}
	slices.Sort(findings)
	return findings
}

// Unseen lists what the document promises and no exchange has shown: answers of success, as operation and status,
// and problems, as operation and kind.
func (c *Contract) Unseen() (answers, problems []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.operations {
		for status, r := range o.Responses {
			if status < "400" && !c.seen[o.ID+" "+status] {
				answers = append(answers, o.ID+" "+status)
			}
			for _, kind := range slices.Collect(maps.Keys(r.Content["application/problem+json"].Examples)) {
				if !c.seen[o.ID+" "+kind] {
					problems = append(problems, o.ID+" "+kind)
				}
			}
		}
	}
	slices.Sort(answers)
	slices.Sort(problems)
	return answers, problems
}

func (c *Contract) see(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[what] = true
}
