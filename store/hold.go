package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/calendar"
)

// TakeHold takes a seat of resource for booking, buffers included in span, for ttl. It returns until when, or
// ok = false when no seat is free for all of it. The booking's row may be inserted after it.
func TakeHold(ctx context.Context, tx *Tx, resource, booking uuid.UUID, span calendar.Span, ttl time.Duration) (expires time.Time, ok bool, err error) {
	var until *time.Time
	err = tx.QueryRow(ctx, `SELECT expires_at FROM hold_take($1, $2, $3, $4, $5, $6)`,
		tx.Org, resource, booking, span.Start, span.End, ttl).Scan(&until)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, false, nil
	}
	if err != nil || until == nil {
		return time.Time{}, err == nil, err
	}
	return *until, true, nil
}

// TakeFirst takes a seat for booking at the first of candidates that has one, buffers included, for ttl. A try that
// fails lets go of its place in line and of all that it touched: two that go through the same candidates in other
// orders would wait for each other.
func TakeFirst(ctx context.Context, tx *Tx, candidates []Candidate, booking uuid.UUID, ttl time.Duration) (c Candidate, expires time.Time, ok bool, err error) {
	for _, c := range candidates {
		if len(candidates) > 1 {
			tx.Queue("SAVEPOINT try")
		}
		expires, ok, err := TakeHold(ctx, tx, c.Resource.ID, booking, c.Calendar.Reserve(c.Span), ttl)
		if ok || err != nil {
			return c, expires, ok, err
		}
		if len(candidates) > 1 {
			tx.Queue("ROLLBACK TO SAVEPOINT try")
		}
	}
	return Candidate{}, time.Time{}, false, nil
}

// TakeFirm takes a seat that does not lapse, for a booking that is confirmed in this transaction.
func TakeFirm(ctx context.Context, tx *Tx, resource, booking uuid.UUID, span calendar.Span) (ok bool, err error) {
	err = tx.QueryRow(ctx, `SELECT true FROM hold_take($1, $2, $3, $4, $5, NULL)`,
		tx.Org, resource, booking, span.Start, span.End).Scan(&ok)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return ok, err
}

// ReleaseHold queues the end of all that owner (a booking or a block) holds.
func ReleaseHold(tx *Tx, owner uuid.UUID) {
	tx.Queue(`UPDATE hold SET live = false WHERE org_id = $1 AND owner_id = $2 AND live`, tx.Org, owner)
}

// LockResource puts the transaction in line for the days of span at resource, to its end. It comes before any booking
// is locked.
func LockResource(tx *Tx, resource uuid.UUID, span calendar.Span) {
	tx.Queue(`SELECT resource_lock($1, $2, $3, $4)`, tx.Org, resource, span.Start, span.End)
}

// BusySeats lists what is taken of resources at some moment of span, lapsed holds left out.
func BusySeats(ctx context.Context, tx *Tx, resources []uuid.UUID, span calendar.Span) (map[uuid.UUID][]calendar.Busy, error) {
	rows, err := tx.Query(ctx, `SELECT h.resource_id, h.seat, h.starts_at, h.ends_at
		  FROM unnest($2::uuid[]) r, hold_in_way($1, r, $3, $4) h
		 WHERE h.expires_at IS NULL OR h.expires_at > clock_timestamp()`, tx.Org, resources, span.Start, span.End)
	if err != nil {
		return nil, err
	}
	busy := make(map[uuid.UUID][]calendar.Busy)
	var (
		id uuid.UUID
		b  calendar.Busy
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &b.Seat, &b.Start, &b.End}, func() error {
		busy[id] = append(busy[id], b)
		return nil
	})
	return busy, err
}

// Opening is a slot at a resource.
type Opening struct {
	Resource Resource
	calendar.Slot
}

// Openings lists the free starts of an offer in span, by time, and among equal times least busy first.
func Openings(ctx context.Context, tx *Tx, o Offer, span calendar.Span) ([]Opening, error) {
	ids := make([]uuid.UUID, len(o.Resources))
	for i, r := range o.Resources {
		ids[i] = r.ID
	}
	const day = 24 * time.Hour // longer than any buffer
	busy, err := BusySeats(ctx, tx, ids, calendar.Span{Start: span.Start.Add(-day), End: span.End.Add(2 * day)})
	if err != nil {
		return nil, err
	}
	var all []Opening
	for _, r := range leastBusy(o.Resources, busy) {
		for _, s := range o.Calendar(r).Slots(span.Start, span.End, busy[r.ID]) {
			all = append(all, Opening{r, s})
		}
	}
	sortOpenings(all, func(o Opening) int64 { return o.Start.UnixNano() })
	return all, nil
}

// alternativesWithin is how far around the time asked for alternatives are looked for: near first, since that is
// mostly enough and a full calendar is long to read.
var alternativesWithin = []time.Duration{12 * time.Hour, 3 * 24 * time.Hour, 14 * 24 * time.Hour}

// Alternatives lists up to n free starts of an offer nearest to want and after now, by time.
func Alternatives(ctx context.Context, tx *Tx, o Offer, want, now time.Time, n int) (near []Opening, err error) {
	for _, within := range alternativesWithin {
		span := calendar.Span{Start: want.Add(-within), End: want.Add(within)}
		if span.Start.Before(now) {
			span.Start = now
		}
		if near, err = Openings(ctx, tx, o, span); err != nil {
			return nil, err
		}
		if len(near) >= n {
			break
		}
	}
	sortOpenings(near, func(o Opening) int64 { return int64(o.Start.Sub(want).Abs()) })
	near = near[:min(n, len(near))]
	sortOpenings(near, func(o Opening) int64 { return o.Start.UnixNano() })
	return near, nil
}
