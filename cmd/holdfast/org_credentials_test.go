package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/storetest"
)

// TestCredentials: tokens are asked for at Twilio before they are stored, and rotate without a moment at which neither is
// good. What is refused changes nothing, and nothing that is printed or noted holds a token.
func TestCredentials(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	sim := twiliosim.New(twiliosim.Options{})
	twilio := httptest.NewServer(sim)
	t.Cleanup(func() { twilio.Close(); sim.Close() })
	o := commands{t: t, db: db, twilio: twilio.URL}
	o.must("", "org", "create", "clinic", "--name", "A Clinic", "--time-zone", "Europe/Madrid", "--region", "ES")
	const sid, first, second, third = "AC11111111111111111111111111111111", "first-token-0123456789", "second-token-0123456789", "third-token-0123456789"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(first+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	twoLines := file + ".two"
	if err := os.WriteFile(twoLines, []byte(first+"\n"+second+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set := []string{"org", "credentials", "set", "clinic", "--account-sid", sid, "--from", "+34600000001"}
	stored := func() string {
		t.Helper()
		var told string
		orgs, err := store.ListOrgs(t.Context(), db.Owner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.InTx(t.Context(), db.App, orgs[0].ID, func(tx *store.Tx) error {
			a, err := store.LoadSMSAccount(t.Context(), tx, db.Keys)
			told = a.Token.Reveal() + " " + a.Secondary.Reveal()
			return err
		})
		if err != nil {
			return err.Error()
		}
		return told
	}
	printed := ""
	refused := func(want, stdin string, args ...string) {
		t.Helper()
		before := stored()
		out, err := o.do(stdin, args...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %s", args, err, want)
		} else {
			printed += out + err.Error()
		}
		if now := stored(); now != before {
			t.Errorf("%v: refused, and yet %q is %q", args, before, now)
		}
	}
	holds := func(want, stdin string, args ...string) {
		t.Helper()
		printed += o.must(stdin, args...)
		if now := stored(); now != want {
			t.Errorf("%v: %q, want %q", args, now, want)
		}
	}
	refused("does not take the token", first, set...) // no such account
	sim.AddAccount(sid, first)
	refused("does not take the token", second, set...)
	refused("secondary", first, append(set, "--secondary-file", file+".none")...)
	refused("its file cannot be read", "", append(set, "--token-file", file+".none")...)
	refused("AC and 32 hex digits", first, "org", "credentials", "set", "clinic", "--account-sid", "AC1", "--from", "+34600000001")
	sim.SetAccount(sid, first, "", twiliosim.AccountSuspended)
	refused("is suspended", first, set...)
	sim.SetAccount(sid, first, "", twiliosim.AccountClosed)
	refused("is closed", first, set...)
	refused("there is none", second, "org", "credentials", "add-secondary", "clinic")
	away := o
	away.twilio = "http://127.0.0.1:1"
	if _, err := away.do(first, set...); err == nil || !strings.Contains(err.Error(), "not reachable") || !strings.Contains(err.Error(), "--no-check") {
		t.Errorf("away: %v", err)
	}

	sim.AddAccount(sid, first)
	holds(first+" ", "", append(set, "--token-file", file)...)
	refused("no secondary token", "", "org", "credentials", "promote", "clinic")
	refused("no secondary token", "", "org", "credentials", "drop-secondary", "clinic")
	refused("does not take the token", second, "org", "credentials", "add-secondary", "clinic")
	sim.SetAccount(sid, first, second, twiliosim.AccountActive)
	holds(first+" "+second, second, "org", "credentials", "add-secondary", "clinic")
	holds(first+" "+second, first, set...) // the sender is changed, say: the secondary stays
	holds(third+" ", third, append(set, "--no-check")...)
	if !strings.Contains(printed, "secondary token that stood beside the former one was dropped") {
		t.Errorf("nothing is said of the secondary token: %s", printed)
	}
	holds(first+" ", first, set...)
	holds(first+" "+second, second, "org", "credentials", "add-secondary", "clinic")
	refused("in one line", first+"\n"+second+"\n", set...)
	refused("in one line", "", append(set, "--token-file", twoLines)...)
	for _, args := range [][]string{append(set, first), {"org", "credentials", "set", "clinic", first}, {"org", "webhook-secret", "set", "clinic", first},
		{"org", "webhook-secret", "set", "clinic", "events", first}, {"org", "credentials", "add-secondary", "clinic", "--", first}} {
		refused("secrets", "", args...)
	}
	sim.AddAccount(sid, second)
	holds(second+" "+first, "", "org", "credentials", "promote", "clinic")
	refused("does not take the token", "", "org", "credentials", "promote", "clinic") // back again: the first is no more
	holds(second+" ", "", "org", "credentials", "drop-secondary", "clinic")
	if err := os.WriteFile(file, []byte(third), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("the secondary one: Twilio does not take", second, append(set, "--secondary-file", file)...)
	holds(third+" ", third, append(set, "--no-check")...)

	var audited string
	if err := db.Admin.QueryRow(t.Context(), "SELECT string_agg(concat_ws(' ', actor, action, subject, detail), E'\n' ORDER BY id) FROM audit_log").Scan(&audited); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cli credentials.set " + sid + ` {"checked": true}`, "cli credentials.add_secondary ", "cli credentials.promote ",
		"cli credentials.drop_secondary ", "cli credentials.set " + sid + ` {"checked": false}`} {
		if !strings.Contains(audited, want) {
			t.Errorf("no %s in the audit log:\n%s", want, audited)
		}
	}
	if strings.Count(audited, "\n") != 9 || strings.Contains(audited+printed, "-token-") {
		t.Errorf("what was refused is noted, or a token is:\n%s\n%s", audited, printed)
	}
}
