package load

import (
	"fmt"
	"time"
)

// Limits are what a run must keep to. A zero limit is none.
type Limits struct {
	MaxP50, MaxP95, MaxP99 time.Duration // of POST bookings
	MaxText                time.Duration // of the slowest code text, from the answer that granted its booking
	MinRate                float64       // held a second
	MaxErrors              int64         // answers that should not be; negative is no limit
	MaxMissed              int64         // arrivals that nobody had time for; negative is no limit
}

// broken tells, a line for each, which limits a result breaks.
func (l Limits) broken(r Result) (lines []string) {
	above := func(flag, what string, got, limit time.Duration) {
		if limit > 0 && got > limit {
			lines = append(lines, fmt.Sprintf("%s is %s, above --%s %v", what, short(got), flag, limit))
		}
	}
	for _, s := range r.Steps {
		switch s.Step {
		case stepNames[stepHold]:
			above("max-p50", s.Step+" p50", s.p50, l.MaxP50)
			above("max-p95", s.Step+" p95", s.p95, l.MaxP95)
			above("max-p99", s.Step+" p99", s.p99, l.MaxP99)
		case stepNames[stepText], stepNames[stepOtherText]:
			above("max-text", s.Step+" max", s.max, l.MaxText)
		}
	}
	if r.HeldRate < l.MinRate {
		lines = append(lines, fmt.Sprintf("%.1f held/s, below --min-rate %g", r.HeldRate, l.MinRate))
	}
	if l.MaxErrors >= 0 && r.Errors > l.MaxErrors {
		lines = append(lines, fmt.Sprintf("%d answers that should not be, above --max-errors %d", r.Errors, l.MaxErrors))
	}
	if l.MaxMissed >= 0 && r.Missed > l.MaxMissed {
		lines = append(lines, fmt.Sprintf("%d arrivals turned away, above --max-missed %d", r.Missed, l.MaxMissed))
	}
	return lines
}

// short writes a time with as many digits as are exact.
func short(d time.Duration) string {
	ms := float64(d.Microseconds()) / 1000
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
