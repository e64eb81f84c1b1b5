package store_test

import (
	"fmt"
	"testing"

	"holdfast/store"
	"holdfast/store/storetest"
)

// TestTruncateAndLock tries, as the app role with its own grants, the two verbs that row-level security does not look at.
// TRUNCATE would empty a table for every org: it is refused on all. A lock on a whole table would make every org wait.
// PostgreSQL refuses it where the role may neither update nor delete; elsewhere who may write may lock, and the role's
// time-outs let go of it within seconds.
func TestTruncateAndLock(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	refused := func(sql string) bool {
		tx, err := db.App.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(t.Context()) }() // a lost connection shows in the next statement
		_, err = tx.Exec(t.Context(), sql)
		if err != nil && store.Code(err) != "42501" {
			t.Errorf("%s: %v", sql, err)
		}
		return err != nil
	}
	tried := 0
	for _, table := range tablesOf(t, db) {
		tried += 2
		if !refused("TRUNCATE " + table.Name + " CASCADE") {
			t.Errorf("%s can be emptied", table.Name)
		}
		var mayWrite bool
		err := db.Admin.QueryRow(t.Context(), `SELECT has_table_privilege('holdfast_app', $1::regclass, 'UPDATE, DELETE')`, table.Name).Scan(&mayWrite)
		if err != nil {
			t.Fatal(err)
		}
		if refused(fmt.Sprintf("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", table.Name)) == mayWrite {
			t.Errorf("%s: locked: %v, may write: %v", table.Name, mayWrite, mayWrite)
		}
	}
	storetest.Count(t, "probes tried", tried)
	var idle, lock, statement string
	err := db.App.QueryRow(t.Context(), `SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout'),
		current_setting('statement_timeout')`).Scan(&idle, &lock, &statement)
	if err != nil || idle != "5s" || lock != "3s" || statement != "10s" {
		t.Errorf("what lets go of locks: %s %s %s %v", idle, lock, statement, err)
	}
}
