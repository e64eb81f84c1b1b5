package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/speech"
	"holdfast/handlers"
	"holdfast/store"
)

// standing is a booking as it is now.
type standing struct {
	store.Booking
	resource string
}

func (v *voice) present(ctx context.Context, id uuid.UUID) (standing, error) {
	return read(ctx, v.in, v.org, func(ctx context.Context, tx *store.Tx) (s standing, err error) {
		if s.Booking, err = store.FindBooking(ctx, tx, id); err != nil {
			return s, err
		}
		s.resource, err = store.ResourceName(ctx, tx, s.ResourceID)
		return s, err
	})
}

// bookingIn is the booking that an answer holds.
func bookingIn(r *reply) uuid.UUID {
	var b struct {
		ID uuid.UUID `json:"id"`
	}
	if r.Status >= http.StatusMultipleChoices || json.Unmarshal(r.Body, &b) != nil {
		return uuid.Nil
	}
	return b.ID
}

// told says what came of a write. What is said of a booking is how it stands now, not how it stood when the
// call came first; done is what to say when that is as the write left it.
func (v *voice) told(ctx context.Context, r *reply, booking uuid.UUID, err error, done speech.Sentence) (said, error) {
	if err != nil {
		var asked *refusal
		if p := problemOf(err); booking != uuid.Nil && p.Status < http.StatusInternalServerError && !errors.As(err, &asked) {
			return v.refused(ctx, &p.Problem, booking)
		}
		return said{}, err
	}
	if r.Status == http.StatusAccepted {
		return v.say(true, "pending", speech.StillWorking, nil), nil
	}
	if r.Status >= http.StatusBadRequest {
		var p handlers.Problem
		if err := json.Unmarshal(r.Body, &p); err != nil {
			return said{}, err
		}
		return v.refused(ctx, &p, booking)
	}
	b, err := v.present(ctx, booking)
	if err != nil {
		return said{}, err
	}
	return v.stands(b, done), nil
}

// stands says how a booking stands.
func (v *voice) stands(b standing, done speech.Sentence) said {
	at := b.Span.Start.In(store.Resource{TimeZone: b.TimeZone}.Zone())
	live := b.CodeState == "pending" || b.CodeState == "sent"
	sentence, ok := speech.Over, false
	switch b.State {
	case store.BookingHeld:
		sentence, ok = speech.Held, true
		if !live {
			sentence = speech.HeldWithoutText
		} else if done == speech.Resent {
			sentence = done
		}
	case store.BookingConfirmed:
		sentence, ok = speech.Confirmed, true
	case store.BookingExpired:
		sentence = speech.Expired
		if live && done == speech.Resent {
			sentence, ok = done, true
		}
	case store.BookingCanceled:
		sentence, ok = speech.Canceled, done == speech.Canceled
	}
	s := v.say(ok, b.State, sentence, speech.Values{"when": v.lang.At(at, v.now), "with": b.resource, "phone": speech.Spaced(b.PhoneLast2)})
	s.facts.Booking, s.facts.State, s.facts.Start, s.facts.Resource = &b.ID, b.State, &at, b.resource
	return s
}

// refusals are the problems whose sentence needs nothing but itself.
var refusals = map[string]speech.Sentence{
	"start-in-past": speech.Past, "start-too-far": speech.TooFar, "time-does-not-exist": speech.NoSuchTime, "invalid-start": speech.WhenUnclear,
	"invalid-phone": speech.PhoneWrong, "invalid-code": speech.CodeUnclear, "code-expired": speech.CodeExpired, "booking-ended": speech.Over,
	"too-many-sends": speech.TooManySends, "opted-out": speech.OptedOut, "sms-unavailable": speech.NoTexts, "not-found": speech.NoBooking,
	"unknown-service": speech.NotOffered, "unknown-resource": speech.NotOffered, "temporarily-unavailable": speech.Unreachable,
}

// refused says why something was not done, of the booking that it was about, if there is one.
func (v *voice) refused(ctx context.Context, p *handlers.Problem, booking uuid.UUID) (said, error) {
	kind := strings.TrimPrefix(p.Type, handlers.ProblemBase)
	var b standing
	if booking != uuid.Nil {
		var err error
		if b, err = v.present(ctx, booking); err != nil {
			return said{}, err
		}
		if b.State == store.BookingConfirmed || b.State == store.BookingCanceled {
			s := v.stands(b, speech.Confirmed)
			s.facts.Status = kind
			return s, nil
		}
	}
	s := v.sentence(p, kind, b)
	if booking != uuid.Nil {
		s.facts.Booking, s.facts.State = &booking, b.State
	}
	s.facts.AttemptsLeft, s.facts.RetryAfter = p.AttemptsLeft, p.RetryAfter
	return s, nil
}

func (v *voice) sentence(p *handlers.Problem, kind string, b standing) said {
	switch kind {
	case "slot-taken":
		return v.offering(false, kind, speech.Taken, nil, v.alternatives(p))
	case "hold-expired":
		return v.offering(false, kind, speech.HoldExpired, nil, v.alternatives(p))
	case "wrong-code":
		left := 0
		if p.AttemptsLeft != nil {
			left = *p.AttemptsLeft
		}
		sentence := speech.WrongCode
		if left < 2 {
			sentence = []speech.Sentence{speech.WrongCodeLast, speech.WrongCodeOnce}[max(left, 0)]
		}
		return v.say(false, kind, sentence, speech.Values{"left": strconv.Itoa(left)})
	case "code-revoked":
		if b.CodeAttempts < store.MaxCodeAttempts {
			return v.say(false, kind, speech.TextFailed, nil)
		}
		return v.say(false, kind, speech.CodeRevoked, nil)
	case "too-many-codes":
		if p.Limit == "org" || p.Limit == "source" || p.Limit == "country" { // another number would get none either
			return v.say(false, kind, speech.NoTexts, nil)
		}
		return v.say(false, kind, speech.TooManyCodes, nil)
	case "too-soon":
		return v.say(false, kind, speech.TooSoon, speech.Values{"phone": speech.Spaced(b.PhoneLast2), "seconds": strconv.Itoa(p.RetryAfter)})
	}
	if s, ok := refusals[kind]; ok {
		return v.say(false, kind, s, nil)
	}
	return v.say(false, kind, speech.WentWrong, nil)
}

// failed says that something went wrong, or what somebody has to say first.
func (v *voice) failed(ctx context.Context, err error) said {
	var asked *refusal
	if errors.As(err, &asked) {
		return asked.said
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return v.say(false, "temporarily-unavailable", speech.Unreachable, nil)
	}
	p := v.in.fail(ctx, err)
	kind := strings.TrimPrefix(p.Type, handlers.ProblemBase)
	if kind == "outside-hours" {
		if s, ok := v.closed(ctx); ok {
			return s
		}
	}
	return v.sentence(&p.Problem, kind, standing{})
}

// closed offers what is free near a time at which nobody is there.
func (v *voice) closed(ctx context.Context) (said, bool) {
	what, err := v.what(ctx)
	if err != nil {
		return said{}, false
	}
	when, err := v.when(what)
	if err != nil {
		return said{}, false
	}
	s, err := read(ctx, v.in, v.org, func(ctx context.Context, tx *store.Tx) (said, error) {
		offer, err := store.FindOffer(ctx, tx, what.resource, what.service, 0)
		if err != nil {
			return said{}, err
		}
		at, err := v.start(what, offer, when)
		if err != nil {
			return said{}, err
		}
		free, err := store.Alternatives(ctx, tx, offer, at, v.now, spokenTimes)
		return v.offering(false, "outside-hours", speech.NotOpen, nil, openingTimes(free, what.zone)), err
	})
	return s, err == nil
}

// offering says a sentence and which times are free.
func (v *voice) offering(ok bool, status string, s speech.Sentence, values speech.Values, free []freeTime) said {
	all := speech.Values{"free": v.freeSentence(free)}
	for k, value := range values {
		all[k] = value
	}
	out := v.say(ok, status, s, all)
	out.facts.Alternatives = free
	return out
}

// maxFacts is how many free times the fields hold.
const maxFacts = 20

// freeTimes says what is free of a longer list: its first, its last and one between, so that a caller hears that
// there is a morning and an afternoon.
func (v *voice) freeTimes(free []freeTime) said {
	s := said{ok: len(free) > 0, facts: Facts{Status: "free"}}
	if len(free) == 0 {
		s.facts.Status = "none-free"
	}
	starts := slices.CompactFunc(slices.Clone(free), func(a, b freeTime) bool { return a.Start.Equal(b.Start) })
	if n := len(starts); n > spokenTimes {
		starts = []freeTime{starts[0], starts[n/2], starts[n-1]}
	}
	s.text = v.freeSentence(starts)
	s.facts.Alternatives = free[:min(len(free), maxFacts)]
	return s
}

func (v *voice) freeSentence(free []freeTime) string {
	var starts []time.Time
	for _, f := range free {
		if len(starts) == 0 || !starts[len(starts)-1].Equal(f.Start) {
			starts = append(starts, f.Start)
		}
	}
	values := speech.Values{"times": v.lang.Times(starts, v.now)}
	switch len(starts) {
	case 0:
		return v.lang.Say(speech.NothingFree, nil)
	case 1:
		return v.lang.Say(speech.Free, values)
	}
	return v.lang.Say(speech.FreeTimes, values)
}

// openingTimes are openings in the zone that is spoken of.
func openingTimes(openings []store.Opening, zone *time.Location) []freeTime {
	free := make([]freeTime, len(openings))
	for i, o := range openings {
		free[i] = freeTime{Start: o.Start.In(zone), Resource: o.Resource.Name}
	}
	return free
}

func (v *voice) alternatives(p *handlers.Problem) []freeTime {
	free := make([]freeTime, len(p.Alternatives))
	for i, a := range p.Alternatives {
		free[i] = freeTime{Start: a.Start}
	}
	return free
}
