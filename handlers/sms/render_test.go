package sms_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"holdfast/handlers/sms"
	"holdfast/store/pii"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func example(t testing.TB) sms.Data {
	return at(t, sms.Data{
		Org: "Bright Smiles Dental", Name: "Sam", Resource: "Dr. Lee", Service: "Cleaning", Notes: "first visit, needs a ramp",
		Code:     pii.NewCode("048291"),
		ValidFor: 10 * time.Minute,
	}, "America/New_York", "America/New_York", "2026-11-24T20:00:00Z")
}

// at is d at a time, for a customer and a resource in their zones. Half an hour and an hour later are free, and the next
// day 18 hours later.
func at(t testing.TB, d sms.Data, customer, resource, start string) sms.Data {
	t.Helper()
	when, err := time.Parse(time.RFC3339, start)
	if err != nil {
		t.Fatal(err)
	}
	d.Start, d.Place = when.In(zone(t, customer)), zone(t, resource)
	d.Choices = []sms.Choice{{Start: d.Start.Add(30 * time.Minute)}, {Start: d.Start.Add(time.Hour)}, {Start: d.Start.Add(18 * time.Hour)}}
	return d
}

func render(t testing.TB, k sms.Kind, locale string, d sms.Data) string {
	t.Helper()
	text, err := sms.Render(k, locale, d)
	if err != nil {
		t.Fatal(err)
	}
	return text.Reveal()
}

func TestTexts(t *testing.T) {
	const newYork, madrid = "America/New_York", "Europe/Madrid"
	plain := example(t)
	bare := plain
	bare.Name, bare.Resource, bare.Service, bare.Notes, bare.ValidFor, bare.Choices = "", "", "", "", 90*time.Second, plain.Choices[:1]
	asked := plain
	asked.Service, asked.Choices = "", plain.Choices[:2]
	accents := plain
	accents.Org, accents.Name, accents.Resource, accents.Service = "Clínica “Sonrisa” – Señal", "José Ángel", "Dra. Núñez", "Revisión… y más"
	long := plain
	long.Org = "The Very Reverend Bartholomew Memorial Community Dental Hospital"
	long.Name = "Maria Fernanda del Carmen de los Santos"
	long.Resource = "Prof. Dr. Dr. Maximiliane-Theresia von Hohenstein"
	long.Service = "Comprehensive periodontal evaluation including photographs"
	longNote := long
	longNote.Service, longNote.Notes = "", "needs an interpreter, 3 PM too"
	wide := plain
	wide.Org, wide.Name, wide.Resource = "さくら歯科", "さくら", "Dra. Núñez"
	for _, locale := range sms.Languages() {
		var b strings.Builder
		for _, c := range []struct {
			name  string
			d     sms.Data
			kinds []sms.Kind // none: those that name a time
		}{
			{"plain", plain, sms.Kinds()}, {"bare", bare, sms.Kinds()}, {"accents", accents, sms.Kinds()}, {"long", long, sms.Kinds()},
			{"note", asked, []sms.Kind{sms.KindFollowup, sms.KindAlternatives}}, {"long note", longNote, []sms.Kind{sms.KindFollowup}},
			{"wide", wide, []sms.Kind{sms.KindCode, sms.KindConfirmation, sms.KindFollowup, sms.KindAlternatives}},
			{"midnight", at(t, plain, newYork, newYork, "2026-12-30T05:05:00Z"), nil},
			{"spring, New York", at(t, plain, newYork, newYork, "2027-03-14T07:00:00Z"), nil}, // clocks just went 2 -> 3
			{"spring, Madrid", at(t, plain, madrid, madrid, "2027-03-28T00:45:00Z"), nil},     // 2:00 follows on 1:59
			{"autumn, New York, first 1:30", at(t, plain, newYork, newYork, "2026-11-01T05:30:00Z"), nil},
			{"autumn, New York, second 1:30", at(t, plain, newYork, newYork, "2026-11-01T06:30:00Z"), nil},
			{"autumn, Madrid, first 2:30", at(t, plain, madrid, madrid, "2026-10-25T00:30:00Z"), nil},
			{"autumn, Madrid, second 2:30", at(t, plain, madrid, madrid, "2026-10-25T01:30:00Z"), nil},
			{"elsewhere", at(t, plain, "America/Los_Angeles", newYork, "2026-11-24T20:00:00Z"), nil},
			{"elsewhere, on the night clocks change here", at(t, plain, madrid, newYork, "2026-10-31T20:00:00Z"), nil},
			{"elsewhere, long", at(t, long, "Pacific/Chatham", newYork, "2026-11-24T20:00:00Z"), nil},
			{"a zone of another name, the same hour", at(t, plain, "America/Toronto", newYork, "2026-11-24T20:00:00Z"), []sms.Kind{sms.KindConfirmation}},
			{"a zone without a name", at(t, plain, "America/Sao_Paulo", newYork, "2026-11-24T20:00:00Z"), []sms.Kind{sms.KindConfirmation, sms.KindAlternatives}},
		} {
			if c.kinds == nil {
				c.kinds = []sms.Kind{sms.KindMoveCode, sms.KindConfirmation, sms.KindMoved, sms.KindReminder, sms.KindFollowup, sms.KindAlternatives, sms.KindCancelCheck}
			}
			for _, k := range c.kinds {
				s := render(t, k, locale, c.d)
				n, enc := sms.Segments(s)
				fmt.Fprintf(&b, "%s: %s (%d x %s)\n%s\n\n", c.name, k, n, enc, s)
			}
		}
		golden(t, "texts."+locale+".golden", b.String())
	}
}

var sixDigits = regexp.MustCompile(`[0-9]{6}`)

// What every text keeps to, whatever names it is given.
func TestTextRules(t *testing.T) {
	names := []string{
		"X", "123456 Street Dental", "Clínica Ñandú", "AT&T", strings.Repeat("€", 60), strings.Repeat("word ", 40),
		"\u202eevil\u202c\n\tname  ", "O’Brien & Söhne", "{{.Code}} <b>", strings.Repeat("ß", 50),
	}
	for _, locale := range []string{"en", "es", "es-MX", "ES_us", "fr", ""} {
		for _, k := range sms.Kinds() {
			for _, name := range names {
				d := example(t)
				d.Org, d.Name, d.Resource, d.Service = name, name, name, name
				s := render(t, k, locale, d)
				if n, enc := sms.Segments(s); n != 1 || enc != sms.GSM7 {
					t.Errorf("%s %s: %d x %s: %s", locale, k, n, enc, s)
				}
				if k.Code() && sixDigits.FindString(s) != "048291" {
					t.Errorf("first six digits are not the code: %s", s)
				}
				for _, never := range []string{"Reply CANCEL", "Reply YES", "Responde CANCEL", "Responde SI", "\n", "  ", "\u202e"} {
					if strings.Contains(s, never) {
						t.Errorf("%q in %s", never, s)
					}
				}
			}
			secret := example(t)
			secret.Service = "Rootcanal"
			names := k == sms.KindConfirmation || k == sms.KindMoved || k == sms.KindFollowup
			if s := render(t, k, locale, secret); strings.Contains(s, "Rootcanal") != names {
				t.Errorf("service in %s: %s", k, s)
			}
		}
	}
}

// A text whose names fold to GSM-7 is one segment, whatever they are and wherever the customer is; any other is two, or three
// where the words are many already.
func TestOneSegment(t *testing.T) {
	zones := []string{"America/New_York", "America/Los_Angeles", "America/Sao_Paulo", "Europe/Madrid", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "UTC"}
	rapid.Check(t, func(r *rapid.T) {
		name := func(label string) string {
			word := rapid.StringOfN(rapid.SampledFrom([]rune("WiñÑáß€{ 0")), 0, 60, -1)
			if label == "Org" {
				return "W" + word.Draw(r, label)
			}
			return word.Draw(r, label)
		}
		d := sms.Data{Org: name("Org"), Name: name("Name"), Resource: name("Resource"), Service: name("Service"), Notes: name("Notes"),
			Code: pii.NewCode("048291"), ValidFor: time.Duration(rapid.IntRange(1, 200).Draw(r, "minutes")) * time.Minute,
			Place: zone(t, rapid.SampledFrom(zones).Draw(r, "place"))}
		here := zone(t, rapid.SampledFrom(zones).Draw(r, "zone"))
		half := func(label string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(r, label)) * 15 * time.Minute
		}
		year := time.Date(2026, 1, 1, 0, 0, 0, 0, here)
		d.Start = year.Add(half("start", 0, 365*96))
		if rapid.Bool().Draw(r, "near a change") {
			_, change := d.Start.ZoneBounds()
			if !change.IsZero() {
				d.Start = change.Add(half("from it", -12, 12))
			}
		}
		for range rapid.IntRange(1, 3).Draw(r, "choices") {
			d.Choices = append(d.Choices, sms.Choice{Start: d.Start.Add(half("choice", -14*96, 14*96))})
		}
		wide := d
		wide.Org = "さ" + d.Org
		for _, locale := range sms.Languages() {
			for _, k := range sms.Kinds() {
				s := render(t, k, locale, d)
				if n, enc := sms.Segments(s); n != 1 || enc != sms.GSM7 {
					r.Errorf("%s %s: %d x %s: %s", locale, k, n, enc, s)
				}
				s = render(t, k, locale, wide)
				if n, enc := sms.Segments(s); n > 3 || n == 3 && k != sms.KindAlternatives && k != sms.KindMoveCode || enc != sms.UCS2 {
					r.Errorf("%s %s: %d x %s: %s", locale, k, n, enc, s)
				}
			}
		}
	})
}

func TestRenderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		kind   sms.Kind
		change func(*sms.Data)
	}{
		"kind":       {"advert", func(*sms.Data) {}},
		"no org":     {sms.KindHelp, func(d *sms.Data) { d.Org = " \n" }},
		"no code":    {sms.KindCode, func(d *sms.Data) { d.Code = pii.Code{} }},
		"short code": {sms.KindCode, func(d *sms.Data) { d.Code = pii.NewCode("48291") }},
		"letters":    {sms.KindCode, func(d *sms.Data) { d.Code = pii.NewCode("48291x") }},
		"expired":    {sms.KindCode, func(d *sms.Data) { d.ValidFor = 0 }},
		"no start":   {sms.KindConfirmation, func(d *sms.Data) { d.Start = time.Time{} }},
		"no start 2": {sms.KindCanceled, func(d *sms.Data) { d.Start = time.Time{} }},
		"no choices": {sms.KindAlternatives, func(d *sms.Data) { d.Choices = nil }},
		"4 choices":  {sms.KindAlternatives, func(d *sms.Data) { d.Choices = make([]sms.Choice, 4) }},
	} {
		d := example(t)
		c.change(&d)
		if text, err := sms.Render(c.kind, "en", d); err == nil {
			t.Errorf("%s: rendered %s", name, text.Reveal())
		} else if strings.Contains(err.Error(), "48291") {
			t.Errorf("%s: %v quotes the code", name, err)
		}
	}
}

func TestValidity(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "1 s", 59 * time.Second: "59 s", 119 * time.Second: "1 min", 5 * time.Minute: "5 min",
		119 * time.Minute: "119 min", 2 * time.Hour: "2 h",
	} {
		data := example(t)
		data.ValidFor = d
		if s := render(t, sms.KindCode, "en", data); !strings.Contains(s, "within "+want+" ") {
			t.Errorf("%v: %s, want %s", d, s, want)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	d := example(b)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = sms.Render(sms.KindCode, "en", d)
	}
}
