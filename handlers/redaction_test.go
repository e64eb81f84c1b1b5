package handlers

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// noted books for a customer with notes, and returns the booking and what is stored of them.
func (r *rig) noted(run *Runner, c CustomerBody, start, notes string) (uuid.UUID, string) {
	r.t.Helper()
	ask := r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: start, Customer: c, Notes: notes}, uuid.Nil)
	r.runAll(run)
	v := r.read(ask)
	r.expect(v, 201, "held")
	stored, err := r.db.Keys.Open(r.org.ID, "booking.notes", query[[]byte](r, "SELECT notes_sealed FROM booking WHERE id = $1", v.ID))
	r.must(err)
	return v.ID, stored
}

// trail is what the audit rows of a booking's notes say, in order.
func (r *rig) trail(subject uuid.UUID) string {
	r.t.Helper()
	return query[string](r, `SELECT COALESCE(string_agg(concat_ws(' ', source, type, action), ', ' ORDER BY ordinal), '') FROM redaction WHERE subject = $1`, subject)
}

// Notes are stored without phones, however they are written, addresses of mail and the customer's name; dates, times,
// prices and street addresses stay. Each redaction has its row.
func TestNotesAreRedacted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	const notes = "Call Ana at (202) 555-0142, two oh two five five five oh one four three or ana.lee@example.com. " +
		"Tuesday, 2026-12-01 at 3:30 pm, $120.50, 12 Main Street."
	id, stored := r.noted(run, CustomerBody{Phone: ana, Name: "Ana Lee"}, at(2, 9, 0), notes)
	if want := "Call [NAME] at [PHONE_NUMBER], [PHONE_NUMBER] or [EMAIL]. Tuesday, 2026-12-01 at 3:30 pm, $120.50, 12 Main Street."; stored != want {
		t.Errorf("stored %q\nwant   %q", stored, want)
	}
	if got, want := r.trail(id), "note NAME remove, note PHONE_NUMBER remove, note PHONE_NUMBER remove, note EMAIL remove"; got != want {
		t.Errorf("the trail: %s", got)
	}
	// Who is known by another name too.
	if _, stored = r.noted(run, CustomerBody{Phone: ana, Name: "Anita"}, at(2, 10, 0), "Ana, or Anita, is late"); stored != "[NAME], or [NAME], is late" {
		t.Errorf("stored %q", stored)
	}
	if id, stored = r.noted(run, CustomerBody{Phone: ana}, at(2, 11, 0), "window seat"); stored != "window seat" || r.trail(id) != "" {
		t.Errorf("stored %q, %s", stored, r.trail(id))
	}
}

// What an org sets counts for the very next note in every process, though both have compiled the old.
func TestPolicyCountsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	processes := []*Runner{r.process(), r.process()}
	const notes = "202-555-0142, 12 Main Street, chart MR-123456, bridge therapy"
	for i, tt := range []struct{ settings, stored, trail string }{
		{`{}`, "[PHONE_NUMBER], 12 Main Street, chart [MRN], bridge therapy", "note PHONE_NUMBER remove, note MRN remove"},
		{`{"redaction":{"policy":"strict"}}`, "[PHONE_NUMBER], [ADDRESS], chart [MRN], bridge therapy", "note PHONE_NUMBER remove, note ADDRESS remove, note MRN remove"},
		{`{"redaction":{"actions":{"PHONE_NUMBER":"mask"},"terms":["bridge therapy"]}}`, "[PHONE_NUMBER:*0142], 12 Main Street, chart [MRN], [MEDICAL_TERM]",
			"note PHONE_NUMBER mask, note MRN remove, note MEDICAL_TERM remove"},
		{`{"redaction":{"mrn":"MR-######"}}`, "[PHONE_NUMBER], 12 Main Street, chart [MRN], bridge therapy", "note PHONE_NUMBER remove, note MRN remove"},
	} {
		r.set(tt.settings)
		for j, run := range processes {
			id, stored := r.noted(run, CustomerBody{Phone: fmt.Sprintf("+120255501%d%d", i, j)}, at(3+i, 9+j, 0), notes)
			if stored != tt.stored || r.trail(id) != tt.trail {
				t.Errorf("%s, process %d: %q, %s", tt.settings, j, stored, r.trail(id))
			}
		}
	}
}

// One number is one token in an org, whoever wrote it down and however; another org has another.
func TestTokensAreOfOneOrg(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	e := newEngines(db)
	tokens := map[string]int{}
	for range 2 {
		org := storetest.NewOrg(t, db, "org-"+uuid.NewString()[:8])
		by, err := e.By(org.ID, store.Settings{Version: 1, Region: "US", Doc: []byte(`{"redaction":{"actions":{"PHONE_NUMBER":"token"}}}`)})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"(202) 555-0142", "+1 202 555 0142", "two oh two five five five oh one four two"} {
			tokens[by.Redact(store.RedactedNote, text).Text.Reveal()]++
		}
	}
	if len(tokens) != 2 {
		t.Errorf("%v", tokens)
	}
	for token, n := range tokens {
		if n != 3 || !strings.HasPrefix(token, "[PHONE_NUMBER:") {
			t.Errorf("%s stands for %d of 3 forms", token, n)
		}
	}
}

// Each redaction is counted under its type.
func TestRedactionsAreCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	by, err := (&Engines{Keys: storetest.New(t).Keys, Metrics: NewRedactionMetrics(reg)}).By(uuid.New(), store.Settings{Region: "US"})
	if err != nil {
		t.Fatal(err)
	}
	by.Redact(store.RedactedNote, "202-555-0142, 202-555-0143 or ana.lee@example.com, on Tuesday")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetCounter().GetValue() > 0 { // the others are there from the start
				got = append(got, fmt.Sprint(f.GetName(), " ", m.GetLabel()[0].GetValue(), " ", m.GetLabel()[1].GetValue(), " ", m.GetCounter().GetValue()))
			}
		}
	}
	if want := "[holdfast_redactions_total note EMAIL 1 holdfast_redactions_total note PHONE_NUMBER 2]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func newEngines(db *storetest.DB) *Engines { return &Engines{Keys: db.Keys} }

// A policy is compiled once for each version of an org's settings, and once for all orgs of a region that have set
// nothing. What nobody asks for does not fill the memory.
func TestEnginesAreKept(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	e := newEngines(db)
	engine := func(org uuid.UUID, s store.Settings) any {
		t.Helper()
		by, err := e.By(org, s)
		if err != nil {
			t.Fatal(err)
		}
		return by.engine
	}
	one, two := uuid.New(), uuid.New()
	nothing, own := store.Settings{Region: "US"}, store.Settings{Version: 1, Region: "US", Doc: []byte(`{"redaction":{"policy":"strict"}}`)}
	if engine(one, nothing) != engine(two, nothing) {
		t.Error("compiled for each org that has set nothing")
	}
	first := engine(one, own)
	if first == engine(one, nothing) || first != engine(one, own) || first == engine(two, own) {
		t.Error("not one for each org that has set something")
	}
	own.Version++
	second := engine(one, own)
	if second == first {
		t.Error("the settings have changed, and the engine is the old one")
	}
	if own.Region = "MX"; engine(one, own) == second || engine(one, nothing) == engine(one, store.Settings{Region: "MX"}) {
		t.Error("one engine for two regions")
	}
	for range 2 * maxEngines {
		engine(uuid.New(), own)
	}
	if n := len(e.compiled); n > maxEngines {
		t.Errorf("%d engines are kept", n)
	}
}

// Any number may ask at once, and get what they asked for.
func TestEnginesAtOnce(t *testing.T) {
	t.Parallel()
	e := newEngines(storetest.New(t))
	org := uuid.New()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for v := range 20 {
				policy, want := "booking", "[PHONE_NUMBER], 12 Main Street"
				if (i+v)%2 == 1 {
					policy, want = "strict", "[PHONE_NUMBER], [ADDRESS]"
				}
				by, err := e.By(org, store.Settings{Version: 1 + (i+v)%2, Region: "US", Doc: []byte(`{"redaction":{"policy":"` + policy + `"}}`)})
				if err != nil {
					t.Error(err)
					return
				}
				if got := by.Redact(store.RedactedNote, "202-555-0142, 12 Main Street").Text.Reveal(); got != want {
					t.Errorf("%s: %s", policy, got)
				}
			}
		})
	}
	wg.Wait()
}

// The customer's own phone is known, also where nothing but that says that it is a phone.
func TestNotesWithTheOwnPhone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	if _, stored := r.noted(run, CustomerBody{Phone: "+12025550187"}, at(2, 9, 0), "keys under 5550187, crate 5550188"); stored != "keys under [PHONE_NUMBER], crate 5550188" {
		t.Error(stored)
	}
}

// A policy that this version cannot compile, since another has stored it, gives way to the strict one, with what compiles of
// the rest.
func TestPolicyOfAnotherVersion(t *testing.T) {
	t.Parallel()
	e := newEngines(storetest.New(t))
	for _, doc := range []string{`{"redaction":{"policy":"lenient"}}`, `{"redaction":{"actions":{"EMAIL":"mask"}}}`, `{"redaction":{"actions":{"EMAIL":"shred"}}}`, `{"redaction":{"mrn":"?"}}`} {
		by, err := e.By(uuid.New(), store.Settings{Version: 7, Region: "US", Doc: []byte(doc)})
		if err != nil {
			t.Fatal(err)
		}
		if got := by.Redact(store.RedactedNote, "202-555-0142, 12 Main Street").Text.Reveal(); got != "[PHONE_NUMBER], [ADDRESS]" {
			t.Errorf("%s: %s", doc, got)
		}
	}
	by, err := e.By(uuid.New(), store.Settings{Version: 7, Region: "DE", Doc: []byte(`{"redaction":{"policy":"lenient","mrn":"MR-######","terms":["bridge therapy"]}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := by.Redact(store.RedactedNote, "030 1234567, MR-123456, bridge therapy").Text.Reveal(); got != "[PHONE_NUMBER], [MRN], [MEDICAL_TERM]" {
		t.Error(got)
	}
}
