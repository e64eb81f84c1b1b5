package pii_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"holdfast/store/pii"
)

const secret = "+15550100042"

// Everything prints its label and never its value: every verb that fmt hands to a Formatter, JSON, slog.
func TestNothingPrints(t *testing.T) {
	for label, v := range map[string]any{
		"[phone]": pii.KnownPhone(secret),
		"[name]":  pii.NewName(secret),
		"[text]":  pii.NewText(secret),
		"[code]":  pii.NewCode(secret),
		"[token]": pii.NewToken(secret),
	} {
		holder := struct {
			V any
			P *any
			L []any
			M map[string]any
		}{v, &v, []any{v}, map[string]any{"k": v}}
		for _, verb := range []string{
			"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%e", "%t", "%10.3s",
		} {
			if got := fmt.Sprintf(verb, v); got != label {
				t.Errorf("%s of %s: %q", verb, label, got)
			}
			silent(t, verb, fmt.Sprintf(verb, holder))
		}
		// fmt asks no Formatter for %p and %w, nor in unexported fields.
		for _, verb := range []string{"%p", "%w", "%v", "%+v", "%#v", "%s", "%x", "%d"} {
			silent(t, verb, fmt.Sprintf(verb+verb, v, struct{ v any }{v}))
			silent(t, verb, fmt.Sprintf(verb+verb, struct{ p pii.Phone }{pii.KnownPhone(secret)}, &struct{ t pii.Text }{pii.NewText(secret)}))
		}
		silent(t, "Sprint", fmt.Sprint(v, holder))
		silent(t, "error", fmt.Errorf("customer %v: %w", v, errors.New("x")).Error())

		js, err := json.Marshal(holder)
		if err != nil || !strings.Contains(string(js), label) {
			t.Errorf("json of %s: %s, %v", label, js, err)
		}
		silent(t, "json", string(js))
		for _, key := range []any{map[pii.Phone]int{pii.KnownPhone(secret): 1}, map[pii.Code]int{pii.NewCode(secret): 1}} {
			js, _ := json.Marshal(key)
			silent(t, "json key", string(js)+fmt.Sprintf("%v %+v %#v", key, key, key))
		}

		var out bytes.Buffer
		for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(h).With("with", v).Info("m", "v", v, "p", &v, "h", holder, slog.Group("g", "v", v))
		}
		if !strings.Contains(out.String(), label) {
			t.Errorf("slog of %s: %s", label, &out)
		}
		silent(t, "slog", out.String())
	}
}

func silent(t *testing.T, how, got string) {
	t.Helper()
	for _, s := range []string{secret, secret[1:], "5550100042", fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("% x", secret)} {
		if strings.Contains(got, s) {
			t.Errorf("%s gives away %q: %s", how, s, got)
		}
	}
}

func TestReveal(t *testing.T) {
	if pii.NewText(secret).Reveal() != secret || pii.KnownPhone(secret).Reveal() != secret {
		t.Error("Reveal does not")
	}
	if !(pii.Text{}).IsZero() || pii.NewText("x").IsZero() || !(pii.Phone{}).IsZero() || pii.KnownPhone(secret).IsZero() {
		t.Error("IsZero is wrong")
	}
	if !pii.NewCode("123456").Equal(pii.NewCode("123456")) || pii.NewCode("123456").Equal(pii.NewCode("123457")) ||
		pii.NewCode("123456").Equal(pii.NewCode("")) || !(pii.Code{}).Equal(pii.NewCode("")) {
		t.Error("Equal is wrong")
	}
	if pii.KnownPhone(secret).Last2() != "42" || (pii.Phone{}).Last2() != "" || pii.KnownPhone("+").Last2() != "" {
		t.Error("Last2 is wrong")
	}
}

// The labels and the one way out.
func Example() {
	phone, err := pii.ParsePhone("(555) 010-0042", "US")
	fmt.Println(phone, err, phone.Last2())
	fmt.Printf("%v %+v %#v\n", pii.NewName("Ana Lee"), pii.NewCode("048291"), pii.NewToken("t0ps3cret"))
	fmt.Println(phone.Reveal())
	// Output:
	// [phone] <nil> 42
	// [name] [code] [token]
	// +15550100042
}
