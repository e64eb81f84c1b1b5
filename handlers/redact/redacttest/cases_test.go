package redacttest

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"holdfast/handlers/redact"
)

func TestLoad(t *testing.T) {
	file := "# Notes set nothing: neither this.\nat ten\ta time\n\n# policy: strict\n# region: GB\n# names: Ana Lee, José\n" +
		"é\\n{{NAME|Ana}} {{IP|\\u0661.1}}\\t\"\t\"why\"\n\n42\tafter a blank line all is as at first\n"
	got, err := Load(fstest.MapFS{"x.txt": {Data: []byte(file)}, "README.md": {Data: []byte("no case")}})
	want := []Case{
		{File: "x.txt", Line: 2, Text: "at ten", Reason: "a time"},
		{File: "x.txt", Line: 7, Text: "é\nAna \u0661.1\t\"", Reason: `"why"`, Policy: redact.Policy{Name: redact.Strict, Region: "GB"},
			Names: []string{"Ana Lee", "José"},
			Want:  []redact.Span{{Start: 3, End: 6, Type: redact.Name}, {Start: 7, End: 11, Type: redact.IP}}},
		{File: "x.txt", Line: 9, Text: "42", Reason: "after a blank line all is as at first"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

func TestLoadRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"no reason":            "a reason",
		"a\tb\tc":              "a reason",
		"{{PHONE|1}}\tno type": "no type PHONE",
		"{{IP|1}\tnot closed":  "not closed",
		"{{IP:1}}\tno bar":     "not of the form",
		"\\q\tno escape":       "escape",
		"{{IP|{}}}\ta brace":   "not closed",
	} {
		_, err := Load(fstest.MapFS{"x.txt": {Data: []byte(line)}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "x.txt:1: ") {
			t.Errorf("%q: %v", line, err)
		}
	}
}
