package main

import (
	"bytes"
	"cmp"
	"strings"
	"testing"

	"holdfast/store/storetest"
)

// commands are run against a database of its own, as an operator does.
type commands struct {
	t      *testing.T
	db     *storetest.DB
	allow  string // HOLDFAST_ENDPOINT_ALLOW
	twilio string // HOLDFAST_TWILIO_BASE_URL; "": nobody is there
	keyset string // a file with the keyset; "": it comes from the environment
}

func (o commands) do(stdin string, args ...string) (string, error) {
	env := map[string]string{"HOLDFAST_OWNER_DATABASE_URL": o.db.OwnerURL, "HOLDFAST_KEYSET": o.db.KeySet.Keyset,
		"HOLDFAST_HASH_KEY": o.db.KeySet.HashKey, "HOLDFAST_CODE_PEPPER": o.db.KeySet.Peppers, "HOLDFAST_ENDPOINT_ALLOW": o.allow,
		"HOLDFAST_TWILIO_BASE_URL": cmp.Or(o.twilio, "http://127.0.0.1:1")}
	if o.keyset != "" {
		delete(env, "HOLDFAST_KEYSET")
		env["HOLDFAST_KEYSET_FILE"] = o.keyset
	}
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	var out bytes.Buffer
	err := run(o.t.Context(), args, getenv, strings.NewReader(stdin), &out, &out)
	return strings.TrimSpace(out.String()), err
}

func (o commands) must(stdin string, args ...string) string {
	o.t.Helper()
	out, err := o.do(stdin, args...)
	if err != nil {
		o.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TestOrgCommands sets an org up as an operator does, and then books with what the commands printed.
func TestOrgCommands(t *testing.T) {
	db := storetest.New(t)
	do, must := commands{t: t, db: db}.do, commands{t: t, db: db}.must
	org := must("", "org", "create", "clinic", "--name", "A Clinic", "--time-zone", "Europe/Madrid", "--locale", "es", "--region", "ES")
	resource := must("", "org", "resource", "create", "clinic", "room", "--name", "Room", "--hours", "09:30-17:00")
	must("", "org", "service", "create", org, "visit", "--name", "Visit", "--minutes", "20", "--resource", resource)
	must("0123456789abcdef\n", "org", "credentials", "set", "clinic", "--account-sid", "AC"+strings.Repeat("0", 32), "--from", "+34600000001", "--no-check")
	must("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "org", "webhook-secret", "set", "clinic", "events")
	key := must("", "org", "key", "create", "clinic", "--label", "front desk")
	if !strings.HasPrefix(key, "hf_") {
		t.Errorf("key: %d characters", len(key))
	}
	if out := must("", "org", "list"); !strings.Contains(out, org) {
		t.Errorf("list: %s", out)
	}
	if out := must("", "org", "settings", "get", "clinic"); !strings.Contains(out, `"ES"`) || !strings.Contains(out, `"quiet_hours": "21-8"`) {
		t.Errorf("settings: %s", out)
	}
	set := must(`{"countries":["ES","PT"],"templates":{"es":{"code":"{{.Code}} & ya"}}}`, "org", "settings", "set", "clinic")
	if got := must("", "org", "settings", "get", org); got != set || !strings.Contains(got, `"{{.Code}} & ya"`) || must(got, "org", "settings", "set", org) != got {
		t.Errorf("settings: %s", got)
	}
	if _, err := do(`{"countries":["spain"],"limits":{"phone":{"per_day":"secret"}}}`, "org", "settings", "set", "clinic"); err == nil ||
		!strings.HasPrefix(err.Error(), "settings: countries: want ") || !strings.Contains(err.Error(), "; limits.phone.per_day: want ") ||
		strings.Contains(err.Error(), "spain") || strings.Contains(err.Error(), "secret") {
		t.Errorf("bad settings: %v", err)
	}
	if got := must("", "org", "settings", "get", org); got != set {
		t.Errorf("bad settings were kept: %s", got)
	}
	must("", "org", "pause-sms", "clinic", "--why", " moving numbers ")
	if out := must("", "org", "list"); !strings.Contains(out, ": operator (cli: moving numbers)") {
		t.Errorf("paused, list: %s", out)
	}
	must("", "org", "resume-sms", org, "--why", "moved")
	if out := must("", "org", "list"); !strings.HasSuffix(out, "  go") {
		t.Errorf("resumed, list: %s", out)
	}
	var audited string
	if err := db.Admin.QueryRow(t.Context(), "SELECT string_agg(actor || ' ' || action, ', ' ORDER BY id) FROM audit_log").Scan(&audited); err != nil ||
		audited != "cli org.create, cli resource.create, cli service.create, cli credentials.set, cli webhook_secret.set, cli api_key.create, cli settings.change, cli sms.paused, cli sms.resumed" {
		t.Errorf("audited: %s, %v", audited, err)
	}
	must("", "org", "key", "revoke", "clinic", key[:len("hf_")+12])
	for _, bad := range [][]string{
		{"org", "create", "clinic", "--name", "Again", "--time-zone", "UTC"},
		{"org", "create", "x", "--name", "X", "--time-zone", "Mars/Olympus"},
		{"org", "create", "Not A Slug", "--name", "X", "--time-zone", "UTC"},
		{"org", "key", "create", "nobody"},
		{"org", "key", "revoke", "clinic", key[:len("hf_")+12]},
		{"org", "resource", "create", "clinic", "r2", "--name", "R", "--hours", "all day"},
		{"org", "service", "create", "clinic", "s2", "--name", "S", "--minutes", "5", "--resource", "room"},
		{"org", "credentials", "set", "clinic", "--account-sid", "AC1", "--from", "+34600000001"},
		{"org", "webhook-secret", "set", "clinic", "events"},
		{"org", "pause-sms", "clinic"},
		{"org", "pause-sms", "clinic", "--why", " "},
		{"org", "pause-sms", "nobody", "--why", "x"},
		{"org", "resume-sms", "clinic", "--why", "nothing to resume"},
		{"org", "settings", "set", "clinic"},
		{"org", "settings", "get", "nobody"},
	} {
		out, err := do("not-base64!\n", bad...)
		if err == nil {
			t.Errorf("%s: taken", strings.Join(bad, " "))
			continue
		}
		if msg := err.Error() + out; strings.Count(err.Error(), "\n") > 0 || strings.Contains(msg, "not-base64") || strings.Contains(msg, "holdfast_owner:") {
			t.Errorf("%s: %s", strings.Join(bad, " "), msg)
		}
	}
}
