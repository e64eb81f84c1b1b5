package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
)

// TranscriptRedact does transcript:redact. The clear text is the request's body, sealed, and is emptied by the commit that
// writes what is left of it: there is the one or the other, never both and never neither.
type TranscriptRedact struct {
	Keys    *pii.Keyring
	Engines *Engines
}

// TranscriptBody is what was said in a call: POST …/transcripts, event transcript.created.
type TranscriptBody struct {
	CallID    string `json:"call_id"`
	Text      string `json:"text"`
	BookingID string `json:"booking_id,omitempty"`
}

// Limits of a transcript. The body's own limit leaves room for JSON's escapes.
const (
	MaxTranscript = 60_000 // bytes
	MaxCallID     = 128    // bytes
)

// Seen is the body without what nobody sees in its text.
func (b TranscriptBody) Seen() TranscriptBody {
	b.Text = Prose(b.Text)
	return b
}

// Check finds the first field that breaks a rule that needs no database.
func (b TranscriptBody) Check() *Problem {
	switch {
	case b.CallID == "":
		return NewProblem("missing-field", "call_id", "which call is it?")
	case len(b.CallID) > MaxCallID || strings.ContainsFunc(b.CallID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return NewProblem("invalid-request", "call_id", fmt.Sprintf("1 to %d visible ASCII characters", MaxCallID))
	case strings.TrimSpace(b.Text) == "":
		return NewProblem("missing-field", "text", "what was said?")
	case len(b.Text) > MaxTranscript:
		return NewProblem("invalid-request", "text", fmt.Sprintf("at most %d bytes of UTF-8", MaxTranscript))
	case hasControl(b.Text):
		return NewProblem("invalid-request", "text", noControl)
	}
	return nil
}

// TranscriptView is a transcript as answers show it: what is left of the text, and how much of each type was taken out.
type TranscriptView struct {
	ID         uuid.UUID      `json:"id"`
	CallID     string         `json:"call_id"`
	BookingID  *uuid.UUID     `json:"booking_id"`
	State      string         `json:"state" enum:"done"`
	Text       string         `json:"text"`
	Redactions map[string]int `json:"redactions"`
	CreatedAt  time.Time      `json:"created_at"`
	RedactedAt time.Time      `json:"redacted_at"`
}

// ViewTranscript shows a transcript in the org's zone.
func ViewTranscript(t store.Transcript) TranscriptView {
	zone := store.Resource{TimeZone: t.TimeZone}.Zone()
	in := func(t time.Time) time.Time { return t.In(zone).Truncate(time.Millisecond) }
	v := TranscriptView{ID: t.ID, CallID: t.CallID, State: "done", Text: t.Text.Reveal(), Redactions: t.Redactions,
		CreatedAt: in(t.CreatedAt), RedactedAt: in(t.RedactedAt)}
	if t.BookingID.Valid {
		v.BookingID = &t.BookingID.UUID
	}
	return v
}

// Answer does the task. What it answers is kept with the request, which is not sealed: so the text is left out there, and
// whoever reads the answer puts it in.
func (h *TranscriptRedact) Answer(ctx context.Context, tx *store.Tx, req store.Opened, body TranscriptBody) (store.Answer, error) {
	b, err := ResolveCall(ctx, tx, h.Keys, body)
	if err != nil {
		return store.Answer{}, err
	}
	if b.ID != uuid.Nil { // against an erasure, which locks it too
		if b, err = store.LockBooking(ctx, tx, b.ID); err != nil {
			return store.Answer{}, err
		}
		if b.Erased() {
			return store.Answer{}, &store.Refusal{Kind: "not-found", Field: "booking_id", Detail: "its customer was erased"}
		}
	}
	names, err := h.names(ctx, tx, b)
	if err != nil {
		return store.Answer{}, err
	}
	by, err := h.Engines.In(ctx, tx)
	if err != nil {
		return store.Answer{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return store.Answer{}, err
	}
	left := by.Redact(store.RedactedTranscript, body.Text, names...)
	t := store.Transcript{ID: id, CallID: body.CallID, BookingID: uuid.NullUUID{UUID: b.ID, Valid: b.ID != uuid.Nil}, Text: left.Text, Engine: left.Engine}
	if err := store.InsertTranscript(ctx, tx, h.Keys, req.ID, &t, left.Out); err != nil {
		return store.Answer{}, err
	}
	t.Text = pii.Text{}
	return answer(201, ViewTranscript(t)), nil
}

// names are the known values of a booking: its customer's name and phone.
func (h *TranscriptRedact) names(ctx context.Context, tx *store.Tx, b store.Booking) ([]string, error) {
	if b.ID == uuid.Nil {
		return nil, nil
	}
	c, err := store.LoadCustomer(ctx, tx, h.Keys, b.CustomerID)
	if err != nil {
		return nil, err
	}
	all := []string{c.Phone.Reveal()}
	if !c.Name.IsZero() {
		all = append(all, c.Name.Reveal())
	}
	return all, nil
}

// ResolveCall finds the booking that a call was about: the one that is named, else the one that a voice agent made in the
// call, else the zero Booking. One that the org does not have is a *store.Refusal. The ingress asks it before anything
// is written, and the task again.
func ResolveCall(ctx context.Context, tx *store.Tx, keys *pii.Keyring, body TranscriptBody) (store.Booking, error) {
	if body.BookingID == "" {
		made, err := store.BookingOfCall(ctx, tx, keys, body.CallID)
		if err != nil || !made.Valid {
			return store.Booking{}, err
		}
		return store.FindBooking(ctx, tx, made.UUID)
	}
	unknown := &store.Refusal{Kind: "not-found", Field: "booking_id"}
	id, err := uuid.Parse(body.BookingID)
	if err != nil {
		return store.Booking{}, unknown
	}
	b, err := store.FindBooking(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return b, unknown
	}
	return b, err
}
