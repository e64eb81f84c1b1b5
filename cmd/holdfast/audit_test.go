package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"holdfast/store"
	"holdfast/store/storetest"
)

// TestAuditCommand needs nothing but the audit role's URL; it fails on a broken promise, and when it sees nothing.
func TestAuditCommand(t *testing.T) {
	db := storetest.New(t)
	storetest.NewOrg(t, db, "one")
	audit := func(url string, args ...string) (string, error) {
		var out bytes.Buffer
		env := map[string]string{"HOLDFAST_AUDIT_DATABASE_URL": url}
		getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
		err := run(t.Context(), append([]string{"audit"}, args...), getenv, strings.NewReader(""), &out, &out)
		return out.String(), err
	}
	out, err := audit(db.AuditURL)
	if err != nil || !strings.Contains(out, "row-level security binds every table with an org") || !strings.Contains(out, "1 orgs") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := audit(db.AppURL); err == nil || !strings.Contains(err.Error(), "blind") {
		t.Errorf("as a role that sees no org: %v", err)
	}
	if _, err := audit(""); err == nil || !strings.Contains(err.Error(), "AUDIT_DATABASE_URL") {
		t.Errorf("without a URL: %v", err)
	}
	if _, err := db.Owner.Exec(t.Context(), "ALTER TABLE hold NO FORCE ROW LEVEL SECURITY"); err != nil {
		t.Fatal(err)
	}
	if out, err = audit(db.AuditURL); err == nil || !strings.Contains(out, "P7 broken") || !strings.Contains(out, ": hold\n") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = audit(db.AuditURL, "--json")
	var report store.AuditReport
	if jsonErr := json.Unmarshal([]byte(out), &report); jsonErr != nil {
		t.Fatalf("%v\n%s", jsonErr, out)
	}
	red := 0
	for _, row := range report.Rows {
		if row.Broken > 0 && row.Promise == "P7" && row.First[0] == "hold" {
			red++
		}
	}
	if err == nil || red != 1 {
		t.Errorf("%v, %+v", err, report)
	}
}
