package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// TestSecrets rotates the keyset by the commands, in a file and in the environment. What comes in the wrong order is
// refused and changes nothing; no command prints a key but those that were asked to.
func TestSecrets(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	org := storetest.NewOrg(t, db, "one")
	file := filepath.Join(t.TempDir(), "keyset")
	if err := os.WriteFile(file, []byte(db.KeySet.Keyset+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	o := commands{t: t, db: db, keyset: file}
	printed := ""
	must := func(args ...string) string {
		t.Helper()
		out := o.must("", args...)
		printed += out
		return out
	}
	keys := func() []pii.KeyInfo {
		t.Helper()
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := pii.ReadKeyset(strings.TrimSpace(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	refused := func(want string, args ...string) {
		t.Helper()
		before := fmt.Sprint(keys())
		if out, err := o.do("", args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s\n%s", args, err, want, out)
		}
		if fmt.Sprint(keys()) != before {
			t.Errorf("%v: refused, and yet the keyset has changed", args)
		}
	}
	first := keys()[0].ID
	refused("seals already", "secrets", "promote", "--grace", "0s")
	refused("0 keys do not seal", "secrets", "retire", "--grace", "0s")
	refused("is the one that seals", "secrets", "retire", fmt.Sprint(first), "--grace", "0s")
	must("secrets", "add-key")
	second := keys()[1].ID
	if !keys()[0].Primary || len(keys()) != 2 {
		t.Fatalf("added: %v", keys())
	}
	refused("was added already", "secrets", "add-key")
	refused("has no key 7", "secrets", "promote", "7", "--grace", "0s")
	must("secrets", "promote", "--grace", "100ms")
	if !keys()[1].Primary {
		t.Fatalf("promoted: %v", keys())
	}
	refused("holdfast secrets rotate comes first", "secrets", "retire", "--grace", "0s")
	if out := strings.Join(strings.Fields(must("secrets", "list", "--rows")), " "); !strings.Contains(out, fmt.Sprintf("%d opens 3", first)) || !strings.Contains(out, fmt.Sprintf("%d seals 0", second)) {
		t.Errorf("list:\n%s", out) // a token, a webhook's secret, an endpoint's
	}

	// A value that nothing opens is named, and the rest is done.
	stranger := uuid.New()
	sealed := append(pii.KeyID(7).Prefix(), make([]byte, 40)...)
	if _, err := db.Admin.Exec(t.Context(), `INSERT INTO customer (org_id, id, phone_hash, phone_sealed, phone_last2) VALUES ($1, $2, 'x', $3, '00')`, org.ID, stranger, sealed); err != nil {
		t.Fatal(err)
	}
	out, err := o.do("", "secrets", "rotate", "--grace", "0s")
	if err == nil || !strings.Contains(out, "customer.phone_sealed: no key opens that of "+stranger.String()+" of org "+org.ID.String()) {
		t.Errorf("rotate: %v\n%s", err, out)
	}
	if _, err := db.Admin.Exec(t.Context(), `DELETE FROM customer`); err != nil {
		t.Fatal(err)
	}
	if out := must("secrets", "rotate", "--grace", "0s"); !strings.Contains(out, "all that is sealed is sealed by key "+fmt.Sprint(second)) {
		t.Errorf("rotate:\n%s", out)
	}
	must("secrets", "retire", "--grace", "0s")
	if got := keys(); len(got) != 1 || got[0].ID != second {
		t.Errorf("retired: %v", got)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o400 {
		t.Errorf("the file: %v, %v", st.Mode(), err)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if n, err := store.CountSealed(t.Context(), db.Owner, first); err != nil || len(n) > 0 {
		t.Errorf("by the old key: %v, %v", n, err)
	}
	must("org", "endpoint", "show", "one") // it opens, by the one key that is left

	// Where it cannot be written, and from the environment, the new keyset is printed, whole and alone.
	raw, _ := os.ReadFile(file)
	now := strings.TrimSpace(string(raw))
	for _, c := range []commands{o, {t: t, db: &storetest.DB{OwnerURL: db.OwnerURL, KeySet: pii.Keys{Keyset: now, HashKey: db.KeySet.HashKey, Peppers: db.KeySet.Peppers}}}} {
		args := []string{"secrets", "add-key"}
		if c.keyset != "" {
			args = append(args, "--print")
		}
		out := c.must("", args...)
		text, _, _ := strings.Cut(out, "\n")
		if got, err := pii.ReadKeyset(text); err != nil || len(got) != 2 || got[0].ID != second {
			t.Errorf("printed: %v, %v", got, err)
		}
	}
	if len(keys()) != 1 {
		t.Error("what was printed was also written")
	}
	if strings.Contains(printed, now[:40]) || strings.Contains(printed, db.KeySet.Keyset[:40]) {
		t.Error("a keyset was printed unasked")
	}
}
