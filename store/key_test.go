package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

func TestFindKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := storetest.NewOrg(t, w.DB, "two")
	good := w.org.Key.Reveal()
	prefix, secret, _ := strings.Cut(strings.TrimPrefix(good, store.KeyPrefix), "_")
	_, otherSecret, _ := strings.Cut(strings.TrimPrefix(other.Key.Reveal(), store.KeyPrefix), "_")
	find := func(key string) (store.Key, error) {
		return store.FindKey(t.Context(), w.App, w.Keys, pii.NewToken(key))
	}
	if k, err := find(good); err != nil || k.Org != w.org.ID || k.ID == uuid.Nil {
		t.Fatalf("right: %+v, %v", k, err)
	}
	for name, key := range map[string]string{
		"wrong secret":       good[:len(good)-1] + "=",
		"another's":          store.KeyPrefix + prefix + "_" + otherSecret,
		"unknown prefix":     store.KeyPrefix + "aaaaaaaaaaaa_" + secret,
		"no secret":          store.KeyPrefix + prefix,
		"empty secret":       store.KeyPrefix + prefix + "_",
		"short secret":       store.KeyPrefix + prefix + "_" + secret[:31],
		"short prefix":       store.KeyPrefix + prefix[1:] + "_" + secret,
		"other shape":        "sk_" + prefix + "_" + secret,
		"empty":              "",
		"quoted":             store.KeyPrefix + "' or 1=1 --_" + secret,
		"prefix in capitals": store.KeyPrefix + strings.ToUpper(prefix) + "_" + secret,
	} {
		if _, err := find(key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := store.RevokeKey(t.Context(), w.Owner, other.ID, prefix); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("revoked by another org: %v", err)
	}
	if id, err := store.RevokeKey(t.Context(), w.Owner, w.org.ID, store.KeyPrefix+prefix); err != nil || id == uuid.Nil {
		t.Fatal(err)
	}
	if k, err := find(good); !errors.Is(err, store.ErrNotFound) || !errors.Is(err, store.ErrKeyDead) || k.Org != w.org.ID {
		t.Errorf("revoked: %+v, %v", k, err)
	}
	if _, err := find(good[:len(good)-1] + "="); errors.Is(err, store.ErrKeyDead) {
		t.Error("who knows a prefix alone is told that its key has ended")
	}
	if _, err := store.RevokeKey(t.Context(), w.Owner, w.org.ID, prefix); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	if n := value[int](w, "SELECT count(*) FROM api_key WHERE to_jsonb(api_key)::text ILIKE '%' || $1 || '%'", secret); n != 0 {
		t.Error("the secret is stored")
	}
	// Without the hash's key the hash is not the secret's.
	if k, err := pii.GenerateKeys(); err == nil {
		ring, err := pii.NewKeyring(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.FindKey(t.Context(), w.App, ring, other.Key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("with another keyring: %v", err)
		}
	}
}

// A key carries its scopes, which are some of those that there are, and ends when its time is over.
func TestKeyScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	create := func(n store.NewKey) (store.IssuedKey, error) {
		return store.CreateKey(t.Context(), w.Owner, w.Keys, w.org.ID, n)
	}
	wide, err := create(store.NewKey{Scopes: []store.Scope{store.ScopeBookingsWrite, store.ScopeSettings}})
	if err != nil {
		t.Fatal(err)
	}
	k, err := store.FindKey(t.Context(), w.App, w.Keys, wide.Token)
	if err != nil || k.ID != wide.ID || !slices.Equal(k.Scopes, []store.Scope{"bookings:write", "settings"}) {
		t.Errorf("%+v, %v", k, err)
	}
	for _, scopes := range [][]store.Scope{nil, {}, {"bookings"}, {store.ScopeAdmin, "root"}, {""}} {
		if _, err := create(store.NewKey{Scopes: scopes}); store.Code(err) != "23514" && store.Code(err) != "23502" {
			t.Errorf("%v: %v", scopes, err)
		}
	}
	short, err := create(store.NewKey{Scopes: []store.Scope{store.ScopeAdmin}, Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.FindKey(t.Context(), w.App, w.Keys, short.Token); err != nil {
		t.Errorf("before its end: %v", err)
	}
	w.admin("UPDATE api_key SET expires_at = clock_timestamp() WHERE id = $1", short.ID)
	if _, err := store.FindKey(t.Context(), w.App, w.Keys, short.Token); !errors.Is(err, store.ErrKeyDead) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := store.RotateKey(t.Context(), w.Owner, w.Keys, w.org.ID, short.Prefix, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an expired key was rotated: %v", err)
	}
}

func TestKeyMay(t *testing.T) {
	t.Parallel()
	all := []store.Scope{store.ScopeBookingsWrite, store.ScopeBookingsRead, store.ScopeTranscriptsWrite, store.ScopeSettings, store.ScopeAdmin}
	for has, may := range map[store.Scope][]store.Scope{
		store.ScopeBookingsWrite:    all[:2],
		store.ScopeBookingsRead:     all[1:2],
		store.ScopeTranscriptsWrite: all[2:3],
		store.ScopeSettings:         all[3:4],
		store.ScopeAdmin:            all,
	} {
		for _, s := range all {
			if got := (store.Key{Scopes: []store.Scope{has}}).May(s); got != slices.Contains(may, s) {
				t.Errorf("%s may %s: %t", has, s, got)
			}
		}
	}
	if (store.Key{}).May("") {
		t.Error("a key without scopes may something")
	}
}

// Two keys live while one takes the other's place; the new one is as the old one was, lifetime included.
func TestRotateKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	old, err := store.CreateKey(ctx, w.Owner, w.Keys, w.org.ID, store.NewKey{Label: "web", Scopes: []store.Scope{store.ScopeBookingsRead}, Lifetime: 90 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	other := storetest.NewOrg(t, w.DB, "two")
	if _, err := store.RotateKey(ctx, w.Owner, w.Keys, other.ID, old.Prefix, time.Hour); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("rotated by another org: %v", err)
	}
	w.admin("UPDATE api_key SET created_at = created_at - interval '80 days', expires_at = expires_at - interval '80 days' WHERE id = $1", old.ID)
	next, err := store.RotateKey(ctx, w.Owner, w.Keys, w.org.ID, store.KeyPrefix+old.Prefix, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []pii.Token{old.Token, next.Token} {
		if k, err := store.FindKey(ctx, w.App, w.Keys, token); err != nil || !slices.Equal(k.Scopes, []store.Scope{store.ScopeBookingsRead}) {
			t.Errorf("%+v, %v", k, err)
		}
	}
	list, err := store.ListKeys(ctx, w.Owner, w.org.ID)
	if err != nil || len(list) != 3 || list[0].Prefix != next.Prefix || list[0].Label != "web" || list[0].State != "live" || list[2].State != "ending" {
		t.Errorf("%+v, %v", list, err)
	}
	if end := list[0].ExpiresAt; end == nil || time.Until(*end).Round(24*time.Hour) != 90*24*time.Hour {
		t.Errorf("the new key lives until %v", end)
	}
	if _, err := store.RotateKey(ctx, w.Owner, w.Keys, w.org.ID, old.Prefix, time.Hour); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("rotated twice: %v", err)
	}
	w.admin("UPDATE api_key SET revoked_at = clock_timestamp() WHERE id = $1", old.ID) // the overlap is over
	if _, err := store.FindKey(ctx, w.App, w.Keys, old.Token); !errors.Is(err, store.ErrKeyDead) {
		t.Errorf("after the overlap: %v", err)
	}
	// One that ends at once; and an overlap that is cut short.
	third, err := store.RotateKey(ctx, w.Owner, w.Keys, w.org.ID, next.Prefix, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.RevokeKey(ctx, w.Owner, w.org.ID, next.Prefix); err != nil {
		t.Errorf("revoked while it ends: %v", err)
	}
	if _, err := store.RotateKey(ctx, w.Owner, w.Keys, w.org.ID, third.Prefix, 0); err != nil {
		t.Fatal(err)
	}
	for _, token := range []pii.Token{next.Token, third.Token} {
		if _, err := store.FindKey(ctx, w.App, w.Keys, token); !errors.Is(err, store.ErrKeyDead) {
			t.Errorf("%v", err)
		}
	}
}

// The app notes when keys of its org were used, and can change nothing else of them.
func TestNoteKeyUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := storetest.NewOrg(t, w.DB, "two")
	var ids []uuid.UUID
	for _, o := range []storetest.Org{w.org, other} {
		k, err := store.FindKey(t.Context(), w.App, w.Keys, o.Key)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, k.ID)
	}
	w.in(func(tx *store.Tx) error { store.NoteKeyUse(tx, ids); return nil })
	if n := value[int](w, "SELECT count(*) FROM api_key WHERE last_used_at IS NOT NULL AND org_id = $1", w.org.ID); n != 1 {
		t.Errorf("%d uses of the org's key", n)
	}
	if n := value[int](w, "SELECT count(*) FROM api_key WHERE last_used_at IS NOT NULL"); n != 1 {
		t.Errorf("%d uses, another org's included", n)
	}
	for _, set := range []string{"scopes = '{admin}'", "revoked_at = NULL", "expires_at = NULL", "hash = ''", "label = ''"} {
		_, err := store.InTx(t.Context(), w.App, w.org.ID, func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE api_key SET "+set)
			return err
		})
		if store.Code(err) != "42501" {
			t.Errorf("the app may set %s: %v", set, err)
		}
	}
}
