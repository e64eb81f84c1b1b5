// Package pii holds personal data and secrets as types that refuse to print.
//
// Every way Go has of turning a value into text (fmt verbs, slog, encoding/json, encoding.TextMarshaler)
// yields a label such as "[phone]". Reveal is the one way out, so `grep Reveal` is the privacy review.
package pii

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// label names what a Value holds when somebody tries to print it.
type label interface{ label() string }

type (
	nameLabel  struct{}
	textLabel  struct{}
	codeLabel  struct{}
	tokenLabel struct{}
)

func (nameLabel) label() string  { return "[name]" }
func (textLabel) label() string  { return "[text]" }
func (codeLabel) label() string  { return "[code]" }
func (tokenLabel) label() string { return "[token]" }

// Value is a string that does not print. The zero Value is empty. It is immutable and safe for
// concurrent use.
type Value[L label] struct{ clear string }

type (
	// Name is a person's name.
	Name = Value[nameLabel]
	// Text is free text: a note, a body of a message, a request body.
	Text = Value[textLabel]
	// Code is a one-time code.
	Code = Value[codeLabel]
	// Token is a credential: an auth token, an API key, a webhook secret.
	Token = Value[tokenLabel]
)

// NewName wraps a person's name.
func NewName(clear string) Name { return Name{clear} }

// NewText wraps free text.
func NewText(clear string) Text { return Text{clear} }

// NewCode wraps a one-time code.
func NewCode(clear string) Code { return Code{clear} }

// NewToken wraps a credential.
func NewToken(clear string) Token { return Token{clear} }

// Reveal returns the clear text. Each call is a place where personal data leaves its type.
func (v Value[L]) Reveal() string { return v.clear }

// IsZero reports whether the value is empty.
func (v Value[L]) IsZero() bool { return v.clear == "" }

// Equal compares in time that does not depend on the contents.
func (v Value[L]) Equal(o Value[L]) bool {
	return subtle.ConstantTimeCompare([]byte(v.clear), []byte(o.clear)) == 1
}

func (v Value[L]) hidden() string {
	var l L
	return l.label()
}

// String returns the label, never the value.
func (v Value[L]) String() string { return v.hidden() }

// Format writes the label for every verb, %x and %#v included.
func (v Value[L]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.hidden()) }

// LogValue keeps the value out of slog.
func (v Value[L]) LogValue() slog.Value { return slog.StringValue(v.hidden()) }

// MarshalText keeps the value out of JSON, YAML and the like.
func (v Value[L]) MarshalText() ([]byte, error) { return []byte(v.hidden()), nil }
