package ingress

import "github.com/prometheus/client_golang/prometheus"

// Metrics is what an Ingress counts. It names kinds and outcomes, never an org or a person.
type Metrics struct {
	Writes    *prometheus.CounterVec // by source, kind and outcome: fresh, again, refused, failed
	Waits     *prometheus.CounterVec // by result: answered, ran-out, gone
	Waiting   prometheus.Gauge
	Callbacks *prometheus.CounterVec // by status and whether it moved the message
	Denied    *prometheus.CounterVec // by reason
	// Unreadable are messages of voice agents of which something could not be read, by source. A few are a platform's slips; many,
	// and its shape has changed.
	Unreadable *prometheus.CounterVec
	// EventsLost are security events that were not written: too many at once, or Postgres was away at the end.
	EventsLost prometheus.Counter
}

// reasons are those that Denied counts by. They are shown from the start, or an alert would not see the first of each.
var reasons = []string{"no-key", "unknown-key", eventDeadKey, eventCrossOrg, eventMissingScope, "signature", "signature-org", "signature-form"}

// NewMetrics makes them. Nobody sees them before Register.
func NewMetrics() *Metrics {
	m := &Metrics{
		Writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_ingress_writes_total", Help: "Requests to change something, by source, kind and outcome."}, []string{"source", "kind", "outcome"}),
		Waits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_ingress_waits_total", Help: "Waits for an answer that have ended, by result."}, []string{"result"}),
		Waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "holdfast_ingress_waiting", Help: "Clients that wait for an answer."}),
		Callbacks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_ingress_callbacks_total", Help: "Status callbacks by status and whether they moved a text forward."}, []string{"status", "moved"}),
		Denied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_ingress_denied_total", Help: "Requests refused for their credentials, by reason."}, []string{"reason"}),
		Unreadable: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_ingress_unreadable_total", Help: "Messages of voice agents of which something could not be read, by source."}, []string{"source"}),
		EventsLost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_security_events_lost_total", Help: "Security events that were not written."}),
	}
	for _, reason := range reasons {
		m.Denied.WithLabelValues(reason)
	}
	for _, source := range []string{sourceVapi, sourceRetell} {
		m.Unreadable.WithLabelValues(source)
	}
	return m
}

// Register shows them on reg.
func (m *Metrics) Register(reg prometheus.Registerer) {
	reg.MustRegister(m.Writes, m.Waits, m.Waiting, m.Callbacks, m.Denied, m.Unreadable, m.EventsLost)
}
