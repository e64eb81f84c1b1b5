package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// BookingClaim does booking:claim. It takes a seat and creates customer, hold, code and text; or it records
// that the time is taken, with alternatives.
type BookingClaim struct {
	Keys    *pii.Keyring
	HoldTTL time.Duration
	// SendGiveUp is when a code text that was never sent is given up (HOLDFAST_CODE_TTL).
	SendGiveUp time.Duration
}

// maxAlternatives is how many starts are offered when the one asked for is taken.
const maxAlternatives = 3

// Work does the task.
func (h *BookingClaim) Work(ctx context.Context, tx *store.Tx, _ store.Task, p tasks.RequestPayload) error {
	req, err := store.LoadRequest(ctx, tx, h.Keys, p.Request)
	if err != nil {
		return err
	}
	var body BookingBody
	if err := json.Unmarshal([]byte(req.Body.Reveal()), &body); err != nil {
		return tasks.Dead("body", err)
	}
	a, err := h.claim(ctx, tx, req, body)
	var refused *store.Refusal
	if errors.As(err, &refused) { // the rules changed, or time passed, since the ingress checked
		a, err = Refused(refused).Answer(), nil
	}
	if err != nil {
		return err
	}
	store.AnswerRequest(tx, p.Request, a)
	return nil
}

func (h *BookingClaim) claim(ctx context.Context, tx *store.Tx, req store.Loaded, body BookingBody) (store.Answer, error) {
	phone, err := pii.ParsePhone(body.Customer.Phone, req.Region)
	if err != nil {
		return NewProblem("invalid-phone", "customer.phone", "").Answer(), nil
	}
	offer, err := store.FindOffer(ctx, tx, body.Resource, body.Service, int(body.Duration))
	if err != nil {
		return store.Answer{}, err
	}
	if p := CheckCountry(offer, phone); p != nil { // the settings changed since the ingress checked
		return p.Answer(), nil
	}
	candidates, err := store.CheckSlot(offer, body.Start, req.Now)
	if err != nil {
		return store.Answer{}, err
	}
	c := &claimant{h: h, tx: tx, offer: offer, body: body, phone: phone, candidates: candidates, now: req.Now}
	return c.run(ctx)
}

// claimant is one run of a claim, past all checks.
type claimant struct {
	h          *BookingClaim
	tx         *store.Tx
	offer      store.Offer
	body       BookingBody
	phone      pii.Phone
	candidates []store.Candidate
	now        time.Time
	asker      store.Asker
}

func (c *claimant) run(ctx context.Context) (store.Answer, error) {
	// One after the other: of two wishes of one customer at once the second gets the first one's booking, also
	// when there are seats for both.
	store.LockConversation(c.tx, "claim", store.PhoneHash(c.h.Keys, c.tx.Org, c.phone))
	if a, found, err := c.own(ctx); found || err != nil {
		return a, err
	}
	if !c.asker.CanText {
		return NewProblem("sms-unavailable", "", "the org has no provider credentials").Answer(), nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return store.Answer{}, err
	}
	if err := c.order(ctx); err != nil {
		return store.Answer{}, err
	}
	for _, cand := range c.candidates {
		expires, ok, err := store.TakeHold(ctx, c.tx, cand.Resource.ID, id, cand.Calendar.Reserve(cand.Span), c.h.HoldTTL)
		if err != nil {
			return store.Answer{}, err
		}
		if ok {
			return c.held(id, cand, expires)
		}
	}
	// Another delivery of the same customer's wish may have won meanwhile.
	if a, found, err := c.own(ctx); found || err != nil {
		return a, err
	}
	return c.taken(ctx)
}

// own answers with the booking that the customer already has of that time: the caller hung up, or the agent
// asked again without a key.
func (c *claimant) own(ctx context.Context) (store.Answer, bool, error) {
	ids := make([]uuid.UUID, len(c.candidates))
	for i, cand := range c.candidates {
		ids[i] = cand.Resource.ID
	}
	var err error
	c.asker, err = store.FindAsker(ctx, c.tx, store.PhoneHash(c.h.Keys, c.tx.Org, c.phone), ids, c.candidates[0].Span)
	if err != nil || !c.asker.Booking.Valid {
		return store.Answer{}, false, err
	}
	b, err := store.FindBooking(ctx, c.tx, c.asker.Booking.UUID)
	return answer(201, ViewBooking(b)), true, err
}

// order puts the least busy of several resources first.
func (c *claimant) order(ctx context.Context) error {
	if len(c.candidates) < 2 {
		return nil
	}
	ids := make([]uuid.UUID, len(c.candidates))
	for i, cand := range c.candidates {
		ids[i] = cand.Resource.ID
	}
	day := c.candidates[0].Span
	busy, err := store.BusySeats(ctx, c.tx, ids, calendar.Span{Start: day.Start.Add(-12 * time.Hour), End: day.End.Add(12 * time.Hour)})
	c.candidates = store.LeastBusy(c.candidates, busy)
	return err
}

// held writes all that belongs to a hold that was taken.
func (c *claimant) held(id uuid.UUID, cand store.Candidate, expires time.Time) (store.Answer, error) {
	tx, keys := c.tx, c.h.Keys
	customer, err := c.customer()
	if err != nil {
		return store.Answer{}, err
	}
	b, err := store.InsertBooking(tx, keys, store.NewBooking{ID: id, Candidate: cand, Service: c.offer.Service,
		CustomerID: customer, PhoneLast2: c.phone.Last2(), Now: c.now, Expires: expires, Notes: pii.NewText(c.body.Notes)})
	if err != nil {
		return store.Answer{}, err
	}
	store.NoteBooking(tx, id, "held", map[string]any{"until": expires})
	verification := uuid.New()
	store.InsertVerification(tx, keys, verification, id, 1)
	m := store.Message{ID: uuid.New(), Kind: string(sms.KindCode), To: c.phone,
		BookingID:      uuid.NullUUID{UUID: id, Valid: true},
		VerificationID: uuid.NullUUID{UUID: verification, Valid: true}}
	if err := store.InsertMessage(tx, keys, m); err != nil {
		return store.Answer{}, err
	}
	if _, err := tasks.VerificationSend.Enqueue(tx, tasks.MessagePayload{Message: m.ID}, tasks.GiveUpAfter(c.h.SendGiveUp)); err != nil {
		return store.Answer{}, err
	}
	return answer(201, ViewBooking(b)), nil
}

func (c *claimant) customer() (uuid.UUID, error) {
	who := store.Customer{Phone: c.phone, Name: pii.NewName(c.body.Customer.Name),
		Locale: language(c.body.Customer.Locale), TimeZone: c.body.Customer.TimeZone}
	if c.asker.Customer.Valid {
		who.ID = c.asker.Customer.UUID
		return who.ID, store.UpdateCustomer(c.tx, c.h.Keys, who)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return id, err
	}
	who.ID = id
	return id, store.InsertCustomer(c.tx, c.h.Keys, who)
}

// language cuts a locale down to the language that texts are written in; "" stays.
func language(locale string) string {
	if len(locale) > 2 {
		return locale[:2]
	}
	return locale
}

func (c *claimant) taken(ctx context.Context) (store.Answer, error) {
	free, err := store.Alternatives(ctx, c.tx, c.offer, c.candidates[0].Span.Start, c.now, maxAlternatives)
	if err != nil {
		return store.Answer{}, err
	}
	p := NewProblem("slot-taken", "start", "")
	p.Alternatives = alternatives(free)
	return p.Answer(), nil
}
