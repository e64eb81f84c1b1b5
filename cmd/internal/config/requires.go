package config

import (
	"reflect"
	"slices"
)

// Part is a command or a part of `serve` that needs some of the configuration.
type Part string

// The parts. Those that serve also need OPS_TOKEN, because each opens the operators' listener.
const (
	Ingress    Part = "ingress"
	Worker     Part = "worker"
	Scheduler  Part = "scheduler"
	Migrate    Part = "migrate"
	Audit      Part = "audit"
	Org        Part = "org"
	Deadletter Part = "deadletter"
)

// Requires returns nil, or an *Error with one line for each variable that the parts need and that is
// not set.
func (c Config) Requires(parts ...Part) error {
	var missing []Problem
	for _, v := range variables {
		if !reflect.ValueOf(c).FieldByIndex(v.index).IsZero() {
			continue
		}
		for _, need := range v.needs() {
			if slices.Contains(parts, Part(need)) {
				missing = append(missing, Problem{v.name(), "is not set; " + need + " needs it: " + v.tag("desc")})
				break
			}
		}
	}
	if len(missing) > 0 {
		return &Error{missing}
	}
	return nil
}
