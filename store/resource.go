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
	rows, err := tx.Query(ctx, `SELECT `+resourceColumns+`, s.id, s.slug, s.name, s.minutes, s.buffer_before, s.buffer_after,
		       `+orgCountries+`
		  FROM resource r LEFT JOIN service s ON s.org_id = r.org_id AND s.active AND (s.id = $4 OR s.slug = $5)
		 WHERE r.org_id = $1 AND r.active
		   AND ($3 = '' OR r.id = $2 OR r.slug = $3)
		   AND ($5 = '' OR EXISTS (SELECT FROM service_resource sr
		        WHERE sr.org_id = $1 AND sr.service_id = s.id AND sr.resource_id = r.id))
		 ORDER BY r.slug`, tx.Org, idOrNil(resource), resource, idOrNil(service), service)
	offer := Offer{Minutes: minutes}
	offer.Resources, err = many(rows, err, func(row pgx.CollectableRow) (Resource, error) {
		return scanOffer(row, &offer)
	})
	switch {
	case err != nil:
		return Offer{}, err
	case len(offer.Resources) == 0:
		return Offer{}, refuseOffer(ctx, tx, resource, service)
	case offer.Service != nil && minutes == 0:
		offer.Minutes = offer.Service.Minutes
	}
	return offer, nil
}

// SampleOffer is something that an org can be booked for, as texts name it. An org that has nothing yet has empty names.
type SampleOffer struct {
	Resource, TimeZone string
	Service            string // "" when the org has none
}

// FindSampleOffer is the first service and resource of the transaction's org, by slug; without a service, the first
// resource.
func FindSampleOffer(ctx context.Context, tx *Tx) (SampleOffer, error) {
	rows, err := tx.Query(ctx, `SELECT r.name, r.time_zone, COALESCE(s.name, '')
		  FROM resource r
		  LEFT JOIN service_resource sr ON sr.org_id = r.org_id AND sr.resource_id = r.id
		  LEFT JOIN service s ON s.org_id = sr.org_id AND s.id = sr.service_id AND s.active
		 WHERE r.org_id = $1 AND r.active
		 ORDER BY s.slug NULLS LAST, r.slug LIMIT 1`, tx.Org)
	o, err := one(rows, err, pgx.RowToStructByPos[SampleOffer])
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return o, err
}

// orgCountries are those whose phones the org $1 texts, by its settings of this moment.
const orgCountries = `(SELECT COALESCE(st.doc -> 'countries', jsonb_build_array(g.region))
	FROM org g LEFT JOIN settings st ON st.org_id = g.id WHERE g.id = $1)`

// scanOffer reads a resource, and into o the service that was asked for and the countries.
func scanOffer(row pgx.CollectableRow, o *Offer) (r Resource, err error) {
	var (
		id            uuid.NullUUID
		slug, name    *string
		minutes       *int
		before, after *int
	)
	err = row.Scan(&r.ID, &r.Slug, &r.Name, &r.TimeZone, &r.Seats, &r.DefaultMinutes, &r.BufferBefore, &r.BufferAfter, &r.Hours,
		&id, &slug, &name, &minutes, &before, &after, &o.Countries)
	if err == nil && id.Valid {
		o.Service = &Service{ID: id.UUID, Slug: *slug, Name: *name, Minutes: *minutes, BufferBefore: before, BufferAfter: after}
	}
	return r, err
}

// refuseOffer tells which of the two it was that nobody knows.
func refuseOffer(ctx context.Context, tx *Tx, resource, service string) error {
	known := true
	if service != "" {
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM service WHERE org_id = $1 AND active AND (id = $2 OR slug = $3))`,
			tx.Org, idOrNil(service), service).Scan(&known)
		if err != nil {
			return err
		}
	}
	switch {
	case !known:
		return &Refusal{"unknown-service", "service", "the org has no such service"}
	case resource == "":
		return &Refusal{"unknown-service", "service", "no resource offers this service"}
	case service == "":
		return &Refusal{"unknown-resource", "resource", "the org has no such resource"}
	default:
		return &Refusal{"unknown-resource", "resource", "the org has no such resource that offers this service"}
	}
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
