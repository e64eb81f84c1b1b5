package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/store"
)

// Result is what came of a run. Times in JSON are milliseconds.
type Result struct {
	Scenario    string         `json:"scenario"`
	Model       string         `json:"model"`
	Seconds     float64        `json:"seconds"`
	Held        int64          `json:"held"`
	HeldRate    float64        `json:"held_per_second"`
	Missed      int64          `json:"missed"` // arrivals that nobody had time for
	Errors      int64          `json:"errors"` // answers that should not be
	Rounds      int            `json:"rounds,omitempty"`
	Steps       []StepResult   `json:"steps"`
	Settled     time.Duration  `json:"-"`
	SettledMS   float64        `json:"settled_ms"`
	Released    int            `json:"released,omitempty"`
	Interrupted bool           `json:"interrupted"`
	Notes       []string       `json:"notes,omitempty"` // what was not looked at
	Unexpected  map[string]int `json:"unexpected"`      // the errors, by step and answer
	Broken      []string       `json:"broken"`          // what must never be
	Failed      []string       `json:"failed"`          // limits that were broken

	Audit *store.AuditReport `json:"audit,omitempty"`
}

// StepResult is what users saw of one step.
type StepResult struct {
	Step     string           `json:"step"`
	Requests int64            `json:"requests"`
	Rate     float64          `json:"per_second"`
	P50      float64          `json:"p50_ms"`
	P95      float64          `json:"p95_ms"`
	P99      float64          `json:"p99_ms"`
	Max      float64          `json:"max_ms"`
	Answers  map[string]int64 `json:"answers"`
	Errors   int64            `json:"errors"`

	p50, p95, p99, max time.Duration
	took               *hdrhistogram.Histogram
}

// result puts together what all users saw.
func (r *run) result() Result {
	var sum meters
	for _, u := range r.users {
		for s, m := range u.meters {
			if m != nil {
				sum.of(step(s)).add(m)
			}
		}
	}
	seconds := r.elapsed.Seconds()
	res := Result{Scenario: r.Scenario, Model: r.model(), Seconds: seconds, Held: r.pulse.held.Load(), Missed: r.missed.Load(), Rounds: r.rounds,
		Steps: []StepResult{}}
	for s, m := range sum {
		if m == nil {
			continue
		}
		res.Errors += m.errors
		res.Steps = append(res.Steps, m.result(stepNames[s], seconds))
	}
	res.HeldRate = float64(res.Held) / seconds
	return res
}

func (m *meter) result(name string, seconds float64) StepResult {
	at := func(q float64) time.Duration { return time.Duration(m.took.ValueAtQuantile(q)) * time.Microsecond }
	n := m.took.TotalCount()
	v := StepResult{Step: name, Requests: n, Rate: float64(n) / seconds, Answers: make(map[string]int64), Errors: m.errors,
		p50: at(50), p95: at(95), p99: at(99), max: time.Duration(m.took.Max()) * time.Microsecond, took: m.took}
	v.P50, v.P95, v.P99, v.Max = ms(v.p50), ms(v.p95), ms(v.p99), ms(v.max)
	for k, n := range m.answers {
		if n > 0 {
			v.Answers[kindNames[k]] = n
		}
	}
	return v
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// err is nil when the run kept to its limits and nothing was found broken.
func (r Result) err() error {
	var errs []error
	for _, b := range r.Broken {
		errs = append(errs, fmt.Errorf("load: broken: %s", b))
	}
	for _, f := range r.Failed {
		errs = append(errs, fmt.Errorf("load: limit: %s", f))
	}
	if r.Audit != nil {
		errs = append(errs, r.Audit.Err())
	}
	return errors.Join(errs...)
}
