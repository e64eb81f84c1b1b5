package sms_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"holdfast/handlers/sms"
	"holdfast/store/pii"
)

var kinds = []sms.Kind{
	sms.KindCode, sms.KindConfirmation, sms.KindCanceled, sms.KindHelp, sms.KindStopConfirm, sms.KindNotUnderstood, sms.KindWrongCode, sms.KindExpired,
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func example(t testing.TB) sms.Data {
	return sms.Data{
		Org: "Bright Smiles Dental", Resource: "Dr. Lee", Service: "Cleaning",
		Start:    time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC).In(zone(t, "America/New_York")),
		Code:     pii.NewCode("048291"),
		ValidFor: 10 * time.Minute,
	}
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
	plain := example(t)
	bare := plain
	bare.Resource, bare.Service, bare.ValidFor = "", "", 90*time.Second
	accents := plain
	accents.Org, accents.Resource, accents.Service = "Clínica “Sonrisa” – Señal", "Dra. Núñez", "Revisión… y más"
	long := plain
	long.Org = "The Very Reverend Bartholomew Memorial Community Dental Hospital"
	long.Resource = "Prof. Dr. Dr. Maximiliane-Theresia von Hohenstein"
	long.Service = "Comprehensive periodontal evaluation including photographs"
	wide := plain
	wide.Org, wide.Resource = "さくら歯科", "Dra. Núñez"
	spring, autumn, night := plain, plain, plain
	spring.Start = time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC).In(zone(t, "America/New_York")) // clocks just went 2 -> 3
	autumn.Start = time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC).In(zone(t, "Europe/Madrid")) // the second 2:30
	night.Start = time.Date(2026, 12, 30, 5, 5, 0, 0, time.UTC).In(zone(t, "America/New_York"))
	for _, locale := range []string{"en", "es"} {
		var b strings.Builder
		for _, c := range []struct {
			name string
			d    sms.Data
		}{
			{"plain", plain}, {"bare", bare}, {"accents", accents}, {"long", long}, {"wide", wide},
			{"spring", spring}, {"autumn", autumn}, {"midnight", night},
		} {
			for _, k := range kinds {
				if c.name != "plain" && c.name != "bare" && c.name != "accents" && k != sms.KindCode && k != sms.KindConfirmation {
					continue
				}
				s := render(t, k, locale, c.d)
				n, enc := sms.Segments(s)
				fmt.Fprintf(&b, "%s %s (%d x %s)\n%s\n\n", c.name, k, n, enc, s)
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
		for _, k := range kinds {
			for _, name := range names {
				d := example(t)
				d.Org, d.Resource, d.Service = name, name, name
				s := render(t, k, locale, d)
				if n, enc := sms.Segments(s); n != 1 || enc != sms.GSM7 {
					t.Errorf("%s %s: %d x %s: %s", locale, k, n, enc, s)
				}
				if k == sms.KindCode && sixDigits.FindString(s) != "048291" {
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
			if s := render(t, k, locale, secret); strings.Contains(s, "Rootcanal") != (k == sms.KindConfirmation) {
				t.Errorf("service in %s: %s", k, s)
			}
		}
	}
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
