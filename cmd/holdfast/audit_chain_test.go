package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"holdfast/store"
	"holdfast/store/storetest"
)

// TestAuditChainCommand verifies what was sealed, names the link that somebody broke, and with a head that was kept finds an
// end that was cut off.
func TestAuditChainCommand(t *testing.T) {
	db := storetest.New(t)
	org := storetest.NewOrg(t, db, "one")
	two := storetest.NewOrg(t, db, "two")
	env := map[string]string{"HOLDFAST_AUDIT_DATABASE_URL": db.AuditURL, "HOLDFAST_KEYSET": db.KeySet.Keyset, "HOLDFAST_HASH_KEY": db.KeySet.HashKey,
		"HOLDFAST_CODE_PEPPER": db.KeySet.Peppers}
	chain := func(args ...string) (string, error) {
		var out bytes.Buffer
		getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
		err := run(t.Context(), append([]string{"audit", "chain"}, args...), getenv, strings.NewReader(""), &out, &out)
		return out.String(), err
	}
	in := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if _, err := store.InTx(t.Context(), db.App, org.ID, fn); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		in(func(tx *store.Tx) error { store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "x"}); return nil })
	}
	in(func(tx *store.Tx) error { _, _, err := store.SealAudit(t.Context(), tx, db.Keys); return err })
	in(func(tx *store.Tx) error { store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "x"}); return nil })

	out, err := chain()
	if err != nil || strings.Count(out, "holds") != 2 || !strings.Contains(out, "1, the oldest for") {
		t.Errorf("%v\n%s", err, out)
	}
	head := regexp.MustCompile(`3:[0-9a-f]{64}`).FindString(out)
	if out, err = chain("--org", "one", "--expect", head); err != nil || strings.Contains(out, "two") {
		t.Errorf("with its head: %v\n%s", err, out)
	}
	if _, err = chain("--expect", head); err == nil || !strings.Contains(err.Error(), "--org") {
		t.Errorf("a head of no org: %v", err)
	}
	if _, err = chain("--org", "one", "--expect", "3:x"); err == nil || !strings.Contains(err.Error(), "SEQ:HASH") {
		t.Errorf("a head that is none: %v", err)
	}
	damage := func(sql string) {
		t.Helper()
		if _, err := db.Admin.Exec(t.Context(), "BEGIN; SET LOCAL session_replication_role = replica; "+sql+"; COMMIT"); err != nil {
			t.Fatal(err)
		}
	}
	damage("DELETE FROM audit_log WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 3); DELETE FROM audit_chain WHERE seq = 3")
	if out, err = chain(); err != nil {
		t.Errorf("control: what cannot be seen is seen: %v\n%s", err, out)
	}
	if out, err = chain("--org", "one", "--expect", head); err == nil || !strings.Contains(out, "end is missing at link 3") {
		t.Errorf("an end that is cut off: %v\n%s", err, out)
	}
	damage("UPDATE audit_log SET actor = 'somebody' WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 1)")
	out, err = chain("--json")
	var lines []chainLine
	if jsonErr := json.Unmarshal([]byte(out), &lines); jsonErr != nil || len(lines) != 2 {
		t.Fatalf("%v\n%s", jsonErr, out)
	}
	if b := lines[0].Broken; err == nil || !strings.Contains(err.Error(), "1 of 2") || b == nil || b.Seq != 1 || b.What != store.ChainChanged {
		t.Errorf("%v %+v", err, lines)
	}
	if out, err = chain("--org", "one"); err == nil || !strings.Contains(out, "BROKEN: changed row at link 1, audit row 1; links hold from 2 on") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := db.Admin.Exec(t.Context(), "INSERT INTO audit_log (org_id, at, actor, action) SELECT id, now() - interval '1 hour', 'cli', 'x' FROM org WHERE slug = 'two'"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.InTx(t.Context(), db.App, two.ID, func(tx *store.Tx) error { _, _, err := store.SealAudit(t.Context(), tx, db.Keys); return err }); err != nil {
		t.Fatal(err)
	}
	if out, err = chain("--org", "two"); err != nil || !strings.Contains(out, "holds") || !strings.Contains(out, "1, the first: sealed late at link 1, audit row") {
		t.Errorf("a link that is late: %v\n%s", err, out)
	}
	env["HOLDFAST_HASH_KEY"] = ""
	if _, err = chain(); err == nil {
		t.Error("without the hash key something was verified")
	}
}
