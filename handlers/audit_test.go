package handlers

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/tasks"
)

var auditOptions = store.AuditOptions{Grace: time.Minute, Settle: 2 * time.Minute}

// lived is a database in which something of everything has happened, and where a text is on its way at this moment.
type lived struct {
	*rig
	confirmed, held, canceled, dead uuid.UUID // bookings
	moved, moving, marked           uuid.UUID // bookings too
	block, transcript               uuid.UUID
	erased                          uuid.UUID // a customer
}

func live(t *testing.T) lived {
	r := newRig(t, func(c *config) { c.CallLimit = 20 * time.Second })
	r.start()
	r.set(`{"countries":["US","CA"]}`)
	r.set(`{}`)
	r.seal()
	l := lived{rig: r}
	l.confirmed = r.hold(ana, at(2, 10, 0))
	r.expect(r.verify(l.confirmed, r.codeIn(r.texts(ana, 1)[0])), 200, "confirmed")
	l.canceled = r.hold(bob, at(2, 11, 0))
	r.expect(r.cancelBooking(l.canceled), 200, "canceled")
	r.expect(r.claim(bob, at(2, 10, 0)), 409, "slot-taken")
	for _, day := range []int{3, 4} {
		v := r.read(r.ask(tasks.BlockCreate, BlockBody{Resource: "table", Start: at(day, 9, 0), End: at(day, 12, 0)}, uuid.Nil))
		if v.status != 201 {
			t.Fatalf("block: %d", v.status)
		}
		l.block = v.ID
	}
	for i, b := range []*uuid.UUID{&l.moved, &l.moving, &l.marked} {
		phone := "+1555010006" + strconv.Itoa(i)
		*b = r.hold(phone, at(5, 9+i, 0))
		r.expect(r.verify(*b, r.codeIn(r.texts(phone, 1)[0])), 200, "confirmed")
		if i < 2 {
			r.expect(r.read(r.ask(tasks.BookingReschedule, RescheduleBody{Start: at(6, 9+i, 0)}, *b)), 200, "confirmed")
		}
	}
	r.idle(10 * time.Second)
	code := r.sim.Messages("+15550100060")
	r.expect(r.verify(l.moved, r.codeIn(code[len(code)-1])), 200, "confirmed")
	r.exec("UPDATE booking SET starts_at = clock_timestamp() - interval '1 min' WHERE id = $1", l.marked)
	r.expect(r.read(r.ask(tasks.BookingMark, MarkBody{State: "no_show"}, l.marked)), 200, "no_show")
	r.answer(r.ask(tasks.BlockDelete, blockRef{l.block}, uuid.Nil))
	l.block = query[uuid.UUID](r, "SELECT id FROM block WHERE deleted_at IS NULL")
	r.says(eve, "hello")
	l.transcript = r.read(r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: "call-1", Text: "Call (202) 555-0142, or 202-555-0143."}, uuid.Nil)).ID
	report := ReportBody{Kind: reportMissed, Start: new(0), End: new(4)}
	r.answer(r.ask(tasks.TranscriptReport, ReportRef{Transcript: l.transcript, Actor: "key", Report: report}, uuid.Nil))
	l.erased = r.customerOf(r.hold("+15550100047", at(2, 14, 0)))
	r.idle(10 * time.Second)
	r.erase(l.erased)
	r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: "+15550100045"}, Do: twiliosim.FaultError, Code: 21614, Status: 400})
	l.dead = r.hold("+15550100045", at(2, 12, 0))
	r.idle(15 * time.Second)
	r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: eve}, Do: twiliosim.FaultDelay, MS: 5000, Times: 1})
	l.held = r.hold(eve, at(2, 13, 0))
	eventually(t, 5*time.Second, "a text is on its way", func() bool { return r.message(l.held, "code").State == "sending" })
	return l
}

// TestAudit: after real work, and in the midst of it, every check has rows and none breaks it; then each is broken on
// purpose, in a transaction that is rolled back, and names the row that does.
func TestAudit(t *testing.T) {
	t.Parallel()
	l := live(t)
	report, err := store.Audit(t.Context(), l.db.Audit, auditOptions)
	l.must(err)
	l.must(report.Err())
	for _, row := range report.Rows {
		if row.Checked == 0 {
			t.Errorf("%s, %s: nothing was checked", row.Promise, row.Means)
		}
	}
	l.idle(15 * time.Second)
	red := make(map[string]bool)
	for _, m := range l.mutations() {
		report := l.mutated(m)
		i := slices.IndexFunc(report.Rows, func(r store.AuditRow) bool { return r.Broken > 0 && strings.Contains(r.Means, m.means) })
		if i < 0 || !slices.Contains(report.Rows[i].First, m.id) {
			t.Errorf("%s\n\tno word of %s in %q; the report is %+v", m.sql, m.id, m.means, broken(report))
			continue
		}
		red[report.Rows[i].Means] = true
	}
	for _, row := range report.Rows {
		if !red[row.Means] {
			t.Errorf("nothing here breaks %s, %s", row.Promise, row.Means)
		}
	}
}

// broken are the rows of a report that are red.
func broken(r store.AuditReport) []store.AuditRow {
	return slices.DeleteFunc(slices.Clone(r.Rows), func(row store.AuditRow) bool { return row.Broken == 0 })
}

// mutated is what the check that must see a mutation finds once it was done to the database; then it is undone.
func (l lived) mutated(m mutation) store.AuditReport {
	l.t.Helper()
	tx, err := l.db.Admin.Begin(l.t.Context())
	l.must(err)
	defer func() { l.must(tx.Rollback(l.t.Context())) }()
	_, err = tx.Exec(l.t.Context(), `ALTER TABLE hold DROP CONSTRAINT hold_no_overlap; ALTER TABLE customer DROP CONSTRAINT customer_check;
		ALTER TABLE request DROP CONSTRAINT request_check1, DROP CONSTRAINT request_transcript; SET LOCAL session_replication_role = replica`)
	l.must(err)
	for part := range strings.SplitSeq(m.sql, ";;") {
		_, err := tx.Exec(l.t.Context(), part, m.args...)
		if err != nil {
			l.t.Fatalf("%s: %v", m.sql, err)
		}
	}
	_, err = tx.Exec(l.t.Context(), "SET LOCAL ROLE holdfast_audit")
	l.must(err)
	o := auditOptions
	o.Only = m.means
	report, err := store.AuditIn(l.t.Context(), tx, o, nil)
	l.must(err)
	return report
}

type mutation struct {
	sql   string
	args  []any
	means string // of the check that must see it
	id    string // that it must name
}

func (l lived) mutations() []mutation {
	on := func(id uuid.UUID, means, sql string) mutation { return mutation{sql, []any{id}, means, id.String()} }
	find := func(means, sql, id string) mutation { return on(query[uuid.UUID](l.rig, id), means, sql) }
	plain := func(means, id, sql string) mutation { return mutation{sql, nil, means, id} }
	code := query[uuid.UUID](l.rig, "SELECT id FROM message WHERE booking_id = $1 AND kind = 'code'", l.held)
	const (
		twice   = "no seat is held twice"
		more    = "no more seats"
		seated  = "has its seat"
		blocked = "a block has every seat"
		task    = "a request has one task"
		effect  = "has happened"
		asked   = "was asked for"
		once    = "held once"
		replied = "a reply has one task"
		carried = "a live code has a text"
		undone  = "was undone"
		told    = "is compensated"
		tidied  = "is tidied"
		freed   = "holds no seat"
		lapsed  = "confirms nothing"
		ends    = "ends with its time"
		sid     = "one SID"
		knows   = "has a task"
		settled = "is settled in time"
		bound   = "binds every table"
		role    = "bound by it"
		foreign = "a row of another org"
		heard   = "a transcript was asked for"
		body    = "a request's body"
		rows    = "an audit row for each"
		kept    = "is to be moved to has its seat"
		nomore  = "and no more"
		there   = "is where it was moved"
		wished  = "a wish for another time"
		nothing = "nothing is left"
		emptied = "the provider is to empty"
		gapless = "has no gap"
		linked  = "a link of the chain"
		sealed  = "has its link in time"
	)
	wish := query[uuid.UUID](l.rig, "SELECT id FROM move WHERE booking_id = $1 AND state = 'pending'", l.moving)
	done := query[uuid.UUID](l.rig, "SELECT id FROM move WHERE booking_id = $1 AND state = 'done'", l.moved)
	claimed := "SELECT r.id FROM request r JOIN task t ON t.request_id = r.id WHERE t.type = '%s' AND r.status IN (200, 201) ORDER BY r.created_at LIMIT 1"
	by := func(typ string) string { return strings.Replace(claimed, "%s", typ, 1) }
	return []mutation{
		on(l.held, twice, "UPDATE hold h SET starts_at = o.starts_at + interval '1 min', ends_at = o.ends_at FROM hold o WHERE h.owner_id = $1 AND o.owner_id = '"+l.dead.String()+"'"),
		on(l.held, twice, "UPDATE hold SET starts_at = starts_at - interval '31 min' WHERE owner_id = $1"),
		on(l.held, more, "UPDATE hold SET seat = 1 WHERE owner_id = $1"),
		on(l.block, more, "UPDATE resource SET seats = 1 WHERE id = (SELECT resource_id FROM block WHERE id = $1)"),
		on(l.held, seated, "UPDATE hold SET live = false WHERE owner_id = $1"),
		on(l.confirmed, seated, "UPDATE hold SET ends_at = ends_at - interval '1 min' WHERE owner_id = $1"),
		on(l.confirmed, seated, "UPDATE booking SET buffer_before = 5 WHERE id = $1"),
		on(wish, kept, "UPDATE hold h SET live = false FROM move m WHERE m.id = $1 AND h.owner_id = m.booking_id AND h.expires_at IS NOT NULL"),
		on(wish, kept, "UPDATE hold h SET expires_at = NULL FROM move m WHERE m.id = $1 AND h.owner_id = m.booking_id"),
		on(wish, kept, "UPDATE move SET ends_at = ends_at + interval '1 min' WHERE id = $1"),
		on(l.moving, nomore, "UPDATE move SET state = 'canceled' WHERE booking_id = $1"),
		on(l.moved, nomore, "UPDATE hold SET live = true WHERE owner_id = $1"),
		on(l.moved, nomore, "INSERT INTO hold (org_id, resource_id, seat, booking_id, starts_at, ends_at) SELECT org_id, resource_id, seat, booking_id, starts_at, ends_at FROM hold WHERE owner_id = $1 AND live"),
		on(done, there, "UPDATE booking SET starts_at = starts_at + interval '1 min' WHERE id = (SELECT booking_id FROM move WHERE id = $1)"),
		on(done, there, "DELETE FROM booking_event WHERE kind = 'rescheduled' AND booking_id = (SELECT booking_id FROM move WHERE id = $1)"),
		on(wish, wished, "UPDATE move SET expires_at = now() - interval '61 s' WHERE id = $1"),
		on(wish, wished, "UPDATE booking SET state = 'completed' WHERE id = (SELECT booking_id FROM move WHERE id = $1)"),
		find(effect, "UPDATE booking SET starts_at = starts_at + interval '1 min' WHERE id = (SELECT booking_id FROM request WHERE id = $1)", by("booking:reschedule")+" OFFSET 1"),
		find(effect, "DELETE FROM move WHERE booking_id = (SELECT booking_id FROM request WHERE id = $1)", by("booking:reschedule")+" OFFSET 1"),
		find(effect, "DELETE FROM booking_event WHERE kind = 'rescheduled' AND booking_id = (SELECT booking_id FROM request WHERE id = $1)", by("booking:reschedule")),
		find(effect, "UPDATE booking SET state = 'confirmed' WHERE id = (SELECT booking_id FROM request WHERE id = $1)", by("booking:mark")),
		on(l.block, blocked, "UPDATE hold SET live = false WHERE owner_id = $1 AND seat = 1"),
		find(task, "DELETE FROM task WHERE request_id = $1", by("verification:check")),
		find(task, "UPDATE request SET status = NULL, done_at = NULL, answer = NULL WHERE id = $1", by("booking:claim")),
		find(task, "INSERT INTO task SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid()))).* FROM task t WHERE request_id = $1", by("booking:claim")),
		find(effect, "DELETE FROM booking WHERE id = (SELECT (answer->>'id')::uuid FROM request WHERE id = $1)", by("booking:claim")),
		find(effect, "UPDATE booking SET confirmed_at = NULL, state = 'held' WHERE id = (SELECT booking_id FROM request WHERE id = $1)", by("verification:check")),
		find(effect, "UPDATE booking SET state = 'held' WHERE id = (SELECT booking_id FROM request WHERE id = $1)", by("booking:cancel")),
		find(effect, "DELETE FROM block WHERE id = (SELECT (answer->>'id')::uuid FROM request WHERE id = $1)", by("block:create")),
		find(effect, "DELETE FROM transcript WHERE id = (SELECT (answer->>'id')::uuid FROM request WHERE id = $1)", by("transcript:redact")),
		find(effect, "DELETE FROM transcript_report WHERE id = (SELECT (answer->>'id')::uuid FROM request WHERE id = $1)", by("transcript:report")),
		on(l.transcript, heard, "DELETE FROM request WHERE answer->>'id' = $1::uuid::text"),
		find(body, "UPDATE request SET body_sealed = '\\x00' WHERE id = $1", by("transcript:redact")),
		find(body, "UPDATE request SET status = NULL, done_at = NULL, answer = NULL WHERE id = $1", by("transcript:redact")),
		on(l.transcript, rows, "UPDATE transcript SET redactions = redactions + 1 WHERE id = $1"),
		on(l.transcript, rows, "DELETE FROM redaction WHERE subject = $1 AND ordinal = 0"),
		on(l.transcript, rows, "UPDATE redaction SET ordinal = 7 WHERE subject = $1 AND ordinal = 1"),
		find(effect, "UPDATE block SET deleted_at = NULL WHERE id = (SELECT (answer->>'id')::uuid FROM request WHERE id = $1)", by("block:delete")),
		on(l.held, asked, "DELETE FROM request WHERE answer->>'id' = $1::uuid::text"),
		on(l.confirmed, once, "INSERT INTO booking_event (org_id, booking_id, kind) SELECT org_id, id, 'confirmed' FROM booking WHERE id = $1"),
		on(l.held, once, "DELETE FROM booking_event WHERE booking_id = $1 AND kind = 'held'"),
		on(l.canceled, once, "INSERT INTO booking_event (org_id, booking_id, kind) SELECT org_id, id, 'canceled' FROM booking WHERE id = $1"),
		find(replied, "DELETE FROM task WHERE payload->>'inbound' = $1::uuid::text", "SELECT id FROM inbound"),
		find(replied, "UPDATE inbound SET done_at = NULL WHERE id = $1", "SELECT id FROM inbound"),
		find(carried, "UPDATE message SET state = 'failed' WHERE verification_id = $1", "SELECT id FROM verification WHERE booking_id = '"+l.held.String()+"'"),
		find(carried, "UPDATE verification SET state = 'sent' WHERE id = $1", "SELECT id FROM verification WHERE booking_id = '"+l.dead.String()+"'"),
		find(undone, "UPDATE task SET last_error = 'undo-failed' WHERE id = $1", "SELECT id FROM task WHERE state = 'dead'"),
		on(l.dead, told, "UPDATE task SET state = 'dead' WHERE type = 'compensate:verification' AND $1::uuid IS NOT NULL"),
		on(l.dead, told, "DELETE FROM task WHERE type = 'compensate:verification' AND $1::uuid IS NOT NULL"),
		on(l.dead, told, "DELETE FROM booking_event WHERE booking_id = $1 AND kind = 'unreachable'"),
		on(l.held, tidied, "UPDATE booking SET hold_expires_at = now() - interval '61 s' WHERE id = $1"),
		on(l.canceled, freed, "UPDATE hold SET live = true WHERE owner_id = $1"),
		on(l.block, freed, "UPDATE block SET deleted_at = now() WHERE id = $1"),
		on(l.confirmed, lapsed, "UPDATE booking SET hold_expires_at = confirmed_at - interval '11 s' WHERE id = $1"),
		on(l.confirmed, ends, "UPDATE booking SET starts_at = now() - interval '1 hour', ends_at = now() - interval '3 min' WHERE id = $1"),
		plain(sid, query[string](l.rig, "SELECT min(id::text) FROM message WHERE provider_sid IS NOT NULL"),
			"ALTER TABLE message DROP CONSTRAINT message_provider_sid_org_id_key;; UPDATE message SET provider_sid = 'SM1' WHERE provider_sid IS NOT NULL"),
		on(code, knows, "UPDATE message SET state = 'queued' WHERE id = $1"),
		on(code, knows, "UPDATE message SET state = 'sending' WHERE id = $1;; UPDATE task SET state = 'pending', claimed_by = NULL WHERE payload->>'message' = $1::uuid::text"),
		on(code, knows, "UPDATE message SET state = 'unknown' WHERE id = $1;; UPDATE task SET state = 'pending', claimed_by = $1 WHERE payload->>'message' = $1::uuid::text"),
		on(code, settled, "UPDATE message SET state = 'unknown', claimed_at = now() - interval '3 min' WHERE id = $1"),
		find(effect, "UPDATE customer SET erased_at = NULL, phone_hash = '\\x01', phone_sealed = '\\x01' WHERE id = (SELECT (answer->>'id')::uuid FROM request WHERE id = $1)", by("customer:erase")),
		on(l.erased, nothing, "UPDATE customer SET locale = 'en' WHERE id = $1"),
		on(l.erased, nothing, "UPDATE booking SET notes_sealed = '\\x01' WHERE customer_id = $1"),
		on(l.erased, nothing, "UPDATE message SET to_hash = '\\x01' WHERE erased_for = $1"),
		on(l.erased, nothing, "INSERT INTO transcript (org_id, id, call_id, booking_id, text_sealed, engine, redactions, created_at) SELECT org_id, gen_random_uuid(), 'c', id, '\\x01', 'e', 0, now() FROM booking WHERE customer_id = $1"),
		find(emptied, "UPDATE message SET redacted = 'pending' WHERE id = $1", "SELECT id FROM message WHERE redacted = 'done'"),
		find(emptied, "UPDATE message SET redacted = 'failed' WHERE id = $1", "SELECT id FROM message WHERE redacted = 'done'"),
		plain(gapless, l.org.ID.String()+" 2", "DELETE FROM audit_chain WHERE seq = 1"),
		plain(linked, l.org.ID.String()+" 1", "DELETE FROM audit_log WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 1)"),
		plain(sealed, l.org.ID.String()+" "+query[string](l.rig, "SELECT audit_id::text FROM audit_chain WHERE seq = 2"),
			"DELETE FROM audit_chain WHERE seq = 2;; UPDATE audit_log SET at = now() - interval '61 s'"),
		plain(bound, "hold", "ALTER TABLE hold NO FORCE ROW LEVEL SECURITY"),
		plain(bound, "hold", "ALTER TABLE hold DISABLE ROW LEVEL SECURITY"),
		plain(bound, "org", "ALTER POLICY org_only ON org USING (true)"),
		plain(bound, "message", "ALTER POLICY org_only ON message WITH CHECK (true)"),
		plain(bound, "message", "DROP POLICY org_only ON message"),
		plain(bound, "message", "CREATE POLICY leak ON message FOR SELECT TO PUBLIC USING (true)"),
		plain(bound, "late", "CREATE TABLE late (org_id uuid NOT NULL)"),
		plain(bound, "customer", "DROP POLICY audit_read ON customer"),
		plain(role, "holdfast_app", "ALTER ROLE holdfast_app BYPASSRLS"),
		plain(role, "holdfast_app", "ALTER TABLE tick OWNER TO holdfast_app"),
		plain(foreign, "booking.customer_id "+query[string](l.rig, "SELECT customer_id::text FROM booking WHERE id = $1", l.held),
			"UPDATE customer SET org_id = gen_random_uuid() WHERE id = (SELECT customer_id FROM booking WHERE id = '"+l.held.String()+"')"),
		plain(foreign, "request.booking_id "+l.confirmed.String(), "UPDATE booking SET org_id = gen_random_uuid() WHERE id = '"+l.confirmed.String()+"'"),
	}
}

// A role that sees nothing proves nothing, and a table that it does not see is told from one that is empty.
func TestAuditIsNotBlind(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	report, err := store.Audit(t.Context(), r.db.App, auditOptions)
	r.must(err)
	if report.Err() == nil || len(report.Blind) == 0 || !strings.Contains(report.Blind[0], "no org") {
		t.Errorf("as the app's role: %+v", report)
	}
	r.start()
	r.hold(ana, at(2, 10, 0))
	if report, err = store.Audit(t.Context(), r.db.Audit, auditOptions); err != nil || report.Err() != nil {
		t.Errorf("as it should be: %v, %v", err, report.Err())
	}
	r.exec("DROP POLICY audit_read ON inbound; DROP POLICY audit_read ON booking")
	eventually(t, 20*time.Second, "the table that is not seen is named", func() bool {
		report, err = store.Audit(t.Context(), r.db.Audit, auditOptions)
		r.must(err)
		return slices.ContainsFunc(report.Blind, func(s string) bool { return strings.Contains(s, "table booking") })
	})
	if slices.ContainsFunc(report.Blind, func(s string) bool { return strings.Contains(s, "table inbound") }) {
		t.Error("a table that is empty is taken for one that is not seen")
	}
}
