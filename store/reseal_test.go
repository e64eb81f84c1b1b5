package store_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// TestSealedColumns: what is sealed is re-encrypted. The catalog's columns by their names, and the list of store, agree.
func TestSealedColumns(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	rows, err := db.Admin.Query(t.Context(), `SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attisdropped AND a.attname LIKE '%sealed%' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, c := range store.SealedColumns() {
		listed = append(listed, c.Table+"."+c.Column)
	}
	slices.Sort(listed)
	if !slices.Equal(there, listed) {
		t.Errorf("the catalog has %v,\nstore/sealed.go lists %v", there, listed)
	}
}

// fillSealed writes a value into every sealed column of an org.
func fillSealed(t *testing.T, db *storetest.DB, org storetest.Org, phone string) *world {
	t.Helper()
	ctx := t.Context()
	fill(t, db, org, phone, "Zebulon", "allergic to latex", `{"text":"quokka"}`)
	w := &world{DB: db, t: t, org: org}
	a := org.Account
	a.Secondary = pii.NewToken("secondary of " + org.Slug)
	if err := store.SetSMSAccount(ctx, db.Owner, db.Keys, org.ID, a); err != nil {
		t.Fatal(err)
	}
	w.admin(`UPDATE inbound SET told_as = gen_random_uuid() WHERE org_id = $1`, org.ID)
	in := value[uuid.UUID](w, `SELECT id FROM inbound WHERE org_id = $1`, org.ID)
	w.in(func(tx *store.Tx) error { return store.KeepReply(tx, db.Keys, in, pii.NewText("what is left")) })
	return w
}

// sealedValue is the first value of a column in an org, what it is sealed for, and its row.
type sealedValue struct {
	ID      uuid.UUID
	Purpose string
	Sealed  []byte
}

func (w *world) sealedIn(db store.DB, c store.SealedColumn, org uuid.UUID) sealedValue {
	w.t.Helper()
	rows, err := db.Query(w.t.Context(), fmt.Sprintf(`SELECT t.%s, %s, t.%s FROM %s t WHERE t.org_id = $1 AND t.%[3]s <> '' ORDER BY 1 LIMIT 1`,
		c.Key, c.Purpose, c.Column, c.Table), org)
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := pgx.CollectOneRow(rows, pgx.RowToStructByPos[sealedValue])
	if err != nil {
		w.t.Fatalf("nothing is in %s.%s: %v", c.Table, c.Column, err)
	}
	return v
}

// TestSealedStaysInPlace: a sealed value opens in its own column and org. Moved by SQL to any other column, or to another
// org, it does not.
func TestSealedStaysInPlace(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	one, two := storetest.NewOrg(t, db, "one"), storetest.NewOrg(t, db, "two")
	w := fillSealed(t, db, one, "+15559073158")
	fillSealed(t, db, two, "+15559073159")
	tx, err := db.Admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	columns, moves := store.SealedColumns(), 0
	for _, from := range columns {
		v := w.sealedIn(tx, from, one.ID)
		if clear, err := db.Keys.Open(one.ID, v.Purpose, v.Sealed); err != nil || clear == "" {
			t.Errorf("%s.%s: where it belongs: %v", from.Table, from.Column, err)
		}
		for _, to := range columns {
			for _, org := range []uuid.UUID{one.ID, two.ID} {
				if from == to && org == one.ID {
					continue
				}
				moves++
				place := w.sealedIn(tx, to, org)
				if _, err := tx.Exec(t.Context(), fmt.Sprintf(`UPDATE %s SET %s = $3 WHERE org_id = $1 AND %s = $2`, to.Table, to.Column, to.Key), org, place.ID, v.Sealed); err != nil {
					t.Fatal(err)
				}
				moved := w.sealedIn(tx, to, org)
				if clear, err := db.Keys.Open(org, moved.Purpose, moved.Sealed); err == nil || clear != "" || !bytes.Equal(moved.Sealed, v.Sealed) {
					t.Errorf("%s.%s opens in %s.%s of %s", from.Table, from.Column, to.Table, to.Column, org)
				}
				if _, err := tx.Exec(t.Context(), fmt.Sprintf(`UPDATE %s SET %s = $3 WHERE org_id = $1 AND %s = $2`, to.Table, to.Column, to.Key), org, place.ID, place.Sealed); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	storetest.Count(t, "sealed values moved", moves)
	if want := len(columns)*len(columns)*2 - len(columns); moves != want {
		t.Errorf("%d moves, want %d", moves, want)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	// As those see it who read: the two tokens of an account are no exception.
	w.admin(`UPDATE sms_account SET token_sealed = secondary_sealed WHERE org_id = $1`, one.ID)
	err = w.once(func(tx *store.Tx) error { _, err := store.LoadSMSAccount(t.Context(), tx, db.Keys); return err })
	if err == nil || !strings.HasPrefix(err.Error(), "open sms_account.token: ") {
		t.Errorf("a secondary token is taken for the primary one: %v", err)
	}
}

// rotated gives a keyring a second key, which seals from now on, and returns one that knows the first alone, as a process
// that lags.
func rotated(t *testing.T, db *storetest.DB) (lagging *pii.Keyring, old, fresh pii.KeyID, text string) {
	t.Helper()
	lagging, err := pii.NewKeyring(db.KeySet)
	if err != nil {
		t.Fatal(err)
	}
	text, fresh, err = pii.AddKey(db.KeySet.Keyset)
	if err == nil {
		text, err = pii.PromoteKey(text, fresh)
	}
	if err == nil {
		err = db.Keys.SetKeyset(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return lagging, lagging.Primary(), fresh, text
}

// TestReseal: every value of every org is sealed by the new key afterwards and says what it said, nothing else has changed,
// and who changes a value meanwhile has the last word.
func TestReseal(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := storetest.New(t)
	one, two := storetest.NewOrg(t, db, "one"), storetest.NewOrg(t, db, "two")
	w := fillSealed(t, db, one, "+15559073158")
	fillSealed(t, db, two, "+15559073159")
	const many = 1234 // more than two batches
	w.in(func(tx *store.Tx) error {
		for i := range many {
			err := store.InsertCustomer(tx, db.Keys, store.Customer{ID: uuid.New(), Phone: pii.KnownPhone(fmt.Sprintf("+1555200%04d", i)), Name: pii.NewName("Ana")})
			if err != nil {
				return err
			}
		}
		return nil
	})
	clear := make(map[string]string)
	each := func(look func(name string, org uuid.UUID, v sealedValue)) {
		for _, c := range store.SealedColumns() {
			for _, org := range []uuid.UUID{one.ID, two.ID} {
				look(c.Table+"."+c.Column+" of "+org.String(), org, w.sealedIn(db.Admin, c, org))
			}
		}
	}
	each(func(name string, org uuid.UUID, v sealedValue) {
		text, err := db.Keys.Open(org, v.Purpose, v.Sealed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		clear[name] = text
	})
	const rest = `SELECT jsonb_agg(x ORDER BY x)::text FROM (
		SELECT to_jsonb(a) - 'token_sealed' - 'secondary_sealed' FROM sms_account a UNION ALL SELECT to_jsonb(m) - 'to_sealed' FROM message m
		UNION ALL SELECT to_jsonb(b) - 'notes_sealed' FROM booking b UNION ALL SELECT to_jsonb(r) - 'body_sealed' FROM request r
		UNION ALL SELECT to_jsonb(e) FROM booking_event e UNION ALL SELECT to_jsonb(l) FROM audit_log l UNION ALL SELECT to_jsonb(k) FROM task k) y(x)`
	before := value[string](w, rest)
	lagging, old, fresh, _ := rotated(t, db)

	// Somebody holds a row with a new name for it, sealed by the old key still, and lets go when Reseal has been there.
	held := value[uuid.UUID](w, `SELECT id FROM customer WHERE org_id = $1 ORDER BY id OFFSET 700 LIMIT 1`, one.ID)
	release := w.apart(func(tx *store.Tx) error {
		return store.UpdateCustomer(tx, lagging, store.Customer{ID: held, Name: pii.NewName("Bea")})
	})
	all, err := store.Reseal(ctx, db.Owner, db.Keys, func(r store.Resealed) {
		if r.Column == "customer.phone_sealed" && r.Looked >= many {
			release()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Looked == 0 || r.Looked != r.Changed || r.Unopened+r.Busy > 0 || strings.HasPrefix(r.Column, "customer.") && r.Looked != many+2 {
			t.Errorf("%+v", r)
		}
	}
	if left, err := store.CountSealed(ctx, db.Owner, old); err != nil || len(left) > 0 {
		t.Errorf("by the old key: %v, %v", left, err)
	}
	if now, err := store.CountSealed(ctx, db.Owner, fresh); err != nil || len(now) != len(store.SealedColumns()) {
		t.Errorf("by the new key: %v, %v", now, err)
	}
	each(func(name string, org uuid.UUID, v sealedValue) {
		id, _ := pii.SealedBy(v.Sealed)
		if text, err := db.Keys.Open(org, v.Purpose, v.Sealed); err != nil || text != clear[name] || id != fresh {
			t.Errorf("%s: by key %d, %v", name, id, err)
		}
		if _, err := lagging.Open(org, v.Purpose, v.Sealed); err == nil {
			t.Errorf("%s: the old key opens it", name)
		}
	})
	w.in(func(tx *store.Tx) error {
		c, err := store.LoadCustomer(ctx, tx, db.Keys, held)
		if c.Name.Reveal() != "Bea" {
			t.Error("a change was overwritten")
		}
		return err
	})
	if after := value[string](w, rest); after != before {
		t.Errorf("something else has changed:\n%s\n%s", before, after)
	}

	again, err := store.Reseal(ctx, db.Owner, db.Keys, func(store.Resealed) {})
	for _, r := range again {
		if err != nil || r.Changed > 0 {
			t.Errorf("again: %+v, %v", r, err)
		}
	}
}

// TestResealGoesOn: a value that cannot be opened is named and stops nothing; a run that was cut short is followed by one
// that does the rest.
func TestResealGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.in(func(tx *store.Tx) error {
		for i := range 1100 {
			if err := store.InsertCustomer(tx, w.Keys, store.Customer{ID: uuid.New(), Phone: pii.KnownPhone(fmt.Sprintf("+1555200%04d", i))}); err != nil {
				return err
			}
		}
		return nil
	})
	w.admin(`UPDATE customer SET name_sealed = phone_sealed WHERE id = $1`, w.customer)
	_, old, fresh, _ := rotated(t, w.DB)

	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	if _, err := store.Reseal(ctx, w.Owner, w.Keys, func(r store.Resealed) {
		if r.Column == "customer.phone_sealed" && r.Changed >= 500 {
			cut()
		}
	}); err == nil {
		t.Fatal("it was not cut short")
	}
	if n := value[int](w, `SELECT count(*) FROM customer WHERE substring(phone_sealed FOR 5) = $1`, fresh.Prefix()); n != 500 {
		t.Errorf("%d were sealed anew before the cut", n)
	}
	all, err := store.Reseal(t.Context(), w.Owner, w.Keys, func(store.Resealed) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		switch r.Column {
		case "customer.phone_sealed":
			if r.Looked != 1101 || r.Changed != 601 {
				t.Errorf("the rest: %+v", r)
			}
		case "customer.name_sealed":
			if r.Unopened != 1 || !slices.Equal(r.First, []store.RowRef{{Org: w.org.ID, ID: w.customer}}) {
				t.Errorf("what does not open: %+v", r)
			}
		default:
			if r.Unopened > 0 || r.Busy > 0 {
				t.Errorf("%+v", r)
			}
		}
	}
	if left, err := store.CountSealed(t.Context(), w.Owner, old); err != nil || len(left) != 1 || left[0] != (store.SealedCount{Column: "customer.name_sealed", Rows: 1}) {
		t.Errorf("by the old key: %v, %v", left, err)
	}
}

// TestResealYields: a value that is changed between the moment when Reseal read it and that in which it writes is left as
// it was changed, and sealed anew on the next pass.
func TestResealYields(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	lagging, old, fresh, text := rotated(t, w.DB)
	other, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := pii.NewKeyring(other) // it has to look for the keys, which is the moment between
	if err != nil {
		t.Fatal(err)
	}
	changed := w.org.Account
	changed.Token = pii.NewToken("changed meanwhile")
	looks := 0
	ring.OnUnknownKey(func() {
		looks++
		if err := store.SetSMSAccount(ctx, w.Owner, lagging, w.org.ID, changed); err != nil {
			t.Error(err)
		}
		if err := ring.SetKeyset(text); err != nil {
			t.Error(err)
		}
	})
	all, err := store.Reseal(ctx, w.Owner, ring, func(store.Resealed) {})
	if err != nil || looks != 1 || all[0].Column != "sms_account.token_sealed" || all[0].Busy > 0 {
		t.Errorf("%v, %d looks, %+v", err, looks, all)
	}
	if left, err := store.CountSealed(ctx, w.Owner, old); err != nil || len(left) > 0 || fresh != ring.Primary() {
		t.Errorf("by the old key: %v, %v", left, err)
	}
	w.in(func(tx *store.Tx) error {
		a, err := store.LoadSMSAccount(ctx, tx, w.Keys)
		if !a.Token.Equal(changed.Token) {
			t.Error("a change was overwritten")
		}
		return err
	})
}
