package sms

import (
	"errors"
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

// Render is the package's Render with the org's words where it has its own. Names in those are cut to their usual
// length and no shorter: an org may have a text of two segments if it likes.
func (w Wording) Render(kind Kind, locale string, d Data) (pii.Text, error) {
	text, err := w.render(kind, language(locale), d)
	if err != nil {
		return pii.Text{}, fmt.Errorf("sms text %s: %w", kind, err)
	}
	return pii.NewText(text), nil
}

func (w Wording) render(kind Kind, l string, d Data) (string, error) {
	t, own := templates[l][kind], w[l][kind]
	if t == nil {
		return "", errors.New("no such kind")
	}
	v, err := look(kind, l, d)
	if err != nil {
		return "", err
	}
	if own != "" && own != wording[l][kind] {
		if t, err = compile(kind, own); err != nil {
			return "", errors.New("template")
		}
		return fill(t, usual(kind).cut(v))
	}
	brief := clock{locale: l, place: d.Place, brief: true}.choices(d.Start, d.Choices)
	return squeeze(t, kind, v, brief)
}

func compile(kind Kind, text string) (*template.Template, error) {
	return template.New(string(kind)).Option("missingkey=error").Parse(text)
}
