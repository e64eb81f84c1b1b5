package main

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// TestOrgKeys: keys are made, shown once, listed, rotated and revoked; the audit log has it all, without a key.
func TestOrgKeys(t *testing.T) {
	db := storetest.New(t)
	op := commands{t: t, db: db}
	org := uuid.MustParse(op.must("", "org", "create", "clinic", "--name", "A Clinic", "--time-zone", "UTC"))
	scopes := func(key string) []store.Scope {
		t.Helper()
		k, err := store.FindKey(t.Context(), db.App, db.Keys, pii.NewToken(key))
		if err != nil && !errors.Is(err, store.ErrNotFound) || err == nil && k.Org != org {
			t.Fatalf("%+v, %v", k, err)
		}
		if err != nil {
			return nil
		}
		return k.Scopes
	}
	prefix := func(key string) string { return key[:len(store.KeyPrefix)+12] }
	// listed fails unless the list has a line that a pattern fits.
	listed := func(pattern string) {
		t.Helper()
		if out := op.must("", "org", "key", "list", "clinic"); !regexp.MustCompile("(?m)^" + pattern + "$").MatchString(out) {
			t.Errorf("%s is not in\n%s", pattern, out)
		}
	}
	const day = `\d{4}-\d\d-\d\dT\S+Z`
	plain := op.must("", "org", "key", "create", "clinic", "--label", "web form")
	if got := scopes(plain); !slices.Equal(got, []store.Scope{"bookings:write"}) {
		t.Errorf("by default a key may %v", got)
	}
	listed(prefix(plain) + ` +web form +bookings:write +` + day + ` +never +never +live`)
	wide := op.must("", "org", "key", "create", "clinic", "--scope", "settings,transcripts:write", "--expires-in", "90d")
	if got := scopes(wide); !slices.Equal(got, []store.Scope{"settings", "transcripts:write"}) {
		t.Errorf("it may %v", got)
	}
	listed(prefix(wide) + ` +settings,transcripts:write +` + day + ` +` + day + ` +never +live`)

	next := op.must("", "org", "key", "rotate", "clinic", prefix(wide))
	if !slices.Equal(scopes(next), scopes(wide)) || len(scopes(wide)) != 2 {
		t.Errorf("old %v, new %v", scopes(wide), scopes(next))
	}
	listed(prefix(wide) + ` .* ending`)
	listed(prefix(next) + ` +settings,transcripts:write +` + day + ` +` + day + ` +never +live`)
	if _, err := op.do("", "org", "key", "rotate", "clinic", prefix(wide)); err == nil || !strings.Contains(err.Error(), "takes its place already") {
		t.Errorf("rotated twice: %v", err)
	}
	leaked := op.must("", "org", "key", "rotate", "clinic", next, "--overlap", "0s") // a whole key does for a prefix
	if scopes(next) != nil || scopes(leaked) == nil {
		t.Error("a key that leaked lives on")
	}
	op.must("", "org", "key", "revoke", "clinic", prefix(plain))
	if scopes(plain) != nil {
		t.Error("a key that was revoked lives on")
	}
	listed(prefix(plain) + ` .* revoked`)
	for _, bad := range [][]string{
		{"create", "clinic", "--scope", "root"},
		{"create", "clinic", "--scope", ""},
		{"create", "clinic", "--expires-in", "soon"},
		{"create", "clinic", "--expires-in", "-1h"},
		{"create", "clinic", "--expires-in", "d"},
		{"rotate", "clinic", prefix(plain)},
		{"rotate", "clinic", prefix(leaked), "--overlap", "-1h"},
		{"revoke", "clinic", prefix(plain)},
		{"list", "nobody"},
	} {
		if out, err := op.do("", append([]string{"org", "key"}, bad...)...); err == nil {
			t.Errorf("%s: %s", strings.Join(bad, " "), out)
		}
	}
	var audited string
	var told bool
	err := db.Admin.QueryRow(t.Context(), `SELECT string_agg(actor || ' ' || action, ', ' ORDER BY id), bool_or(detail::text LIKE '%hf\_%' OR subject = '') FROM audit_log`).Scan(&audited, &told)
	if err != nil || told || audited != "cli org.create, cli api_key.create, cli api_key.create, cli api_key.rotate, cli api_key.rotate, cli api_key.revoke" {
		t.Errorf("audited: %s, %v", audited, err)
	}
}

// TestOrgSecurityEvents: an operator reads what was tried, newest first, by the key's prefix.
func TestOrgSecurityEvents(t *testing.T) {
	db := storetest.New(t)
	op := commands{t: t, db: db}
	o := storetest.NewOrg(t, db, "clinic")
	key, err := store.FindKey(t.Context(), db.App, db.Keys, o.Key)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.InTx(t.Context(), db.App, o.ID, func(tx *store.Tx) error {
		store.NoteSecurity(tx, store.SecurityEvent{Kind: "cross-org", Key: uuid.NullUUID{UUID: key.ID, Valid: true}, Route: "/v1/orgs/{org}/bookings", N: 7})
		store.NoteSecurity(tx, store.SecurityEvent{Kind: "bad-signature", Route: "/webhooks/vapi/{org}"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out := op.must("", "org", "security-events", "clinic")
	want := regexp.MustCompile(`(?s)^AT .*\n\S+ +bad-signature +1 +- +/webhooks/vapi/\{org\}\n\S+ +cross-org +7 +` + o.Key.Reveal()[:len(store.KeyPrefix)+12] + ` +/v1/orgs/\{org\}/bookings$`)
	if !want.MatchString(out) {
		t.Errorf("%s", out)
	}
	if out := op.must("", "org", "security-events", "clinic", "--limit", "1"); strings.Contains(out, "cross-org") {
		t.Errorf("one was asked for: %s", out)
	}
	if _, err := db.Admin.Exec(t.Context(), "UPDATE security_event SET at = at - interval '2 days'"); err != nil {
		t.Fatal(err)
	}
	if out := op.must("", "org", "security-events", "clinic", "--since", "1d"); strings.Contains(out, "webhooks") {
		t.Errorf("of the last day: %s", out)
	}
}
