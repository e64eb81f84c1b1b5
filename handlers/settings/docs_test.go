package settings

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files")

const docsHead = `# Settings

What an org decides for itself: ` + "`GET` and `PUT /v1/orgs/{org}/settings`, or `holdfast org settings get|set`" + `. One document with a
default for everything; what it leaves out has its default, and a ` + "`PUT`" + ` replaces the whole of it. What is not in this table is
refused, and so is a value that breaks its rule: the problem's ` + "`field`" + ` is the first path, ` + "`errors`" + ` lists them all.
` + "`ETag`" + ` is the document's version, and ` + "`If-Match`" + ` keeps a change from replacing one that was not seen. A change counts from the
answer on in every task, whoever runs it, and is written into the audit log. (For up to 5 s another process may still
answer 202 to a phone of a country that was just taken out; its task then refuses, and nothing is booked or texted. The limits of org, source
and country are believed for as long.)

Generated from handlers/settings/fields.go by its test with -update.

| path | JSON | default | rule | acts | why |
|---|---|---|---|---|---|
`

const docsTail = `
**acts** says whether something acts on the setting yet. The others are checked, kept and shown, and change nothing so far.

## Limits of codes

[The API](api.md#limits-as-they-are-today) tells what each counts and how it is answered. Those of phone, prefix and ratio are counted in PostgreSQL, by the
texts themselves. Those of org, source and country are counted in Redis, by what is asked for: when Redis has lost its data they begin anew,
and while it is away each process of the API counts what it lets through itself.

## Templates

A template is plain text with fields:

| field | |
|---|---|
| ` + "`{{.Org}}`" + ` | the org's name |
| ` + "`{{.Code}}`" + `, ` + "`{{.For}}`" + ` | the code, and how long it is valid |
| ` + "`{{.When}}`" + ` | the booking's start as the customer's zone shows it; with the zone (` + "`1:30 AM EST`" + `) when the resource's clocks differ from it, or when it shows that hour twice |
| ` + "`{{.Resource}}`" + `, ` + "`{{.Service}}`" + ` | with whom, and what |
| ` + "`{{.Name}}`" + ` | the customer's name |
| ` + "`{{.Notes}}`" + ` | the integrator's note, when a text may quote it: one line of at most 30 characters with nothing redacted in it, no address and no long number |
| ` + "`{{.Choices}}`" + `, ` + "`{{.Numbers}}`" + ` | the times that are free, ` + "`1) 3:30 PM 2) 4 PM 3) Wed 25 Nov, 9 AM`" + `, and how to pick one, ` + "`1, 2 or 3`" + ` |

Any but the org, the code, the times and the numbers may be missing: ` + "`{{if .Resource}}…{{else}}…{{end}}`" + ` and ` + "`{{with .Resource}}…{{.}}…{{end}}`" + `
see to that. There is nothing else of Go's template language. What is checked when a template is set:

- It names the fields of its kind and no others. The service stands where the customer must know which booking is meant, and not in
  reminders, since a screen shows a text to anybody.
- A code text holds the code before any other field and any digit: the first six digits in it are the code. A text of alternatives
  holds ` + "`{{.Choices}}`" + `.
- No text asks for CANCEL or YES, which providers take as STOP and START (Twilio, "Default keywords for STOP, START and HELP"), nor for
  what means so in Spanish (BAJA). C cancels, K keeps, a number picks a time.
- No term of the medical dictionary, nor of ` + "`redaction.terms`" + `, is among its own words.
- Filled in with the longest names a text takes two SMS at most. Names are cut and lose what GSM-7 does not have, see
  handlers/sms; a character of the template's own outside of GSM-7 makes the whole text UCS-2, where an SMS holds less than half.
  Holdfast's own words take one SMS: there names are cut further until they do.
- At most 640 bytes, without control or invisible characters other than a line break.

` + "`holdfast org texts north`" + ` prints each text as a customer would get it, with its SMS counted; ` + "`--kind`" + ` and ` + "`--locale`" + ` narrow it
down, ` + "`--json`" + ` is for machines. ` + "`--settings FILE`" + ` does so for a document that is not set yet, and says what is wrong with it. It only
reads, and does with ` + "`HOLDFAST_AUDIT_DATABASE_URL`" + `.
`

// TestDocs keeps docs/settings.md to the table.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString(docsHead)
	d := Defaults("US", installation)
	for _, f := range table {
		def, err := json.Marshal(f.get(d))
		if err != nil {
			t.Fatal(err)
		}
		shown := "`" + string(def) + "`"
		switch {
		case strings.HasPrefix(f.path, "templates."):
			shown = "`" + f.get(d).(string) + "`"
		case f.path == "countries":
			shown = "the org's region"
		}
		acts := "no"
		if f.acts {
			acts = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", f.path, f.form, shown, f.rule, acts, f.why)
	}
	b.WriteString(docsTail)
	const golden = "../../docs/settings.md"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != b.String() {
		t.Errorf("the table has changed; see whether it should, then go test -update (%v)", err)
	}
}

// TestExamples: what docs/redaction.md shows can be set.
func TestExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/redaction.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rest := string(page); ; n++ {
		_, from, ok := strings.Cut(rest, "```json\n")
		if !ok {
			break
		}
		example, behind, _ := strings.Cut(from, "```")
		if _, err := Parse([]byte(example), "US", installation); err != nil {
			t.Errorf("%s: %v", example, err)
		}
		rest = behind
	}
	if n < 2 {
		t.Errorf("%d examples", n)
	}
}
