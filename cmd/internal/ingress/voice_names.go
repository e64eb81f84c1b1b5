package ingress

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"holdfast/cmd/internal/speech"
	"holdfast/store"
	"holdfast/store/calendar"
)

// what is what somebody wants to book, by ids.
type what struct {
	service, resource string // "" = not said
	zone              *time.Location
}

// maxNames is how many names are said of a list.
const maxNames = 6

// what finds the service and the resource by id, slug or name. An agent may take the one for the other; an org
// with one thing to book need not be told which.
func (v *voice) what(ctx context.Context) (w what, err error) {
	var services, resources []store.Named
	_, err = read(ctx, v.in, v.org, func(ctx context.Context, tx *store.Tx) (_ struct{}, err error) {
		services, resources, err = store.Names(ctx, tx)
		return struct{}{}, err
	})
	if err != nil {
		return w, err
	}
	service, resource := string(v.call.args.Service), string(v.call.args.Resource)
	s, known := find(services, service)
	if !known && resource == "" {
		if _, ok := find(resources, service); ok {
			resource, s, known = service, nil, true
		}
	}
	if !known {
		return w, v.ask("unknown-service", speech.ServiceUnknown, speech.Values{"list": v.list(services)})
	}
	r, known := find(resources, resource)
	if !known {
		return w, v.ask("unknown-resource", speech.ResourceUnknown, speech.Values{"list": v.list(resources)})
	}
	if s == nil && r == nil {
		switch {
		case len(services) == 1:
			s = &services[0]
		case len(services) == 0 && len(resources) == 1:
			r = &resources[0]
		case len(services) > 0:
			return w, v.ask("missing-field", speech.WhatMissing, speech.Values{"list": v.list(services)})
		default:
			return w, v.ask("missing-field", speech.WhatMissing, speech.Values{"list": v.list(resources)})
		}
	}
	zone := v.zone
	if s != nil {
		w.service = s.ID.String()
	}
	if r != nil {
		w.resource, zone = r.ID.String(), r.TimeZone
	}
	w.zone = store.Resource{TimeZone: zone}.Zone()
	return w, nil
}

// find finds a name among named things; nil and true when none was said. It must be the only one: an id or a
// slug, a name as it sounds, or some words of a name.
func find(all []store.Named, said string) (*store.Named, bool) {
	if said == "" {
		return nil, true
	}
	folded := speech.Fold(said)
	words := strings.Fields(folded)
	for _, fits := range []func(store.Named) bool{
		func(n store.Named) bool { return n.ID.String() == said || n.Slug == said },
		func(n store.Named) bool {
			return folded != "" && (speech.Fold(n.Name) == folded || speech.Fold(n.Slug) == folded)
		},
		func(n store.Named) bool {
			return strings.ReplaceAll(speech.Fold(n.Name), " ", "") == strings.ReplaceAll(folded, " ", "") && folded != ""
		},
		func(n store.Named) bool { return within(words, strings.Fields(speech.Fold(n.Name))) },
		func(n store.Named) bool { return within(strings.Fields(speech.Fold(n.Name)), words) },
	} {
		first := slices.IndexFunc(all, fits)
		if first >= 0 && !slices.ContainsFunc(all[first+1:], fits) {
			return &all[first], true
		}
		if first >= 0 {
			return nil, false
		}
	}
	return nil, false
}

// within reports whether all of some words are among others.
func within(some, others []string) bool {
	return len(some) > 0 && !slices.ContainsFunc(some, func(w string) bool { return !slices.Contains(others, w) })
}

func (v *voice) list(all []store.Named) string {
	said := make([]string, 0, len(all))
	for _, n := range all {
		said = append(said, n.Name)
	}
	return v.lang.Or(said[:min(len(said), maxNames)])
}

// when reads what was said of the time.
func (v *voice) when(w what) (speech.When, error) {
	when, err := speech.ParseWhen(string(v.call.args.Start), v.now, w.zone)
	switch {
	case errors.Is(err, calendar.ErrGap):
		return when, v.ask("time-does-not-exist", speech.NoSuchTime, nil)
	case err != nil:
		return when, v.ask("invalid-start", speech.WhenUnclear, nil)
	}
	return when, nil
}

// start is the one instant that is meant: of three in the morning and three in the afternoon, the one at which
// somebody is there. It asks when that leaves both, or when no time was said.
func (v *voice) start(w what, offer store.Offer, when speech.When) (time.Time, error) {
	if !when.HasTime() {
		noon := time.Date(when.Day.Year(), when.Day.Month(), when.Day.Day(), 12, 0, 0, 0, w.zone)
		return noon, v.ask("missing-field", speech.TimeMissing, speech.Values{"day": v.lang.Day(noon, v.now)})
	}
	starts, err := when.Starts(v.now, w.zone)
	if err != nil {
		return time.Time{}, v.ask("time-does-not-exist", speech.NoSuchTime, nil)
	}
	open := slices.DeleteFunc(slices.Clone(starts), func(at time.Time) bool {
		_, err := store.CheckSlot(offer, at.Format(time.RFC3339), v.now)
		return err != nil
	})
	switch {
	case len(open) == 1:
		return open[0], nil
	case len(open) > 1:
		return time.Time{}, v.ask("invalid-start", speech.Which, speech.Values{"times": v.lang.Times(open, v.now)})
	}
	return starts[len(starts)-1], nil // closed: people mean the afternoon
}
