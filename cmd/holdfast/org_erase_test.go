package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// TestOrgErase: an operator asks for erasures as the API does; of a list in which somebody is unknown nothing is asked for.
func TestOrgErase(t *testing.T) {
	db := storetest.New(t)
	do := commands{t: t, db: db}.do
	org := storetest.NewOrg(t, db, "one")
	ids := []uuid.UUID{uuid.New(), uuid.New()}
	if _, err := store.InTx(t.Context(), db.App, org.ID, func(tx *store.Tx) error {
		for i, id := range ids {
			if err := store.InsertCustomer(tx, db.Keys, store.Customer{ID: id, Phone: pii.KnownPhone("+1555010004" + string(rune('0'+i)))}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	requests := func() (n int) {
		t.Helper()
		err := db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM request r JOIN task k ON k.request_id = r.id AND k.org_id = r.org_id
			WHERE r.kind = 'erase' AND r.source = 'cli' AND k.type = 'customer:erase' AND k.state = 'pending'`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, bad := range [][]string{{"one", "ana"}, {"one", ids[0].String(), uuid.NewString()}, {"two", ids[0].String()}, {"one"}} {
		if out, err := do("", append([]string{"org", "erase"}, bad...)...); err == nil || requests() != 0 {
			t.Errorf("%v: %v, %d requests: %s", bad, err, requests(), out)
		}
	}
	out, err := do("", "org", "erase", "one", ids[0].String(), ids[1].String())
	if err != nil || requests() != 2 || len(strings.Fields(out)) != 2 {
		t.Errorf("%v, %d requests: %s", err, requests(), out)
	}

	// By phone: a customer's, in whatever form; one that is nobody's becomes somebody's, who is erased.
	for _, bad := range [][]string{{"", "--phone"}, {"12", "--phone"}, {"+15550100041", "--phone", ids[1].String()}} {
		if out, err := do(bad[0], append([]string{"org", "erase", "one"}, bad[1:]...)...); err == nil || requests() != 2 {
			t.Errorf("%v: %v, %d requests: %s", bad, err, requests(), out)
		}
	}
	count := func(from string) (n int) {
		t.Helper()
		if err := db.Admin.QueryRow(t.Context(), "SELECT count(*) FROM "+from).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct {
		phone     string
		customers int
	}{{"(555) 010-0041\n", 2}, {"+14155550199\n", 3}, {"+14155550199\n", 3}} {
		was := requests()
		if out, err := do(c.phone, "org", "erase", "one", "--phone"); err != nil || requests() != was+1 || count("customer") != c.customers || strings.Contains(out, "0199") {
			t.Errorf("%q: %v, %d requests more, %d customers: %s", c.phone, err, requests()-was, count("customer"), out)
		}
	}
}
