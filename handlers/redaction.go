package handlers

import (
	"context"
	"sync"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/redact"
	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/pii"
)

// Engines compiles what orgs want taken out of texts, each policy once. Which one holds is read in the transaction that
// acts on it: what is kept here is never older than the settings that it is asked for. It is safe for concurrent use.
type Engines struct {
	keys  *pii.Keyring
	in    settings.Installation
	total *prometheus.CounterVec

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

// maxEngines bounds the memory: an org with ten thousand terms of its own takes some megabytes.
const maxEngines = 256

// NewEngines makes it, and registers the counter of redactions with reg. That counts what was found: a transaction that
// has to run again finds it again.
func NewEngines(keys *pii.Keyring, in settings.Installation, reg prometheus.Registerer) *Engines {
	e := &Engines{keys: keys, in: in, compiled: make(map[policyOf]compiledPolicy), total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_redactions_total", Help: "Personal data taken out of texts, by type."}, []string{"type"})}
	reg.MustRegister(e.total)
	return e
}

// Redactor takes personal data out of the texts of one org, by its policy of this moment.
type Redactor struct {
	engine *redact.Engine
	key    redact.Key
	total  *prometheus.CounterVec
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
	return Redactor{engine: engine, key: e.keys.RedactionKey(org), total: e.total}, err
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
	engine, err := settings.Read(s, e.in).Redaction.Compile(s.Region)
	if err != nil {
		// Another version of Holdfast took it. Rather too much is taken out than a booking refused for its notes.
		if engine, err = (redact.Policy{Name: redact.Strict}).Compile(); err != nil {
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
	e.compiled[of] = compiledPolicy{s.Version, engine}
	return engine, nil
}

// Redacted is what is left of a text, and what was taken out.
type Redacted struct {
	Text   string
	Engine string // the version of what redacted it
	Out    []store.Redaction
}

// Redact takes out of text what the policy wants out. Names are known values, as of the booking's customer.
func (r Redactor) Redact(text string, names ...string) Redacted {
	left, out := r.engine.Redact(text, r.key, names...)
	d := Redacted{Text: left, Engine: r.engine.Version(), Out: make([]store.Redaction, len(out))}
	for i, o := range out {
		d.Out[i] = store.Redaction{Type: o.Type.String(), Rule: o.Rule.Name, Confidence: o.Rule.Confidence,
			From: o.Start, To: o.End, Action: o.Action.String(), Hash: o.Hash}
		r.total.WithLabelValues(d.Out[i].Type).Inc()
	}
	return d
}

// Audit queues the audit rows. They belong to the transaction that stores what is left of the text.
func (r Redacted) Audit(tx *store.Tx, source string, subject uuid.UUID) {
	store.AddRedactions(tx, source, subject, r.Engine, r.Out)
}
