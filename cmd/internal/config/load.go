package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"holdfast/store/pii"
)

// Load reads the configuration from getenv (os.LookupEnv in main, a map in tests) and validates it. Its
// error is an *Error that lists every bad value, not the first only. What is missing depends on the
// command: ask Requires.
func Load(getenv func(string) (string, bool)) (Config, error) {
	var c Config
	var bad []Problem
	unread := make(map[string]bool)
	for _, v := range variables {
		value, file, err := v.lookup(getenv)
		if err != nil {
			bad = append(bad, Problem{v.name() + fileSuffix, err.Error()})
			continue
		}
		if err := decode(v, value, reflect.ValueOf(&c).Elem().FieldByIndex(v.index)); err != nil {
			unread[v.name()] = true
			bad = append(bad, Problem{v.name(), v.rule()})
		}
		if v.tag("env") == "KEYSET" {
			c.KeysetFile = file
		}
	}
	for _, p := range c.problems() {
		if !unread[p.Name] { // its field is zero, which says nothing about the value
			bad = append(bad, p)
		}
	}
	if len(bad) > 0 {
		return Config{}, &Error{bad}
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/") // paths are appended to both
	c.TwilioBaseURL = strings.TrimRight(c.TwilioBaseURL, "/")
	return c, nil
}

// nowhere is a prefix that no process variable can have: a name ends at the first "=".
const nowhere = "="

// decode lets envconfig turn value into dst. envconfig.Process itself reads the process environment
// only, ends at the first bad value and quotes it. So each field is processed in a struct of its own
// with the value as its default, under a prefix that the environment cannot answer for. Its error is
// dropped by the caller, because it quotes the value.
func decode(v variable, value string, dst reflect.Value) error {
	typ, secret := v.field.Type, v.secret()
	if secret {
		typ = reflect.TypeFor[token]()
	}
	spec := reflect.New(reflect.StructOf([]reflect.StructField{{
		Name: v.field.Name,
		Type: typ,
		Tag:  reflect.StructTag("default:" + strconv.Quote(value)),
	}}))
	if err := envconfig.Process(nowhere, spec.Interface()); err != nil {
		return err
	}
	got := spec.Elem().Field(0)
	if secret {
		got = got.FieldByName("Token")
	}
	dst.Set(got)
	return nil
}

// token lets envconfig fill a pii.Token, which has no way in but its constructor.
type token struct{ pii.Token }

// Decode is envconfig's Decoder.
func (t *token) Decode(value string) error {
	t.Token = pii.NewToken(strings.TrimSpace(value)) // files of secrets tend to end in a newline
	return nil
}

// Problem is one variable that is missing or breaks its rule.
type Problem struct {
	Name string // the variable, prefix included
	Rule string // what it must be
}

// Error lists what is wrong with a configuration, one line each. It quotes no value.
type Error struct{ Problems []Problem }

// Error joins the lines.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s: %s", p.Name, p.Rule)
	}
	return strings.Join(lines, "\n")
}
