package ingress

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/telemetry"
	"holdfast/handlers"
	"holdfast/store"
)

// output is an answer with a body.
type output[T any] struct{ Body T }

// listInput selects bookings.
type listInput struct {
	OrgInput
	State  string `query:"state" enum:"held,confirmed,expired,canceled,completed,no_show" doc:"Only bookings in this state. A hold that has lapsed is expired."`
	From   string `query:"from" doc:"Starts not before: RFC 3339, or a local time or date of the org's zone."`
	To     string `query:"to" doc:"Starts before: as from."`
	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
}

// bookingList is a page of bookings by start.
type bookingList struct {
	Bookings   []handlers.BookingView `json:"bookings"`
	NextCursor *string                `json:"next_cursor"`
}

// eventView is an entry of a timeline.
type eventView struct {
	At     time.Time       `json:"at"`
	Kind   string          `json:"kind"`
	Detail json.RawMessage `json:"detail"`
}

type timeline struct {
	Events []eventView `json:"events"`
}

func (in *Ingress) readRoutes() {
	register(in, opList, in.listBookings)
	register(in, opFind, func(ctx context.Context, c *call, i *IDInput) (*output[handlers.BookingView], error) {
		b, err := readID(ctx, in, c, i.ID, store.FindBooking)
		if err != nil {
			return nil, err
		}
		return &output[handlers.BookingView]{handlers.ViewBooking(b)}, nil
	})
	register(in, opTimeline, in.readTimeline)
	register(in, opRequest, func(ctx context.Context, c *call, i *IDInput) (*output[requestView], error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		defer markDB(ctx, time.Now())
		a, err := in.readAnswer(ctx, c.org, id)
		if err != nil {
			return nil, err
		}
		if err := in.may(c, scopeOf(a.Kind)); err != nil {
			return nil, err
		}
		return &output[requestView]{viewRequest(id, a)}, nil
	})
}

// scopeOf is what a key must have to read the outcome of a request of a kind: what it would need to look up what was made.
func scopeOf(kind string) store.Scope {
	switch kind {
	case kindTranscript.name, kindReport.name:
		return opFindTranscript.scope
	case kindErase.name:
		return opErase.scope
	}
	return opFind.scope
}

func viewRequest(id uuid.UUID, a store.Answer) requestView {
	if a.Status == 0 {
		return requestView{ID: id, Status: "pending"}
	}
	return requestView{ID: id, Status: "done", Result: &resultView{a.Status, a.Body}}
}

// readID looks up what an id of the path names.
func readID[T any](ctx context.Context, in *Ingress, c *call, text string, look func(context.Context, *store.Tx, uuid.UUID) (T, error)) (T, error) {
	id, err := pathID(text)
	if err != nil {
		var zero T
		return zero, err
	}
	defer markDB(ctx, time.Now())
	return read(ctx, in, c.org, func(ctx context.Context, tx *store.Tx) (T, error) { return look(ctx, tx, id) })
}

func markDB(ctx context.Context, start time.Time) { telemetry.Mark(ctx, "db", time.Since(start)) }

func (in *Ingress) readTimeline(ctx context.Context, c *call, i *IDInput) (*output[timeline], error) {
	var events []store.Event
	b, err := readID(ctx, in, c, i.ID, func(ctx context.Context, tx *store.Tx, id uuid.UUID) (b store.Booking, err error) {
		if b, err = store.FindBooking(ctx, tx, id); err == nil {
			events, err = store.Timeline(ctx, tx, id)
		}
		return b, err
	})
	if err != nil {
		return nil, err
	}
	zone := store.Resource{TimeZone: b.TimeZone}.Zone()
	out := timeline{Events: make([]eventView, len(events))}
	for n, e := range events {
		out.Events[n] = eventView{At: e.At.In(zone).Truncate(time.Millisecond), Kind: e.Kind, Detail: e.Detail}
	}
	return &output[timeline]{out}, nil
}

// pageSize is how many bookings a page holds.
const pageSize = 50

func (in *Ingress) listBookings(ctx context.Context, c *call, i *listInput) (*output[bookingList], error) {
	o, err := in.org(ctx, c.org)
	if err != nil {
		return nil, err
	}
	p, err := i.page(store.Resource{TimeZone: o.TimeZone}.Zone())
	if err != nil {
		return nil, err
	}
	defer markDB(ctx, time.Now())
	found, err := read(ctx, in, c.org, func(ctx context.Context, tx *store.Tx) ([]store.Booking, error) {
		return store.ListBookings(ctx, tx, p)
	})
	if err != nil {
		return nil, err
	}
	var out bookingList
	if len(found) > pageSize {
		found = found[:pageSize]
		last := found[pageSize-1]
		next := writeCursor(store.Cursor{Start: last.Span.Start, ID: last.ID})
		out.NextCursor = &next
	}
	out.Bookings = make([]handlers.BookingView, len(found))
	for n, b := range found {
		out.Bookings[n] = handlers.ViewBooking(b)
	}
	return &output[bookingList]{out}, nil
}

// page reads what the query says. One row more than is shown tells whether there is another page.
func (i *listInput) page(zone *time.Location) (store.BookingPage, error) {
	p := store.BookingPage{State: i.State, Limit: pageSize + 1, To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	var err error
	if i.From != "" {
		if p.From, err = moment("from", i.From, zone); err != nil {
			return p, err
		}
	}
	if i.To != "" {
		if p.To, err = moment("to", i.To, zone); err != nil {
			return p, err
		}
	}
	if !p.From.Before(p.To) {
		return p, newProblem("invalid-range", "to", "must lie after from")
	}
	if i.Cursor != "" {
		if p.After, err = readCursor(i.Cursor); err != nil {
			return p, err
		}
	}
	return p, nil
}

// A cursor is a place in the list by start: microseconds, as the database keeps them, and the id.
func writeCursor(c store.Cursor) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(c.Start.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(raw, c.ID[:]...))
}

func readCursor(text string) (store.Cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 24 {
		return store.Cursor{}, newProblem("invalid-request", "cursor", "want the next_cursor of a page before")
	}
	start := time.UnixMicro(int64(binary.BigEndian.Uint64(raw)))
	if start.Year() < 1 || start.Year() > 9999 { // the database's own range is not ours to test
		return store.Cursor{}, newProblem("invalid-request", "cursor", "want the next_cursor of a page before")
	}
	return store.Cursor{Start: start, ID: uuid.UUID(raw[8:])}, nil
}
