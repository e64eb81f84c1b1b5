package handlers

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"holdfast/handlers/redact"
	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/pii"
)

// Engines compiles what orgs want taken out of texts, each policy once. Which one holds is read in the transaction that
// acts on it: what is kept here is never older than the settings that it is asked for. It is safe for concurrent use.
type Engines struct {
	Keys         *pii.Keyring
	Installation settings.Installation
	Metrics      *RedactionMetrics // nil: counted nowhere

	mu       sync.Mutex
	compiled map[policyOf]compiledPolicy
}

// policyOf is whose policy it is: an org's, or with the nil id that of all in a region that have set nothing.
type policyOf struct {
	org    uuid.UUID
	region string
}

type compiledPolicy struct {
	settings int // their version
	engine   *redact.Engine
}

// maxEngines bounds the memory: one with terms of its own has a dictionary of its own, of 1 to 3 MB. To make it anew takes some
// milliseconds.
const maxEngines = 64

// Redactor takes personal data out of the texts of one org, by its policy of this moment.
type Redactor struct {
	engine  *redact.Engine
	key     redact.Key
	metrics *RedactionMetrics
}

// In reads the settings of the transaction's org and makes its Redactor.
func (e *Engines) In(ctx context.Context, tx *store.Tx) (Redactor, error) {
	s, err := store.LoadSettings(ctx, tx)
	if err != nil {
		return Redactor{}, err
	}
	return e.By(tx.Org, s)
}

// By makes the Redactor of an org whose settings have been read.
func (e *Engines) By(org uuid.UUID, s store.Settings) (Redactor, error) {
	engine, err := e.engine(org, s)
	return Redactor{engine: engine, key: e.Keys.RedactionKey(org), metrics: e.Metrics}, err
}

func (e *Engines) engine(org uuid.UUID, s store.Settings) (*redact.Engine, error) {
	of := policyOf{org, s.Region}
	if len(s.Doc) == 0 {
		of.org = uuid.Nil
	}
	e.mu.Lock()
	c, ok := e.compiled[of]
	e.mu.Unlock()
	if ok && c.settings == s.Version {
		return c.engine, nil
	}
	engine, err := settings.Read(s, e.Installation).Redaction.Compile(s.Region)
	if err != nil {
		// Another version of Holdfast took it. Rather too much is taken out than a booking refused for its notes: what
		// this one understands of it counts.
		r := settings.Read(s, e.Installation).Redaction
		p := redact.Policy{Name: redact.Strict}
		for _, more := range []redact.Policy{
			{Name: p.Name, Region: s.Region}, {Name: p.Name, Region: s.Region, MRN: r.MRN}, {Name: p.Name, Region: s.Region, Terms: r.Terms},
			{Name: p.Name, Region: s.Region, MRN: r.MRN, Terms: r.Terms},
		} {
			if _, err := more.Compile(); err == nil {
				p = more
			}
		}
		if engine, err = p.Compile(); err != nil {
			return nil, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !ok && len(e.compiled) >= maxEngines {
		for other := range e.compiled { // whichever comes first
			delete(e.compiled, other)
			break
		}
	}
	if e.compiled == nil {
		e.compiled = make(map[policyOf]compiledPolicy)
	}
	e.compiled[of] = compiledPolicy{s.Version, engine}
	return engine, nil
}

// Redacted is what is left of a text, and what was taken out.
type Redacted struct {
	Text   pii.Text // sealed where it is stored all the same: no redaction is perfect
	Engine string   // the version of what redacted it
	Out    []store.Redaction

	source string
}

// Redact takes out of a text what the policy wants out, and counts it: again, when the transaction has to run again. source
// is what the text is, as store.RedactedNote. Names are known values, as of the booking's customer.
func (r Redactor) Redact(source, text string, names ...string) Redacted {
	left, out := r.engine.Redact(text, r.key, names...)
	d := Redacted{Text: pii.NewText(left), Engine: r.engine.Version(), Out: make([]store.Redaction, len(out)), source: source}
	for i, o := range out {
		d.Out[i] = store.Redaction{Type: o.Type.String(), Rule: o.Rule.Name, Confidence: o.Rule.Confidence,
			From: o.Start, To: o.End, Action: o.Action.String(), Hash: o.Hash}
	}
	r.metrics.took(source, d.Out)
	return d
}

// Audit queues the audit rows. They belong to the transaction that stores what is left of the text.
func (r Redacted) Audit(tx *store.Tx, subject uuid.UUID) {
	store.AddRedactions(tx, r.source, subject, r.Engine, r.Out)
}
