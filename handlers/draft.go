package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/calendar"
)

// draft is what a text is to say, and when.
type draft struct {
	kind     sms.Kind // what is said; a follow-up may offer other times instead of its own
	data     sms.Data
	quiet    time.Duration   // how long it has to wait for the end of the quiet hours
	validFor time.Duration   // 0: for as long as the provider likes
	asks     *store.Question // what is open for an answer once it goes out, for how long
	open     time.Duration
}

func newDraft(kind sms.Kind, o store.Outgoing) draft {
	return draft{kind: kind, data: sms.Data{Org: o.OrgName, Resource: o.Resource, Service: o.Service, Start: o.Start.In(o.Zone), Place: o.Place}}
}

// stopConfirmWithin is how soon the confirmation of a STOP goes out, or not at all (47 CFR 64.1200(a)(12)).
const stopConfirmWithin = 5 * time.Minute

// compose decides what a text says. A reason is why it is not sent after all: the world has changed since it was made.
// What it says of others than codes and confirmations is read here, in the transaction that claims it, since it may have
// waited for hours.
func (h *SendText) compose(ctx context.Context, tx *store.Tx, o store.Outgoing, own settings.Document) (d draft, reason string, err error) {
	switch kind := sms.Kind(o.Kind); kind {
	case sms.KindFollowup:
		return h.followup(ctx, tx, o, own)
	case sms.KindReminder:
		return h.reminder(ctx, tx, o, own)
	case sms.KindAlternatives, sms.KindCancelCheck:
		return h.question(ctx, tx, o)
	case sms.KindStopConfirm:
		d = newDraft(kind, o)
		d.validFor = stopConfirmWithin - o.Age
		switch {
		case !o.Suppressed:
			return d, "opted-in", nil
		case d.validFor <= 0:
			return d, "too-late", nil
		}
		return d, "", nil
	default:
		return newDraft(kind, o), "", nil
	}
}

// question writes a text that asks what was decided when it was made. Once it was answered, or another question has taken
// its place, a reply to it would say something else; and a time that has begun meanwhile is no offer.
func (h *SendText) question(ctx context.Context, tx *store.Tx, o store.Outgoing) (d draft, reason string, err error) {
	q, err := store.FindQuestion(ctx, tx, o.ID)
	if errors.Is(err, store.ErrNotFound) {
		return d, "answered", nil
	}
	if err != nil {
		return d, "", err
	}
	if slices.ContainsFunc(q.Choices, func(c store.Choice) bool { return !c.Start.After(q.ReadAt) }) {
		return d, "too-late", nil
	}
	d = newDraft(sms.Kind(o.Kind), o)
	d.data.Choices = shown(q, o)
	name, err := store.BookedName(ctx, tx, h.Keys, q.BookingID)
	d.data.Name = name.Reveal()
	return d, "", err
}

// shown are the times of a question as the customer reads them.
func shown(q store.Question, o store.Outgoing) (all []sms.Choice) {
	for _, c := range q.Choices {
		all = append(all, sms.Choice{Start: c.Start.In(o.Zone)})
	}
	return all
}

// polite is how long a text waits that nobody has asked for, and how long it is valid once it goes: what the provider
// queues must come neither in the quiet hours nor after it is of use. now is by the customer's clock.
func polite(hours calendar.QuietHours, now time.Time, of time.Duration) (wait, valid time.Duration) {
	if end, quiet := hours.Until(now); quiet {
		return end.Sub(now), 0
	}
	if begin := hours.Next(now); !begin.IsZero() {
		of = min(of, begin.Sub(now))
	}
	return 0, of
}
