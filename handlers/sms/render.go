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
	Notes    string // what was asked for, in the integrator's words, fit to be read by anybody
	Choices  []Choice
	// Start is the booking's start, in the customer's zone: it is printed as its own location shows it.
	Start time.Time
	Code  pii.Code
	// ValidFor is how long the code lives, counted from now.
	ValidFor time.Duration
}

// Choice is a time that a customer can take by replying with its number.
type Choice struct {
	Start time.Time // in the customer's zone
}

// view is Data as templates see it.
type view struct{ Org, Name, Resource, Service, Notes, When, Choices, Code, For string }

// Render writes a text in the customer's language. locale is a BCP 47 tag ("es", "es-MX"); any other
// than English or Spanish gives English. Long names are cut so that the text stays one segment.
// Characters outside GSM-7 in names are replaced by plain ones; if one has no plain form, all names
// stay as they are and the text is UCS-2, which may be two segments.
//
// An error means missing or unusable data; it names the field, never its value.
func Render(kind Kind, locale string, d Data) (pii.Text, error) {
	return Wording(nil).Render(kind, locale, d)
}

func fill(t *template.Template, kind Kind, locale string, d Data) (pii.Text, error) {
	v, err := look(kind, locale, d)
	if err != nil {
		return pii.Text{}, fmt.Errorf("sms text %s: %w", kind, err)
	}
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		return pii.Text{}, fmt.Errorf("sms text %s: template", kind)
	}
	return pii.NewText(b.String()), nil
}

func language(locale string) string {
	l, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(locale), "_", "-"), "-")
	if _, ok := wording[l]; ok {
		return l
	}
	return fallbackLocale
}

func look(kind Kind, locale string, d Data) (view, error) {
	v := view{Org: tidy(d.Org), Name: tidy(d.Name), Resource: tidy(d.Resource), Service: tidy(d.Service), Notes: tidy(d.Notes)}
	if v.Org == "" {
		return view{}, errors.New("no org")
	}
	v.plain()
	org := maxOrg
	switch kind {
	case KindCode, KindMoveCode:
		v.Code = d.Code.Reveal()
		if !isCode(v.Code) {
			return view{}, fmt.Errorf("code is not %d digits", pii.CodeDigits)
		}
		if d.ValidFor < time.Second {
			return view{}, errors.New("code is not valid any more")
		}
		v.For = lasting(d.ValidFor)
	case KindConfirmation, KindMoved, KindReminder, KindFollowup, KindAlternatives:
		org = maxOrgConfirm
	case KindCancelCheck, KindCanceled, KindExpired, KindHelp, KindStopConfirm, KindNotUnderstood, KindWrongCode:
	}
	if slices.Contains(templateFields[kind], "When") {
		if d.Start.IsZero() {
			return view{}, errors.New("no start")
		}
		v.When = when(locale, d.Start)
	}
	if slices.Contains(templateFields[kind], "Choices") {
		if len(d.Choices) == 0 || len(d.Choices) > maxChoice {
			return view{}, fmt.Errorf("want 1 to %d choices", maxChoice)
		}
		v.Choices = choices(locale, d.Choices)
	}
	v.Name, v.Notes = cut(v.Name, maxName), cut(v.Notes, maxService)
	v.Org, v.Resource, v.Service = cut(v.Org, org), cut(v.Resource, maxResource), cut(v.Service, maxService)
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

// Spanish short names, as people text them; sábado goes without its accent, which GSM-7 lacks.
var (
	weekdaysES = [...]string{"dom", "lun", "mar", "mié", "jue", "vie", "sab"}
	monthsES   = [...]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"}
)

// when writes a time as people of the locale read it: "Tue 24 Nov, 3:00 PM", "mar 24 nov, 15:00".
func when(locale string, t time.Time) string {
	if locale == "es" {
		return weekdaysES[t.Weekday()] + " " + strconv.Itoa(t.Day()) + " " + monthsES[t.Month()-1] + t.Format(", 15:04")
	}
	return t.Format("Mon 2 Jan, 3:04 PM")
}

// choices writes the times that can be had with their numbers: "1) Tue 24 Nov, 3:30 PM 2) Wed 25 Nov, 9:00 AM".
func choices(locale string, all []Choice) string {
	var b strings.Builder
	for i, c := range all {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d) %s", i+1, when(locale, c.Start))
	}
	return b.String()
}
