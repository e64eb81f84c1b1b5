package handlers

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// VerificationResend does verification:resend. The same number gets the same code again, so that a first text
// that comes late still works; another number gets a code of its own, and the old one is dead at once.
type VerificationResend struct {
	Keys *pii.Keyring
	// SendGiveUp is when a code text that was never sent is given up (HOLDFAST_CODE_TTL).
	SendGiveUp time.Duration
	Limited    *Limited // nil: counted nowhere
}

// ResendBody asks for a code again: POST …/resend. Without a phone it goes where it went before.
type ResendBody struct {
	Phone string `json:"phone,omitempty"`
}

// resendAfter is how much time lies between a text with a code and the next one to the same number, by how many
// the booking has had.
var resendAfter = [store.MaxCodeSends]time.Duration{30 * time.Second, 60 * time.Second, 120 * time.Second}

// Answer does the task.
func (h *VerificationResend) Answer(ctx context.Context, tx *store.Tx, req store.Opened, body ResendBody) (store.Answer, error) {
	problem, err := h.resend(ctx, tx, req, body)
	h.Limited.Note(ctx, tx.Org, problem)
	if err != nil || problem != nil {
		return bookingAnswer(store.Booking{}, problem), err
	}
	b, err := store.FindBooking(ctx, tx, req.BookingID.UUID)
	return bookingAnswer(b, nil), err
}

func (h *VerificationResend) resend(ctx context.Context, tx *store.Tx, req store.Opened, body ResendBody) (*Problem, error) {
	phone, problem := body.Number(req.Region)
	if problem != nil {
		return problem, nil
	}
	// As a claim does: of two codes to one number the second is counted after the first, and of two that make a customer of
	// it the second finds it made.
	if phone.IsZero() {
		store.LockCustomer(tx, req.BookingID.UUID, settings.DefaultLimits)
	} else {
		store.LockAddressee(tx, addressee(h.Keys, tx.Org, phone))
	}
	b, err := store.LockBooking(ctx, tx, req.BookingID.UUID)
	if err != nil {
		return nil, err
	}
	r, problem, err := mayResend(ctx, tx, h.Keys, b, phone)
	if err != nil || problem != nil {
		return problem, err
	}
	if !r.anew {
		store.NoteBooking(tx, b.ID, "code_resent", nil)
		return nil, textCode(tx, h.Keys, r.kind, b.ID, r.code.ID, r.to, h.SendGiveUp)
	}
	store.RevokeCodes(tx, b.ID)
	store.NoteBooking(tx, b.ID, "number_changed", nil)
	if err := h.give(ctx, tx, b, phone); err != nil {
		return nil, err
	}
	code := uuid.New()
	store.InsertVerification(tx, h.Keys, code, b.ID, r.code.Generation+1)
	return nil, textCode(tx, h.Keys, sms.KindCode, b.ID, code, phone, h.SendGiveUp)
}

// give makes the customer with that phone the booking's. One whom the org does not know yet takes over what the
// first number's was told of; the first number's own row stays, since it may have other bookings.
func (h *VerificationResend) give(ctx context.Context, tx *store.Tx, b store.Booking, phone pii.Phone) error {
	known, err := store.FindCustomer(ctx, tx, h.Keys, phone)
	if err != nil {
		return err
	}
	if known.Valid {
		store.GiveBooking(tx, b.ID, known.UUID)
		return nil
	}
	c, err := store.LoadCustomer(ctx, tx, h.Keys, b.CustomerID)
	if err != nil {
		return err
	}
	if c.ID, err = uuid.NewV7(); err != nil {
		return err
	}
	c.Phone = phone
	if err := store.InsertCustomer(tx, h.Keys, c); err != nil {
		return err
	}
	store.GiveBooking(tx, b.ID, c.ID)
	return nil
}

// textCode enqueues a text with a code.
func textCode(tx *store.Tx, keys *pii.Keyring, kind sms.Kind, booking, verification uuid.UUID, to pii.Phone, giveUp time.Duration) error {
	m := store.Message{ID: uuid.New(), Kind: string(kind), To: to,
		BookingID:      uuid.NullUUID{UUID: booking, Valid: true},
		VerificationID: uuid.NullUUID{UUID: verification, Valid: true}}
	if err := store.InsertMessage(tx, keys, m); err != nil {
		return err
	}
	_, err := tasks.VerificationSend.Enqueue(tx, tasks.MessagePayload{Message: m.ID}, tasks.GiveUpAfter(giveUp))
	return err
}

// Number reads the phone; it is zero when none was given.
func (b ResendBody) Number(region string) (pii.Phone, *Problem) {
	if b.Phone == "" {
		return pii.Phone{}, nil
	}
	phone, err := pii.ParsePhone(b.Phone, region)
	if err != nil {
		return pii.Phone{}, NewProblem("invalid-phone", "phone", "not a number that can be dialled")
	}
	return phone, nil
}

// CheckResend tells why a code would not be texted now; it changes nothing. The ingress asks before it writes a
// request.
func CheckResend(ctx context.Context, tx *store.Tx, keys *pii.Keyring, booking uuid.UUID, phone pii.Phone) (*Problem, error) {
	b, err := store.FindBooking(ctx, tx, booking)
	if err != nil {
		return nil, err
	}
	_, problem, err := mayResend(ctx, tx, keys, b, phone)
	return problem, err
}

// resending is what is texted: the code there is, or a new one.
type resending struct {
	code store.Verification // the newest
	kind sms.Kind           // of the text
	to   pii.Phone          // of the booking's customer
	anew bool               // to another number
}

// mayResend judges a wish for the code. A hold that has lapsed still gets the same code, since that takes the
// seat again within its life; a new code would begin a life that no hold stands behind. What is confirmed has a code to
// send only while it is to be moved, and that is for the number that it has.
func mayResend(ctx context.Context, tx *store.Tx, keys *pii.Keyring, b store.Booking, phone pii.Phone) (r resending, p *Problem, err error) {
	if r.code, err = store.LatestVerification(ctx, tx, b.ID); err != nil {
		return r, nil, err
	}
	c, err := store.LoadCustomer(ctx, tx, keys, b.CustomerID)
	if err != nil {
		return r, nil, err
	}
	r.to = c.Phone
	to, field := r.to, ""
	if !phone.IsZero() {
		to, field = phone, "phone"
	}
	s, err := store.FindSends(ctx, tx, b.ID, addressee(keys, tx.Org, to))
	if err != nil {
		return r, nil, err
	}
	r.anew, r.kind = !s.Own, sms.KindCode
	moving := false
	if b.State == store.BookingConfirmed && r.code.Pending() {
		if _, err = store.MoveOf(ctx, tx, r.code.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return r, nil, err
		}
		if moving = err == nil; moving {
			r.kind = sms.KindMoveCode
		}
	}
	switch {
	case b.State == store.BookingConfirmed && (!moving || r.anew):
		p = NewProblem("already-confirmed", "", "")
	case b.State != store.BookingHeld && b.State != store.BookingExpired && b.State != store.BookingConfirmed:
		p = NewProblem("booking-ended", "", "")
	case b.CodeAttempts >= store.MaxCodeAttempts: // another number must not begin the count anew
		p = NewProblem("code-revoked", "", "too many wrong codes")
	case r.anew && b.State == store.BookingExpired:
		p, err = holdExpired(ctx, tx, b)
	case !r.anew && (r.code.State == "revoked" || r.code.State == "verified"):
		p = NewProblem("code-revoked", "phone", "give another number")
	case !r.anew && r.code.Expired:
		p = NewProblem("code-expired", "", "")
	case !s.CanText:
		p = noTexts()
	case s.OptedOut:
		p = NewProblem("opted-out", "phone", "")
	default:
		if r.anew {
			p = CheckCountry(s.Countries, phone, "phone")
		}
		if p == nil {
			p = paced(s, b, r.code)
		}
		if p == nil {
			p = limited(s.Limit, field)
		}
	}
	return r, p, err
}

// paced holds back a text that comes too soon or is one too many. The second kind will not be sent at all: what
// its Retry-After counts to is when the booking can be asked for anew, or be moved.
func paced(s store.Sends, b store.Booking, code store.Verification) *Problem {
	var kind string
	var wait time.Duration
	switch n := s.Codes; {
	case n >= store.MaxCodeSends && b.State == store.BookingConfirmed:
		kind, wait = "too-many-sends", max(store.MoveWindow-s.Oldest, resendAfter[store.MaxCodeSends-1])
	case n >= store.MaxCodeSends:
		kind, wait = "too-many-sends", max(code.Left, resendAfter[store.MaxCodeSends-1])
	case n > 0 && s.ToNumber && s.Since < resendAfter[n-1]:
		kind, wait = "too-soon", resendAfter[n-1]-s.Since
	default:
		return nil
	}
	p := NewProblem(kind, "", "")
	p.RetryAfter = seconds(wait)
	return p
}
