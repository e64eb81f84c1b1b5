package sms_test

import (
	"strings"
	"testing"

	"holdfast/handlers/sms"
)

// Holdfast's own words keep to the rules that it holds others to.
func TestDefaultWordingPasses(t *testing.T) {
	for _, locale := range sms.Languages() {
		for _, k := range sms.Kinds() {
			if err := sms.CheckTemplate(k, locale, sms.DefaultWording()[locale][k]); err != nil {
				t.Errorf("%s %s: %v", locale, k, err)
			}
		}
	}
	if n := len(sms.DefaultWording()["en"]); n != len(sms.Kinds()) {
		t.Errorf("%d kinds are worded, %d listed", n, len(sms.Kinds()))
	}
}

// Each rule for templates, by what breaks it and by what only looks like it.
func TestCheckTemplate(t *testing.T) {
	long := strings.Repeat("word ", 62)
	for _, c := range []struct {
		kind sms.Kind
		text string
		rule string // part of the error; "" = taken
	}{
		{sms.KindCode, "{{.Code}} is your code for {{.Org}}.", ""},
		{sms.KindCode, "Your code: {{.Code}}", ""},
		{sms.KindCode, "{{.Code}} is your code.\n\n@bookings.example.com #{{.Code}}", ""}, // WebOTP
		{sms.KindCode, "{{- /* ours */ -}} {{.Code}} for {{.Org}}", ""},
		{sms.KindConfirmation, "{{if .Service}}{{.Service}}{{else}}Booked{{end}}, {{.When}}, {{with .Resource}}{{.}}{{else}}{{.Org}}{{end}}", ""},
		{sms.KindHelp, "Reply STOP to end all texts, START to get them again, C to cancel a booking.", ""},
		{sms.KindHelp, "Reply to cancel or to book. Yes, we are {{.Org}}.", ""},
		{sms.KindHelp, "Responde si necesitas cancelar.", ""},
		{sms.KindHelp, "¡Yesenia y {{.Org}} te esperan! CANCELAR es otra cosa.", ""},

		{sms.KindHelp, " \n", "must say something"},
		{sms.KindHelp, strings.Repeat("x", 641), "at most 640 bytes"},
		{sms.KindHelp, "a\x00b", "control or invisible"},
		{sms.KindHelp, "a\tb", "control or invisible"},
		{sms.KindHelp, "a\u202eb", "control or invisible"},
		{sms.KindHelp, "a\u200bb", "control or invisible"},
		{sms.KindHelp, "a\xffb", "control or invisible"},
		{sms.KindHelp, "{{.Org", "is no template"},
		{sms.KindHelp, "{{if .Org}}x", "is no template"},
		{sms.KindHelp, "{{nope .Org}}", "is no template"},

		{sms.KindHelp, `{{printf "%1000000000d" 1}}`, "nothing else of the template language"},
		{sms.KindHelp, "{{range .Org}}x{{end}}", "nothing else of the template language"},
		{sms.KindHelp, "{{.Org | html}}", "nothing else of the template language"},
		{sms.KindHelp, "{{$x := .Org}}x", "nothing else of the template language"},
		{sms.KindHelp, "{{with $x := .Org}}{{$x}}{{end}}", "nothing else of the template language"},
		{sms.KindHelp, `{{define "x"}}{{template "x"}}{{end}}x`, "nothing else of the template language"},
		{sms.KindHelp, `{{block "x" .}}y{{end}}`, "nothing else of the template language"},
		{sms.KindHelp, `{{template "help"}}`, "nothing else of the template language"},
		{sms.KindHelp, `{{"text"}}`, "nothing else of the template language"},
		{sms.KindHelp, `{{if eq .Org "x"}}y{{end}}`, "nothing else of the template language"},
		{sms.KindHelp, "{{.}}", "only inside of its {{with}}"},
		{sms.KindHelp, "{{if .Org}}{{.}}{{end}}", "only inside of its {{with}}"},
		{sms.KindHelp, "{{with .Org}}x{{else}}{{.}}{{end}}", "only inside of its {{with}}"},
		{sms.KindHelp, "{{with .Org}}{{.Org}}{{end}}", "cannot be filled in"},

		{sms.KindHelp, "{{.Nope}}", "may name {{.Org}} and no other field"},
		{sms.KindHelp, "{{.Org.Name}}", "may name {{.Org}} and no other field"},
		{sms.KindHelp, "{{if .Nope}}x{{end}}", "may name {{.Org}} and no other field"},
		{sms.KindHelp, "{{with .Org}}{{.Nope}}{{end}}", "may name {{.Org}} and no other field"},
		{sms.KindHelp, "{{if .Org}}x{{else}}{{.Nope}}{{end}}", "may name {{.Org}} and no other field"},
		{sms.KindHelp, "{{.Code}}", "no other field"},
		{sms.KindCode, "{{.Code}} for your {{.Service}}", "no other field"}, // on a locked screen
		{sms.KindCanceled, "{{.Service}}", "no other field"},
		{sms.KindWrongCode, "Not {{.When}}", "no other field"},

		{sms.KindCode, "Your code is on its way", "must hold {{.Code}} before"},
		{sms.KindCode, "{{.Org}}: {{.Code}}", "must hold {{.Code}} before"},
		{sms.KindCode, "{{if .Org}}{{.Code}}{{end}} x", "must hold {{.Code}} before"},
		{sms.KindCode, "24 h: {{.Code}}", "must hold {{.Code}} before"},
		{sms.KindCode, "٣: {{.Code}}", "must hold {{.Code}} before"},
		{sms.KindCode, "{{.Code}}5 is it", "must hold {{.Code}} before"},
		{sms.KindCode, "{{.Code}}{{.Org}}", "must hold {{.Code}} before"},

		{sms.KindHelp, long, "more than two SMS with the longest names"},
		{sms.KindHelp, strings.Repeat("x", 267) + "{{.Org}}", "more than two SMS"}, // 267 and 40 are one too many
		{sms.KindHelp, strings.Repeat("x", 266) + "{{.Org}}", ""},
		{sms.KindHelp, "ú" + strings.Repeat("x", 94) + "{{.Org}}", "outside of GSM-7"},
		{sms.KindHelp, "ú" + strings.Repeat("x", 93) + "{{.Org}}", ""},
		{sms.KindConfirmation, "{{with .Service}}{{.}}{{end}}", "says nothing when names are missing"},

		{sms.KindConfirmation, "Reply CANCEL to cancel.", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "reply cancel to call it off", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "Please reply with the word “Cancel”", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "Reply C or cancel", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "Coming? YES / NO", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "Text back yes!", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "Reply {{if .Org}}yes{{end}}", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "Reply {{if .Service}}C{{else}}YES{{end}}", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "Responde SI para venir", "must not ask for CANCEL or YES"},
		{sms.KindConfirmation, "Responde SÍ.", "must not ask for CANCEL or YES"},
		{sms.KindHelp, "To leave, send END", "must not ask for CANCEL or YES"},
		{sms.KindReminder, "Responde BAJA si no vienes", "as BAJA"},
		{sms.KindReminder, "Respóndenos: alto", ""},
		{sms.KindReminder, "Contesta con la palabra «baja» para anular", "as BAJA"},
		{sms.KindReminder, "Responde C o parar", "as BAJA"},
		{sms.KindReminder, "Envía inicio para confirmar", "as BAJA"},
		{sms.KindReminder, "Responde PARA para anular", "as BAJA"},
		{sms.KindReminder, "No vienes? Responde para", "as BAJA"},
		{sms.KindReminder, "¿Anular? ALTO", "as BAJA"},
		{sms.KindReminder, "Responde C para cancelar, STOP para darte de baja", ""},
		{sms.KindReminder, "Trabajamos de alto a bajo. Responde para confirmar", ""},

		{sms.KindMoveCode, "{{.Code}} moves your booking to {{.When}}.", ""},
		{sms.KindMoveCode, "{{.When}}: {{.Code}}", "must hold {{.Code}} before"},
		{sms.KindMoved, "{{.Service}}, {{.Resource}}, {{.When}}", ""},
		{sms.KindReminder, "{{.Service}} at {{.When}}", "no other field"},
		{sms.KindFollowup, "{{.Name}} {{.Service}} {{.Notes}} {{.Resource}} {{.When}}. K keeps it.", ""},
		{sms.KindFollowup, "{{.Choices}}", "no other field"},
		{sms.KindFollowup, "{{with .Notes}}{{.}}{{end}}", "says nothing when names are missing"},
		{sms.KindAlternatives, "{{.When}} is gone. {{.Choices}}? Reply {{.Numbers}}.", ""},
		{sms.KindAlternatives, "{{.When}} is gone. Reply 1.", "must hold {{.Choices}}"},
		{sms.KindAlternatives, "{{if .Name}}{{.Choices}}{{end}}?", "must hold {{.Choices}}"},
		{sms.KindAlternatives, "{{with .Choices}}{{.}}{{end}}?", "must hold {{.Choices}}"},
		{sms.KindAlternatives, strings.Repeat("x", 235) + " {{.Choices}}", "more than two SMS"}, // the longest choices take 71
		{sms.KindAlternatives, strings.Repeat("x", 234) + " {{.Choices}}", ""},
		{sms.KindCancelCheck, strings.Repeat("x", 276) + " {{.When}}", "more than two SMS"}, // the longest time takes 30
		{sms.KindCancelCheck, strings.Repeat("x", 275) + " {{.When}}", ""},
	} {
		err := sms.CheckTemplate(c.kind, "en", c.text)
		switch {
		case c.rule == "" && err != nil:
			t.Errorf("%s %q: %v", c.kind, c.text, err)
		case c.rule != "" && (err == nil || !strings.Contains(err.Error(), c.rule)):
			t.Errorf("%s %q: %v, want %q", c.kind, c.text, err, c.rule)
		}
	}
}

// What a template says by itself, whatever its conditions come to.
func TestOwnWords(t *testing.T) {
	const text = "{{with .Service}}{{.}}{{else}}A visit{{end}}{{if .Resource}} with {{.Resource}}{{else}} here{{end}}, {{.When}}."
	if got := sms.OwnWords(sms.KindConfirmation, text); got != "{}A visit with {} here, {}." {
		t.Errorf("%q", got)
	}
	if got := sms.OwnWords(sms.KindConfirmation, "{{"); got != "" {
		t.Errorf("of no template: %q", got)
	}
}

// Whatever passes the check can be filled in with any names, and keeps to the rules then too.
func FuzzCheckTemplate(f *testing.F) {
	f.Add("{{.Code}} is your code for {{.Org}}", "Bright Smiles")
	f.Add("{{.Code}} {{with .For}}{{.}}{{end}}", "123456 Street")
	for _, text := range []string{"{{.Code}}{{.Org}}", "{{with .Org}}{{.}}{{end}} {{.Code}}", `{{printf "%1000000d" 1}}`, "{{define \"x\"}}{{end}}", "{{/* */}}", "{{.Code", "{{{{", "{{- .Code -}}",
		"{{if .Org}}{{.Code}}{{end}}", "123456 {{.Code}}", "{{.Code}}\u202e", "{{.Code}}\xff", strings.Repeat("{{if .Org}}", 50)} {
		f.Add(text, "\u202e999999")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		d := example(t)
		d.Org, d.Resource, d.Service = "N"+name, name, name
		for _, k := range []sms.Kind{sms.KindCode, sms.KindConfirmation} {
			if sms.CheckTemplate(k, "en", text) != nil {
				continue
			}
			body, err := sms.Wording{"en": {k: text}}.Render(k, "en", d)
			if err != nil {
				t.Fatalf("%s: %v", k, err)
			}
			if s := body.Reveal(); k == sms.KindCode && sixDigits.FindString(s) != "048291" {
				t.Fatalf("first six digits are not the code: %q", s)
			}
		}
	})
}

func TestWordingIsUsed(t *testing.T) {
	own := sms.Wording{"en": {sms.KindHelp: "We are {{.Org}}."}}
	for _, c := range []struct{ locale, want string }{
		{"en", "We are Bright Smiles Dental."},
		{"fr", "We are Bright Smiles Dental."},
		{"es", render(t, sms.KindHelp, "es", example(t))},
	} {
		if text, err := own.Render(sms.KindHelp, c.locale, example(t)); err != nil || text.Reveal() != c.want {
			t.Errorf("%s: %q, %v", c.locale, text.Reveal(), err)
		}
	}
	if text, err := own.Render(sms.KindCanceled, "en", example(t)); err != nil || text.Reveal() != render(t, sms.KindCanceled, "en", example(t)) {
		t.Errorf("what is left out: %q, %v", text.Reveal(), err)
	}
	if _, err := own.Render("advert", "en", example(t)); err == nil {
		t.Error("rendered a kind that there is not")
	}
}
