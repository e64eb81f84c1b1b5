package store_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store"
	"holdfast/store/pii"
)

// Whatever another system has given as a call's id, and whatever stands in an answer as a phone, is emptied; what is left of the
// answer is the same otherwise.
func TestErasureOfAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	booking := uuid.NullUUID{UUID: w.book(wish{Resource: w.org.Table, Span: at(10, 0)}), Valid: true}
	wants := make(map[uuid.UUID]string)
	for _, v := range []string{`a"b`, `a\`, `a\"b`, `\\"`, "é<&>\u2028", `","phone":"`, `"call_id":"x`, ``} {
		var parts []string
		for part := range strings.SplitSeq(v, `"`) {
			raw, err := json.Marshal(part)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, string(raw[1:len(raw)-1]))
		}
		for _, quote := range []string{`\"`, `\u0022`} {
			s := `"` + strings.Join(parts, quote) + `"`
			id, _, err := w.request(w.org.ID, store.Request{Kind: "transcript", Source: "api", Body: pii.NewText("{}"), BookingID: booking})
			if err != nil {
				t.Fatal(err)
			}
			answer := func(call, phone string) string {
				return `{"call_id":` + call + `,"customer":{"phone":` + phone + `,"id":"c"},"text":` + s + `,"redactions":{"NAME":2}}`
			}
			w.in(func(tx *store.Tx) error {
				store.AnswerRequest(tx, id, store.Answer{Status: 201, Body: []byte(answer(s, s))})
				return nil
			})
			wants[id] = answer(`"erased"`, `""`)
		}
	}
	var e store.Erased
	w.in(func(tx *store.Tx) error {
		_, _, err := store.EraseCustomer(t.Context(), tx, w.Keys, w.customer, store.PhoneHash(w.Keys, w.org.ID, phone42), &e)
		return err
	})
	for id, want := range wants {
		if got := value[string](w, "SELECT answer::text FROM request WHERE id = $1", id); got != want {
			t.Errorf("left %s, want %s", got, want)
		}
	}
	if e.Requests != len(wants) {
		t.Errorf("%d requests, want %d", e.Requests, len(wants))
	}
}

// planned is how a statement of the app's role is done, whatever its arguments are.
func (w *world) planned(sql, types, args string) (plan string) {
	w.t.Helper()
	rollback := errors.New("rolled back")
	err := w.once(func(tx *store.Tx) error {
		if _, err := tx.Exec(w.t.Context(), "PREPARE planned ("+types+") AS "+sql); err != nil {
			return err
		}
		rows, err := tx.Query(w.t.Context(), "EXPLAIN EXECUTE planned ("+args+")")
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		plan = strings.Join(lines, "\n")
		if _, err := tx.Exec(w.t.Context(), "DEALLOCATE planned"); err != nil {
			return err
		}
		return rollback
	})
	if !errors.Is(err, rollback) {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return plan
}

// What an erasure reads of the tables that grow with everything that an org does is found by an index that leads there. Requests
// and customers, of which each org has some from its first day on, are found so in a new database too. TRUNCATE makes one: its tables
// have not been looked at by any ANALYZE, which may come at any time.
func TestErasureWalksIndexes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org, ids := "'"+w.org.ID.String()+"'", "ARRAY['"+uuid.NewString()+"']::uuid[]"
	for _, when := range []string{"new", "full"} {
		if when == "new" {
			w.admin("TRUNCATE request, booking, transcript, message, move, customer CASCADE")
			w.in(func(tx *store.Tx) error {
				return store.InsertCustomer(tx, w.Keys, store.Customer{ID: w.customer, Phone: phone42})
			})
		}
		if when == "full" {
			w.admin(`INSERT INTO request (org_id, id, kind, source, fingerprint, booking_id, status, answer, done_at)
				SELECT $1, gen_random_uuid(), 'x', 'api', '\x01', CASE WHEN n % 3 = 0 THEN gen_random_uuid() END, 201, '{}', now() FROM generate_series(1, 5000) n`, w.org.ID)
			w.admin(`INSERT INTO audit_log (org_id, actor, action, subject) SELECT $1, 'x', 'x', CASE WHEN n % 3 = 0 THEN gen_random_uuid()::text ELSE '' END FROM generate_series(1, 3000) n`, w.org.ID)
			w.admin("INSERT INTO customer (org_id, id, phone_hash, phone_sealed, phone_last2) SELECT $1, gen_random_uuid(), decode(md5(n::text), 'hex'), '\\x01', '00' FROM generate_series(1, 3000) n", w.org.ID)
			w.missed(w.org, w.customer, 100)
			w.admin(`INSERT INTO message (org_id, id, kind, booking_id, to_hash) SELECT org_id, gen_random_uuid(), 'code', id, decode(md5(id::text), 'hex') FROM booking`)
			w.admin("UPDATE booking SET customer_id = (SELECT id FROM customer c WHERE c.id <> $1 LIMIT 1) WHERE random() < 0.95", w.customer)
			w.admin("ANALYZE")
		}
		for _, c := range []struct {
			sql, types, args, index, cond string
			early                         bool // in a new database too
		}{
			{store.TheirRequestsSQL, "uuid, uuid[]", org + "," + ids, "request_booking", `booking_id = u.id`, true},
			{store.FormerSQL, "uuid, uuid", org + ", '" + w.customer.String() + "'", "customer_phone_hash_org_id_key", `phone_hash = `, true},
			{store.OnceSQL, "uuid, bytea, uuid", org + `, '\x01', '` + w.customer.String() + "'", "message_to", `to_hash = `, false},
			{store.LoadErasureSQL, "uuid, uuid", org + ", '" + w.customer.String() + "'", "audit_log_subject", `subject = `, false},
		} {
			plan := w.planned(c.sql, c.types, c.args)
			if !regexp.MustCompile(c.index+`\b.*\n *Index Cond: .*`+c.cond).MatchString(plan) && (c.early || when == "full") {
				t.Errorf("%s: not by %s:\n%s", when, c.index, plan)
			}
		}
	}
}

// A transcript that no longer fits into an export is left out, and so are all that are older.
func TestExportIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	booking := uuid.NullUUID{UUID: w.book(wish{Resource: w.org.Table, Span: at(10, 0)}), Valid: true}
	request, _, err := w.request(w.org.ID, store.Request{Kind: "transcript", Source: "api", Body: pii.NewText("{}")})
	if err != nil {
		t.Fatal(err)
	}
	word := pii.NewText(strings.Repeat("word ", 500))
	for i := range 3 {
		w.in(func(tx *store.Tx) error {
			said := store.Transcript{ID: uuid.New(), CallID: string(rune('a' + i)), BookingID: booking, Text: word, Engine: "v"}
			return store.InsertTranscript(t.Context(), tx, w.Keys, request, &said, []store.Redaction{{Type: "NAME", Rule: "r", To: 1, Action: "remove"}})
		})
		w.admin("UPDATE transcript SET created_at = now() + $2::int * interval '1 min' WHERE call_id = $1", string(rune('a'+i)), i)
	}
	export := func() (x store.CustomerExport) {
		w.in(func(tx *store.Tx) (err error) {
			x, err = store.ExportCustomer(t.Context(), tx, w.Keys, w.customer)
			return err
		})
		return x
	}
	x := export()
	if len(x.Transcripts) != 3 || x.Truncated || x.Transcripts[0].CallID != "c" || x.Transcripts[0].Text != word || x.Transcripts[2].Redactions["NAME"] != 1 {
		t.Errorf("all fit: %d of 3, truncated %v: %+v", len(x.Transcripts), x.Truncated, x.Transcripts)
	}
	w.admin("UPDATE transcript SET text_sealed = text_sealed || decode(repeat('00', 8 << 20), 'hex') WHERE call_id = 'b'") // it would not open
	if x = export(); len(x.Transcripts) != 1 || !x.Truncated || x.Transcripts[0].CallID != "c" {
		t.Errorf("the second does not fit: %d, truncated %v", len(x.Transcripts), x.Truncated)
	}
}

// Who sends a text, or hears that it has failed, locks the text and then its code or its booking. An erasure that comes meanwhile
// waits for that and is no deadlock.
func TestErasureWaitsForTexts(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(tx *store.Tx, code, booking uuid.UUID) error{
		"is sent": func(tx *store.Tx, code, _ uuid.UUID) error {
			store.StartCode(tx, code, time.Minute)
			return tx.Flush(t.Context())
		},
		"has failed": func(tx *store.Tx, code, _ uuid.UUID) error {
			b, _, err := store.LockCoded(t.Context(), tx, code)
			store.RevokeCodes(tx, b.ID)
			return errors.Join(err, tx.Flush(t.Context()))
		},
	} {
		w := newWorld(t)
		id, code := w.book(wish{Resource: w.org.Table, Span: at(10, 0)}), uuid.New()
		w.in(func(tx *store.Tx) error { store.InsertVerification(tx, w.Keys, code, id, 1); return nil })
		text := w.message(store.Message{BookingID: uuid.NullUUID{UUID: id, Valid: true}, VerificationID: uuid.NullUUID{UUID: code, Valid: true}})
		erased := make(chan error, 1)
		err := w.once(func(tx *store.Tx) error {
			if _, err := store.LockMessage(t.Context(), tx, w.Keys, text); err != nil {
				return err
			}
			go func() { erased <- w.once(w.erases) }()
			w.await("the erasure waits", func() bool {
				return value[bool](w, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")
			})
			return then(tx, code, id)
		})
		if err != nil {
			t.Errorf("a text that %s: %v", name, err)
		}
		if err := <-erased; err != nil {
			t.Errorf("the erasure, when a text %s: %v", name, err)
		}
	}
}

// erases erases the customer, as its task does.
func (w *world) erases(tx *store.Tx) error {
	hash, err := store.LockErasure(w.t.Context(), tx, w.customer)
	if err != nil {
		return err
	}
	ahead, err := store.Ahead(w.t.Context(), tx, w.customer)
	if err != nil {
		return err
	}
	for i := range ahead {
		store.CancelBooking(tx, &ahead[i])
	}
	_, _, err = store.EraseCustomer(w.t.Context(), tx, w.Keys, w.customer, hash, &store.Erased{})
	return err
}
