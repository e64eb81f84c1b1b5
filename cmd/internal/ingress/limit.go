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

// spent is what a submission has taken of limits.
type spent struct {
	wide  []tasks.Bucket
	often []tasks.Bucket // of this process, for its prefix
	under []tasks.Bucket // the same
}

// restore gives back what a submission has taken for nothing.
func (in *Ingress) restore(ctx context.Context, s spent) {
	in.buckets.Restore(ctx, s.wide)
	in.prefixes.Restore(s.often)
	in.prefixes.Restore(s.under)
}

// spend takes what a submission that leads to a code costs its org, and returns it, also with an error, to be restored when
// the request turns out to be none. A submission that a limit refuses is changed: it finds its first answer if it is a
// repeat, which costs nothing, else the problem.
func (in *Ingress) spend(ctx context.Context, s *submission) (c spent, err error) {
	if s.phone.IsZero() && s.addressee == nil {
		return c, nil // it leads to no code
	}
	l, err := in.limitsOf(ctx, s.org)
	if err != nil {
		return c, err
	}
	wide := l.Org.PerHour > 0 || l.Source.PerHour > 0 || l.Country.PerHour > 0
	if wide && s.addressee != nil {
		if s.phone, err = read(ctx, in, s.org, s.addressee); err != nil {
			if errors.Is(err, store.ErrNotFound) { // the check says so
				return c, nil
			}
			return c, err
		}
	}
	if s.phone.IsZero() {
		return c, nil
	}
	if s.kind.name == kindBooking.name {
		if p := in.suspect(s, l, &c); p != nil {
			return c, s.refuse(p)
		}
	}
	names, list := wideBuckets(*s, l)
	if len(list) == 0 {
		return c, nil
	}
	if empty := in.buckets.Spend(ctx, list); empty != nil {
		return c, s.refuse(handlers.TooManyCodes(names[empty.Index], "", empty.Wait))
	}
	c.wide = list
	return c, nil
}

// refuse makes a submission's answer a problem, unless it has an answer already: a repeat finds that.
func (s *submission) refuse(p *handlers.Problem) error {
	if s.key == "" && s.conversation == "" {
		return p
	}
	s.check = func(context.Context, *store.Tx) error { return p }
	return nil
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
			list = append(list, tasks.Bucket{Key: "{" + s.org.String() + "}:" + b.key, Size: b.limit.PerHour, Refill: time.Hour})
		}
	}
	return names, list
}

// Fraud that walks through a block of numbers would spend what is the other customers', since the task that refuses it comes
// after. So a process that gets more than often bookings of a prefix in an hour looks at the narrow limits itself, by one more
// round trip. What it then lets through it cannot see until a task has made a text of it: in that time, overtake, it lets
// through no more than the prefix gets in an hour.
const (
	often    = 10
	overtake = 10 * time.Second
)

// suspect makes a booking of a prefix that this process sees often be checked for its narrow limits too, and adds to c what it
// takes for that. A problem: there are too many of it under way; it ends when the next is looked at, not when that may pass.
func (in *Ingress) suspect(s *submission, l settings.Limits, c *spent) *handlers.Problem {
	if l.Phone == (settings.PhoneLimit{}) && l.Prefix.PerHour == 0 && l.Ratio.ConfirmedPercent == 0 {
		return nil
	}
	now, prefix := time.Now(), string(store.PrefixHash(in.keys, s.org, s.phone))
	seen := tasks.Bucket{Key: prefix, Size: often, Refill: time.Hour}
	if in.prefixes.Spend(now, seen) == nil {
		c.often = []tasks.Bucket{seen}
		return nil
	}
	under := tasks.Bucket{Key: "under way:" + prefix, Size: max(l.Prefix.PerHour, often), Refill: overtake}
	if e := in.prefixes.Spend(now, under); e != nil {
		return handlers.TooManyCodes("prefix", fieldPhone, e.Wait)
	}
	c.under = []tasks.Bucket{under}
	check, phone := s.check, s.phone
	s.check = func(ctx context.Context, tx *store.Tx) error {
		if err := check(ctx, tx); err != nil {
			return err
		}
		p, err := handlers.CheckCodeLimit(ctx, tx, in.keys, phone, fieldPhone)
		return errors.Join(err, asError(p))
	}
	return nil
}

// fieldPhone is where a booking's number is given.
const fieldPhone = "customer.phone"

// addresseeOf is whom a code of a booking would be texted to, if it were moved to start, or as it is ("").
func (in *Ingress) addresseeOf(booking uuid.UUID, start string) func(context.Context, *store.Tx) (pii.Phone, error) {
	return func(ctx context.Context, tx *store.Tx) (pii.Phone, error) {
		return handlers.CodeTo(ctx, tx, in.keys, booking, start)
	}
}
