package pii_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"google.golang.org/protobuf/proto"

	"holdfast/store/pii"
)

// two makes a keyset, and from it one with another key and one in which that key seals.
func two(t *testing.T) (one, added, promoted string, first, second pii.KeyID) {
	t.Helper()
	k, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	added, second, err = pii.AddKey(k.Keyset)
	if err != nil {
		t.Fatal(err)
	}
	if promoted, err = pii.PromoteKey(added, second); err != nil {
		t.Fatal(err)
	}
	keys, err := pii.ReadKeyset(promoted)
	if err != nil || len(keys) != 2 || keys[0].Primary || keys[1] != (pii.KeyInfo{ID: second, Primary: true}) {
		t.Fatalf("promoted: %v, %v", keys, err)
	}
	if keys, _ = pii.ReadKeyset(added); len(keys) != 2 || !keys[0].Primary || keys[1].Primary {
		t.Fatalf("added: %v", keys)
	}
	return k.Keyset, added, promoted, keys[0].ID, second
}

// TestKeysetRotation is the order of a rotation: at each step what was sealed before opens, and what is sealed names its key.
func TestKeysetRotation(t *testing.T) {
	one, added, promoted, first, second := two(t)
	retired, err := pii.RemoveKey(promoted, first)
	if err != nil {
		t.Fatal(err)
	}
	r := ring(t, func(k *pii.Keys) { k.Keyset = one })
	var old []byte
	for _, step := range []struct {
		keyset string
		by     pii.KeyID
	}{{one, first}, {added, first}, {promoted, second}, {retired, second}} {
		if err := r.SetKeyset(step.keyset); err != nil {
			t.Fatal(err)
		}
		sealed, err := r.Seal(orgA, "p", secret)
		if err != nil {
			t.Fatal(err)
		}
		if by, ok := pii.SealedBy(sealed); !ok || by != step.by || r.Primary() != step.by || !bytes.HasPrefix(sealed, step.by.Prefix()) {
			t.Errorf("sealed by %d, want %d", by, step.by)
		}
		if old == nil {
			old = sealed
		}
		got, err := r.Open(orgA, "p", old)
		if step.keyset != retired {
			if fresh, err2 := r.Reseal(orgA, "p", old); err != nil || err2 != nil || got != secret || !bytes.HasPrefix(fresh, step.by.Prefix()) {
				t.Errorf("by key %d: %v, %v", step.by, err, err2)
			}
		} else if err == nil || got != "" {
			t.Error("a retired key opens")
		} else {
			silent(t, "retired", err.Error())
		}
	}
	for name, err := range map[string]error{
		"remove the primary": second1(pii.RemoveKey(promoted, second)), "remove none": second1(pii.RemoveKey(promoted, 7)),
		"promote none": second1(pii.PromoteKey(promoted, 7)), "of nothing": second1(pii.PromoteKey("!", 7)),
	} {
		if err == nil {
			t.Errorf("%s: done", name)
		} else {
			silent(t, name, err.Error())
		}
	}
	for _, short := range [][]byte{nil, {1, 2, 3, 4}, {0, 1, 2, 3, 4, 5}} {
		if _, ok := pii.SealedBy(short); ok {
			t.Errorf("%v names a key", short)
		}
	}
}

func second1(_ string, err error) error { return err }

// TestBrokenKeyset: one that cannot be used changes nothing, and is not quoted.
func TestBrokenKeyset(t *testing.T) {
	one, _, promoted, first, _ := two(t)
	r := ring(t, func(k *pii.Keys) { k.Keyset = one })
	for _, bad := range []string{"", "!", promoted[:len(promoted)/2], base64.StdEncoding.EncodeToString([]byte("{}")), unmarked(t)} {
		err := r.SetKeyset(bad)
		if err == nil || bad != "" && bad != "!" && strings.Contains(err.Error(), bad) {
			t.Errorf("taken, or quoted: %v", err)
		}
	}
	if r.Primary() != first || len(r.Keys()) != 1 {
		t.Errorf("keys: %v", r.Keys())
	}
}

// unmarked is a keyset of a key that does not begin with its id what it seals: nobody could tell what is left to re-encrypt.
func unmarked(t *testing.T) string {
	t.Helper()
	template := proto.Clone(aead.AES256GCMKeyTemplate()).(*tinkpb.KeyTemplate)
	template.OutputPrefixType = tinkpb.OutputPrefixType_RAW
	h, err := keyset.NewHandle(template)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b)); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestUnknownKey: who meets a key that it does not know looks once before it fails, and only then; others go on meanwhile.
func TestUnknownKey(t *testing.T) {
	one, added, promoted, _, _ := two(t)
	ahead := ring(t, func(k *pii.Keys) { k.Keyset = promoted })
	r := ring(t, func(k *pii.Keys) { k.Keyset = one })
	sealed, _ := ahead.Seal(orgA, "p", secret)
	if _, err := r.Open(orgA, "p", sealed); err == nil {
		t.Error("opened by nothing")
	}
	var mu sync.Mutex
	looks, found := 0, false
	r.OnUnknownKey(func() {
		mu.Lock()
		defer mu.Unlock()
		if looks++; found {
			_ = r.SetKeyset(added)
		}
	})
	if _, err := r.Open(orgA, "p", sealed); err == nil || looks != 1 {
		t.Errorf("%v after %d looks", err, looks)
	}
	found = true
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := r.Open(orgA, "p", sealed); err != nil || got != secret {
				t.Errorf("after the look: %v", err)
			}
			if _, err := r.Seal(orgA, "p", secret); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	before := looks
	if _, err := r.Open(orgB, "p", sealed); err == nil || looks != before {
		t.Errorf("%v: %d looks for what was moved", err, looks-before)
	}
}
