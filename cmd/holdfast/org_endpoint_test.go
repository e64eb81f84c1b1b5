package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/storetest"
)

// TestOrgEndpoint: secrets are made, shown once, rotated and revoked; an endpoint that was disabled is enabled; and the
// audit log has it all, without a secret.
func TestOrgEndpoint(t *testing.T) {
	db := storetest.New(t)
	op := commands{t: t, db: db}
	org := uuid.MustParse(op.must("", "org", "create", "clinic", "--name", "A Clinic", "--time-zone", "UTC"))
	live := func() (e store.Endpoint) {
		t.Helper()
		_, err := store.InTx(t.Context(), db.App, org, func(tx *store.Tx) (err error) {
			e, err = store.LoadEndpoint(t.Context(), tx, db.Keys)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	// says fails unless show's line about a noun holds a text, and nothing holds the URL's path.
	says := func(noun, want string) {
		t.Helper()
		out := op.must("", "org", "endpoint", "show", "clinic")
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, noun) && strings.Contains(line, want) && !strings.Contains(out, "moonstone") {
				return
			}
		}
		t.Errorf("%s %s is not in\n%s", noun, want, out)
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if out, err := op.do("", args...); err == nil || err.Error() != want {
			t.Errorf("%s: %v %s", strings.Join(args, " "), err, out)
		}
	}
	says("state", "nobody is told")
	op.must(`{"endpoint":{"url":"https://a.example/hook?token=moonstone","events":["booking.held"]}}`, "org", "settings", "set", "clinic")
	says("endpoint", "https://a.example")
	says("state", "waits for a secret")
	says("events", "booking.held")
	refused("endpoint-secret: there is none", "org", "endpoint-secret", "revoke", "clinic")
	refused("endpoint-secret: there is none; create makes the first", "org", "endpoint-secret", "rotate", "clinic")
	refused("endpoint: it is not disabled", "org", "endpoint", "enable", "clinic")

	first := op.must("", "org", "endpoint-secret", "create", "clinic")
	if e := live(); len(e.Secrets) != 1 || e.Secrets[0].Reveal() != first || !strings.HasPrefix(first, "whsec_") {
		t.Errorf("%d secrets", len(e.Secrets))
	}
	says("state", "it is told")
	refused("endpoint-secret: exists already; rotate makes another", "org", "endpoint-secret", "create", "clinic")
	second := op.must("", "org", "endpoint-secret", "rotate", "clinic")
	if e := live(); len(e.Secrets) != 2 || e.Secrets[0].Reveal() != second || e.Secrets[1].Reveal() != first {
		t.Errorf("%d secrets while they rotate", len(e.Secrets))
	}
	third := op.must("", "org", "endpoint-secret", "rotate", "clinic", "--overlap", "0s")
	if e := live(); len(e.Secrets) != 1 || e.Secrets[0].Reveal() != third {
		t.Errorf("%d secrets after one that leaked", len(e.Secrets))
	}
	says("secrets", "1")
	op.must("", "org", "endpoint-secret", "revoke", "clinic")
	if e := live(); len(e.Secrets) != 0 {
		t.Errorf("%d secrets after the end", len(e.Secrets))
	}
	op.must("", "org", "endpoint-secret", "create", "clinic")

	if _, err := store.InTx(t.Context(), db.App, org, func(tx *store.Tx) error { store.DisableEndpoint(tx, live().URL, "test"); return nil }); err != nil {
		t.Fatal(err)
	}
	says("state", "disabled since")
	op.must("", "org", "endpoint", "enable", "clinic")
	says("state", "it is told")

	var audited string
	err := db.Admin.QueryRow(t.Context(), "SELECT string_agg(actor || ' ' || action, ', ' ORDER BY id) || bool_or(detail::text LIKE '%whsec%') FROM audit_log").Scan(&audited)
	if want := "cli org.create, cli settings.change, cli endpoint_secret.create, cli endpoint_secret.rotate, cli endpoint_secret.rotate, cli endpoint_secret.revoke, " +
		"cli endpoint_secret.create, webhook:deliver endpoint.disable, cli endpoint.enablefalse"; err != nil || audited != want {
		t.Errorf("audited: %s, %v", audited, err)
	}
}

// TestOrgEndpointAllowed: an endpoint that the installation would not call cannot be set, unless it is listed.
func TestOrgEndpointAllowed(t *testing.T) {
	op := commands{t: t, db: storetest.New(t)}
	op.must("", "org", "create", "clinic", "--name", "A Clinic", "--time-zone", "UTC")
	for url, want := range map[string]string{
		"https://10.0.0.1/hook": "settings: endpoint.url: want a public address",
		"http://a.example":      "settings: endpoint.url: want https",
	} {
		doc := `{"endpoint":{"url":"` + url + `"}}`
		if _, err := op.do(doc, "org", "settings", "set", "clinic"); err == nil || err.Error() != want {
			t.Errorf("%s: %v", url, err)
		}
		commands{t: t, db: op.db, allow: "10.0.0.0/8,a.example"}.must(doc, "org", "settings", "set", "clinic")
	}
}
