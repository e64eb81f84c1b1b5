package store_test

import (
	"fmt"
	"testing"

	"holdfast/store"
	"holdfast/store/storetest"
)

// note writes n rows into the audit log, each in a commit of its own.
func (w *world) note(n int) {
	w.t.Helper()
	for i := range n {
		w.in(func(tx *store.Tx) error {
			store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "settings.change", Subject: fmt.Sprint(i), Detail: map[string]any{"b": 1, "a": []int{i}}})
			return nil
		})
	}
}

// seal runs one batch of audit:seal and returns "n more".
func (w *world) seal() string {
	w.t.Helper()
	return w.swept(func(tx *store.Tx) (int, bool, error) { return store.SealAudit(w.t.Context(), tx, w.Keys) })
}

// chain verifies the org's chain.
func (w *world) chain(expect *store.ChainHead) store.ChainReport {
	w.t.Helper()
	r, err := store.VerifyChain(w.t.Context(), w.Audit, w.Keys, store.Org{ID: w.org.ID, Slug: "one"}, expect)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func TestAuditChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.due("audit:seal") || w.seal() != "0 false" {
		t.Error("an empty log is due")
	}
	w.note(3)
	if r := w.chain(nil); r.Unsealed != 3 || r.Oldest <= 0 || r.Broken != nil || r.Head.Seq != 0 {
		t.Errorf("before the first seal: %+v", r)
	}
	if !w.due("audit:seal") || w.seal() != "3 false" || w.due("audit:seal") {
		t.Error("three rows are due once")
	}
	first := w.chain(nil)
	if first.Broken != nil || first.Head.Seq != 3 || first.Unsealed != 0 {
		t.Errorf("sealed: %+v", first)
	}
	w.note(2)
	if got := w.seal(); got != "2 false" {
		t.Errorf("sealed %s", got)
	}
	head, err := store.ParseChainHead(first.Head.String())
	if err != nil {
		t.Fatal(err)
	}
	if r := w.chain(&head); r.Broken != nil || r.Head.Seq != 5 {
		t.Errorf("with the head of before: %+v", r)
	}
	// A session's own formats change nothing.
	w.admin(`DO $$ DECLARE f text; BEGIN
		FOREACH f IN ARRAY ARRAY['timezone = "Asia/Kolkata"', 'datestyle = German', 'bytea_output = escape', 'extra_float_digits = -5'] LOOP
			EXECUTE format('ALTER ROLE holdfast_audit IN DATABASE %I SET %s', current_database(), f);
		END LOOP; END $$`)
	w.Audit.Reset()
	if r := w.chain(nil); r.Broken != nil {
		t.Errorf("with other formats: %+v", r.Broken)
	}
}

// A batch is 500 rows, and the next one goes on where it ended.
func TestAuditChainInBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.admin(`INSERT INTO audit_log (org_id, actor, action) SELECT $1, 'cli', 'x' FROM generate_series(1, 501)`, w.org.ID)
	for _, want := range []string{"500 true", "1 false"} {
		if got := w.seal(); got != want {
			t.Errorf("sealed %s, want %s", got, want)
		}
	}
	if r := w.chain(nil); r.Broken != nil || r.Head.Seq != 501 {
		t.Errorf("%+v", r)
	}
}

// TestSlowAuditRow: a row whose transaction commits after rows with higher ids were sealed is neither lost nor breaks the
// chain: it is sealed behind them.
func TestSlowAuditRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := w.apart(func(tx *store.Tx) error {
		store.NoteAudit(tx, store.AuditEntry{Actor: "slow", Action: "x"})
		return tx.Flush(t.Context())
	})
	w.note(2)
	if got := w.seal(); got != "2 false" {
		t.Errorf("while the first is on its way: sealed %s", got)
	}
	release()
	w.note(1)
	if got := w.seal(); got != "2 false" {
		t.Errorf("once it is there: sealed %s", got)
	}
	if r := w.chain(nil); r.Broken != nil || r.Head.Seq != 4 || r.Unsealed != 0 {
		t.Errorf("%+v", r)
	}
	if got := value[string](w, "SELECT string_agg(l.actor, ' ' ORDER BY c.seq) FROM audit_chain c JOIN audit_log l ON l.id = c.audit_id"); got != "cli cli slow cli" {
		t.Errorf("the order is %s", got)
	}
	if first := value[string](w, "SELECT actor FROM audit_log ORDER BY id LIMIT 1"); first != "slow" {
		t.Errorf("control: the slow one does not have the lowest id, %s does", first)
	}
}

// Many seal one org at once, while rows are written: there is one chain, with each row once.
func TestSealersDoNotFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const workers, rounds = 6, 15
	together(workers, func(int) {
		for range rounds {
			err := w.once(func(tx *store.Tx) error {
				store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "x"})
				return nil
			})
			if err == nil {
				err = w.once(func(tx *store.Tx) error {
					_, _, err := store.SealAudit(t.Context(), tx, w.Keys)
					return err
				})
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	if r := w.chain(nil); r.Broken != nil || r.Head.Seq != workers*rounds || r.Unsealed != 0 {
		t.Errorf("%+v", r)
	}
}

// TestAuditChainTampered: whoever owns the database, and switches its triggers off, is found out, and the first link that does
// not hold is named.
func TestAuditChainTampered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.note(8)
	w.seal()
	head := w.chain(nil).Head
	row := func(seq int64) int64 { return value[int64](w, "SELECT audit_id FROM audit_chain WHERE seq = $1", seq) }
	tampered := []struct {
		sql  string
		want store.ChainBreak
	}{
		{`UPDATE audit_log SET detail = '{"a": [2], "b": 2}' WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 3)`, store.ChainBreak{Seq: 3, AuditID: row(3), What: store.ChainChanged}},
		{`UPDATE audit_log SET at = at - interval '1 us' WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 5)`, store.ChainBreak{Seq: 5, AuditID: row(5), What: store.ChainChanged}},
		{`UPDATE audit_log SET at = 'infinity' WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 5)`, store.ChainBreak{Seq: 5, AuditID: row(5), What: store.ChainChanged}},
		{`DELETE FROM audit_log WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 4)`, store.ChainBreak{Seq: 4, AuditID: row(4), What: store.ChainMissing}},
		{`UPDATE audit_log l SET subject = x.subject FROM audit_chain c JOIN audit_chain o ON o.seq = 9 - c.seq JOIN audit_log x ON x.id = o.audit_id
			WHERE c.seq IN (2, 7) AND l.id = c.audit_id`, store.ChainBreak{Seq: 2, AuditID: row(2), What: store.ChainChanged}},
		{`UPDATE audit_chain c SET audit_id = o.audit_id FROM audit_chain o WHERE c.seq IN (2, 7) AND o.seq = 9 - c.seq`, store.ChainBreak{Seq: 2, AuditID: row(7), What: store.ChainChanged}},
		{`DELETE FROM audit_chain WHERE seq = 6`, store.ChainBreak{Seq: 7, AuditID: row(7), What: store.ChainGap}},
		{`DELETE FROM audit_chain WHERE seq = 1`, store.ChainBreak{Seq: 2, AuditID: row(2), What: store.ChainGap}},
		{`DELETE FROM audit_chain WHERE seq = 8`, store.ChainBreak{AuditID: row(8), What: store.ChainUnlinked}},
		{`UPDATE audit_chain SET hash = sha256('x') WHERE seq = 4`, store.ChainBreak{Seq: 4, AuditID: row(4), What: store.ChainHash}},
		{`UPDATE audit_chain SET at = at + interval '1 s' WHERE seq = 4`, store.ChainBreak{Seq: 4, AuditID: row(4), What: store.ChainChanged}},
		{`UPDATE audit_chain SET hash = sha256('x') WHERE seq = 8`, store.ChainBreak{Seq: 8, AuditID: row(8), What: store.ChainEither}},
		{`INSERT INTO audit_log (org_id, id, at, actor, action) OVERRIDING SYSTEM VALUE SELECT org_id, 0, now() - interval '1 year', 'cli', 'x' FROM audit_log LIMIT 1`,
			store.ChainBreak{AuditID: 0, What: store.ChainUnlinked}},
		{`DELETE FROM audit_chain WHERE seq > 6; DELETE FROM audit_log l WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.audit_id = l.id)`,
			store.ChainBreak{Seq: head.Seq, What: store.ChainCutOff}},
		{`INSERT INTO audit_unsealed (org_id, audit_id) SELECT org_id, 999 FROM audit_log LIMIT 1`, store.ChainBreak{AuditID: 999, What: store.ChainMissing}},
	}
	storetest.Count(t, "audit chains tampered with", len(tampered))
	for _, c := range tampered {
		w.admin(`CREATE TABLE kept_log AS TABLE audit_log; CREATE TABLE kept_chain AS TABLE audit_chain`)
		w.admin(`ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_audit_id_org_id_key`)
		if _, err := w.Admin.Exec(t.Context(), "BEGIN; SET LOCAL session_replication_role = replica; "+c.sql+"; COMMIT"); err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		kept := &head
		if c.want.What != store.ChainCutOff {
			kept = nil
		}
		if r := w.chain(kept); r.Broken == nil || *r.Broken != c.want {
			t.Errorf("%s\n\tfound %+v, want %+v", c.sql, r.Broken, c.want)
		}
		if _, err := w.Admin.Exec(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM audit_log; DELETE FROM audit_chain; DELETE FROM audit_unsealed;
			INSERT INTO audit_log OVERRIDING SYSTEM VALUE TABLE kept_log; INSERT INTO audit_chain TABLE kept_chain; DROP TABLE kept_log, kept_chain;
			ALTER TABLE audit_chain ADD UNIQUE (audit_id, org_id); COMMIT`); err != nil {
			t.Fatal(err)
		}
		if r := w.chain(&head); r.Broken != nil {
			t.Fatalf("mended, and yet %+v", r.Broken)
		}
	}
	// What can be seen only by who has kept the head: without it a chain whose end is cut off holds.
	w.admin(`CREATE TABLE kept_log AS TABLE audit_log`)
	if _, err := w.Admin.Exec(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM audit_log WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 8); DELETE FROM audit_chain WHERE seq = 8; COMMIT`); err != nil {
		t.Fatal(err)
	}
	if r := w.chain(nil); r.Broken != nil {
		t.Errorf("control: %+v", r.Broken)
	}
	// A row that is given an old time and sealed in due form stands behind younger ones.
	w.admin(`INSERT INTO audit_log (org_id, at, actor, action) SELECT org_id, now() - interval '1 hour', 'cli', 'x' FROM audit_log LIMIT 1`)
	w.seal()
	if r := w.chain(nil); r.Broken == nil || r.Broken.What != store.ChainBackdated || r.Broken.Seq != 8 {
		t.Errorf("backdated: %+v", r.Broken)
	}
}

// Not even the owner changes or deletes a link.
func TestAuditChainStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.note(1)
	w.seal()
	for _, sql := range []string{"UPDATE audit_chain SET seq = 2", "DELETE FROM audit_chain", "TRUNCATE audit_chain", "TRUNCATE audit_log CASCADE", "DELETE FROM audit_log"} {
		if _, err := w.Owner.Exec(t.Context(), sql); store.Code(err) != "23001" && store.Code(err) != "23503" {
			t.Errorf("%s: %v, want it refused", sql, err)
		}
	}
	if r := w.chain(nil); r.Broken != nil || r.Head.Seq != 1 {
		t.Errorf("%+v", r)
	}
}
