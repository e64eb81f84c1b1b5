package pii_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/store/pii"
)

var (
	orgA = uuid.MustParse("0190a000-0000-7000-8000-00000000000a")
	orgB = uuid.MustParse("0190a000-0000-7000-8000-00000000000b")
	ver  = uuid.MustParse("0190a000-0000-7000-8000-000000000001")
)

func key(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

func ring(t testing.TB, change func(*pii.Keys)) *pii.Keyring {
	t.Helper()
	k, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	k.HashKey, k.Peppers = key(1), "1:"+key(2) // fixed, for golden values
	if change != nil {
		change(&k)
	}
	r, err := pii.NewKeyring(k)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealOpen(t *testing.T) {
	r := ring(t, nil)
	for _, clear := range []string{"", secret, "Ana Lee", strings.Repeat("x", 100_000), "\x00\xff"} {
		sealed, err := r.Seal(orgA, "customer.phone", clear)
		if err != nil {
			t.Fatal(err)
		}
		if clear != "" && bytes.Contains(sealed, []byte(clear)) {
			t.Error("sealed holds the clear text")
		}
		again, _ := r.Seal(orgA, "customer.phone", clear)
		if bytes.Equal(sealed, again) {
			t.Error("the same text seals to the same bytes")
		}
		if got, err := r.Open(orgA, "customer.phone", sealed); err != nil || got != clear {
			t.Errorf("opened %.20q, %v", got, err)
		}
		other := ring(t, nil)
		short := sealed[:len(sealed)-1]
		bent := bytes.Clone(sealed)
		bent[len(bent)-1] ^= 1
		for name, open := range map[string]func() (string, error){
			"org":     func() (string, error) { return r.Open(orgB, "customer.phone", sealed) },
			"purpose": func() (string, error) { return r.Open(orgA, "customer.name", sealed) },
			"prefix":  func() (string, error) { return r.Open(orgA, "customer.phon", sealed) },
			"keyset":  func() (string, error) { return other.Open(orgA, "customer.phone", sealed) },
			"short":   func() (string, error) { return r.Open(orgA, "customer.phone", short) },
			"bent":    func() (string, error) { return r.Open(orgA, "customer.phone", bent) },
		} {
			if got, err := open(); err == nil || got != "" {
				t.Errorf("%s: opened %.20q", name, got)
			} else {
				silent(t, name, err.Error())
			}
		}
	}
	for _, empty := range [][]byte{nil, {}} {
		if got, err := r.Open(orgA, "customer.phone", empty); got != "" || err != nil {
			t.Errorf("nothing opens as %q, %v", got, err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	r := ring(t, nil)
	if got := fmt.Sprintf("%x", r.Fingerprint(orgA, "customer.phone", secret)); got != goldenFingerprint {
		t.Errorf("fingerprint %s, want %s: those in databases would not match any more", got, goldenFingerprint)
	}
	all := [][]byte{
		r.Fingerprint(orgA, "p", "ab", "c"),
		r.Fingerprint(orgB, "p", "ab", "c"),
		r.Fingerprint(orgA, "q", "ab", "c"),
		r.Fingerprint(orgA, "p", "a", "bc"),
		r.Fingerprint(orgA, "p", "abc"),
		r.Fingerprint(orgA, "p", "abc", ""),
		r.Fingerprint(orgA, "pa", "b", "c"),
		r.Fingerprint(orgA, "p"),
		ring(t, func(k *pii.Keys) { k.HashKey = key(9) }).Fingerprint(orgA, "p", "ab", "c"),
	}
	for i, x := range all {
		if len(x) != 32 {
			t.Errorf("%d has %d bytes", i, len(x))
		}
		for j, y := range all[:i] {
			if bytes.Equal(x, y) {
				t.Errorf("%d and %d are the same", i, j)
			}
		}
	}
}

// TestRedactionKey: the key of an org's tokens is its own, no other fingerprint, and stays what it is: tokens and hashes that
// are stored must match those of tomorrow.
func TestRedactionKey(t *testing.T) {
	r := ring(t, nil)
	if got := fmt.Sprintf("%x", r.RedactionKey(orgA)); got != goldenRedactionKey {
		t.Errorf("key %s, want %s", got, goldenRedactionKey)
	}
	for _, other := range [][]byte{r.RedactionKey(orgB), r.Fingerprint(orgA, "redaction"), ring(t, func(k *pii.Keys) { k.HashKey = key(9) }).RedactionKey(orgA)} {
		if bytes.Equal(r.RedactionKey(orgA), other) {
			t.Error("two have one key")
		}
	}
}

const goldenRedactionKey = "ec11fe87fdd99ea2f1143722626c6fd73a1f37b90b42a95383feaec4f66b137c"

// Stable values: a code is stored nowhere, so a change here would void every live one.
const goldenFingerprint = "0a769a08966aaf3c04494f4fe0f63da37a60a33fbf2e3c6926ad2d51380682f8"

var goldenCodes = []string{"270749", "467975", "938537"}

func TestCodeGolden(t *testing.T) {
	r := ring(t, nil)
	for generation, want := range goldenCodes {
		c, err := r.Code(orgA, ver, generation+1, 1)
		if err != nil || c.Reveal() != want {
			t.Errorf("generation %d: %s, %v; want %s", generation+1, c.Reveal(), err, want)
		}
	}
	b, _ := r.Code(orgB, ver, 1, 1)
	v, _ := r.Code(orgA, orgA, 1, 1)
	if b.Reveal() == goldenCodes[0] || v.Reveal() == goldenCodes[0] {
		t.Error("another org or verification has the same code")
	}
}

// Codes are six digits and near enough uniform: chi-square over 100 bins of 100,000 codes. Its 99.99 %
// quantile for 99 degrees of freedom is 161; the inputs are fixed, so this cannot flake.
func TestCodeUniform(t *testing.T) {
	r := ring(t, nil)
	const n, bins = 100_000, 100
	var first, last [bins]int
	for i := range n {
		c, err := r.Code(orgA, ver, i, 1)
		s := c.Reveal()
		if err != nil || len(s) != pii.CodeDigits || strings.Trim(s, "0123456789") != "" {
			t.Fatalf("code %q, %v", s, err)
		}
		first[(s[0]-'0')*10+s[1]-'0']++
		last[(s[4]-'0')*10+s[5]-'0']++
	}
	for name, counts := range map[string][bins]int{"first": first, "last": last} {
		chi := 0.0
		for _, c := range counts {
			d := float64(c) - n/bins
			chi += d * d / (n / bins)
		}
		if chi > 161 {
			t.Errorf("%s two digits: chi-square %.0f", name, chi)
		}
	}
}

func TestPepperRotation(t *testing.T) {
	before := ring(t, func(k *pii.Keys) { k.Peppers = "1:" + key(2) })
	during := ring(t, func(k *pii.Keys) { k.Peppers = "1:" + key(2) + ", 2:" + key(3) })
	after := ring(t, func(k *pii.Keys) { k.Peppers = "2:" + key(3) })
	if before.CodeKID() != 1 || during.CodeKID() != 2 || after.CodeKID() != 2 {
		t.Errorf("new codes by %d, %d, %d; want 1, 2, 2", before.CodeKID(), during.CodeKID(), after.CodeKID())
	}
	live, _ := before.Code(orgA, ver, 1, 1)
	if c, err := during.Code(orgA, ver, 1, 1); err != nil || c != live {
		t.Errorf("a live code changed when a pepper was added: %v", err)
	}
	fresh, _ := during.Code(orgA, ver, 1, 2)
	if c, err := after.Code(orgA, ver, 1, 2); err != nil || c != fresh || fresh == live {
		t.Errorf("a fresh code changed when the old pepper went: %v", err)
	}
	if c, err := after.Code(orgA, ver, 1, 1); err == nil || !c.IsZero() {
		t.Error("a retired pepper still makes codes")
	}
}

func TestBadKeys(t *testing.T) {
	good, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	const quoted = "Zm9vYmFyc2VjcmV0" // would be seen if an error quoted its input
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	for _, tt := range []struct {
		want   string
		change func(*pii.Keys)
	}{
		{"keyset: not base64", func(k *pii.Keys) { k.Keyset = quoted + "!" }},
		{"keyset: not a tink JSON keyset", func(k *pii.Keys) { k.Keyset = quoted }},
		{"keyset: ", func(k *pii.Keys) { k.Keyset = base64.StdEncoding.EncodeToString([]byte(`{"primaryKeyId":1,"key":[]}`)) }},
		{"hash key: not base64 of at least 32 bytes", func(k *pii.Keys) { k.HashKey = quoted + "!" }},
		{"hash key: not base64 of at least 32 bytes", func(k *pii.Keys) { k.HashKey = short }},
		{"hash key: not base64 of at least 32 bytes", func(k *pii.Keys) { k.HashKey = "" }},
		{"code pepper: want kid:base64, kid from 1", func(k *pii.Keys) { k.Peppers = "" }},
		{"code pepper: want kid:base64, kid from 1", func(k *pii.Keys) { k.Peppers = quoted }},
		{"code pepper: want kid:base64, kid from 1", func(k *pii.Keys) { k.Peppers = "0:" + key(1) }},
		{"code pepper: want kid:base64, kid from 1", func(k *pii.Keys) { k.Peppers = "40000:" + key(1) }},
		{"code pepper 1: not base64 of at least 32 bytes", func(k *pii.Keys) { k.Peppers = "1:" + short }},
		{"code pepper 2: not base64 of at least 32 bytes", func(k *pii.Keys) { k.Peppers = "1:" + key(1) + ",2:" + quoted + "!" }},
		{"code pepper: want kid:base64, kid from 1", func(k *pii.Keys) { k.Peppers = "1:" + key(1) + "," }},
	} {
		k := good
		tt.change(&k)
		r, err := pii.NewKeyring(k)
		if err == nil || r != nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("want %s, got %v", tt.want, err)
			continue
		}
		for _, s := range []string{quoted, short, good.Keyset, good.HashKey, key(1)} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%v quotes its key", err)
			}
		}
	}
	if _, err := pii.NewKeyring(good); err != nil {
		t.Errorf("generated keys do not load: %v", err)
	}
	if again, _ := pii.GenerateKeys(); again == good {
		t.Error("keys repeat")
	}
}
