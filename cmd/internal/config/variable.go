package config

import (
	"reflect"
	"slices"
	"strings"
)

// variable is one field of Config as its tags describe it.
type variable struct {
	part  string // name of the embedded struct, which heads a group in the listings
	field reflect.StructField
	index []int
}

// variables lists every variable in the order of the struct.
var variables = func() []variable {
	var vs []variable
	for part := range reflect.TypeFor[Config]().Fields() {
		for f := range part.Type.Fields() {
			vs = append(vs, variable{part.Name, f, append(slices.Clone(part.Index), f.Index...)})
		}
	}
	return vs
}()

func (v variable) tag(name string) string { return v.field.Tag.Get(name) }

// name is the variable's full name.
func (v variable) name() string { return Prefix + v.tag("env") }

// needs lists the parts that do not start without it.
func (v variable) needs() []string { return strings.Fields(v.tag("need")) }

// lookup finds the value: with the prefix, then bare, then the default. Empty counts as unset, because
// a copied .env.example and a compose file both pass empty strings on.
func (v variable) lookup(getenv func(string) (string, bool)) string {
	if s, _ := getenv(v.name()); s != "" {
		return s
	}
	if v.tag("bare") != "" {
		if s, _ := getenv(v.tag("env")); s != "" {
			return s
		}
	}
	return v.tag("default")
}

// Unknown returns the names in environ ("NAME=value", as of os.Environ) that carry our prefix and are
// no variable of ours: most likely spelling mistakes, worth a warning at start.
func Unknown(environ []string) []string {
	var names []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		known := slices.ContainsFunc(variables, func(v variable) bool { return v.name() == name })
		if strings.HasPrefix(name, Prefix) && !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
