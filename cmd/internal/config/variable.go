package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"holdfast/store/pii"
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
		if !part.Anonymous { // not a part: it is told, not set
			continue
		}
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

// secret tells whether the value may be anything but shown; such a value may stand in a file.
func (v variable) secret() bool { return v.field.Type == reflect.TypeFor[pii.Token]() }

// fileSuffix makes the name of a variable that of one which names a file with the value, as containers
// are given their secrets.
const fileSuffix = "_FILE"

// lookup finds the value: with the prefix, then bare, then in the file that NAME_FILE names, then the
// default. Empty counts as unset, because a copied .env.example and a compose file both pass empty strings
// on. file is where the value was read from, "" for nowhere. The error does not quote what the file holds.
func (v variable) lookup(getenv func(string) (string, bool)) (value, file string, err error) {
	if s, _ := getenv(v.name()); s != "" {
		return s, "", nil
	}
	if v.tag("bare") != "" {
		if s, _ := getenv(v.tag("env")); s != "" {
			return s, "", nil
		}
	}
	if file, _ := getenv(v.name() + fileSuffix); file != "" && v.secret() {
		b, err := os.ReadFile(file) // #nosec G304 -- the operator has named it
		if err != nil {
			var path *fs.PathError // it names the file, which may be a secret that was put into the wrong variable
			if errors.As(err, &path) {
				err = path.Err
			}
			return "", file, fmt.Errorf("the file cannot be read: %w", err)
		}
		return string(b), file, nil // decoding trims it
	}
	return v.tag("default"), "", nil
}

// Unknown returns the names in environ ("NAME=value", as of os.Environ) that carry our prefix and are
// no variable of ours: most likely spelling mistakes, worth a warning at start.
func Unknown(environ []string) []string {
	var names []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		known := slices.ContainsFunc(variables, func(v variable) bool { return v.name() == name || v.secret() && v.name()+fileSuffix == name })
		if strings.HasPrefix(name, Prefix) && !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
