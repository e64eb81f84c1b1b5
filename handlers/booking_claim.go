package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// BookingClaim does booking:claim. It takes a seat and creates customer, hold, code and text; or it records
// that the time is taken, with alternatives.
type BookingClaim struct {
	Keys    *pii.Keyring
	Engines *Engines
	HoldTTL time.Duration
	// SendGiveUp is when a code text that was never sent is given up (HOLDFAST_CODE_TTL).
	SendGiveUp time.Duration
	Limited    *Limited // nil: counted nowhere
}

// maxAlternatives is how many starts are offered when the one asked for is taken.
const maxAlternatives = 3

// Answer does the task.
func (h *BookingClaim) Answer(ctx context.Context, tx *store.Tx, req store.Opened, body BookingBody) (store.Answer, error) {
	phone, err := pii.ParsePhone(body.Customer.Phone, req.Region)
	if err != nil {
		return NewProblem("invalid-phone", "customer.phone", "").Answer(), nil
	}
	c := &claimant{h: h, tx: tx, request: req.ID, body: body, phone: phone, now: req.Now}
	who := addressee(h.Keys, tx.Org, phone)
	// One after the other: of two wishes of one customer at once the second gets the first one's booking, also
	// when there are seats for both.
	store.LockAddressee(tx, who)
	store.ReadAsker(tx, who, &c.asker)
	if body.Notes != "" {
		store.ReadSettings(tx, &c.settings) // with what is read anyway
	}
	if c.offer, err = store.FindOffer(ctx, tx, body.Resource, body.Service, int(body.Duration)); err != nil {
		return store.Answer{}, err
	}
	if p := CheckCountry(c.offer.Countries, phone, "customer.phone"); p != nil { // the settings changed since the ingress checked
		return p.Answer(), nil
	}
	if c.candidates, err = store.CheckSlot(c.offer, body.Start, req.Now); err != nil {
		return store.Answer{}, err
	}
	return c.run(ctx)
}

// claimant is one run of a claim, past all checks.
type claimant struct {
	h          *BookingClaim
	tx         *store.Tx
	request    uuid.UUID
	offer      store.Offer
	body       BookingBody
	phone      pii.Phone
	candidates []store.Candidate
	now        time.Time
	asker      store.Asker
	settings   store.Settings // when there are notes, as all below
	redactor   Redactor
	names      []string // that the customer is known by, and the phone
}

func (c *claimant) run(ctx context.Context) (store.Answer, error) {
	if a, found, err := c.own(ctx); found || err != nil {
		return a, err
	}
	if !c.asker.CanText {
		return noTexts().Answer(), nil
	}
	if p := limited(c.asker.Limit, "customer.phone"); p != nil {
		c.h.Limited.Note(ctx, c.tx.Org, p)
		return p.Answer(), nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return store.Answer{}, err
	}
	if err := c.order(ctx); err != nil {
		return store.Answer{}, err
	}
	if err := c.readNotes(ctx); err != nil {
		return store.Answer{}, err
	}
	cand, expires, ok, err := store.TakeFirst(ctx, c.tx, c.candidates, id, c.h.HoldTTL)
	switch {
	case err != nil:
		return store.Answer{}, err
	case ok:
		return c.held(id, cand, expires)
	}
	return c.taken(ctx)
}

// noTexts is the problem of an org whose code would not go out: nothing is begun that it could not end.
func noTexts() *Problem {
	return NewProblem("sms-unavailable", "", "the org has no provider credentials, or they were refused, or its texts are paused")
}

// resources are those of the candidates.
func (c *claimant) resources() []uuid.UUID {
	ids := make([]uuid.UUID, len(c.candidates))
	for i, cand := range c.candidates {
		ids[i] = cand.Resource.ID
	}
	return ids
}

// own answers with the booking that the customer already has of that time: the caller hung up, or the agent
// asked again without a key. Nobody else claims for this customer meanwhile: the conversation is locked.
func (c *claimant) own(ctx context.Context) (store.Answer, bool, error) {
	if !c.asker.Customer.Valid {
		return store.Answer{}, false, nil
	}
	b, err := store.FindOwn(ctx, c.tx, c.asker.Customer.UUID, c.resources(), c.candidates[0].Span)
	if errors.Is(err, store.ErrNotFound) {
		return store.Answer{}, false, nil
	}
	if err == nil {
		store.RequestFound(c.tx, c.request, b.ID)
	}
	return answer(201, ViewBooking(b)), err == nil, err
}

// order puts the least busy of several resources first.
func (c *claimant) order(ctx context.Context) error {
	if len(c.candidates) < 2 {
		return nil
	}
	day := c.candidates[0].Span
	busy, err := store.BusySeats(ctx, c.tx, c.resources(), calendar.Span{Start: day.Start.Add(-12 * time.Hour), End: day.End.Add(12 * time.Hour)})
	c.candidates = store.LeastBusy(c.candidates, busy)
	return err
}

// readNotes looks up what redacting the notes takes, before a seat is locked.
func (c *claimant) readNotes(ctx context.Context) (err error) {
	if c.body.Notes == "" {
		return nil
	}
	if c.redactor, err = c.h.Engines.By(c.tx.Org, c.settings); err != nil {
		return err
	}
	c.names = append(c.names, c.phone.Reveal())
	if c.body.Customer.Name != "" {
		c.names = append(c.names, c.body.Customer.Name)
	}
	if !c.asker.Customer.Valid {
		return nil
	}
	known, err := store.LoadCustomer(ctx, c.tx, c.h.Keys, c.asker.Customer.UUID)
	if !known.Name.IsZero() {
		c.names = append(c.names, known.Name.Reveal())
	}
	return err
}

// notes are what is left of the booking's notes, which are written down with what was taken out. The customer's own
// name and phone are taken out too: they stand with the customer, and notes are read where those are not.
func (c *claimant) notes(booking uuid.UUID) pii.Text {
	if c.body.Notes == "" {
		return pii.Text{}
	}
	left := c.redactor.Redact(store.RedactedNote, c.body.Notes, c.names...)
	left.Audit(c.tx, booking)
	return left.Text
}

// held writes all that belongs to a hold that was taken.
func (c *claimant) held(id uuid.UUID, cand store.Candidate, expires time.Time) (store.Answer, error) {
	tx, keys := c.tx, c.h.Keys
	customer, err := c.customer()
	if err != nil {
		return store.Answer{}, err
	}
	b, err := store.InsertBooking(tx, keys, store.NewBooking{ID: id, Request: uuid.NullUUID{UUID: c.request, Valid: true}, Candidate: cand, Service: c.offer.Service,
		CustomerID: customer, PhoneLast2: c.phone.Last2(), Now: c.now, Expires: expires, Notes: c.notes(id)})
	if err != nil {
		return store.Answer{}, err
	}
	store.NoteBooking(tx, id, "held", map[string]any{"until": expires})
	verification := uuid.New()
	store.InsertVerification(tx, keys, verification, id, 1)
	return answer(201, ViewBooking(b)), textCode(tx, keys, sms.KindCode, id, verification, c.phone, c.h.SendGiveUp)
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
