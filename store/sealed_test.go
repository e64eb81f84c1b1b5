package store_test

import (
	"encoding/base64"
	"encoding/hex"
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

// disguises are the forms in which a text would still be readable: clear, hex, and base64 at each of the three
// places where it can begin, and base64 within bytes.
func disguises(marker string) (forms []string) {
	marker = strings.ToLower(marker)
	forms = append(forms, marker, hex.EncodeToString([]byte(marker)))
	for _, m := range []string{marker, strings.ToUpper(marker), strings.ToUpper(marker[:1]) + marker[1:]} {
		forms = append(forms, hex.EncodeToString([]byte(m)))
		for shift := range 3 {
			b := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + m))
			b = b[(shift*8+5)/6 : len(b)-2] // what lies next to the marker mixes with its ends
			forms = append(forms, strings.ToLower(b), hex.EncodeToString([]byte(b)))
		}
	}
	return forms
}

// findMarkers reads every row of every table as the admin, bytea as hex, and names the tables where a marker shows.
func findMarkers(t *testing.T, db *storetest.DB, markers ...string) (found []string) {
	t.Helper()
	rows, err := db.Admin.Query(t.Context(), `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		rows, err := db.Admin.Query(t.Context(), fmt.Sprintf("SELECT lower(to_jsonb(x)::text) FROM %s x", table))
		if err != nil {
			t.Fatal(err)
		}
		dump, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(dump, "\n")
		for _, m := range markers {
			if slices.ContainsFunc(disguises(m), func(form string) bool { return strings.Contains(all, form) }) {
				found = append(found, table+" "+m)
			}
		}
	}
	return found
}

// TestNothingInClear is P8 in the database: after a whole booking no table holds its phone, name, notes, body or code,
// in clear or in a form that anybody can read.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	org := storetest.NewOrg(t, db, "one")
	const phone, name, notes, body = "+15559073158", "Zebulon", "allergic to latex", `{"text":"quokka sighting"}`
	booking := fill(t, db, org, phone, name, notes, body)
	w := &world{DB: db, t: t, org: org}
	var code pii.Code
	markers := []string{phone[1:], "5559073158", "9073158", name, "latex", "quokka"}
	w.in(func(tx *store.Tx) error { // as it is while all is on its way, and below when it is done
		v, err := store.LatestVerification(t.Context(), tx, booking)
		if err == nil {
			code, err = v.Code(db.Keys, org.ID)
		}
		return err
	})
	for _, when := range []string{"on its way", "done"} {
		for _, f := range findMarkers(t, db, markers...) {
			t.Errorf("%s: %s", when, f)
		}
		w.in(func(tx *store.Tx) error {
			b, _, err := store.LockSeat(t.Context(), tx, booking)
			store.ConfirmBooking(tx, &b)
			store.AnswerRequest(tx, value[uuid.UUID](w, "SELECT id FROM request"), store.Answer{Status: 201, Body: []byte("{}")})
			store.FinishInbound(tx, value[uuid.UUID](w, "SELECT id FROM inbound"), "code")
			return err
		})
	}
	// Of a code only whole values count: six digits are in many a number.
	if n := value[int](w, `SELECT count(*) FROM verification v, jsonb_each_text(to_jsonb(v)) c WHERE c.value IN ($1, '\x' || encode($1::text::bytea, 'hex'))`, code.Reveal()); n > 0 {
		t.Error("the code is stored")
	}

	// The look can find: each form, in each kind of column.
	for _, plant := range []string{
		`UPDATE org SET name = 'Dr. zEBULON'`,
		`UPDATE customer SET name_sealed = 'xxZebulon'`,
		`UPDATE customer SET name_sealed = encode('Zebulon!', 'base64')::bytea`,
		`UPDATE booking_event SET detail = jsonb_build_object('who', encode('dear Zebulon!', 'base64'))`,
		`UPDATE booking_event SET detail = jsonb_build_object('who', encode('a Zebulon here', 'hex'))`,
		`UPDATE task SET last_error = encode('oh, Zebulon', 'base64')`,
	} {
		tx, err := db.Admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), plant); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found := findMarkers(t, db, name); len(found) == 0 {
			t.Errorf("%s: not found", plant)
		}
		w.admin(`UPDATE org SET name = 'x'`)
		w.admin(`UPDATE customer SET name_sealed = NULL`)
		w.admin(`UPDATE booking_event SET detail = '{}'`)
		w.admin(`UPDATE task SET last_error = NULL`)
		if found := findMarkers(t, db, name); len(found) > 0 {
			t.Fatalf("not taken away: %v", found)
		}
	}
}
