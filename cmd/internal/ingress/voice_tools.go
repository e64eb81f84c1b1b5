package ingress

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/speech"
	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// tools are what voice agents can do, by name.
var tools = map[string]func(*voice, context.Context) (said, error){
	"check_availability": (*voice).checkAvailability,
	"hold_slot":          (*voice).holdSlot,
	"verify_code":        (*voice).verifyCode,
	"resend_code":        (*voice).resendCode,
	"cancel_booking":     (*voice).cancelBooking,
}

// spokenTimes is how many free times are said; more nobody keeps in mind.
const spokenTimes = 3

// checkAvailability tells whether a time is free, or which are on a day.
func (v *voice) checkAvailability(ctx context.Context) (said, error) {
	what, err := v.what(ctx)
	if err != nil {
		return said{}, err
	}
	when := speech.When{}
	if v.call.args.Start != "" {
		if when, err = v.when(what); err != nil {
			return said{}, err
		}
	}
	return read(ctx, v.in, v.org, func(ctx context.Context, tx *store.Tx) (said, error) {
		offer, err := store.FindOffer(ctx, tx, what.resource, what.service, 0)
		if err != nil {
			return said{}, err
		}
		if when.HasTime() {
			return v.isFree(ctx, tx, what, offer, when)
		}
		return v.freeOn(ctx, tx, what, offer, when)
	})
}

// isFree answers for one time.
func (v *voice) isFree(ctx context.Context, tx *store.Tx, what what, offer store.Offer, when speech.When) (said, error) {
	at, err := v.start(what, offer, when)
	if err != nil {
		return said{}, err
	}
	candidates, err := store.CheckSlot(offer, at.Format(time.RFC3339), v.now)
	if err != nil {
		return said{}, err
	}
	ids := make([]uuid.UUID, len(candidates))
	for i, c := range candidates {
		ids[i] = c.Resource.ID
	}
	const day = 24 * time.Hour
	busy, err := store.BusySeats(ctx, tx, ids, calendar.Span{Start: at.Add(-day), End: at.Add(2 * day)})
	if err != nil {
		return said{}, err
	}
	for _, c := range candidates {
		if c.Calendar.Free(c.Span, busy[c.Resource.ID]) > 0 {
			s := v.say(true, "free", speech.IsFree, speech.Values{"when": v.lang.At(at, v.now)})
			s.facts.Start, s.facts.Resource = &at, c.Resource.Name
			return s, nil
		}
	}
	free, err := store.Alternatives(ctx, tx, offer, at, v.now, spokenTimes)
	return v.offering(false, "slot-taken", speech.NotFree, speech.Values{"when": v.lang.At(at, v.now)}, openingTimes(free, what.zone)), err
}

// freeOn answers for a day, or for the next days when none was said.
func (v *voice) freeOn(ctx context.Context, tx *store.Tx, what what, offer store.Offer, when speech.When) (said, error) {
	if when.Day.IsZero() {
		free, err := store.Openings(ctx, tx, offer, calendar.Span{Start: v.now, End: v.now.AddDate(0, 0, defaultDays)})
		return v.freeTimes(openingTimes(free, what.zone)), err
	}
	y, m, d := when.Day.Date()
	span := calendar.Span{Start: time.Date(y, m, d, 0, when.Part.From, 0, 0, what.zone), End: time.Date(y, m, d+1, 0, 0, 0, 0, what.zone)}
	if when.Part.To > 0 {
		span.End = time.Date(y, m, d, 0, when.Part.To, 0, 0, what.zone)
	}
	noon := span.Start.Add(span.End.Sub(span.Start) / 2)
	switch {
	case !span.End.After(v.now):
		return said{}, v.ask("start-in-past", speech.Past, nil)
	case span.Start.Sub(v.now) > store.Horizon:
		return said{}, v.ask("start-too-far", speech.TooFar, nil)
	case span.Start.Before(v.now):
		span.Start = v.now
	}
	free, err := store.Openings(ctx, tx, offer, span)
	if err != nil || len(free) > 0 {
		return v.freeTimes(openingTimes(free, what.zone)), err
	}
	free, err = store.Alternatives(ctx, tx, offer, noon, v.now, spokenTimes)
	return v.offering(false, "none-free", speech.NothingFreeOn, speech.Values{"day": v.lang.Day(noon, v.now)}, openingTimes(free, what.zone)), err
}

// holdSlot holds a time for the caller.
func (v *voice) holdSlot(ctx context.Context) (said, error) {
	r, _, err := v.write(ctx, kindBooking, v.wish, func(r *reply) bool {
		if r.Status != 201 {
			return true
		}
		at, err := v.present(ctx, bookingIn(r))
		return err == nil && at.State != store.BookingHeld && at.State != store.BookingConfirmed
	})
	if err != nil {
		return said{}, err
	}
	return v.told(ctx, r, bookingIn(r), nil, speech.Held)
}

// wish is what the caller wants to book, as POST bookings would be told.
func (v *voice) wish(ctx context.Context) (submission, error) {
	a := v.call.args
	what, err := v.what(ctx)
	if err != nil {
		return submission{}, err
	}
	if a.Start == "" {
		return submission{}, v.ask("missing-field", speech.WhenMissing, nil)
	}
	when, err := v.when(what)
	if err != nil {
		return submission{}, err
	}
	offer, err := read(ctx, v.in, v.org, func(ctx context.Context, tx *store.Tx) (store.Offer, error) {
		return store.FindOffer(ctx, tx, what.resource, what.service, 0)
	})
	if err != nil {
		return submission{}, err
	}
	at, err := v.start(what, offer, when)
	if err != nil {
		return submission{}, err
	}
	phone := v.number // preferred: what is dictated may be misheard
	if phone.IsZero() {
		if phone, err = v.dictated(a.Phone); err != nil {
			return submission{}, err
		}
	}
	if phone.IsZero() {
		return submission{}, v.ask("missing-field", speech.PhoneMissing, nil)
	}
	if len([]rune(a.Name)) > handlers.MaxName || len([]rune(a.Notes)) > handlers.MaxNotes {
		return submission{}, v.ask("invalid-request", speech.TooLong, nil)
	}
	raw, err := json.Marshal(handlers.BookingBody{Resource: what.resource, Service: what.service, Start: at.Format(time.RFC3339),
		Customer: handlers.CustomerBody{Phone: phone.Reveal(), Name: string(a.Name)}, Notes: string(a.Notes)})
	if err != nil {
		return submission{}, err
	}
	return v.in.book(ctx, v.org, raw)
}

// dictated reads a phone that somebody said; zero when there is none.
func (v *voice) dictated(said word) (pii.Phone, error) {
	if said == "" {
		return pii.Phone{}, nil
	}
	if p, err := pii.ParsePhone(string(said), v.region); err == nil {
		return p, nil
	}
	if digits, ok := speech.Digits(string(said)); ok {
		if p, err := pii.ParsePhone(digits, v.region); err == nil {
			return p, nil
		}
	}
	return pii.Phone{}, v.ask("invalid-phone", speech.PhoneWrong, nil)
}

// never is for what is not asked anew: the same again gets the same answer.
func never(*reply) bool { return false }

// verifyCode confirms by the code that the caller reads aloud.
func (v *voice) verifyCode(ctx context.Context) (said, error) {
	v.aboutLatest()
	r, booking, err := v.write(ctx, kindVerify, func(context.Context) (submission, error) {
		code, ok := handlers.CleanCode(string(v.call.args.Code))
		if !ok {
			digits, _ := speech.Digits(string(v.call.args.Code))
			if code, ok = handlers.CleanCode(digits); !ok {
				return submission{}, v.ask("invalid-code", speech.CodeUnclear, nil)
			}
		}
		booking, err := v.meant(true)
		if err != nil {
			return submission{}, err
		}
		return verify(booking, []byte(`{"code":"`+code.Reveal()+`"}`))
	}, never)
	return v.told(ctx, r, booking, err, speech.Confirmed)
}

// resendCode texts the code again. A number that is dictated here is another one, or none would be needed.
func (v *voice) resendCode(ctx context.Context) (said, error) {
	v.aboutLatest()
	r, booking, err := v.write(ctx, kindResend, func(ctx context.Context) (submission, error) {
		booking, err := v.meant(true)
		if err != nil {
			return submission{}, err
		}
		phone, err := v.dictated(v.call.args.Phone)
		if err != nil {
			return submission{}, err
		}
		body := []byte("{}")
		if !phone.IsZero() {
			if body, err = json.Marshal(handlers.ResendBody{Phone: phone.Reveal()}); err != nil {
				return submission{}, err
			}
		}
		return v.in.resend(ctx, v.org, booking, body)
	}, func(*reply) bool { return true })
	return v.told(ctx, r, booking, err, speech.Resent)
}

// cancelBooking cancels.
func (v *voice) cancelBooking(ctx context.Context) (said, error) {
	v.aboutLatest()
	r, booking, err := v.write(ctx, kindCancel, func(context.Context) (submission, error) {
		booking, err := v.meant(false)
		return cancelBooking(booking), err
	}, never)
	return v.told(ctx, r, booking, err, speech.Canceled)
}

// aboutLatest makes a key that is made of what was said tell bookings apart: "cancel it" means another one when
// another has been made since.
func (v *voice) aboutLatest() {
	if !v.call.repeats || v.call.args.Booking != "" {
		return
	}
	if i := slices.IndexFunc(v.caller.Bookings, func(b store.CallerBooking) bool { return b.Here }); i >= 0 {
		v.call.key = keyOf(v.call.key, v.caller.Bookings[i].ID.String())
	}
}

// meant is the booking that the caller speaks of: the one that is named, if it is one of this conversation or of the
// caller's own number, else the newest live one of them. waits prefers one that waits for its code. A number that was
// only dictated finds nothing: anybody can say anybody's. Where the platform says neither call nor number, a name has to do;
// what is no id is no name, since models fill in what they are asked for.
func (v *voice) meant(waits bool) (uuid.UUID, error) {
	if id, err := pathID(string(v.call.args.Booking)); err == nil {
		own := slices.ContainsFunc(v.caller.Bookings, func(b store.CallerBooking) bool { return b.ID == id })
		if own || v.id == "" && v.number.IsZero() {
			return id, nil
		}
		return uuid.Nil, v.ask("not-found", speech.NoBooking, nil)
	}
	for _, fits := range []func(store.CallerBooking) bool{
		func(b store.CallerBooking) bool { return waits && b.CodeLive },
		func(b store.CallerBooking) bool { return waits && b.State == store.BookingHeld },
		func(b store.CallerBooking) bool {
			return !waits && (b.State == store.BookingHeld || b.State == store.BookingConfirmed)
		},
		func(b store.CallerBooking) bool { return b.Here }, // to say what became of it
		func(b store.CallerBooking) bool { return waits && b.State == store.BookingConfirmed },
	} {
		if i := slices.IndexFunc(v.caller.Bookings, fits); i >= 0 {
			return v.caller.Bookings[i].ID, nil
		}
	}
	return uuid.Nil, v.ask("not-found", speech.NoBooking, nil)
}
