package ingress

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Wide limits, of an org, of who asks and of a country, are spent here, before a request is written and outside of any
// transaction. Narrow ones, of a number and its prefix, are the task's: it counts the texts themselves.

// limitsOf reads the limits of an org. They are believed for some seconds.
func (in *Ingress) limitsOf(ctx context.Context, org uuid.UUID) (settings.Limits, error) {
	return in.limits.find(org, func() (settings.Limits, error) {
		return read(ctx, in, org, func(ctx context.Context, tx *store.Tx) (settings.Limits, error) {
			s, err := store.LoadSettings(ctx, tx)
			return settings.Read(s, in.defaults).Limits, err
		})
	})
}

// spend takes what a submission that leads to a code costs its org, and returns it, to be restored when the request turns
// out to be none. A submission that a limit refuses is changed: it finds its first answer if it is a repeat, which costs
// nothing, else the problem.
func (in *Ingress) spend(ctx context.Context, s *submission) (spent []tasks.Bucket, err error) {
	if s.phone.IsZero() && s.addressee == nil {
		return nil, nil // it leads to no code
	}
	l, err := in.limitsOf(ctx, s.org)
	if err != nil {
		return nil, err
	}
	wide := l.Org.PerHour > 0 || l.Source.PerHour > 0 || l.Country.PerHour > 0
	if wide && s.addressee != nil {
		if s.phone, err = read(ctx, in, s.org, s.addressee); err != nil {
			if errors.Is(err, store.ErrNotFound) { // the check says so
				return nil, nil
			}
			return nil, err
		}
	}
	if s.phone.IsZero() {
		return nil, nil
	}
	if s.kind.name == kindBooking.name {
		in.suspect(s, l)
	}
	names, list := wideBuckets(*s, l)
	if len(list) == 0 {
		return nil, nil
	}
	if empty := in.buckets.Spend(ctx, list); empty != nil {
		p := handlers.TooManyCodes(names[empty.Index], "", empty.Wait)
		if s.key == "" && s.conversation == "" {
			return nil, p
		}
		s.check = func(context.Context, *store.Tx) error { return p }
		return nil, nil
	}
	return list, nil
}

// wideBuckets are what a code costs, with the names of their limits.
func wideBuckets(s submission, l settings.Limits) (names []string, list []tasks.Bucket) {
	by := s.by
	if by == "" {
		by = s.source
	}
	for _, b := range []struct {
		name, key string
		limit     settings.HourLimit
	}{
		{"source", "source:" + by, l.Source},
		{"country", "country:" + s.phone.Region(), l.Country},
		{"org", "org", l.Org},
	} {
		if b.limit.PerHour > 0 {
			names = append(names, b.name)
			list = append(list, tasks.Bucket{Key: "{" + s.org.String() + "}:" + b.key, PerHour: b.limit.PerHour})
		}
	}
	return names, list
}

// often is how many bookings of one prefix an hour make a process look at the narrow limits itself, by one more round trip.
// The task would refuse them as well; but what it refuses has been spent, and fraud that walks through a block of numbers
// would spend what is the other customers'.
const often = 10

// suspect makes a booking of a prefix that this process sees often be checked for its narrow limits too.
func (in *Ingress) suspect(s *submission, l settings.Limits) {
	if l.Phone == (settings.PhoneLimit{}) && l.Prefix.PerHour == 0 && l.Ratio.ConfirmedPercent == 0 {
		return
	}
	prefix := tasks.Bucket{Key: string(store.PrefixHash(in.keys, s.org, s.phone)), PerHour: often}
	if in.prefixes.Spend(time.Now(), []tasks.Bucket{prefix}) == nil {
		return
	}
	check, phone := s.check, s.phone
	s.check = func(ctx context.Context, tx *store.Tx) error {
		if err := check(ctx, tx); err != nil {
			return err
		}
		p, err := handlers.CheckCodeLimit(ctx, tx, in.keys, phone, "customer.phone")
		return errors.Join(err, asError(p))
	}
}

// addresseeOf is whom a code of a booking would be texted to, if it were moved to start, or as it is ("").
func (in *Ingress) addresseeOf(booking uuid.UUID, start string) func(context.Context, *store.Tx) (pii.Phone, error) {
	return func(ctx context.Context, tx *store.Tx) (pii.Phone, error) {
		return handlers.CodeTo(ctx, tx, in.keys, booking, start)
	}
}
