package settings

import (
	"encoding/json"
	"errors"

	"holdfast/handlers/redact"
)

// Redaction is what is taken out of what people say and write, and how. docs/redaction.md tells more.
type Redaction struct {
	Policy  string            `json:"policy" enum:"booking,strict"`
	Actions map[string]string `json:"actions"` // by type, all of them
	Terms   []string          `json:"terms"`   // the org's own medical terms
	MRN     string            `json:"mrn"`     // how its record numbers look; "" = as it is by cue alone
}

// errAction is an action that this version does not know.
var errAction = errors.New(anyAction)

const anyAction = "want remove, mask or token"

// Compile makes the engine of an org of region (ISO 3166). What is in force was compiled when it was set: an error is
// about something that another version of Holdfast stored.
func (r Redaction) Compile(region string) (*redact.Engine, error) {
	p := redact.Policy{Name: r.Policy, Region: region, Terms: r.Terms, MRN: r.MRN, Actions: make(map[redact.Type]redact.Action)}
	for _, t := range redact.Types() {
		action, ok := redact.ParseAction(r.Actions[t.String()])
		if !ok {
			return nil, errAction
		}
		p.Actions[t] = action
	}
	return p.Compile()
}

func defaultActions() map[string]string {
	all := make(map[string]string)
	for _, t := range redact.Types() {
		all[t.String()] = redact.Remove.String()
	}
	return all
}

// redactionTable judges each part by a policy of it alone: what can be had is decided where it is done.
func redactionTable() []field {
	policy := at("redaction.policy", "string", redact.ErrPolicy.Error(),
		"booking keeps dates and addresses, which a booking is about. `\"redaction\": \"strict\"` is short for it",
		func(d *Document) *string { return &d.Redaction.Policy },
		func(s string) bool { return s != "" && compiles(redact.Policy{Name: s}) })
	policy.alone = true
	terms := at("redaction.terms", "array of strings", redact.ErrTerm.Error(),
		"none but those of the dictionary. The audit log tells how many there are, not which",
		func(d *Document) *[]string { return &d.Redaction.Terms },
		func(all []string) bool { return all != nil && compiles(redact.Policy{Terms: all}) })
	terms.audited = func(v any) any { return len(v.([]string)) }
	mrn := at("redaction.mrn", "string", redact.ErrMRN.Error()+", or an empty string",
		"a record number is known by the word beside it; with a pattern, by its look alone",
		func(d *Document) *string { return &d.Redaction.MRN },
		func(s string) bool { return compiles(redact.Policy{MRN: s}) })
	all := []field{acting(policy), acting(terms), acting(mrn)}
	for _, t := range redact.Types() {
		all = append(all, actionOn(t))
	}
	return all
}

func compiles(p redact.Policy) bool { _, err := p.Compile(); return err == nil }

// actionOn is what becomes of one type.
func actionOn(t redact.Type) field {
	name := t.String()
	f := field{path: "redaction.actions." + name, form: "string", acts: true, rule: "want remove or token", why: "[" + name + "] in its place",
		get: func(d Document) any { return d.Redaction.Actions[name] }}
	if t.Maskable() {
		f.rule = anyAction
	}
	f.read = func(d *Document, raw json.RawMessage) string {
		var action string
		if string(raw) == "null" || json.Unmarshal(raw, &action) != nil {
			return f.rule
		}
		if a, ok := redact.ParseAction(action); !ok || !compiles(redact.Policy{Actions: map[redact.Type]redact.Action{t: a}}) {
			return f.rule
		}
		d.Redaction.Actions[name] = action
		return ""
	}
	return f
}
