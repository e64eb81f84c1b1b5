package pii_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/store/pii"
)

func TestParsePhone(t *testing.T) {
	for _, tt := range []struct{ raw, region, want, of string }{
		// International.
		{"+1 212 736 5000", "", "+12127365000", "US"},
		{"+12127365000", "ES", "+12127365000", "US"},
		{"+34 612 34 56 78", "US", "+34612345678", "ES"},
		{"+44 (0)20 7946 0018", "US", "+442079460018", "GB"},
		{"＋１ ２１２ ７３６ ５０００", "", "+12127365000", "US"},
		// National, with a region.
		{"(212) 736-5000", "US", "+12127365000", "US"},
		{"1-212-736-5000", "US", "+12127365000", "US"},
		{"212.736.5000", "US", "+12127365000", "US"},
		{"612 34 56 78", "ES", "+34612345678", "ES"},
		{"020 7946 0018", "GB", "+442079460018", "GB"},
		// Fictional, and Twilio's magic numbers.
		{"555-010-0042", "US", "+15550100042", "US"},
		{"(212) 555-0142", "US", "+12125550142", "US"},
		{"+15005550001", "", "+15005550001", "US"},
		{"+15005550009", "US", "+15005550009", "US"},
		// Nothing to dial.
		{"", "US", "", ""},
		{"   ", "US", "", ""},
		{"call me", "US", "", ""},
		{"12", "US", "", ""},
		{"+1 212", "US", "", ""},
		{"555-0142", "US", "", ""}, // local: seven digits reach nobody from elsewhere
		{"212 736 5000", "", "", ""},
		{"212 736 5000", "XX", "", ""},
		{"+999 123 456 789", "US", "", ""},
		{"+1 212 736 5000 000", "US", "", ""},
		{"+" + strings.Repeat("1", 30), "US", "", ""},
		{strings.Repeat("5", 10_000), "US", "", ""},
		{"\x00\xff", "US", "", ""},
	} {
		p, err := pii.ParsePhone(tt.raw, tt.region)
		if p.Reveal() != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%.40q in %q: %s, %v; want %s", tt.raw, tt.region, p.Reveal(), err, tt.want)
			continue
		}
		if err != nil {
			if !errors.Is(err, pii.ErrPhone) || !p.IsZero() || err.Error() != "not a phone number" {
				t.Errorf("%.40q: error %v", tt.raw, err)
			}
			continue
		}
		if p.Region() != tt.of {
			t.Errorf("%q: region %s, want %s", tt.raw, p.Region(), tt.of)
		}
		if again, err := pii.ParsePhone(p.Reveal(), ""); err != nil || again != p {
			t.Errorf("%q: E.164 does not parse to itself: %v", tt.raw, err)
		}
	}
	if (pii.Phone{}).Region() != "" || pii.KnownPhone("rubbish").Region() != "" {
		t.Error("no number has a region")
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"+12127365000", "(212) 736-5000", "555-010-0042 ext. 7", "tel:+1-212", "\xff", "", "+", "0", "+0", "011 44 20 7946 0018", "００１２", "+1\u202e5550100042",
		"１５５５０１０００４２", "٠١٢٣٤٥٦٧٨٩", "1-800-FLOWERS", "+1" + strings.Repeat("5", 300), "+80012345678", "tel:5550100042;phone-context=+1", "+1 555 010 0042\x00", "112", "+999123456789"} {
		f.Add(s, "US")
		f.Add(s, "MX")
	}
	f.Add("020 7946 0018", "GB")
	f.Add("0X0X00000000X0", "AX") // zeros after a trunk zero: read again it was another number
	f.Add("5550100042", "")
	f.Add("5550100042", "ZZ")
	f.Fuzz(func(t *testing.T, raw, region string) {
		p, err := pii.ParsePhone(raw, region)
		if (err == nil) == p.IsZero() {
			t.Fatalf("%q in %q: zero %v with %v", raw, region, p.IsZero(), err)
		}
		if s := p.Reveal(); err == nil && (s[0] != '+' || strings.Trim(s[1:], "0123456789") != "" || len(s) > 18) {
			t.Fatalf("%q in %q: %q is not E.164", raw, region, s)
		}
		if err != nil {
			if !errors.Is(err, pii.ErrPhone) || strings.ContainsAny(err.Error(), "0123456789+") {
				t.Fatalf("%q in %q: %v", raw, region, err)
			}
			return
		}
		// It is the same number when it is read again, wherever.
		for _, where := range []string{"", region, "US", "GB"} {
			if again, err := pii.ParsePhone(p.Reveal(), where); err != nil || again != p {
				t.Fatalf("%q in %q: %q read in %q is %q, %v", raw, region, p.Reveal(), where, again.Reveal(), err)
			}
		}
		if s := fmt.Sprintf("%v %+v %#v %s %d", p, p, p, p, p); strings.ContainsAny(s, "0123456789") {
			t.Fatalf("%q in %q: prints %q", raw, region, s)
		}
	})
}
