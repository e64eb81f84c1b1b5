package store_test

import (
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

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
		for _, f := range storetest.FindMarkers(t, db.Admin, markers...) {
			t.Errorf("%s: %s", when, f)
		}
		w.in(func(tx *store.Tx) error {
			b, _, err := store.LockSeat(t.Context(), tx, booking)
			store.ConfirmBooking(tx, &b)
			store.AnswerRequest(tx, value[uuid.UUID](w, "SELECT id FROM request"), store.Answer{Status: 201, Body: []byte("{}")})
			store.FinishInbound(tx, value[uuid.UUID](w, "SELECT id FROM inbound"), "code", uuid.NullUUID{})
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
		if found := storetest.FindMarkers(t, db.Admin, name); len(found) == 0 {
			t.Errorf("%s: not found", plant)
		}
		w.admin(`UPDATE org SET name = 'x'`)
		w.admin(`UPDATE customer SET name_sealed = NULL`)
		w.admin(`UPDATE booking_event SET detail = '{}'`)
		w.admin(`UPDATE task SET last_error = NULL`)
		if found := storetest.FindMarkers(t, db.Admin, name); len(found) > 0 {
			t.Fatalf("not taken away: %v", found)
		}
	}
}
