package ingress

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/pii"
)

// What the path of an operation holds.
type (
	OrgInput struct {
		Org string `path:"org" doc:"The org that the key belongs to."`
	}
	IDInput struct {
		OrgInput
		ID string `path:"id"`
	}
)

func (in *Ingress) bookingRoutes() {
	register(in, opBook, func(ctx context.Context, c *call, _ *OrgInput) (*reply, error) {
		s, err := in.book(ctx, c.org, c.body)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, s)
	})
	register(in, opVerify, func(ctx context.Context, c *call, i *IDInput) (*reply, error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		s, err := verify(id, c.body)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, s)
	})
	register(in, opResend, func(ctx context.Context, c *call, i *IDInput) (*reply, error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		s, err := in.resend(ctx, c.org, id, c.body)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, s)
	})
	register(in, opCancel, func(ctx context.Context, c *call, i *IDInput) (*reply, error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		if len(c.body) > 0 { // there is nothing to say in it
			if _, err := decode[struct{}](c.body, ""); err != nil {
				return nil, err
			}
		}
		return in.fromAPI(ctx, c, cancelBooking(id))
	})
	register(in, opReschedule, func(ctx context.Context, c *call, i *IDInput) (*reply, error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		s, err := in.reschedule(id, c.body)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, s)
	})
	register(in, opMark, func(ctx context.Context, c *call, i *IDInput) (*reply, error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		s, err := mark(id, c.body)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, s)
	})
}

// book reads a wish for a booking and says how to check it.
func (in *Ingress) book(ctx context.Context, org uuid.UUID, raw []byte) (submission, error) {
	body, err := decode[handlers.BookingBody](raw, "duration")
	if err != nil {
		return submission{}, err
	}
	body = body.Seen()
	o, err := in.org(ctx, org)
	if err != nil {
		return submission{}, err
	}
	if p := body.Check(o.Region); p != nil {
		return submission{}, p
	}
	phone, err := pii.ParsePhone(body.Customer.Phone, o.Region)
	if err != nil { // Check has read it
		return submission{}, newProblem("invalid-phone", "customer.phone", "")
	}
	now, err := in.clock.now(ctx)
	if err != nil {
		return submission{}, err
	}
	return submission{kind: kindBooking, body: body, phone: phone, check: func(ctx context.Context, tx *store.Tx) error {
		if err := in.checkSlot(ctx, tx, body, phone, now); err != nil {
			return err
		}
		return in.canText(ctx, tx)
	}}, nil
}

// wanted names an offer as it was asked for.
type wanted struct {
	org               uuid.UUID
	resource, service string
	minutes           int
}

// checkSlot checks a wish against what is offered. An offer is believed for a few seconds when it can meet the wish:
// the claim looks again. It is never believed when it cannot: hours or countries may have changed a moment ago.
func (in *Ingress) checkSlot(ctx context.Context, tx *store.Tx, body handlers.BookingBody, phone pii.Phone, now time.Time) error {
	w := wanted{tx.Org, body.Resource, body.Service, int(body.Duration)}
	meets := func(o store.Offer) error {
		if p := handlers.CheckCountry(o.Countries, phone, "customer.phone"); p != nil {
			return p
		}
		_, err := store.CheckSlot(o, body.Start, now)
		return err
	}
	if offer, ok := in.offers.get(w); ok && meets(offer) == nil {
		return nil
	}
	offer, err := in.offers.fresh(w, func() (store.Offer, error) { return store.FindOffer(ctx, tx, w.resource, w.service, w.minutes) })
	if err != nil {
		return err
	}
	return meets(offer)
}

// canText fails when the org has no credentials to send a code with. Told here, it is not stored as the answer
// to a key: once somebody has set them, the same request succeeds.
func (in *Ingress) canText(ctx context.Context, tx *store.Tx) error {
	if in.accounts.found(tx.Org) {
		return nil
	}
	since := time.Now()
	a, err := store.LoadSMSAccount(ctx, tx, in.keys)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return newProblem("sms-unavailable", "", "the org has no provider credentials")
	case err == nil:
		in.accounts.put(tx.Org, seen[store.SMSAccount]{a, true, since})
	}
	return err
}

// verify reads a code that was given for a booking.
func verify(booking uuid.UUID, raw []byte) (submission, error) {
	body, err := decode[handlers.CodeBody](raw, "")
	if err != nil {
		return submission{}, err
	}
	if body.Code == "" {
		return submission{}, newProblem("missing-field", "code", "")
	}
	code, ok := handlers.CleanCode(body.Code)
	if !ok {
		return submission{}, newProblem("invalid-code", "code", "")
	}
	// Cleaned, so that a repeat that spaces its digits in another way is the same request.
	body.Code = code.Reveal()
	return ofBooking(kindVerify, booking, body), nil
}

// resend reads a wish for the code again. An empty body is one without a number.
func (in *Ingress) resend(ctx context.Context, org, booking uuid.UUID, raw []byte) (submission, error) {
	var body handlers.ResendBody
	if len(raw) > 0 {
		var err error
		if body, err = decode[handlers.ResendBody](raw, ""); err != nil {
			return submission{}, err
		}
	}
	o, err := in.org(ctx, org)
	if err != nil {
		return submission{}, err
	}
	phone, p := body.Number(o.Region)
	if p != nil {
		return submission{}, p
	}
	s := ofBooking(kindResend, booking, body)
	if s.phone = phone; phone.IsZero() {
		s.addressee = in.addresseeOf(booking, "")
	}
	s.check = func(ctx context.Context, tx *store.Tx) error {
		if p, err := handlers.CheckResend(ctx, tx, in.keys, booking, phone); err != nil || p != nil {
			return errors.Join(err, asError(p))
		}
		return in.canText(ctx, tx)
	}
	return s, nil
}

// reschedule reads a wish for another time.
func (in *Ingress) reschedule(booking uuid.UUID, raw []byte) (submission, error) {
	body, err := decode[handlers.RescheduleBody](raw, "")
	if err != nil {
		return submission{}, err
	}
	if p := body.Check(); p != nil {
		return submission{}, p
	}
	s := ofBooking(kindReschedule, booking, body)
	s.addressee = in.addresseeOf(booking, body.Start)
	s.check = func(ctx context.Context, tx *store.Tx) error {
		p, err := handlers.CheckReschedule(ctx, tx, in.keys, booking, body.Start)
		return errors.Join(err, asError(p))
	}
	return s, nil
}

// mark reads whether the customer came.
func mark(booking uuid.UUID, raw []byte) (submission, error) {
	body, err := decode[handlers.MarkBody](raw, "")
	if err != nil {
		return submission{}, err
	}
	if p := body.Check(); p != nil {
		return submission{}, p
	}
	s := ofBooking(kindMark, booking, body)
	s.check = func(ctx context.Context, tx *store.Tx) error {
		b, err := store.FindBooking(ctx, tx, booking)
		if err != nil {
			return err
		}
		return asError(handlers.CheckMark(b))
	}
	return s, nil
}

// asError keeps a problem that is none from becoming an error that is one.
func asError(p *handlers.Problem) error {
	if p == nil {
		return nil
	}
	return p
}

func cancelBooking(booking uuid.UUID) submission { return ofBooking(kindCancel, booking, struct{}{}) }

// ofBooking is a write to a booking, which must be the org's own.
func ofBooking(k kind, booking uuid.UUID, body any) submission {
	return submission{kind: k, body: body, booking: uuid.NullUUID{UUID: booking, Valid: true},
		check: func(ctx context.Context, tx *store.Tx) error {
			_, err := store.FindBooking(ctx, tx, booking)
			return err
		}}
}
