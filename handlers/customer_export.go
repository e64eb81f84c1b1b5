package handlers

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// ExportView is all that the org holds on a customer, for the customer: GET …/customers/{id}/export.
type ExportView struct {
	ID          uuid.UUID         `json:"id"`
	Phone       string            `json:"phone"`
	Name        string            `json:"name"`
	Locale      string            `json:"locale"`
	TimeZone    string            `json:"time_zone"`
	CreatedAt   time.Time         `json:"created_at"`
	ErasedAt    *time.Time        `json:"erased_at"`
	Bookings    []ExportedBooking `json:"bookings"`
	Texts       []ExportedText    `json:"texts"`
	Replies     []ExportedReply   `json:"replies"`
	Transcripts []TranscriptView  `json:"transcripts"`
	OptOuts     []ExportedOptOut  `json:"opt_outs"`
	Truncated   bool              `json:"truncated"`
}

// ExportedBooking is a booking in an export.
type ExportedBooking struct {
	Booking BookingView     `json:"booking"`
	Notes   string          `json:"notes"`
	Events  []ExportedEvent `json:"events"`
}

// ExportedEvent is an entry of a booking's timeline in an export.
type ExportedEvent struct {
	At     time.Time       `json:"at"`
	Kind   string          `json:"kind"`
	Detail json.RawMessage `json:"detail"`
}

// ExportedText is a text to the customer in an export.
type ExportedText struct {
	ID         uuid.UUID  `json:"id"`
	Kind       string     `json:"kind"`
	Booking    *uuid.UUID `json:"booking"`
	State      string     `json:"state"`
	ProviderID string     `json:"provider_id"`
	CreatedAt  time.Time  `json:"created_at"`
	AcceptedAt *time.Time `json:"accepted_at"`
}

// ExportedReply is a text from the customer in an export.
type ExportedReply struct {
	ID         uuid.UUID  `json:"id"`
	Intent     string     `json:"intent"`
	Booking    *uuid.UUID `json:"booking"`
	ProviderID string     `json:"provider_id"`
	At         time.Time  `json:"at"`
}

// ExportedOptOut is a sender of which the customer wants no texts, in an export.
type ExportedOptOut struct {
	Sender string    `json:"sender"`
	Since  time.Time `json:"since"`
}

// ViewExport shows it. Times are UTC, but for those of bookings and transcripts.
func ViewExport(x store.CustomerExport) ExportView {
	c := x.Customer
	v := ExportView{ID: c.ID, Phone: c.Phone.Reveal(), Name: c.Name.Reveal(), Locale: c.Locale, TimeZone: c.TimeZone, CreatedAt: utc(x.CreatedAt), ErasedAt: utcOr(x.ErasedAt),
		Bookings: []ExportedBooking{}, Texts: []ExportedText{}, Replies: []ExportedReply{}, Transcripts: []TranscriptView{}, OptOuts: []ExportedOptOut{}, Truncated: x.Truncated}
	for _, b := range x.Bookings {
		e := ExportedBooking{Booking: ViewBooking(b.Booking), Notes: b.Notes.Reveal(), Events: []ExportedEvent{}}
		for _, happened := range b.Events {
			e.Events = append(e.Events, ExportedEvent{utc(happened.At), happened.Kind, happened.Detail})
		}
		v.Bookings = append(v.Bookings, e)
	}
	for _, t := range x.Texts {
		v.Texts = append(v.Texts, ExportedText{t.ID, t.Kind, idOr(t.Booking), t.State, t.SID, utc(t.CreatedAt), utcOr(t.AcceptedAt)})
	}
	for _, r := range x.Replies {
		v.Replies = append(v.Replies, ExportedReply{r.ID, r.Intent, idOr(r.Booking), r.SID, utc(r.At)})
	}
	for _, t := range x.Transcripts {
		v.Transcripts = append(v.Transcripts, ViewTranscript(t))
	}
	for _, o := range x.OptOuts {
		v.OptOuts = append(v.OptOuts, ExportedOptOut{o.Pool, utc(o.Since)})
	}
	return v
}

func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func utcOr(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := utc(*t)
	return &at
}

func idOr(id uuid.NullUUID) *uuid.UUID {
	if !id.Valid {
		return nil
	}
	return &id.UUID
}
