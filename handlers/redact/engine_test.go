package redact_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode"

	"holdfast/handlers/redact"
	"holdfast/handlers/redact/redacttest"
)

func compile(tb testing.TB, p redact.Policy) *redact.Engine {
	tb.Helper()
	e, err := p.Compile()
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// TestActions: each action, on each form of a value.
func TestActions(t *testing.T) {
	e := compile(t, redact.Policy{Actions: map[redact.Type]redact.Action{redact.PhoneNumber: redact.Mask, redact.SSN: redact.Mask, redact.CreditCard: redact.Mask}})
	for text, want := range map[string]string{
		"call (202) 555-0142 x12 now":                                     "call [PHONE_NUMBER:*0142] now",
		"call two oh two, five five five, oh one four two, extension six": "call [PHONE_NUMBER:*0142]",
		"ssn 536-22-8841": "ssn [US_SSN:*8841]",
		"my ssn is five three six two two eight eight four one": "my ssn is [US_SSN:*8841]",
		"last four of my social: 8841":                          "last four of my social: [US_SSN]", // four digits are all there is
		"card 4111 1111 1111 1111":                              "card [CREDIT_CARD:*1111]",
		"ana.lee@example.com takes metformin":                   "[EMAIL] takes [MEDICAL_TERM]",
		"２０２-５５５-０１４２":                                          "[PHONE_NUMBER:*0142]",
	} {
		if got, _ := e.Redact(text, fuzzKey); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestTokens: one value has one token, however it was written or spoken; and another for another org, value or type.
func TestTokens(t *testing.T) {
	actions := map[redact.Type]redact.Action{}
	for _, typ := range redact.Types() {
		actions[typ] = redact.Token
	}
	e := compile(t, redact.Policy{Actions: actions})
	token := func(text string, key redact.Key) string {
		t.Helper()
		out, all := e.Redact(text, key)
		if len(all) != 1 {
			t.Fatalf("%q: %q", text, out)
		}
		return out[strings.IndexByte(out, '['):]
	}
	seen := map[string]string{}
	for name, forms := range map[string][]string{
		"a phone": {
			"202-555-0142", "(202) 555-0142", "+1 202 555 0142", "1.202.555.0142", "call 2025550142", "２０２-５５５-０１４２", "202\u2011555\u20110142",
			"two oh two five five five oh one four two", "two oh two, triple five, zero one forty two", "plus one, two oh two, five five five, oh one four two",
			"dos cero dos, cinco cinco cinco, cero uno, cuarenta y dos", "my number is two oh two 555 oh one four two",
			"Caller: two oh two five five five\nAgent: mm-hm\nCaller: oh one four two", "call 011 1 202 555 0142",
		},
		"a phone with an extension": {"202-555-0142 x12", "(202) 555-0142 ext. 12", "two oh two five five five oh one four two, extension one two"},
		"a phone elsewhere":         {"+44 20 7946 0958", "plus four four two oh seven nine four six oh nine five eight", "011 44 20 7946 0958"},
		"a mailbox":                 {"ana.lee@example.com", "ANA.LEE@Example.com", "my email is ana dot lee at example dot com", "ana punto lee arroba example punto com"},
		"an ssn":                    {"ssn 536-22-8841", "536.22.8841", "ssn: 536228841", "my social is five three six, two two, eight eight four one"},
		"a card":                    {"4111 1111 1111 1111", "4111-1111-1111-1111", "card 4111111111111111", "my card is four one one one one one one one one one one one one one one one"},
		"an address":                {"ping 192.168.0.1", "one nine two dot one six eight dot zero dot one"},
	} {
		first := token(forms[0], fuzzKey)
		for _, f := range forms {
			if got := token(f, fuzzKey); got != first {
				t.Errorf("%s: %q is %s, %q is %s", name, forms[0], first, f, got)
			}
		}
		if seen[first] != "" {
			t.Errorf("%s has the token of %s", name, seen[first])
		}
		seen[first] = name
		if other := token(forms[0], redact.Key("the key of another org")); other == first {
			t.Errorf("%s: two orgs have one token", name)
		}
	}
	_, as := e.Redact("call 202-555-0142", fuzzKey)
	_, bs := e.Redact("my ssn, no, my card: 202-555-0142", fuzzKey)
	if len(as) != 1 || len(bs) > 1 {
		t.Errorf("%v %v", as, bs)
	}
}

// TestCompile: a policy is checked when it is set; the error names the rule, and nothing of the policy.
func TestCompile(t *testing.T) {
	many := make([]string, redact.MaxTerms+1)
	for i := range many {
		many[i] = fmt.Sprintf("term %d", i)
	}
	for name, c := range map[string]struct {
		p    redact.Policy
		want error
	}{
		"default":            {redact.Policy{}, nil},
		"strict":             {redact.Policy{Name: "strict", Region: "MX"}, nil},
		"another":            {redact.Policy{Name: "moonstone"}, redact.ErrPolicy},
		"a region of three":  {redact.Policy{Region: "USA"}, redact.ErrRegion},
		"a small region":     {redact.Policy{Region: "us"}, redact.ErrRegion},
		"a masked name":      {redact.Policy{Actions: map[redact.Type]redact.Action{redact.Name: redact.Mask}}, redact.ErrMask},
		"a masked phone":     {redact.Policy{Actions: map[redact.Type]redact.Action{redact.PhoneNumber: redact.Mask}}, nil},
		"an empty term":      {redact.Policy{Terms: []string{""}}, redact.ErrTerm},
		"a term of signs":    {redact.Policy{Terms: []string{"--"}}, redact.ErrTerm},
		"a term of digits":   {redact.Policy{Terms: []string{"12345"}}, redact.ErrTerm},
		"a long term":        {redact.Policy{Terms: []string{strings.Repeat("moonstone ", 11)}}, redact.ErrTerm},
		"too many terms":     {redact.Policy{Terms: many}, redact.ErrTerm},
		"as many as may be":  {redact.Policy{Terms: many[1:]}, nil},
		"a short record":     {redact.Policy{MRN: "M-##"}, redact.ErrMRN},
		"a record of none":   {redact.Policy{MRN: "moonstone"}, redact.ErrMRN},
		"a record of spaces": {redact.Policy{MRN: " ######"}, redact.ErrMRN},
		"letters alone":      {redact.Policy{MRN: "@@@@@"}, redact.ErrMRN},
		"a long record":      {redact.Policy{MRN: strings.Repeat("#", redact.MaxMRN+1)}, redact.ErrMRN},
		"a record":           {redact.Policy{MRN: "MR-@####"}, nil},
	} {
		e, err := c.p.Compile()
		if !errors.Is(err, c.want) || (err == nil) != (e != nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "moonstone") {
			t.Errorf("%s: the error %q shows what was given", name, err)
		}
	}
}

// TestVersion changes with all that a result depends on, and with nothing else.
func TestVersion(t *testing.T) {
	seen := map[string]string{}
	for name, p := range map[string]redact.Policy{
		"default": {}, "strict": {Name: "strict"}, "region": {Region: "MX"}, "terms": {Terms: []string{"chair one"}}, "more terms": {Terms: []string{"chair", "one"}},
		"record": {MRN: "MR-####"}, "action": {Actions: map[redact.Type]redact.Action{redact.Name: redact.Token}},
	} {
		v := compile(t, p).Version()
		if seen[v] != "" || !strings.Contains(v, redact.DictionaryVersion) {
			t.Errorf("%s has the version %s of %s", name, v, seen[v])
		}
		seen[v] = name
		if again := compile(t, p).Version(); again != v {
			t.Errorf("%s: %s, then %s", name, v, again)
		}
	}
	if a, b := compile(t, redact.Policy{}).Version(), compile(t, redact.Policy{Name: redact.Booking, Region: "US"}).Version(); a != b {
		t.Errorf("what is left out is the default: %s, %s", a, b)
	}
}

// TestOwn: an org's own terms and record numbers.
func TestOwn(t *testing.T) {
	e := compile(t, redact.Policy{Terms: []string{"Blue Wand", "señora Luz", "x-pen"}, MRN: "NSD-######"})
	for text, want := range map[string]string{
		"the blue  wand, or BLUE-WAND":     "the [MEDICAL_TERM], or [MEDICAL_TERM]",
		"a blue wandering":                 "a blue wandering",
		"la Senora Luz and an x pen":       "la [MEDICAL_TERM] and an [MEDICAL_TERM]",
		"file nsd-123456, not NSD-1234567": "file [MRN], not NSD-1234567",
		"XNSD-123456":                      "XNSD-123456",
	} {
		if got, _ := e.Redact(text, fuzzKey); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestExplain names for each candidate the rule, or why it is none, and never a value.
func TestExplain(t *testing.T) {
	e := compile(t, redact.Policy{})
	const text = "On 3/14/2026 call 202-555-0142, not order 2025550199. Card 4111 1111 1111 1112. A cold start."
	var got []string
	for _, c := range e.Explain(text) {
		got = append(got, fmt.Sprintf("%v %s %v: %s", c.Found, text[c.Start:c.End], c.Type, c.Why))
	}
	want := []string{
		"false 3/14/2026 DATE_OF_BIRTH: a date, and no word of a birth",
		"false 3/14/2026 PHONE_NUMBER: a date",
		"true 202-555-0142 PHONE_NUMBER: phone.nanp",
		"false 2025550199 PHONE_NUMBER: a number with a label",
		"false 4111 1111 1111 1112 CREDIT_CARD: the check digit is wrong",
		"false 4111 1111 1111 1112 PHONE_NUMBER: said to be another number",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, c := range e.Explain("call 202-555-0142 or order 2025550199 at 3/14/2026, 4111 1111 1111 1112") {
		if strings.ContainsAny(c.Why, "0123456789") && !strings.HasPrefix(c.Why, "ip.v") {
			t.Errorf("%q tells a value", c.Why)
		}
	}
}

// TestKeyIsSilent: whatever prints an org's key prints none.
func TestKeyIsSilent(t *testing.T) {
	key := redact.Key("moonstone")
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		if out := fmt.Sprintf(format, key) + fmt.Sprintf(format, struct{ Key redact.Key }{key}); strings.Contains(out, "moon") || strings.Contains(strings.ToLower(out), "6d6f6f") || strings.Contains(out, "109") {
			t.Errorf("%s: %s", format, out)
		}
	}
}

// TestConcurrent: one engine serves many.
func TestConcurrent(t *testing.T) {
	e := compile(t, redact.Policy{Terms: []string{"blue wand"}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if got, _ := e.Redact("Ana, 202-555-0142, ñ, blue wand", fuzzKey, "Ana Lee"); got != "[NAME], [PHONE_NUMBER], ñ, [MEDICAL_TERM]" {
					t.Error(got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func Example() {
	engine, err := redact.Policy{Actions: map[redact.Type]redact.Action{redact.PhoneNumber: redact.Mask}}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	text, redactions := engine.Redact("Ana, on 3/14 at 2:30 call two oh two five five five oh one four two.", redact.Key("an org's own key"), "Ana Lee")
	fmt.Println(text)
	for _, r := range redactions {
		fmt.Println(r.Type, r.Rule.Name, r.Start, r.End)
	}
	// Output:
	// [NAME], on 3/14 at 2:30 call [PHONE_NUMBER:*0142].
	// NAME name.known 0 3
	// PHONE_NUMBER phone.spoken-cue 26 67
}

// TestUnseenIsSteppedOver: what nobody sees hides no number, wherever it stands in it; nor does a frame around each digit.
func TestUnseenIsSteppedOver(t *testing.T) {
	t.Parallel()
	engine := compile(t, redact.Policy{})
	for r := range unicode.MaxRune + 1 {
		if !redacttest.Hidden(r) && !strings.ContainsRune("\u200c\u200d\ufe0e\ufe0f\u20e3\u2800", r) {
			continue
		}
		text := "call 4" + string(r) + "15-5" + string(r) + "55-0171 now"
		if r == 0x2800 { // a space
			text = "call 415" + string(r) + "555" + string(r) + "0171 now"
		}
		if got, _ := engine.Redact(text, nil); got != "call [PHONE_NUMBER] now" {
			t.Fatalf("%U: %q", r, got)
		}
	}
}
