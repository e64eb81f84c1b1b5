package handlers

import (
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// BookingView is a booking as answers show it. The phone shows its last two digits.
type BookingView struct {
	ID            uuid.UUID    `json:"id"`
	State         string       `json:"state" enum:"held,confirmed,expired,canceled,completed,no_show"`
	Resource      uuid.UUID    `json:"resource"`
	Service       *uuid.UUID   `json:"service"`
	Start         time.Time    `json:"start"`
	End           time.Time    `json:"end"`
	HoldExpiresAt time.Time    `json:"hold_expires_at"`
	CodeState     string       `json:"code_state" enum:"pending,sent,verified,revoked,expired"`
	Move          *MoveView    `json:"move"`
	Customer      CustomerView `json:"customer"`
	CreatedAt     time.Time    `json:"created_at"`
	ConfirmedAt   *time.Time   `json:"confirmed_at"`
}

// MoveView is the time that a confirmed booking is to be moved to, while that is held for its code.
type MoveView struct {
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	ExpiresAt time.Time `json:"expires_at"`
	CodeState string    `json:"code_state" enum:"pending,sent,verified,revoked,expired"`
}

// CustomerView is a customer as answers show it. Of one who was erased there is no phone.
type CustomerView struct {
	ID    uuid.UUID `json:"id"`
	Phone string    `json:"phone"`
}

// maskedPhone shows the end of a number; "" for one that is gone.
func maskedPhone(last2 string) string {
	if last2 == "" {
		return ""
	}
	return "•••• " + last2
}

// ViewBooking shows a booking in its resource's zone.
func ViewBooking(b store.Booking) BookingView {
	zone := store.Resource{TimeZone: b.TimeZone}.Zone()
	in := func(t time.Time) time.Time { return t.In(zone).Truncate(time.Millisecond) }
	v := BookingView{
		ID: b.ID, State: b.State, Resource: b.ResourceID, Start: b.Span.Start.In(zone), End: b.Span.End.In(zone),
		HoldExpiresAt: in(b.HoldExpires), CodeState: b.CodeState,
		Customer:  CustomerView{ID: b.CustomerID, Phone: maskedPhone(b.PhoneLast2)},
		CreatedAt: in(b.CreatedAt),
	}
	if b.ServiceID.Valid {
		v.Service = &b.ServiceID.UUID
	}
	if m := b.Move; m != nil {
		v.Move = &MoveView{Start: m.Span.Start.In(zone), End: m.Span.End.In(zone), ExpiresAt: in(m.Expires), CodeState: m.CodeState}
	}
	if b.ConfirmedAt != nil {
		at := in(*b.ConfirmedAt)
		v.ConfirmedAt = &at
	}
	return v
}

// BlockView is a block as answers show it.
type BlockView struct {
	ID       uuid.UUID `json:"id"`
	Resource uuid.UUID `json:"resource"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
}

func alternatives(openings []store.Opening) []Alternative {
	list := make([]Alternative, len(openings))
	for i, o := range openings {
		list[i] = Alternative{Resource: o.Resource.ID, Start: o.Start, End: o.End}
	}
	return list
}
