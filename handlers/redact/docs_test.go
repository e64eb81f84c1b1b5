package redact

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files")

// about is what each type is, for docs/redaction.md.
var about = map[Type]string{
	PhoneNumber: "phones and faxes: ten digits as North America writes them, with an extension, a + and a country's code, or letters for digits; of no real line too (555-0142)",
	Email:       "addresses of mail",
	SSN:         "US social security numbers; the last four digits with a cue",
	CreditCard:  "card numbers whose check digit is right",
	DateOfBirth: "dates with a cue; other dates stay",
	IP:          "addresses of the internet, not version numbers",
	MRN:         "medical record numbers, with a cue or in the org's own form",
	NPI:         "numbers of US health providers, with a cue and the right check digit",
	DEA:         "registrations of US prescribers, by check digit",
	MBI:         "identifiers of Medicare beneficiaries",
	MedicalTerm: "drugs, conditions, procedures and tests of the dictionary, and the org's own terms. Ordinary words (cold, stroke) need a second medical word beside them",
	Name:        "names that the booking tells, with a title, or behind \"my name is\"",
	Address:     "streets with a number, boxes, ZIP codes",
	Date:        "all dates",
	URL:         "addresses of the web",
	Age:         "ages over 89",
}

// TestDocs keeps the table of types in docs/redaction.md to the types and rules that there are.
func TestDocs(t *testing.T) {
	const path, open, end = "../../docs/redaction.md", "<!-- types -->\n", "<!-- /types -->"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), open)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no %s… %s", path, open, end)
	}
	var b strings.Builder
	b.WriteString("| type | what | by | rules, and how sure they are |\n|---|---|---|---|\n")
	for _, typ := range Types() {
		if about[typ] == "" {
			t.Errorf("%v: say what it is", typ)
		}
		by := "both"
		if typ >= Address { // they are declared last
			by = "`strict`"
		}
		fmt.Fprintf(&b, "| `%v` | %s | %s | %s |\n", typ, about[typ], by, rulesOf(typ))
	}
	want := head + open + b.String() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(page) != want {
		t.Error("the table is stale; see whether it should change, then go test -update")
	}
}

// rulesOf lists what recognises a type.
func rulesOf(typ Type) string {
	var all []string
	for _, r := range rules {
		if r.t == typ {
			all = append(all, fmt.Sprintf("`%s` %d %%", r.Name, r.Confidence))
		}
	}
	return strings.Join(all, ", ")
}
