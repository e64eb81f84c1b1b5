package sms

import (
	"fmt"
	"text/template"

	"holdfast/store/pii"
)

// Wording is what an org says in its own words, by language (en, es) and kind. What it leaves out is said in
// Holdfast's. CheckTemplate has judged it before it was stored.
type Wording map[string]map[Kind]string

// Languages are those that texts are written in.
func Languages() []string { return []string{"en", "es"} }

// Kinds are all kinds of text, in the order in which they are documented.
func Kinds() []Kind {
	return []Kind{KindCode, KindMoveCode, KindConfirmation, KindMoved, KindReminder, KindFollowup, KindAlternatives, KindCancelCheck, KindCanceled, KindExpired, KindWrongCode, KindNotUnderstood, KindHelp, KindStopConfirm}
}

// DefaultWording is a copy of Holdfast's own words.
func DefaultWording() Wording {
	w := make(Wording, len(wording))
	for locale, kinds := range wording {
		w[locale] = make(map[Kind]string, len(kinds))
		for k, text := range kinds {
			w[locale][k] = text
		}
	}
	return w
}

// Render is the package's Render with the org's words where it has its own.
func (w Wording) Render(kind Kind, locale string, d Data) (pii.Text, error) {
	l := language(locale)
	t, own := templates[l][kind], w[l][kind]
	if t == nil {
		return pii.Text{}, fmt.Errorf("sms text: no kind %q", kind)
	}
	if own != "" && own != wording[l][kind] {
		var err error
		if t, err = compile(kind, own); err != nil {
			return pii.Text{}, fmt.Errorf("sms text %s: template", kind)
		}
	}
	return fill(t, kind, l, d)
}

func compile(kind Kind, text string) (*template.Template, error) {
	return template.New(string(kind)).Option("missingkey=error").Parse(text)
}
