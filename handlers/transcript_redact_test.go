package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// transcript asks for one and reads it, as whoever waited for it would.
func (r *rig) transcript(body TranscriptBody) (t store.Transcript) {
	r.t.Helper()
	a := r.answer(r.ask(tasks.TranscriptRedact, body, uuid.Nil))
	var v TranscriptView
	r.must(json.Unmarshal(a.Body, &v))
	if a.Status != 201 || v.Text != "" {
		r.t.Fatalf("answered %d, with a text of %d bytes", a.Status, len(v.Text))
	}
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) (err error) {
		t, err = store.LoadTranscript(r.t.Context(), tx, r.db.Keys, v.ID)
		return err
	})
	r.must(err)
	return t
}

// A name is known from the booking: from one that is named, or from one that a voice agent made in the same call.
func TestTranscriptKnowsTheName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	booking := r.hold(ana, at(2, 10, 0))
	r.exec("UPDATE request SET conversation = $1, kind = 'booking' WHERE status = 201", r.db.Keys.Fingerprint(r.org.ID, "request.conversation", "call-9"))
	const text = "Agent: Thank you, Ana Lee. Caller: Tuesday, then."
	for _, tt := range []struct {
		body  TranscriptBody
		known bool
	}{
		{TranscriptBody{CallID: "call-1", Text: text}, false},
		{TranscriptBody{CallID: "call-1", Text: text, BookingID: booking.String()}, true},
		{TranscriptBody{CallID: "call-9", Text: text}, true},
	} {
		got := r.transcript(tt.body)
		if got.BookingID.Valid != tt.known || tt.known && got.BookingID.UUID != booking {
			t.Errorf("%+v: of booking %v", tt.body, got.BookingID)
		}
		if tt.known && (strings.Contains(got.Text.Reveal(), "Ana") || got.Redactions["NAME"] == 0) {
			t.Errorf("%+v: left %q, %v", tt.body, got.Text.Reveal(), got.Redactions)
		}
		if !strings.Contains(got.Text.Reveal(), "Tuesday, then.") {
			t.Errorf("%+v: left %q", tt.body, got.Text.Reveal())
		}
	}
	if a := r.answer(r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: "c", Text: text, BookingID: uuid.NewString()}, uuid.Nil)); a.Status != 404 {
		t.Errorf("of a booking that nobody has: %d", a.Status)
	}
}

// auditRow is what the trail has of a redaction.
type auditRow struct {
	Ordinal, From, To int
	Type, Action      string
	Hash              []byte
}

func (r *rig) auditRows(transcript uuid.UUID) (all []auditRow) {
	r.t.Helper()
	rows, err := r.db.Admin.Query(r.t.Context(), `SELECT ordinal, from_byte, to_byte, type, action, hash FROM redaction
		WHERE source = 'transcript' AND subject = $1 AND rule <> '' AND confidence > 0 AND engine <> '' ORDER BY ordinal`, transcript)
	r.must(err)
	for rows.Next() {
		var a auditRow
		r.must(rows.Scan(&a.Ordinal, &a.From, &a.To, &a.Type, &a.Action, &a.Hash))
		all = append(all, a)
	}
	r.must(rows.Err())
	return all
}

// The trail says where each thing stood in the text before, and has the same hash for a number however it was written;
// another org has another.
func TestTranscriptLeavesATrail(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	const text = "Sí: (202) 555-0142, that is 202.555.0142; or ana@clinic.example, please."
	got := r.transcript(TranscriptBody{CallID: "call-1", Text: text})
	trail := r.auditRows(got.ID)
	var taken []string
	for i, a := range trail {
		taken = append(taken, a.Type+" "+text[a.From:a.To])
		if a.Ordinal != i || a.Action != "remove" || len(a.Hash) != 32 {
			t.Errorf("%+v", a)
		}
	}
	want := []string{"PHONE_NUMBER (202) 555-0142", "PHONE_NUMBER 202.555.0142", "EMAIL ana@clinic.example"}
	if !slices.Equal(taken, want) {
		t.Fatalf("taken out %q, want %q", taken, want)
	}
	if fmt.Sprint(got.Redactions) != "map[EMAIL:1 PHONE_NUMBER:2]" || got.Text.Reveal() != "Sí: [PHONE_NUMBER], that is [PHONE_NUMBER]; or [EMAIL], please." {
		t.Errorf("%v of %q", got.Redactions, got.Text.Reveal())
	}
	if !slices.Equal(trail[0].Hash, trail[1].Hash) || slices.Equal(trail[0].Hash, trail[2].Hash) {
		t.Error("hashes tell no number from another")
	}
	other := r.db.Keys.RedactionKey(uuid.New())
	if own := r.db.Keys.RedactionKey(r.org.ID); slices.Equal(own, other) || len(own) != 32 {
		t.Error("two orgs have one key")
	}
}

// A transcript that is given up is answered with a problem, and its text is gone: it does not lie around for ever.
func TestTranscriptGivenUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: "call-1", Text: "(202) 555-0142"}, uuid.Nil)
	task := query[uuid.UUID](r, "UPDATE task SET crashes = 4 WHERE request_id = $1 RETURNING id", id)
	if got := run.deliver(t.Context(), r.delivery(task, 1)); got.label != "dead" {
		t.Fatal(got)
	}
	if v := r.read(id); v.status != 500 || v.kind() != "request-failed" {
		t.Errorf("%+v", v)
	}
	if n := query[int](r, "SELECT count(*) FROM request WHERE body_sealed IS NOT NULL"); n != 0 {
		t.Error("the text is still there")
	}
	if n := query[int](r, "SELECT (SELECT count(*) FROM transcript) + (SELECT count(*) FROM redaction)"); n != 0 {
		t.Errorf("%d rows of what was not done", n)
	}
	r.declines((&Operator{DB: r.in, Mux: run.Mux}).Replay(t.Context(), r.org.ID, task, by), "its body is gone")
	report, err := store.Audit(t.Context(), r.db.Audit, auditOptions)
	r.must(err)
	r.must(report.Err())
}

// What is taken out and what is reported are two counters, so that their quotient is the rate of false alarms.
func TestRedactionMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	reg := prometheus.NewRegistry()
	m := NewRedactionMetrics(reg)
	run := r.runner(func(mux *Mux) {
		keys, err := pii.NewKeyring(r.cfg.Keys)
		r.must(err)
		Do(mux, tasks.TranscriptRedact, Answering(keys, &TranscriptRedact{Keys: keys, Engines: &Engines{Keys: keys, Metrics: m}}))
		Do(mux, tasks.TranscriptReport, Answering(keys, &TranscriptReport{Keys: keys, Metrics: m}))
	})
	id := r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: "call-1", Text: "(202) 555-0142 or (202) 555-0143"}, uuid.Nil)
	r.runAll(run)
	made := r.read(id).ID
	at := []*int{new(0), new(len("[PHONE_NUMBER]"))}
	for _, report := range []ReportBody{{Kind: reportFalse, Start: at[0], End: at[1]}, {Kind: reportMissed, Start: at[0], End: at[1]},
		{Kind: reportMissed, Start: at[0], End: at[1], Type: "NAME"}} {
		r.ask(tasks.TranscriptReport, ReportRef{Transcript: made, Actor: "key", Report: report}, uuid.Nil)
	}
	r.runAll(run)
	families, err := reg.Gather()
	r.must(err)
	var got []string
	for _, f := range families {
		for _, m := range f.GetMetric() { // labels by name
			if m.GetCounter().GetValue() == 0 {
				continue
			}
			got = append(got, fmt.Sprintf("%s %s %s %v", f.GetName(), m.GetLabel()[0].GetValue(), m.GetLabel()[1].GetValue(), m.GetCounter().GetValue()))
		}
	}
	slices.Sort(got)
	want := []string{"holdfast_redaction_reports_total false PHONE_NUMBER 1", "holdfast_redaction_reports_total missed NAME 1",
		"holdfast_redaction_reports_total missed unknown 1", "holdfast_redactions_total transcript PHONE_NUMBER 2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// The story of a transcript is its booking's, whichever of its parts is named, and tells nothing of the text.
func TestStoryOfTranscript(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	booking := r.hold(ana, at(2, 10, 0))
	alone := r.transcript(TranscriptBody{CallID: "call-2", Text: "Nobody is on the line."})
	request := r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: "call-1", Text: "I am Ana Lee.", BookingID: booking.String()}, uuid.Nil)
	transcript := r.read(request).ID
	r.answer(r.ask(tasks.TranscriptReport, ReportRef{Transcript: transcript, Actor: "key",
		Report: ReportBody{Kind: reportMissed, Start: new(0), End: new(1)}}, uuid.Nil))
	report := query[uuid.UUID](r, "SELECT id FROM transcript_report")
	task := query[uuid.UUID](r, "SELECT id FROM task WHERE request_id = $1", request)
	for of, id := range map[string]uuid.UUID{"transcript": transcript, "request": request, "report": report, "task": task, "booking": booking} {
		s, err := store.FindStory(t.Context(), r.db.Audit, id.String())
		r.must(err)
		var told []string
		for _, e := range s.Events {
			told = append(told, e.ID)
			if strings.Contains(string(e.Detail), "Ana") {
				t.Errorf("%s: %s", of, e.Detail)
			}
		}
		for _, part := range []uuid.UUID{transcript, request, report, task, booking} {
			if !slices.Contains(told, part.String()) {
				t.Errorf("the story of the %s says nothing of %s", of, part)
			}
		}
		if s.Of != of || slices.Contains(told, alone.ID.String()) {
			t.Errorf("the story of a %s, of the %s", s.Of, of)
		}
	}
	if s, err := store.FindStory(t.Context(), r.db.Audit, alone.ID.String()); err != nil || len(s.Events) != 5 {
		t.Errorf("without a booking: %v, %+v", err, s.Events)
	}
}

// copies says in which form a transcript is there: its sealed text with a task that is pending, what is left of it, or
// something that must never be.
func (r *rig) copies(request uuid.UUID) string {
	r.t.Helper()
	var sealed, pending, answered bool
	var left, trail int
	r.must(r.db.Admin.QueryRow(context.Background(), `SELECT r.body_sealed IS NOT NULL, t.state = 'pending', r.done_at IS NOT NULL,
		(SELECT count(*) FROM transcript), (SELECT count(*) FROM redaction) FROM request r JOIN task t ON t.request_id = r.id WHERE r.id = $1`, request).
		Scan(&sealed, &pending, &answered, &left, &trail))
	switch {
	case sealed && pending && !answered && left == 0 && trail == 0:
		return "sealed"
	case !sealed && !pending && answered && left == 1 && trail > 0:
		return "redacted"
	}
	return fmt.Sprintf("sealed %v, pending %v, answered %v, %d transcripts, %d redactions", sealed, pending, answered, left, trail)
}

// A worker that is killed after it wrote what is left, and before it committed, leaves the sealed text and its task;
// another one redacts it. At no moment are there both, or neither.
func TestKilledInRedaction(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config) { c.Doomed = true })
	p := r.spawn()
	id := r.ask(tasks.TranscriptRedact, TranscriptBody{CallID: "call-1", Text: "(202) 555-0142"}, uuid.Nil)
	p.says(t, "redacting")
	meanwhile(t, 300*time.Millisecond, "sealed while it is worked on", func() bool { return r.copies(id) == "sealed" })
	r.cfg.Doomed = false
	r.start()
	p.kill()
	took := eventually(t, recovered, "redacted", func() bool {
		got := r.copies(id)
		if got != "sealed" && got != "redacted" {
			t.Fatal(got)
		}
		return got == "redacted"
	})
	t.Logf("redacted %v after kill -9", took)
	if n := query[int](r, "SELECT crashes FROM task WHERE request_id = $1", id); n != 1 {
		t.Errorf("%d crashes: nobody was killed", n)
	}
	// The database itself would not have it otherwise.
	for name, sql := range map[string]string{
		"both":    "UPDATE request SET body_sealed = '\\x00' WHERE id = $1",
		"neither": "UPDATE request SET kind = 'transcript', status = NULL, done_at = NULL WHERE id = $1",
	} {
		if _, err := r.db.Admin.Exec(t.Context(), sql, id); store.Code(err) != "23514" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A false report is about one redaction, whole.
func TestReplaced(t *testing.T) {
	t.Parallel()
	for span, want := range map[string]string{
		"[PHONE_NUMBER]": "PHONE_NUMBER", "[PHONE_NUMBER:*0142]": "PHONE_NUMBER", "[NAME:abcdefghijklmnop]": "NAME",
		"[PHONE_NUMBER:*0142] or [EMAIL]": "", "[PHONE_NUMBER], [EMAIL]": "", "[PHONE_NUMBER": "", "PHONE_NUMBER]": "", "[PHONE]": "", "[laughs]": "", "[]": "", "": "", "x": "",
	} {
		if got := replaced(span); got != want {
			t.Errorf("%q is a redaction of %q, want %q", span, got, want)
		}
	}
}
