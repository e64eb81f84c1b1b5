package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/handlers/sms"
	"holdfast/store/storetest"
)

// TestOrgTexts previews an org's texts with nothing but the auditor's access, as they are and as a document that is not
// set would make them.
func TestOrgTexts(t *testing.T) {
	db := storetest.New(t)
	op := commands{t: t, db: db}
	op.must("", "org", "create", "clinic", "--name", "Clínica Sol", "--time-zone", "Europe/Madrid", "--locale", "es", "--region", "ES")
	texts := func(stdin string, args ...string) (string, error) {
		env := map[string]string{"HOLDFAST_AUDIT_DATABASE_URL": db.AuditURL}
		getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"org", "texts", "clinic"}, args...), getenv, strings.NewReader(stdin), &out, &out)
		return out.String(), err
	}
	if out, err := texts("", "--kind", "confirmation", "--locale", "en"); err != nil || !strings.Contains(out, "Booking confirmed at Clinica Sol, ") {
		t.Errorf("an org with nothing to book: %v\n%s", err, out)
	}
	room := op.must("", "org", "resource", "create", "clinic", "room-2", "--name", "Room 2", "--time-zone", "Atlantic/Canary")
	op.must("", "org", "resource", "create", "clinic", "room-1", "--name", "Room 1")
	op.must("", "org", "service", "create", "clinic", "cut", "--name", "A cut", "--minutes", "20", "--resource", room)
	op.must(`{"templates":{"en":{"moved":"Now {{.When}}.\nSee you, {{.Org}}"}}}`, "org", "settings", "set", "clinic")
	before := op.must("", "org", "settings", "get", "clinic")

	out, err := texts("")
	if err != nil || strings.Count(out, " SMS, ") != 2*len(sms.Kinds()) {
		t.Errorf("all: %v\n%s", err, out)
	}
	for _, want := range []string{
		"\nconfirmation en: 1 SMS, GSM-7\n  Booking confirmed: A cut with Room 2 at Clinica Sol, ",
		", 3:00 PM. Reply C to cancel.\n", "\nmoved en: 1 SMS, GSM-7, own words\n  Now ", ".\n  See you, Clinica Sol\n",
		"code en: 1 SMS, GSM-7\n  123456 is your code for Clinica Sol. Reply with it within 10 min ",
		"\nfollowup es: 1 SMS, GSM-7\n  Alex, pediste A cut con Room 2 en Clinica Sol, ", "1) 15:30 2) 16:00 3) ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out, err := texts("", "--kind", "help", "--locale", "es"); err != nil || !strings.HasPrefix(out, "help es: 1 SMS, GSM-7\n  Clinica Sol: ") || strings.Count(out, "\n") != 2 {
		t.Errorf("one: %v\n%s", err, out)
	}

	file := filepath.Join(t.TempDir(), "settings.json")
	document := `{"templates":{"en":{"help":"Hôla from {{.Org}}","code":"{{.Code}}","moved":"Your root canal is {{.When}}"}},"limits":7}`
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	type shown struct {
		Texts []preview
		Wrong []struct{ Field, Detail string }
	}
	for _, c := range []struct{ stdin, file string }{{"", file}, {document, "-"}} {
		out, err = texts(c.stdin, "--settings", c.file, "--locale", "en", "--json")
		var got shown
		if e := json.NewDecoder(strings.NewReader(out)).Decode(&got); e != nil {
			t.Fatalf("%v\n%s", e, out)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "settings: limits: want one JSON object; templates.en.moved: must not name") ||
			strings.Contains(err.Error(), "canal") || len(got.Wrong) != 2 || got.Wrong[1].Field != "templates.en.moved" {
			t.Errorf("what is wrong: %v, %+v", err, got.Wrong)
		}
		help := slices.IndexFunc(got.Texts, func(p preview) bool { return p.Kind == sms.KindHelp })
		if len(got.Texts) != len(sms.Kinds())-1 || got.Texts[0].Text != "123456" || !got.Texts[0].Own ||
			got.Texts[help] != (preview{sms.KindHelp, "en", true, "Hôla from Clinica Sol", 1, sms.UCS2}) {
			t.Errorf("%+v", got.Texts)
		}
	}
	if out, err := texts("[]", "--settings", "-"); err == nil || err.Error() != "settings: want one JSON object" || out != "" {
		t.Errorf("no document: %v\n%s", err, out)
	}
	if after := op.must("", "org", "settings", "get", "clinic"); after != before {
		t.Errorf("a preview changed the settings: %s", after)
	}
	for _, bad := range [][]string{
		{"nobody"}, {"--kind", "advert"}, {"--locale", "fr"}, {"--settings", filepath.Join(t.TempDir(), "none")}, {"--settings", "-"},
	} {
		if out, err := texts("", bad...); err == nil || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v %s", strings.Join(bad, " "), err, out)
		}
	}
}
