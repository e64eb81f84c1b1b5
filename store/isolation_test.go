package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// fill writes something of org into every table, by the functions that serve requests. New tables are named by
// TestTwoOrgs until something fills them.
func fill(t *testing.T, db *storetest.DB, org storetest.Org, phone, name, notes, body string) (booking uuid.UUID) {
	t.Helper()
	ctx := t.Context()
	w := &world{DB: db, t: t, org: org, customer: uuid.New()}
	who := pii.KnownPhone(phone)
	hash := store.PhoneHash(db.Keys, org.ID, who)
	req, task, verification, msg, in := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	w.in(func(tx *store.Tx) error {
		if _, err := store.LockSettings(ctx, tx); err != nil {
			return err
		}
		store.SaveSettings(tx, []byte(`{"countries": ["US", "CA"]}`))
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "settings.change"})
		store.NoteSecurity(tx, store.SecurityEvent{Kind: "cross-org", Route: "/v1/orgs/{org}/bookings"})
		if _, _, err := store.SealAudit(ctx, tx, db.Keys); err != nil {
			return err
		}
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "settings.change"})
		err := store.InsertCustomer(tx, db.Keys, store.Customer{ID: w.customer, Phone: who, Name: pii.NewName(name), Locale: "es", TimeZone: "America/Chicago"})
		if err != nil {
			return err
		}
		_, _, err = store.InsertRequest(ctx, tx, db.Keys, store.Request{ID: req, Kind: "booking:claim", Source: "api", IdemKey: "k1", Body: pii.NewText(body)})
		if err != nil {
			return err
		}
		signed := store.SignedDelivery{Source: "retell", Key: "k", Tool: "hold_slot"}
		if _, err := store.TakeDelivery(ctx, tx, db.Keys, signed); err != nil {
			return err
		}
		store.EndDelivery(tx, signed, req)
		store.InsertTask(tx, store.NewTask{ID: task, Type: "booking:claim", Queue: "claim", Payload: []byte(`{"request":"` + req.String() + `"}`),
			Headers: []byte("{}"), Request: uuid.NullUUID{UUID: req, Valid: true}, GiveUp: 1e12, Dedup: "once"})
		cand := store.Candidate{Resource: store.Resource{ID: org.Chair}, Span: at(10, 0)}
		booking = uuid.New()
		until, ok, err := store.TakeHold(ctx, tx, org.Chair, booking, cand.Span, 1e12)
		if err != nil || !ok {
			return fmt.Errorf("hold: %v %w", ok, err)
		}
		_, err = store.InsertBooking(tx, db.Keys, store.NewBooking{ID: booking, Candidate: cand, CustomerID: w.customer, Expires: until, Now: until, Notes: pii.NewText(notes)})
		if err != nil {
			return err
		}
		store.NoteBooking(tx, booking, "held", map[string]any{"until": until})
		store.InsertVerification(tx, db.Keys, verification, booking, 1)
		if err := store.InsertMessage(tx, db.Keys, store.Message{ID: msg, Kind: "code", To: who,
			BookingID: uuid.NullUUID{UUID: booking, Valid: true}, VerificationID: uuid.NullUUID{UUID: verification, Valid: true}}); err != nil {
			return err
		}
		store.StartCode(tx, verification, 1e12)
		store.SendingMessage(tx, msg, store.BodyHash(db.Keys, org.ID, pii.NewText(body)), 1)
		store.TripBreaker(tx, msg, store.Trip{Class: "tenant", Code: 21408, Stops: 3, First: 1e9, Most: 1e9})
		if _, err := store.TakePace(ctx, tx, org.Account.Pool(), 1e9, 1e9, true); err != nil {
			return err
		}
		_, err = store.InsertInbound(ctx, tx, db.Keys, store.Inbound{ID: in, SID: "SM" + in.String(), From: who, Sender: org.Account.Pool(), Body: pii.NewText(body)})
		if err != nil {
			return err
		}
		store.Suppress(tx, org.Account.Pool(), hash)
		tx.Queue(`INSERT INTO move (org_id, id, booking_id, resource_id, verification_id, starts_at, ends_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`, org.ID, uuid.New(), booking, org.Chair, verification, at(11, 0).Start, at(11, 0).End)
		if err := store.Ask(tx, org.Account.Pool(), hash, store.Question{ID: msg, BookingID: booking, Kind: store.AskKeep}, 1e12); err != nil {
			return err
		}
		said := store.Transcript{ID: uuid.New(), CallID: "call-1", BookingID: uuid.NullUUID{UUID: booking, Valid: true}, Text: pii.NewText(body), Engine: "v"}
		out := []store.Redaction{{Type: "NAME", Rule: "name.known", Confidence: 99, From: 3, To: 6, Action: "remove"}}
		if err := store.InsertTranscript(ctx, tx, db.Keys, req, &said, out); err != nil {
			return err
		}
		report := store.TranscriptReport{ID: uuid.New(), Transcript: said.ID, Kind: "false", Type: "NAME", From: 3, To: 9, Actor: "key"}
		if err := store.InsertTranscriptReport(ctx, tx, &report); err != nil {
			return err
		}
		way, err := store.InsertBlock(ctx, tx, db.Keys, store.Block{ID: uuid.New(), ResourceID: org.Table, Span: at(10, 0), Reason: pii.NewText(notes)})
		if len(way) > 0 {
			err = fmt.Errorf("block: %v is in the way", way)
		}
		return err
	})
	return booking
}

// probe tries every verb on every table as the app role of org mine, and tells what it could do to theirs.
// begin opens a transaction in that role. Grants are not what is on trial: the caller has given them all.
func probe(ctx context.Context, begin func() (pgx.Tx, error), tables []orgTable, samples map[string]string, mine, theirs uuid.UUID) (findings []string, err error) {
	tx, err := begin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	for _, setting := range []string{"", mine.String()} {
		if _, err := tx.Exec(ctx, "SELECT set_config('app.org_id', $1, true)", setting); err != nil {
			return nil, err
		}
		for _, t := range tables {
			findings = append(findings, probeTable(ctx, tx, t, samples[t.Name], setting == "", theirs)...)
		}
	}
	return findings, nil
}

// probes are the statements that were tried on another org's rows.
var probes atomic.Int64

func probeTable(ctx context.Context, tx pgx.Tx, t orgTable, sample string, unset bool, theirs uuid.UUID) (findings []string) {
	found := func(format string, args ...any) {
		findings = append(findings, t.Name+": "+fmt.Sprintf(format, args...))
	}
	// do runs a statement that must touch no row, in a savepoint.
	do := func(verb, sql string, args ...any) {
		probes.Add(1)
		sp, err := tx.Begin(ctx)
		if err != nil {
			found("%s: %v", verb, err)
			return
		}
		tag, err := sp.Exec(ctx, sql, args...)
		if err != nil || tag.RowsAffected() > 0 {
			found("%s: %d rows, %v", verb, tag.RowsAffected(), err)
		}
		_ = sp.Rollback(ctx) // a lost connection shows in the next statement
	}
	// refused runs a statement that row-level security must refuse.
	refused := func(verb, sql string, args ...any) {
		probes.Add(1)
		sp, err := tx.Begin(ctx)
		if err != nil {
			found("%s: %v", verb, err)
			return
		}
		_, err = sp.Exec(ctx, sql, args...)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" || !strings.Contains(pg.Message, "row-level security") {
			found("%s was not refused: %v", verb, err)
		}
		_ = sp.Rollback(ctx) // as above
	}
	insert := fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) OVERRIDING SYSTEM VALUE SELECT %[2]s FROM jsonb_populate_record(NULL::%[1]s, $1)`, t.Name, columnsOf(sample))
	if unset {
		do("select without an org", "SELECT FROM "+t.Name)
		do("delete without an org", "DELETE FROM "+t.Name)
		refused("insert without an org", insert, values(sample))
		return findings
	}
	do("select", fmt.Sprintf("SELECT FROM %s WHERE %s = $1", t.Name, t.Org), theirs)
	do("lock", fmt.Sprintf("SELECT FROM %s WHERE %s = $1 FOR UPDATE", t.Name, t.Org), theirs)
	do("merge", fmt.Sprintf("MERGE INTO %s x USING (SELECT $1::uuid AS org) y ON x.%s = y.org WHEN MATCHED THEN DELETE", t.Name, t.Org), theirs)
	do("select all but mine", fmt.Sprintf("SELECT FROM %s WHERE %s <> NULLIF(current_setting('app.org_id', true), '')::uuid", t.Name, t.Org))
	do("update", fmt.Sprintf("UPDATE %[1]s SET %[2]s = %[2]s WHERE %[2]s = $1", t.Name, t.Org), theirs)
	do("delete", fmt.Sprintf("DELETE FROM %s WHERE %s = $1", t.Name, t.Org), theirs)
	refused("insert", insert, values(sample))
	refused("upsert", insert+" ON CONFLICT DO NOTHING", values(sample))
	refused("gift", fmt.Sprintf("UPDATE %s SET %s = $1", t.Name, t.Org), theirs)
	var own, out int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+t.Name).Scan(&own); err != nil || own == 0 {
		found("own rows: %d, %v; the probe sees nothing", own, err)
	}
	var copied bytes.Buffer
	tag, err := tx.Conn().PgConn().CopyTo(ctx, &copied, "COPY "+t.Name+" TO STDOUT")
	if out = int(tag.RowsAffected()); err != nil || out != own || bytes.Contains(copied.Bytes(), []byte(theirs.String())) {
		found("copy: %d rows of %d, %v", out, own, err)
	}
	return findings
}

// A sample is "columns|row as JSON" of one of their rows.
func columnsOf(sample string) string { c, _, _ := strings.Cut(sample, "|"); return c }
func values(sample string) string    { _, v, _ := strings.Cut(sample, "|"); return v }

func samplesOf(t *testing.T, db *storetest.DB, tables []orgTable, org uuid.UUID) map[string]string {
	t.Helper()
	samples := make(map[string]string)
	for _, table := range tables {
		var s string
		err := db.Admin.QueryRow(t.Context(), fmt.Sprintf(`SELECT (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
			WHERE attrelid = $2::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '') || '|' || to_jsonb(x)
			FROM %s x WHERE %s = $1 LIMIT 1`, table.Name, table.Org), org, table.Name).Scan(&s)
		if err != nil {
			t.Fatalf("%s: no row to try with (%v): let fill write one", table.Name, err)
		}
		samples[table.Name] = s
	}
	return samples
}

// TestTwoOrgs is P7: as the app role of one org, no verb reaches another's rows, on any table; and the probe that
// finds this goes red for each table and each way in which its policy can be lost.
func TestTwoOrgs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	a, b := storetest.NewOrg(t, db, "mine"), storetest.NewOrg(t, db, "theirs")
	fill(t, db, a, "+15550100001", "Ana", "n", "b")
	fill(t, db, b, "+15550100002", "Bo", "n", "b")
	if _, err := db.Admin.Exec(t.Context(), "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO holdfast_app"); err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, db)
	samples := samplesOf(t, db, tables, b.ID)
	findings, err := probe(t.Context(), func() (pgx.Tx, error) { return db.App.Begin(t.Context()) }, tables, samples, a.ID, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
	storetest.Count(t, "tables covered", len(tables))
	storetest.Count(t, "probes tried", int(probes.Load()))
	mutated := 0
	for _, table := range tables {
		for _, mutation := range []string{
			"ALTER TABLE %s DISABLE ROW LEVEL SECURITY",
			"DROP POLICY org_only ON %s",
			"ALTER POLICY org_only ON %s USING (true)",
			"ALTER POLICY org_only ON %s WITH CHECK (true)",
			"CREATE POLICY leak ON %s FOR SELECT TO holdfast_app USING (true)",
		} {
			mutated++
			sql := fmt.Sprintf(mutation, table.Name)
			findings, err := probe(t.Context(), func() (pgx.Tx, error) {
				tx, err := db.Admin.Begin(t.Context())
				if err == nil {
					_, err = tx.Exec(t.Context(), sql+"; SET LOCAL ROLE holdfast_app")
				}
				return tx, err
			}, []orgTable{table}, samples, a.ID, b.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(findings, func(f string) bool { return strings.HasPrefix(f, table.Name+": ") }) {
				t.Errorf("%s: the probe saw nothing", sql)
			}
		}
	}
	storetest.Count(t, "policies mutated", mutated)
}

// What the app role is refused by its grants, not by policies.
func TestAppRoleMayNot(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, sql := range []string{
		"SET ROLE holdfast_owner", "SET ROLE holdfast_dispatch", "SET ROLE holdfast_audit", "SET SESSION AUTHORIZATION holdfast_owner",
		"TRUNCATE booking", "ALTER TABLE booking DISABLE ROW LEVEL SECURITY", "DROP POLICY org_only ON booking",
		"CREATE TABLE mine (id int)", "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"SET row_security = off; SELECT FROM booking", "DELETE FROM booking", "UPDATE org SET name = 'x'",
		"UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "UPDATE audit_chain SET hash = '\\x00'", "DELETE FROM audit_chain", "UPDATE audit_unsealed SET audit_id = 0",
		"UPDATE redaction SET rule = 'x'", "DELETE FROM redaction", "UPDATE transcript SET engine = 'x'", "DELETE FROM transcript_report",
		"SELECT in_flight FROM worker", "SELECT * FROM goose_db_version", "SELECT isolate('tick'::regclass)", "COPY booking TO PROGRAM 'cat'",
	} {
		tx, err := db.App.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), sql)
		if code := store.Code(err); code != "42501" {
			t.Errorf("%s: %v, want insufficient privilege", sql, err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A definer function reads our tables, whatever the caller has put before them; with a search_path that leaves
// pg_temp out it does not.
func TestDefinerIgnoresTemporaryTables(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	forged := func() (n int) {
		tx, err := db.App.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // what was made is gone with the database
		_, err = tx.Exec(t.Context(), `CREATE TEMPORARY TABLE api_key (org_id uuid, id uuid, prefix text, hash bytea, scopes text[], expires_at timestamptz, revoked_at timestamptz);
			INSERT INTO pg_temp.api_key VALUES (gen_random_uuid(), gen_random_uuid(), 'forged', '\x00', '{admin}', NULL, NULL);
			GRANT SELECT ON pg_temp.api_key TO PUBLIC`)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM api_key_find('forged')").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := forged(); n != 0 {
		t.Errorf("a forged key was found %d times", n)
	}
	if _, err := db.Admin.Exec(t.Context(), "ALTER FUNCTION api_key_find(text) SET search_path = pg_catalog, public"); err != nil {
		t.Fatal(err)
	}
	if n := forged(); n != 1 {
		t.Errorf("control: the forged key was found %d times, want 1", n)
	}
}
