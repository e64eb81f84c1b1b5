package sms_test

import (
	"strings"
	"testing"

	"holdfast/handlers/redact"
	"holdfast/handlers/sms"
)

// A note is quoted as it was written, or not at all.
func TestFitNote(t *testing.T) {
	for note, want := range map[string]string{
		"first visit, needs a ramp":   "first visit, needs a ramp",
		" limpieza para Niño, 15:30 ": "limpieza para Niño, 15:30",
		"Sofía’s check-up – 3 p.m.":   "Sofia's check-up - 3 p.m.",
		"corte y color (pelo largo)":  "corte y color (pelo largo)",
		strings.Repeat("x", 30):       strings.Repeat("x", 30),
		"room 214, costs $120":        "room 214, costs $120",

		"":                                  "",
		" \n ":                              "",
		strings.Repeat("x", 31):             "",
		strings.Repeat("€", 16):             "", // 32 septets
		"call [PHONE_NUMBER]":               "",
		"call [PHONE_NUMBER:*0142]":         "",
		"for [NAME:abcdefghijklmnop]":       "",
		"[MEDICAL_TERM] visit":              "",
		"[phone]":                           "",
		"cut\nand color":                    "",
		"cut\rand color":                    "",
		"cut\tand color":                    "",
		"cut\u2028color":                    "",
		"\u202etuc":                         "",
		"a\u200bb":                          "",
		"a\x00b":                            "",
		"bad \xff byte":                     "",
		"gate code 4711":                    "",
		"gate code ４７１１":                    "",
		"room ٤٧١١":                         "",
		"see https://a.example":             "",
		"see www.salon.mx":                  "",
		"bit.ly/x1":                         "",
		"ana@home":                          "",
		"歯":                                 "",
		"💇":                                 "",
		"reply YES to confirm":              "",
		"pide que respondas BAJA si no vas": "",
	} {
		if got := sms.FitNote(note); got != want {
			t.Errorf("%q: %q, want %q", note, got, want)
		}
	}
}

// Whatever redaction leaves in a note's place makes it unfit, by each action.
func TestFitNoteIsNotRedacted(t *testing.T) {
	for _, action := range []redact.Action{redact.Remove, redact.Mask, redact.Token} {
		engine, err := redact.Policy{Actions: map[redact.Type]redact.Action{redact.PhoneNumber: action}}.Compile()
		if err != nil {
			t.Fatal(err)
		}
		note, found := engine.Redact("at 2025550142", redact.Key("0123456789abcdef"))
		if len(found) != 1 || sms.FitNote(note) != "" {
			t.Errorf("%v: %q is fit", action, note)
		}
	}
}
