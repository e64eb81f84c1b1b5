package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/calendar"
)

// availabilityInput says for what and when openings are looked for.
type availabilityInput struct {
	OrgInput
	Resource string `query:"resource" doc:"Id or slug. May be left out when service is given: any resource that offers it."`
	Service  string `query:"service" doc:"Id or slug."`
	Duration string `query:"duration" doc:"Minutes, or a length as 45m or PT45M. By default the service's, else the resource's."`
	From     string `query:"from" doc:"RFC 3339, or a local time or date of the resource's zone. By default now."`
	To       string `query:"to" doc:"As from; by default 7 days after it, at most 31."`
}

// slotView is a start that can be booked.
type slotView struct {
	Resource uuid.UUID `json:"resource"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Seats    int       `json:"seats"`
}

// openings answers GET availability. Resource is null when any would do.
type openings struct {
	Resource *uuid.UUID `json:"resource"`
	TimeZone string     `json:"time_zone"`
	Slots    []slotView `json:"slots"`
}

func (in *Ingress) availabilityRoutes() { register(in, opAvailability, in.availability) }

// Ranges of availability, in local days.
const (
	defaultDays = 7
	maxDays     = 31
)

func (in *Ingress) availability(ctx context.Context, c *call, i *availabilityInput) (*output[openings], error) {
	minutes, err := i.check()
	if err != nil {
		return nil, err
	}
	now, err := in.clock.now(ctx)
	if err != nil {
		return nil, err
	}
	o, err := in.org(ctx, c.org)
	if err != nil {
		return nil, err
	}
	defer markDB(ctx, time.Now())
	out, err := read(ctx, in, c.org, func(ctx context.Context, tx *store.Tx) (openings, error) {
		offer, err := store.FindOffer(ctx, tx, i.Resource, i.Service, minutes)
		if err != nil {
			return openings{}, err
		}
		out := openings{TimeZone: o.TimeZone}
		if i.Resource != "" {
			out.Resource, out.TimeZone = &offer.Resources[0].ID, offer.Resources[0].TimeZone
		}
		span, err := i.span(store.Resource{TimeZone: out.TimeZone}.Zone(), now)
		if err != nil || !span.Start.Before(span.End) {
			out.Slots = []slotView{}
			return out, err
		}
		found, err := store.Openings(ctx, tx, offer, span)
		out.Slots = make([]slotView, len(found))
		for n, f := range found {
			out.Slots[n] = slotView{Resource: f.Resource.ID, Start: f.Start, End: f.End, Seats: f.Seats}
		}
		return out, err
	})
	if err != nil {
		return nil, err
	}
	return &output[openings]{out}, nil
}

// check reads what needs no database. Queries can hold bytes that are no text at all.
func (i *availabilityInput) check() (minutes int, err error) {
	for _, f := range []struct{ name, value string }{{"resource", i.Resource}, {"service", i.Service}} {
		if strings.ContainsRune(f.value, 0) || !utf8.ValidString(f.value) {
			return 0, newProblem("unknown-"+f.name, f.name, "the org has no such "+f.name)
		}
	}
	if i.Duration == "" {
		return 0, nil
	}
	quoted, err := json.Marshal(i.Duration)
	if err != nil { // a string: cannot be
		return 0, err
	}
	var m handlers.Minutes
	if err := m.UnmarshalJSON(quoted); err != nil || m < 1 || m > 1440 {
		return 0, newProblem("invalid-request", "duration", "1 to 1440 minutes, or a length such as 45m")
	}
	return int(m), nil
}

// span is the range that is asked for, without what is past or too far ahead to be booked.
func (i *availabilityInput) span(zone *time.Location, now time.Time) (calendar.Span, error) {
	from, err := now.In(zone), error(nil)
	if i.From != "" {
		if from, err = moment("from", i.From, zone); err != nil {
			return calendar.Span{}, err
		}
	}
	to := from.AddDate(0, 0, defaultDays)
	if i.To != "" {
		if to, err = moment("to", i.To, zone); err != nil {
			return calendar.Span{}, err
		}
	}
	if !from.Before(to) {
		return calendar.Span{}, newProblem("invalid-range", "to", "must lie after from")
	}
	if to.After(from.In(zone).AddDate(0, 0, maxDays)) {
		return calendar.Span{}, newProblem("invalid-range", "to", fmt.Sprintf("at most %d days after from", maxDays))
	}
	if from.Before(now) {
		from = now
	}
	if last := now.Add(store.Horizon); to.After(last) {
		to = last
	}
	if to.Before(from) { // all of it is past, or too far ahead
		to = from
	}
	return calendar.Span{Start: from, End: to}, nil
}

// moment reads an instant of a query: RFC 3339, or a local time or date of zone, which is its midnight.
func moment(field, text string, zone *time.Location) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return day, nil
	}
	// A "+" that was not escaped arrives as a space.
	if n := len(text) - len(" 00:00"); n > 0 && text[n] == ' ' && strings.ContainsRune(text[:n], 'T') {
		text = text[:n] + "+" + text[n+1:]
	}
	at, err := calendar.ParseStart(text, zone)
	switch {
	case errors.Is(err, calendar.ErrGap):
		return at, newProblem("time-does-not-exist", field, err.Error())
	case err != nil:
		return at, newProblem("invalid-request", field, "want RFC 3339, or a local time or date as 2006-01-02T15:04 or 2006-01-02")
	}
	return at, nil
}
