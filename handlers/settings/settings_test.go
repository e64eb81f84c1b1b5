package settings

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/handlers/hook"
	"holdfast/handlers/redact"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/calendar"
)

var installation = Installation{QuietHours: calendar.QuietHours{From: 21, To: 8}}

// at a path of the document a value that breaks its rule; %s stands for the value in nest.
func nest(path, value string) string {
	keys := strings.Split(path, ".")
	return `{"` + strings.Join(keys, `":{"`) + `":` + value + strings.Repeat("}", len(keys))
}

// Each rule, by values that break it. Every line of the table has some, or this test names it.
func TestRules(t *testing.T) {
	broken := map[string][]string{
		"failed_text":                    {`"drop"`, `""`, `7`, `null`, `["keep_hold"]`},
		"countries":                      {`[]`, `["us"]`, `["XX"]`, `["001"]`, `["US","US"]`, `[null]`, `"US"`, `null`, `[1]`, `{}`},
		"quiet_hours":                    {`"21"`, `"21-24"`, `"8-8"`, `"-1-8"`, `""`, `21`, `null`, `{"from":21}`},
		"reminders.minutes_before":       {`[4]`, `[10081]`, `[60,60]`, `[10,20,30,40]`, `["1h"]`, `[1.5]`, `60`, `null`, `[null]`},
		"followup.enabled":               {`"yes"`, `1`, `null`},
		"followup.per_day":               {`-1`, `1000001`, `"1"`},
		"followup.per_week":              {`-1`, `1000001`, `null`},
		"endpoint.url":                   {`"http://a.example"`, `"https://10.0.0.1"`, `"ftp://a.example"`, `"https://"`, `"a.example/hook"`, `"https://u:p@a.example"`, `"https://a.example/#x"`, `"https://a b.example"`, `"https://a.example/\u0000"`, `"https://a.example/ü"`, `"https://a.example/` + strings.Repeat("x", 2000) + `"`, `null`, `1`},
		"endpoint.events":                {`[]`, `["booking.lost"]`, `["booking.held","booking.held"]`, `"booking.held"`, `null`},
		"redaction.policy":               {`"none"`, `""`, `true`, `null`},
		"redaction.terms":                {`["x"]`, `["42"]`, `[null]`, `["` + strings.Repeat("x", redact.MaxTerm+1) + `"]`, `"bridge"`, `null`},
		"redaction.mrn":                  {`"12"`, `"###"`, `"` + strings.Repeat("#", redact.MaxMRN+1) + `"`, `7`, `null`},
		"limits.phone.per_10_minutes":    {`-1`, `1000001`, `1.5`, `"3"`, `null`, `1e99`},
		"limits.phone.per_day":           {`-1`, `1000001`, `[]`},
		"limits.org.per_hour":            {`-1`, `1000001`, `true`},
		"limits.source.per_hour":         {`-1`, `1000001`, `{}`},
		"limits.prefix.per_hour":         {`-1`, `1000001`, `"many"`},
		"limits.country.per_hour":        {`-1`, `1000001`, `null`},
		"limits.sender.per_second":       {`-1`, `1000001`, `0.5`},
		"limits.ratio.confirmed_percent": {`-1`, `101`, `0.2`},
		"limits.ratio.after_texts":       {`0`, `1000001`, `null`},
	}
	for _, locale := range sms.Languages() {
		for _, k := range sms.Kinds() {
			broken["templates."+locale+"."+string(k)] = []string{`"{{.Nope}}"`, `""`, `null`, `7`, `"Reply YES"`}
		}
	}
	for _, typ := range redact.Types() {
		path := "redaction.actions." + typ.String()
		broken[path] = []string{`"drop"`, `""`, `null`, `true`, `["remove"]`}
		if !typ.Maskable() {
			broken[path] = append(broken[path], `"mask"`)
		}
	}
	for _, f := range table {
		if len(broken[f.path]) == 0 {
			t.Errorf("%s: nothing here breaks its rule", f.path)
		}
		for _, v := range broken[f.path] {
			_, err := Parse([]byte(nest(f.path, v)), "US", installation)
			var invalid Invalid
			if !errors.As(err, &invalid) || len(invalid) != 1 || invalid[0].Field != f.path || invalid[0].Detail == "" {
				t.Errorf("%s = %s: %v", f.path, v, err)
			}
		}
		delete(broken, f.path)
	}
	for path := range broken {
		t.Errorf("%s is no setting", path)
	}
}

// A template names no medical term: none of the dictionary, in no branch of it and in neither language, and none of the
// org's own. What the error says is the path and the rule.
func TestTemplateNamesNoHealth(t *testing.T) {
	for doc, path := range map[string]string{
		`{"templates":{"en":{"reminder":"Your root canal at {{.Org}} is {{.When}}."}}}`:                                      "templates.en.reminder",
		`{"templates":{"es":{"followup":"¿Sigue en pie tu endodoncia del {{.When}}? K"}}}`:                                   "templates.es.followup",
		`{"templates":{"en":{"moved":"{{with .Service}}{{.}}{{else}}Chemotherapy{{end}} is {{.When}}."}}}`:                   "templates.en.moved",
		`{"templates":{"en":{"code":"{{.Code}} for {{if .Org}}{{.Org}}{{else}}your biopsy{{end}}"}}}`:                        "templates.en.code",
		`{"redaction":{"terms":["Glow Protocol"]},"templates":{"en":{"help":"{{.Org}}: the glow protocol. STOP ends it."}}}`: "templates.en.help",

		`{"templates":{"en":{"reminder":"Your cleaning at {{.Org}} is {{.When}}. Your dentist is {{.Resource}}."}}}`: "",
		`{"templates":{"en":{"help":"{{.Org}}: the glow protocol. STOP ends it."}}}`:                                 "",
		`{"templates":{"en":{"moved":"root {{.Org}} canal {{.When}}"}}}`:                                             "",
		`{"redaction":{"terms":["booking"]}}`:                                                                        "", // our own words are not the org's
	} {
		_, err := Parse([]byte(doc), "US", installation)
		switch {
		case path == "" && err != nil:
			t.Errorf("%s: %v", doc, err)
		case path != "" && !reflect.DeepEqual(err, error(Invalid{{path, healthRule}})):
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// What an endpoint may be besides a public host by https, the installation lists; a bad one is one finding.
func TestEndpointIsReachable(t *testing.T) {
	list := Installation{Endpoints: hook.Loopback()}
	for url, want := range map[string]string{
		"http://127.0.0.1:9/x": "want https", "http://localhost": "want https", "https://127.0.0.1": "want a public address", "https://[::1]": "want a public address",
	} {
		doc := []byte(nest("endpoint.url", `"`+url+`"`))
		if _, err := Parse(doc, "US", installation); !reflect.DeepEqual(err, error(Invalid{{"endpoint.url", want}})) {
			t.Errorf("%s: %v", url, err)
		}
		if d, err := Parse(doc, "US", list); err != nil || d.Endpoint.URL != url {
			t.Errorf("%s, listed: %v", url, err)
		}
	}
	if _, err := Parse([]byte(`{"endpoint":{"url":"http://10.0.0.1"}}`), "US", list); err == nil {
		t.Error("more is allowed than what is listed")
	}
}

// What is no setting is refused, by its path when that can be said.
func TestUnknown(t *testing.T) {
	for doc, want := range map[string]Broken{
		`{"limits":{"phone":{"per_week":1}}}`:          {"limits.phone.per_week", "is no setting"},
		`{"Redaction":"strict"}`:                       {"", "holds something that is no setting"},
		`{"limits":{"+12025550142":1}}`:                {"limits", "holds something that is no setting"},
		`{"templates":{"fr":{}}}`:                      {"templates.fr", "is no setting"},
		`{"templates":{"en":{"advert":"Buy!"}}}`:       {"templates.en.advert", "is no setting"},
		`{"version":3}`:                                {"version", "is no setting"},
		`{"redaction":{"actions":{"FAX":"mask"}}}`:     {"redaction.actions.FAX", "is no setting"},
		`{"redaction":{"actions":{"Ana Lee":"mask"}}}`: {"redaction.actions", "holds something that is no setting"},
		`{"redaction":["strict"]}`:                     {"redaction", "want one JSON object"},
		`{"endpoint":"https://a.example"}`:             {"endpoint", "want one JSON object"},
		`{"limits":3}`:                                 {"limits", "want one JSON object"},
		`{"limits":null}`:                              {"limits", "want one JSON object"},
		`{"limits":{"phone":[]}}`:                      {"limits.phone", "want one JSON object"},
		`[]`:                                           {"", "want one JSON object"},
		`null`:                                         {"", "want one JSON object"},
		``:                                             {"", "want one JSON object"},
		`{} {}`:                                        {"", "want one JSON object"},
		"{\"a\":\"\xff\"}":                             {"", "not UTF-8"},
	} {
		_, err := Parse([]byte(doc), "US", installation)
		if !reflect.DeepEqual(err, error(Invalid{want})) {
			t.Errorf("%s: %v, want %v", doc, err, want)
		}
	}
}

// The policy's name is short for the whole of redaction.
func TestRedactionInShort(t *testing.T) {
	short, err := Parse([]byte(`{"redaction":"strict"}`), "US", installation)
	if err != nil {
		t.Fatal(err)
	}
	long, err := Parse([]byte(`{"redaction":{"policy":"strict"}}`), "US", installation)
	if err != nil || short.Redaction.Policy != redact.Strict || !reflect.DeepEqual(short, long) {
		t.Errorf("%+v, %v", short.Redaction, err)
	}
}

// All that is wrong is found, in the order of paths, on one line and without what was sent.
func TestAllIsFound(t *testing.T) {
	_, err := Parse([]byte(`{"redaction":"secret-1","limits":{"phone":{"per_day":-7}},"countries":["secret-2"],"what":1}`), "US", installation)
	want := "countries: want at least one ISO 3166 region, each once, as US; limits.phone.per_day: want a whole number from 0 to 1000000; 0 is no limit; " +
		"redaction.policy: want booking or strict; what: is no setting"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	many := map[string]int{}
	for i := range 200 {
		many["k"+strings.Repeat("x", i%30)+string(rune('a'+i%26))] = i
	}
	raw, _ := json.Marshal(many)
	var invalid Invalid
	if _, err := Parse(raw, "US", installation); !errors.As(err, &invalid) || len(invalid) != maxBroken {
		t.Errorf("%d of many errors", len(invalid))
	}
}

// stored is what becomes of a document that is set: stored, and read again.
func stored(t interface{ Fatal(...any) }, d Document, region string) Document {
	doc, err := own(d, Defaults(region, installation))
	if err != nil {
		t.Fatal(err)
	}
	return Read(store.Settings{Version: 1, Doc: doc, Region: region}, installation)
}

// checkRoundTrip: a document that is valid is read back as it was set, and may be set again as it was read.
func checkRoundTrip(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, d Document) {
	if got := stored(t, d, "US"); !reflect.DeepEqual(got, d) {
		t.Fatalf("set and read:\n%+v\n%+v", d, got)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(raw, "US", installation)
	if err != nil || !reflect.DeepEqual(again, d) {
		t.Fatalf("read and set: %v\n%+v\n%+v", err, d, again)
	}
}

func TestDefaultsRoundTrip(t *testing.T) {
	d := Defaults("US", installation)
	checkRoundTrip(t, d)
	if doc, _ := own(d, d); string(doc) != "{}" {
		t.Errorf("the defaults are stored as %s", doc)
	}
	if got, err := Parse([]byte(`{}`), "US", installation); err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("nothing is set as %+v, %v", got, err)
	}
	if got := Read(store.Settings{Region: "US"}, installation); !reflect.DeepEqual(got, d) {
		t.Errorf("nothing is read as %+v", got)
	}
}

// values are good ones of each path, to put documents together from.
func values(path string) *rapid.Generator[any] {
	numbers := func(least, most int) *rapid.Generator[any] { return rapid.IntRange(least, most).AsAny() }
	switch {
	case strings.HasPrefix(path, "templates."):
		kind := sms.Kind(path[strings.LastIndexByte(path, '.')+1:])
		says := []string{"{{.Org}} says <hello> & more", "¡Hola!"}
		first := ""
		switch {
		case kind.Code():
			first, says = "{{.Code}}: ", append(says, "{{.Org}}")
		case kind == sms.KindAlternatives:
			first = "{{.Choices}}? "
		}
		for _, f := range sms.TemplateFields(kind) {
			says = append(says, "with {{."+f+"}}", "{{with ."+f+"}}{{.}}{{end}} that is")
		}
		return rapid.Map(rapid.SampledFrom(says), func(s string) any { return first + s })
	case path == "limits.ratio.confirmed_percent":
		return numbers(0, 100)
	case path == "limits.ratio.after_texts":
		return numbers(1, maxLimit)
	case strings.HasPrefix(path, "limits."):
		return numbers(0, maxLimit)
	case strings.HasPrefix(path, "redaction.actions."):
		return rapid.SampledFrom([]string{"remove", "token"}).AsAny()
	}
	return map[string]*rapid.Generator[any]{
		"failed_text":              rapid.SampledFrom([]string{KeepHold, ReleaseHold}).AsAny(),
		"redaction.policy":         rapid.SampledFrom([]string{redact.Booking, redact.Strict}).AsAny(),
		"redaction.terms":          rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"Bridge", "cap 2", "puente <a>"}), 0, 3, rapid.ID[string]).AsAny(),
		"redaction.mrn":            rapid.SampledFrom([]string{"", "MR-######", "@@####"}).AsAny(),
		"countries":                rapid.SampledFrom([][]string{{"US"}, {"CA", "US"}, {"MX"}}).AsAny(),
		"quiet_hours":              rapid.SampledFrom([]string{"off", "21-8", "0-23"}).AsAny(),
		"reminders.minutes_before": rapid.SliceOfNDistinct(rapid.IntRange(leastReminder, mostReminder), 0, maxReminders, rapid.ID[int]).AsAny(),
		"followup.enabled":         rapid.Bool().AsAny(),
		"followup.per_day":         numbers(0, maxLimit),
		"followup.per_week":        numbers(0, maxLimit),
		"endpoint.url":             rapid.SampledFrom([]string{"", "https://a.example/hook?k=v"}).AsAny(),
		"endpoint.events":          rapid.SliceOfNDistinct(rapid.SampledFrom(events()), 1, 6, rapid.ID[string]).AsAny(),
	}[path]
}

// Any document of good values is taken, and comes back as it was set.
func TestSetThenGet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := map[string]any{}
		for _, f := range table {
			if rapid.Bool().Draw(t, f.path) {
				put(tree, strings.Split(f.path, "."), values(f.path).Draw(t, f.path+" value"))
			}
		}
		raw, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(raw, "US", installation)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		checkRoundTrip(t, d)
		def := Defaults("US", installation)
		for _, f := range table { // what was said is what it is, what was not is as by default
			want, said := get(tree, f.path)
			if !said {
				want = f.get(def)
			}
			if a, b := asJSON(t, want), asJSON(t, f.get(d)); a != b {
				t.Fatalf("%s: %s, want %s", f.path, b, a)
			}
		}
	})
}

func get(tree map[string]any, path string) (any, bool) {
	head, rest, deeper := strings.Cut(path, ".")
	v, ok := tree[head]
	if !ok || !deeper {
		return v, ok
	}
	return get(v.(map[string]any), rest)
}

func asJSON(t *rapid.T, v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Whatever comes in is a valid document or told to be none.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"limits":{"phone":{"per_day":3}},"templates":{"en":{"code":"{{.Code}} x"}}}`))
	f.Add([]byte(`{"countries":["US","CA"],"quiet_hours":"OFF","reminders":{"minutes_before":[]}}`))
	f.Add([]byte(`{"endpoint":{"url":"https://a.example","events":["booking.held"]},"x":null}`))
	for _, s := range []string{`{"limits":{"phone":{"per_day":3},"phone":{"per_day":4}}}`, `{"limits":{"phone":{"per_day":1e400}}}`, `{"limits":{"phone":{"per_day":0.5}}}`, `{"limits":{"phone":{"per_day":-1}}}`,
		`{"redaction":"strict"}`, `{"redaction":{"terms":["a","bb"],"mrn":"MR-######","actions":{"US_SSN":"mask"}}}`, `{"templates":{"en":{"code":"\u202e{{.Code}}"}}}`,
		`{"templates":{"en":{"help":"{{range .Org}}{{end}}"}}}`, `{"+15550100042":{"5550100042":1}}`, `{"quiet_hours":"24-24"}`, `{"countries":["US","US"]}`, `{"endpoint":{"url":"https://u:p@10.0.0.1/#x"}}`,
		`{"reminders":{"minutes_before":[5,5]}}`, `{"followup":{"enabled":"yes"}}`, `null`, `[]`, `{`, "{}{}", "\xff", `{"limits":null}`, `{"LIMITS":{}}`, strings.Repeat(`{"limits":`, 200)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Parse(raw, "US", installation)
		if err == nil {
			checkRoundTrip(t, d)
			return
		}
		var invalid Invalid
		if !errors.As(err, &invalid) || len(invalid) == 0 || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%q: %v", raw, err)
		}
		for _, b := range invalid { // it says where and which rule, and quotes nothing
			if b.Detail == "" || len(b.Field) > 200 || strings.ContainsFunc(b.Field, func(r rune) bool { return r <= ' ' || r > '~' }) || phoneLike.MatchString(err.Error()) {
				t.Fatalf("%q: %v", raw, err)
			}
		}
	})
}

// phoneLike is what no rule has in it, and what is sent may.
var phoneLike = regexp.MustCompile(`[0-9]{8,}|[0-9]{3}[-. ][0-9]{4}`)

// What another version of Holdfast stored is taken as far as it is understood.
func TestReadIsLenient(t *testing.T) {
	d := Read(store.Settings{Region: "ES", Doc: []byte(`{"limits":{"phone":{"per_day":"many"},"org":{"per_hour":7},"moon":1},"later":{"x":1},
		"templates":{"fr":{"code":"x"},"en":{"help":"Hi."}},"redaction":{"policy":7,"actions":{"EMAIL":"token","FAX":"mask"}}}`)}, installation)
	want := Defaults("ES", installation)
	want.Redaction.Actions["EMAIL"] = "token"
	want.Limits.Org.PerHour = 7
	want.Templates["en"][sms.KindHelp] = "Hi."
	if !reflect.DeepEqual(d, want) {
		t.Errorf("%+v\nwant %+v", d, want)
	}
}

// The audit log tells paths, old and new values; of an endpoint only its host, of an org's terms how many there are.
func TestDiff(t *testing.T) {
	before := Defaults("US", installation)
	after, err := Parse([]byte(`{"limits":{"phone":{"per_day":5}},"endpoint":{"url":"https://a.example/secret?token=secret"},"templates":{"es":{"help":"Hola"}},
		"redaction":{"terms":["secret therapy"],"actions":{"US_SSN":"mask"}}}`), "US", installation)
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{"endpoint.url", "", "https://a.example"},
		{"limits.phone.per_day", 10, 5},
		{"redaction.terms", 0, 1},
		{"redaction.actions.US_SSN", "remove", "mask"},
		{"templates.es.help", before.Templates["es"][sms.KindHelp], "Hola"},
	}
	if got := diff(before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := diff(after, after); got != nil {
		t.Errorf("nothing has changed, but %+v", got)
	}
}

// BenchmarkRead is what a text costs more whose org has set something, beside one whose org has not.
func BenchmarkRead(b *testing.B) {
	for name, doc := range map[string]string{"defaults": "", "own": `{"countries":["US","CA"],"templates":{"en":{"code":"{{.Code}} for {{.Org}}"}}}`} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Read(store.Settings{Doc: []byte(doc), Region: "US"}, installation)
			}
		})
	}
}
