package ingress

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"unicode/utf8"

	"holdfast/handlers/ijson"
	"holdfast/handlers/redact"
)

// What JSON may be: a booking is two deep, settings are four; their medical terms are up to 10,000 values. A call of a tool
// stands beside the tool's definition, which is theirs to shape.
var (
	bodyLimits  = ijson.Limits{Depth: 16, Values: redact.MaxTerms + 2000}
	voiceLimits = ijson.Limits{Depth: 64, Values: 200_000}
)

// decode reads one JSON object, each key of which stands there once. Fields it does not know are ignored; the first one of a wrong type is named,
// its value is not. custom is the field that has its own way of being read, whose errors carry no name.
func decode[T any](raw []byte, custom string) (v T, err error) {
	if !utf8.Valid(raw) {
		return v, newProblem("invalid-json", "", "not UTF-8")
	}
	err = json.Unmarshal(raw, &v)
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	var broken *ijson.Broken
	switch {
	case errors.As(err, &syntax):
		return v, newProblem("invalid-json", "", "")
	case errors.As(ijson.Check(raw, bodyLimits), &broken):
		return v, newProblem("invalid-json", broken.Path, broken.Rule)
	case !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")):
		return v, newProblem("invalid-json", "", "one JSON object is wanted")
	case errors.As(err, &typed):
		return v, newProblem("invalid-request", typed.Field, "want "+jsonType(typed.Type))
	case err != nil: // of our own types' UnmarshalJSON: fixed texts
		return v, newProblem("invalid-request", custom, err.Error())
	}
	return v, nil
}

// jsonType is what JSON calls a Go type.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	default:
		return "a number"
	}
}
