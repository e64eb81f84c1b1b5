package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// customerOf is whose a booking is.
func (r *rig) customerOf(booking uuid.UUID) uuid.UUID {
	r.t.Helper()
	return query[uuid.UUID](r, "SELECT customer_id FROM booking WHERE id = $1", booking)
}

// erase asks for an erasure and waits for its answer.
func (r *rig) erase(customer uuid.UUID) (v ErasureView) {
	r.t.Helper()
	a := r.answer(r.ask(tasks.CustomerErase, EraseRef{Customer: customer, Actor: "key"}, uuid.Nil))
	if a.Status != 200 {
		r.t.Fatalf("erasure: %d %s", a.Status, a.Body)
	}
	r.must(json.Unmarshal(a.Body, &v))
	return v
}

// erasure is how it stands by now.
func (r *rig) erasure(customer uuid.UUID) (v ErasureView) {
	r.t.Helper()
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		e, err := store.LoadErasure(r.t.Context(), tx, customer)
		v = ViewErasure(e)
		return err
	})
	r.must(err)
	return v
}

// clean audits the database.
func (r *rig) clean(when string) {
	r.t.Helper()
	report, err := store.Audit(context.Background(), r.db.Audit, auditOptions)
	r.must(err)
	if err := report.Err(); err != nil {
		r.t.Errorf("%s: %v: %+v", when, err, broken(report))
	}
}

// phoneWrites is a text from a phone that the double knows of too; the reply is written under the double's SID.
func (r *rig) phoneWrites(phone, body string) {
	r.t.Helper()
	r.sim.AddNumber(r.org.Account.From, r.org.Account.SID, r.cfg.PublicURL)
	raw, err := json.Marshal(map[string]string{"from": phone, "to": r.org.Account.From, "body": body})
	r.must(err)
	resp, err := http.Post(r.cfg.TwilioURL+"/_sim/inbound", "application/json", bytes.NewReader(raw))
	r.must(err)
	r.must(resp.Body.Close())
	id := r.writes(phone, body)
	all := r.atProvider(r.org.Account.From)
	r.exec("UPDATE inbound SET provider_sid = $2 WHERE id = $1", id, all[0].SID) // the newest is the first
	eventually(r.t, 10*time.Second, "the reply is understood", func() bool {
		return query[bool](r, "SELECT done_at IS NOT NULL FROM inbound WHERE id = $1", id)
	})
}

type providerText struct{ SID, Body, Status, From string }

// atProvider lists what the double holds of texts to a number, as Twilio's API tells it.
func (r *rig) atProvider(to string) []providerText {
	r.t.Helper()
	a := r.org.Account
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.cfg.TwilioURL+"/2010-04-01/Accounts/"+a.SID+"/Messages.json?PageSize=200&To="+url.QueryEscape(to), nil)
	r.must(err)
	req.SetBasicAuth(a.SID, a.Token.Reveal())
	resp, err := http.DefaultClient.Do(req)
	r.must(err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	r.must(err)
	var page struct{ Messages []providerText }
	r.must(json.Unmarshal(raw, &page))
	return page.Messages
}

// lives gives a phone a history: a booking that was, one that is ahead, one that is held, notes, replies, a transcript, a
// failed text, and requests that were refused. It returns the customer.
func (r *rig) lives(phone, name, word string, day int) uuid.UUID {
	r.t.Helper()
	book := func(hour int) uuid.UUID {
		v := r.read(r.ask(tasks.BookingClaim, BookingBody{Resource: "table", Start: at(day, hour, 0), Notes: "wants a " + word + ", call " + phone,
			Customer: CustomerBody{Phone: phone, Name: name, Locale: "es", TimeZone: "America/Chicago"}}, uuid.Nil))
		r.expect(v, 201, "held")
		return v.ID
	}
	past := book(9)
	r.expect(r.verify(past, r.codeIn(r.texts(phone, 1)[0])), 200, "confirmed")
	r.texts(phone, 2)
	r.exec(`UPDATE booking SET starts_at = clock_timestamp() - interval '2 h', ends_at = clock_timestamp() - interval '90 min' WHERE id = $1`, past)
	r.expect(r.read(r.ask(tasks.BookingMark, MarkBody{State: "completed"}, past)), 200, "completed")
	ahead := book(10)
	r.texts(phone, 3)
	code := r.sim.Messages(phone)[2]
	r.expect(r.verify(ahead, wrong(r.codeIn(code))), 422, "wrong-code")
	r.expect(r.verify(ahead, r.codeIn(code)), 200, "confirmed")
	r.texts(phone, 4)
	r.phoneWrites(phone, "is "+name+" to bring the "+word+"?")
	r.texts(phone, 5)
	said := r.answer(r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: "call-" + word, Text: name + " said " + word + ", at " + phone, BookingID: past.String()}, uuid.Nil))
	if said.Status != 201 {
		r.t.Fatalf("transcript: %d %s", said.Status, said.Body)
	}
	r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: phone}, Do: twiliosim.FaultError, Code: 30006, Status: 400, Times: 1})
	book(11)
	r.idle(10 * time.Second)
	return r.customerOf(past)
}

// purposes are what values of this test's customers are sealed for.
var purposes = []string{"customer.phone", "message.to", "inbound.from", "customer.name", "booking.notes", "request.body", "inbound.body", "inbound.text", "transcript.text", "block.reason",
	"sms_account.token", "endpoint_secret", "webhook_secret.events", "webhook_secret.vapi", "webhook_secret.retell"}

// bytesEverywhere goes through each value of type bytea, or of an array of them, of every table.
func (r *rig) bytesEverywhere(see func(where string, value []byte)) (n int) {
	r.t.Helper()
	rows, err := r.db.Admin.Query(r.t.Context(), `SELECT c.relname::text, a.attname::text, a.atttypid = 'bytea[]'::regtype FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('bytea'::regtype, 'bytea[]'::regtype)`)
	r.must(err)
	type column struct {
		Table, Name string
		Array       bool
	}
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	r.must(err)
	for _, c := range columns {
		values := pgx.Identifier{c.Name}.Sanitize()
		if c.Array {
			values = "unnest(" + values + ")"
		}
		rows, err := r.db.Admin.Query(r.t.Context(), "SELECT v FROM (SELECT "+values+" AS v FROM "+pgx.Identifier{c.Table}.Sanitize()+") x WHERE v IS NOT NULL")
		r.must(err)
		all, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		r.must(err)
		for _, v := range all {
			see(c.Table+"."+c.Name, v)
			n++
		}
	}
	return n
}

// answersWith is how many answers show a phone that ends in two digits. An id or a time may end in them too.
func (r *rig) answersWith(last2 string) int {
	return query[int](r, "SELECT count(*) FROM request WHERE answer::text LIKE '%\u2022 ' || $1 || '\"%'", last2)
}

// isGone holds that nothing tells of a customer who was erased any more: of his phone, and of words that were his; and that each of so
// many texts to him is empty at the provider.
func (r *rig) isGone(customer uuid.UUID, phone string, texts int, words ...string) {
	r.t.Helper()
	if v := r.erasure(customer); v.Provider != (store.AtProvider{Redacted: texts}) {
		r.t.Errorf("at the provider: %+v", v.Provider)
	}
	at := r.atProvider(phone)
	if len(at) != texts || slices.ContainsFunc(at, func(m providerText) bool { return m.Body != "" }) {
		r.t.Errorf("the provider has %+v", at)
	}
	if got := r.traces(phone, append(words, phone[1:])...); len(got) > 0 {
		r.t.Errorf("traces are left: %v", got)
	}
	r.clean("after")
}

// traces lists where a customer can be told from: the phone's hash, a sealed value that opens to a marker, a marker in clear.
func (r *rig) traces(phone string, markers ...string) (found []string) {
	r.t.Helper()
	hash, prefix := r.phoneHash(phone), store.PrefixHash(r.db.Keys, r.org.ID, pii.KnownPhone(phone))
	r.bytesEverywhere(func(where string, value []byte) {
		if bytes.Equal(value, hash) {
			found = append(found, where+" is the phone's hash")
		}
		if bytes.Equal(value, prefix) {
			found = append(found, where+" is its prefix's hash")
		}
		opened := false
		for _, p := range purposes {
			clear, err := r.db.Keys.Open(r.org.ID, p, value)
			if err != nil {
				continue
			}
			opened = opened || len(value) > 0
			for _, m := range markers {
				if strings.Contains(clear, m) {
					found = append(found, where+" opens to "+m)
				}
			}
		}
		if strings.HasSuffix(where, "sealed") && !opened {
			r.t.Errorf("%s: opens for no purpose of this test: add its own", where)
		}
	})
	found = append(found, storetest.FindMarkers(r.t, r.db.Admin, markers...)...)
	slices.Sort(found)
	return slices.Compact(found)
}

// theirs is every row that is about a customer, as text.
func (r *rig) theirs(customer uuid.UUID, hash []byte) string {
	return query[string](r, `WITH b AS (SELECT id FROM booking WHERE customer_id = $1), i AS (SELECT id FROM inbound WHERE from_hash = $2), x AS (SELECT id FROM transcript WHERE booking_id IN (TABLE b))
		SELECT string_agg(t, E'\n' ORDER BY t) FROM (
		SELECT to_jsonb(c)::text FROM customer c WHERE id = $1 UNION ALL SELECT to_jsonb(c)::text FROM booking c WHERE customer_id = $1
		UNION ALL SELECT to_jsonb(c)::text FROM message c WHERE to_hash = $2 UNION ALL SELECT to_jsonb(c)::text FROM inbound c WHERE from_hash = $2
		UNION ALL SELECT to_jsonb(c)::text FROM transcript c WHERE booking_id IN (TABLE b) UNION ALL SELECT to_jsonb(c)::text FROM question c WHERE phone_hash = $2
		UNION ALL SELECT to_jsonb(c)::text FROM redaction c WHERE subject IN (TABLE b UNION TABLE i UNION TABLE x)
		UNION ALL SELECT to_jsonb(c)::text FROM booking_event c WHERE booking_id IN (TABLE b)
		UNION ALL SELECT to_jsonb(c)::text FROM request c WHERE booking_id IN (TABLE b) OR answer->>'id' IN (SELECT id::text FROM b UNION SELECT id::text FROM x)) q(t)`, customer, hash)
}

// deliverType delivers the tasks of a type that wait.
func (r *rig) deliverType(run *Runner, typ, want string) {
	r.t.Helper()
	for _, id := range r.pending(typ) {
		if res := run.deliver(r.t.Context(), r.delivery(id, r.task(id).Epoch)); res.label != want {
			r.t.Errorf("%s: delivered %s, want %s: %+v", typ, res.label, want, r.task(id))
		}
	}
}

// hasten makes a task due.
func (r *rig) hasten(id uuid.UUID) {
	r.t.Helper()
	r.exec("UPDATE task SET run_at = clock_timestamp() WHERE id = $1", id)
}
