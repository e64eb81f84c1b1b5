package sms

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"holdfast/store/pii"
)

// Data is what texts speak of. Which fields a kind needs: all need Org; those with a code need Code and ValidFor;
// those that name a time need Start; alternatives needs Choices. The others may be empty.
type Data struct {
	Org      string // the org's public name
	Name     string // the customer's
	Resource string // with whom, or in which place
	Service  string // the org's own public wording
	Notes    string // what was asked for, in the integrator's words: see FitNote
	Choices  []Choice
	// Start is the booking's start, in the customer's zone: it is printed as its own location shows it.
	Start time.Time
	// Place is the resource's zone. When its clocks differ from the customer's, times name their zone. Nil: they do not.
	Place *time.Location
	Code  pii.Code
	// ValidFor is how long the code lives, counted from now.
	ValidFor time.Duration
}

// Choice is a time that a customer can take by replying with its number.
type Choice struct {
	Start time.Time // in the customer's zone
}

// view is Data as templates see it.
type view struct{ Org, Name, Resource, Service, Notes, When, Choices, Numbers, Code, For string }

// Render writes a text in the customer's language. locale is a BCP 47 tag ("es", "es-MX"); any other
// than English or Spanish gives English. Long names are cut so that the text stays one segment.
// Characters outside GSM-7 in names are replaced by plain ones; if one has no plain form, all names
// keep theirs and the text is UCS-2: two segments, at worst three.
//
// An error means missing or unusable data; it names the field, never its value.
func Render(kind Kind, locale string, d Data) (pii.Text, error) {
	return Wording(nil).Render(kind, locale, d)
}

func fill(t *template.Template, v view) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		return "", errors.New("template")
	}
	return b.String(), nil
}

func language(locale string) string {
	l, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(locale), "_", "-"), "-")
	if _, ok := wording[l]; ok {
		return l
	}
	return fallbackLocale
}

// look reads d for a kind of text in a language. Names are tidy and plain, and as long as they come.
func look(kind Kind, locale string, d Data) (view, error) {
	v := view{Org: tidy(d.Org), Name: tidy(d.Name), Resource: tidy(d.Resource), Service: tidy(d.Service), Notes: tidy(d.Notes)}
	if v.Org == "" {
		return view{}, errors.New("no org")
	}
	v.plain()
	needs := func(field string) bool { return slices.Contains(templateFields[kind], field) }
	if kind.Code() {
		v.Code = d.Code.Reveal()
		if !isCode(v.Code) {
			return view{}, fmt.Errorf("code is not %d digits", pii.CodeDigits)
		}
		if d.ValidFor < time.Second {
			return view{}, errors.New("code is not valid any more")
		}
		v.For = lasting(d.ValidFor)
	}
	c := clock{locale: locale, place: d.Place}
	if needs("When") {
		if d.Start.IsZero() {
			return view{}, errors.New("no start")
		}
		v.When = c.when(d.Start)
	}
	if needs("Choices") {
		if len(d.Choices) == 0 || len(d.Choices) > maxChoice {
			return view{}, fmt.Errorf("want 1 to %d choices", maxChoice)
		}
		v.Choices, v.Numbers = c.choices(d.Start, d.Choices), c.numbers(len(d.Choices))
	}
	return v, nil
}

// plain folds the names to GSM-7, all or none: one that cannot be makes the text UCS-2 anyway, and then
// the others may keep their accents.
func (v *view) plain() {
	plain := *v
	for _, name := range []*string{&plain.Org, &plain.Name, &plain.Resource, &plain.Service, &plain.Notes} {
		var ok bool
		if *name, ok = toGSM(*name); !ok {
			return
		}
	}
	*v = plain
}

func isCode(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(s) == pii.CodeDigits
}

// lasting promises no more than there is: whole hours, minutes or seconds, rounded down.
func lasting(d time.Duration) string {
	switch {
	case d >= 2*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	case d >= time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	}
	return strconv.Itoa(int(d/time.Second)) + " s"
}
