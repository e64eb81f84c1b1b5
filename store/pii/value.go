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
	"unique"
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

// Value is a string that does not print. The zero Value is empty. It is immutable, comparable and safe
// for concurrent use.
type Value[L label] struct{ clear hidden }

// hidden is a string behind a pointer. fmt calls no method on a value in an unexported field, nor for
// %p and %w: it prints what the fields hold, which is an address here. Handles of equal strings are
// equal, so that values compare with == and serve as keys.
type hidden struct{ h unique.Handle[string] }

func hide(s string) hidden {
	if s == "" {
		return hidden{}
	}
	return hidden{unique.Make(s)}
}

func (h hidden) reveal() string {
	if h == (hidden{}) {
		return ""
	}
	return h.h.Value()
}

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
func NewName(clear string) Name { return Name{hide(clear)} }

// NewText wraps free text.
func NewText(clear string) Text { return Text{hide(clear)} }

// NewCode wraps a one-time code.
func NewCode(clear string) Code { return Code{hide(clear)} }

// NewToken wraps a credential.
func NewToken(clear string) Token { return Token{hide(clear)} }

// Reveal returns the clear text. Each call is a place where personal data leaves its type.
func (v Value[L]) Reveal() string { return v.clear.reveal() }

// IsZero reports whether the value is empty.
func (v Value[L]) IsZero() bool { return v.clear == hidden{} }

// Equal compares in time that does not depend on the contents.
func (v Value[L]) Equal(o Value[L]) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(o.Reveal())) == 1
}

func (v Value[L]) shown() string {
	var l L
	return l.label()
}

// String returns the label, never the value.
func (v Value[L]) String() string { return v.shown() }

// Format writes the label for every verb, %x and %#v included.
func (v Value[L]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.shown()) }

// LogValue keeps the value out of slog.
func (v Value[L]) LogValue() slog.Value { return slog.StringValue(v.shown()) }

// MarshalText keeps the value out of JSON, YAML and the like.
func (v Value[L]) MarshalText() ([]byte, error) { return []byte(v.shown()), nil }
