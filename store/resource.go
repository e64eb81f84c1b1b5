package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/calendar"
)

// Resource is what can be booked.
type Resource struct {
	ID             uuid.UUID
	Slug           string
	Name           string
	TimeZone       string
	Seats          int
	DefaultMinutes int
	BufferBefore   int // minutes
	BufferAfter    int
	Hours          []calendar.Hours
}

// Zone is the resource's own time zone.
func (r Resource) Zone() *time.Location { return zone(r.TimeZone) }

// zone loads an IANA zone; names are checked when they are stored, so UTC stands for one that has vanished.
func zone(name string) *time.Location {
	if l, err := time.LoadLocation(name); err == nil {
		return l
	}
	return time.UTC
}

// Service is what is done in an appointment.
type Service struct {
	ID                        uuid.UUID
	Slug, Name                string
	Minutes                   int
	BufferBefore, BufferAfter *int // nil: the resource's own
}

// Offer is what somebody asks for: a length of time at any of some resources.
type Offer struct {
	Service   *Service // nil when a resource was asked for by itself
	Resources []Resource
	Minutes   int // 0: each resource's default
	// Countries are those whose phones the org texts (ISO 3166), by its settings at this moment. They come with the
	// offer since whoever books looks it up anyway.
	Countries []string
}

// Refusal is a request that cannot be met, as a rule of the domain: which field breaks which rule. Kind is the
// last part of the problem's type.
type Refusal struct {
	Kind, Field, Detail string
}

func (r *Refusal) Error() string { return r.Kind + ": " + r.Detail }

const resourceColumns = `r.id, r.slug, r.name, r.time_zone, r.seats, r.default_minutes, r.buffer_before, r.buffer_after,
	COALESCE((SELECT jsonb_agg(jsonb_build_object('weekday', h.weekday, 'opens', h.opens, 'closes', h.closes))
	            FROM opening_hours h WHERE h.org_id = r.org_id AND h.resource_id = r.id), '[]')`

// FindOffer resolves a resource, a service or both, each by id or slug, and a length in minutes (0: by
// default). What cannot be resolved is a *Refusal.
func FindOffer(ctx context.Context, tx *Tx, resource, service string, minutes int) (Offer, error) {
	if resource == "" && service == "" {
		return Offer{}, &Refusal{"missing-field", "resource", "name a resource, a service or both"}
	}
	offer := Offer{Minutes: minutes}
	if service != "" {
		s, err := findService(ctx, tx, service)
		if err != nil {
			return Offer{}, err
		}
		offer.Service = &s
		if minutes == 0 {
			offer.Minutes = s.Minutes
		}
	}
	var err error
	offer.Resources, offer.Countries, err = findResources(ctx, tx, resource, offer.Service)
	if err != nil {
		return Offer{}, err
	}
	if len(offer.Resources) == 0 {
		return Offer{}, refuseResource(resource, service)
	}
	return offer, nil
}

func refuseResource(resource, service string) error {
	switch {
	case resource == "":
		return &Refusal{"unknown-service", "service", "no resource offers this service"}
	case service == "":
		return &Refusal{"unknown-resource", "resource", "the org has no such resource"}
	default:
		return &Refusal{"unknown-resource", "resource", "the org has no such resource that offers this service"}
	}
}

func findService(ctx context.Context, tx *Tx, ref string) (Service, error) {
	rows, err := tx.Query(ctx, `SELECT id, slug, name, minutes, buffer_before, buffer_after FROM service
		WHERE org_id = $1 AND active AND (id = $2 OR slug = $3)`, tx.Org, idOrNil(ref), ref)
	s, err := one(rows, err, func(r pgx.CollectableRow) (s Service, err error) {
		err = r.Scan(&s.ID, &s.Slug, &s.Name, &s.Minutes, &s.BufferBefore, &s.BufferAfter)
		return s, err
	})
	if errors.Is(err, ErrNotFound) {
		return s, &Refusal{"unknown-service", "service", "the org has no such service"}
	}
	return s, err
}

// findResources lists the resources that ref and service leave, and the countries that the org texts.
func findResources(ctx context.Context, tx *Tx, ref string, service *Service) (found []Resource, countries []string, err error) {
	var offering uuid.NullUUID
	if service != nil {
		offering = uuid.NullUUID{UUID: service.ID, Valid: true}
	}
	rows, err := tx.Query(ctx, `SELECT `+resourceColumns+`,
		       (SELECT COALESCE(st.doc -> 'countries', jsonb_build_array(g.region))
		          FROM org g LEFT JOIN settings st ON st.org_id = g.id WHERE g.id = $1)
		  FROM resource r
		 WHERE r.org_id = $1 AND r.active
		   AND ($3 = '' OR r.id = $2 OR r.slug = $3)
		   AND ($4::uuid IS NULL OR EXISTS (SELECT FROM service_resource sr
		        WHERE sr.org_id = $1 AND sr.service_id = $4 AND sr.resource_id = r.id))
		 ORDER BY r.slug`, tx.Org, idOrNil(ref), ref, offering)
	found, err = many(rows, err, func(r pgx.CollectableRow) (v Resource, err error) {
		err = r.Scan(&v.ID, &v.Slug, &v.Name, &v.TimeZone, &v.Seats, &v.DefaultMinutes, &v.BufferBefore, &v.BufferAfter, &v.Hours, &countries)
		return v, err
	})
	return found, countries, err
}

// idOrNil is ref as an id, or the nil id, which no row has.
func idOrNil(ref string) uuid.UUID {
	id, err := uuid.Parse(ref)
	if err != nil {
		return uuid.Nil
	}
	return id
}

// Calendar is the offer at one of its resources.
func (o Offer) Calendar(r Resource) calendar.Calendar {
	minutes, before, after := o.Minutes, r.BufferBefore, r.BufferAfter
	if minutes == 0 {
		minutes = r.DefaultMinutes
	}
	if s := o.Service; s != nil {
		if s.BufferBefore != nil {
			before = *s.BufferBefore
		}
		if s.BufferAfter != nil {
			after = *s.BufferAfter
		}
	}
	return calendar.Calendar{
		Zone: r.Zone(), Hours: r.Hours, Seats: r.Seats,
		Length: time.Duration(minutes) * time.Minute,
		Before: time.Duration(before) * time.Minute, After: time.Duration(after) * time.Minute,
	}
}

// Horizon is how far ahead a booking may start.
const Horizon = 2 * 365 * 24 * time.Hour

// CheckSlot resolves a start against an offer: it must exist, lie ahead of now and within the opening hours of
// at least one of the resources. It returns the resources that are left, with their spans; what is wrong is a
// *Refusal. Whether somebody has taken the time is the claim's business.
func CheckSlot(o Offer, start string, now time.Time) ([]Candidate, error) {
	var left []Candidate
	for _, r := range o.Resources {
		cal := o.Calendar(r)
		at, err := calendar.ParseStart(start, cal.Zone)
		switch {
		case errors.Is(err, calendar.ErrGap):
			return nil, &Refusal{"time-does-not-exist", "start", fmt.Sprintf("that local time %v (%s)", err, r.TimeZone)}
		case err != nil:
			return nil, &Refusal{"invalid-start", "start", err.Error()}
		case !at.After(now):
			return nil, &Refusal{"start-in-past", "start", "must lie in the future"}
		case at.Sub(now) > Horizon:
			return nil, &Refusal{"start-too-far", "start", "must lie within two years"}
		}
		span := calendar.Span{Start: at.In(cal.Zone), End: at.Add(cal.Length).In(cal.Zone)}
		if cal.IsOpen(span) {
			left = append(left, Candidate{Resource: r, Calendar: cal, Span: span})
		}
	}
	if len(left) == 0 {
		return nil, &Refusal{"outside-hours", "start", "lies outside the opening hours"}
	}
	return left, nil
}

// Candidate is a resource that is open at the time asked for.
type Candidate struct {
	Resource Resource
	Calendar calendar.Calendar
	Span     calendar.Span
}
