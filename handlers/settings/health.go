package settings

import (
	"slices"

	"holdfast/handlers/redact"
	"holdfast/handlers/sms"
)

const healthRule = "must not name a condition, treatment or medicine: a screen shows a text to anybody. A service's public name stands where {{.Service}} may"

// health finds the templates of an org's own that name a medical term: one of the dictionary, or of the org's own.
func health(d, defaults Document) (paths []string) {
	var engine *redact.Engine
	for _, locale := range sms.Languages() {
		for _, kind := range sms.Kinds() {
			own := d.Templates[locale][kind]
			if own == defaults.Templates[locale][kind] {
				continue
			}
			if engine == nil {
				var err error
				if engine, err = (redact.Policy{Terms: d.Redaction.Terms}).Compile(); err != nil { // terms were checked at their own path
					return nil
				}
			}
			if namesHealth(engine, sms.OwnWords(kind, own)) {
				paths = append(paths, "templates."+locale+"."+string(kind))
			}
		}
	}
	return paths
}

func namesHealth(engine *redact.Engine, words string) bool {
	return slices.ContainsFunc(engine.Find(nil, words), func(s redact.Span) bool { return s.Type == redact.MedicalTerm })
}
