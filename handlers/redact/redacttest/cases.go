// Package redacttest reads the labelled cases that package redact is held to, and writes transcripts to time it with.
package redacttest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"holdfast/handlers/redact"
)

// Case is a text, and what must be found in it.
type Case struct {
	File   string
	Line   int
	Text   string
	Reason string
	Policy redact.Policy
	Names  []string      // known values
	Want   []redact.Span // without their rules
}

// At says where the case stands, as phones.txt:12.
func (c *Case) At() string { return fmt.Sprintf("%s:%d", c.File, c.Line) }

// Load reads all .txt files at the root of fsys, which is handlers/redact/testdata/cases; its README.md is the format.
func Load(fsys fs.FS) ([]Case, error) {
	files, err := fs.Glob(fsys, "*.txt")
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, file := range files {
		raw, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		more, err := parse(path.Base(file), string(raw))
		if err != nil {
			return nil, err
		}
		cases = append(cases, more...)
	}
	return cases, nil
}

func parse(file, content string) ([]Case, error) {
	var cases []Case
	var section Case
	for i, line := range strings.Split(content, "\n") {
		note, isNote := strings.CutPrefix(line, "# ")
		switch {
		case strings.TrimSpace(line) == "":
			section = Case{}
			continue
		case isNote:
			section.set(note)
			continue
		}
		c := section
		c.File, c.Line = file, i+1
		if err := c.read(line); err != nil {
			return nil, fmt.Errorf("%s: %w", c.At(), err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// set takes what a note sets; most set nothing.
func (c *Case) set(note string) {
	name, value, _ := strings.Cut(note, ": ")
	switch name {
	case "policy":
		c.Policy.Name = value
	case "region":
		c.Policy.Region = value
	case "mrn":
		c.Policy.MRN = value
	case "terms":
		c.Policy.Terms = strings.Split(value, ", ")
	case "names":
		c.Names = strings.Split(value, ", ")
	}
}

// label is {{TYPE|value}}. A value has no brace.
var label = regexp.MustCompile(`\{\{([A-Z_]+)\|([^{}]+)\}\}`)

func (c *Case) read(line string) error {
	marked, reason, ok := strings.Cut(line, "\t")
	if !ok || reason == "" || strings.Contains(reason, "\t") {
		return errors.New("want a text, a tab and a reason")
	}
	c.Reason = reason
	marked, err := unescape(marked)
	if err != nil {
		return err
	}
	var text strings.Builder
	last := 0
	for _, at := range label.FindAllStringSubmatchIndex(marked, -1) {
		typ, ok := redact.ParseType(marked[at[2]:at[3]])
		if !ok {
			return fmt.Errorf("there is no type %s", marked[at[2]:at[3]])
		}
		text.WriteString(marked[last:at[0]])
		begin := text.Len()
		text.WriteString(marked[at[4]:at[5]])
		c.Want = append(c.Want, redact.Span{Start: begin, End: text.Len(), Type: typ})
		last = at[1]
	}
	text.WriteString(marked[last:])
	c.Text = text.String()
	if !utf8.ValidString(c.Text) || strings.Contains(c.Text, "}}") || strings.Contains(c.Text, "{{") {
		return errors.New("a label is not closed, or not of the form {{TYPE|value}}")
	}
	return nil
}

// unescape reads escapes as Go does. Other text, quotes too, is itself.
func unescape(s string) (string, error) {
	var out strings.Builder
	for s != "" {
		r, _, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return "", fmt.Errorf("an escape: %w", err)
		}
		out.WriteRune(r)
		s = rest
	}
	return out.String(), nil
}
