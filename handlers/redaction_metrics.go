package handlers

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/redact"
	"holdfast/store"
)

// RedactionMetrics counts what is taken out of texts, and what readers report as wrong: the rate of false alarms is the
// quotient of the two. The tables redaction and transcript_report have the same for each org. A nil one counts nothing.
type RedactionMetrics struct{ out, reports *prometheus.CounterVec }

// unknownType is the type of a report that names none.
const unknownType = "unknown"

// NewRedactionMetrics makes the counters and registers them with reg.
func NewRedactionMetrics(reg prometheus.Registerer) *RedactionMetrics {
	m := &RedactionMetrics{
		out: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_redactions_total", Help: "What was taken out of texts, by what the text was and type of personal data."}, []string{"source", "type"}),
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_redaction_reports_total", Help: "Reports of wrong redaction, by kind (missed, false) and type of personal data."}, []string{"kind", "type"}),
	}
	reg.MustRegister(m.out, m.reports)
	for _, kind := range []string{reportMissed, reportFalse} { // all at zero, or the first report would be no increase
		m.reports.WithLabelValues(kind, unknownType)
		for _, t := range redact.Types() {
			m.reports.WithLabelValues(kind, t.String())
		}
	}
	return m
}

// took counts what was taken out of a text of that source.
func (m *RedactionMetrics) took(source string, all []store.Redaction) {
	if m == nil {
		return
	}
	for _, r := range all {
		m.out.WithLabelValues(source, r.Type).Inc()
	}
}

// reported counts a report; of one that names no type the type is unknown.
func (m *RedactionMetrics) reported(kind, typ string) {
	if m == nil {
		return
	}
	if typ == "" {
		typ = unknownType
	}
	m.reports.WithLabelValues(kind, typ).Inc()
}
