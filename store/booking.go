package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// Booking states.
const (
	BookingHeld      = "held"
	BookingConfirmed = "confirmed"
	BookingExpired   = "expired"
	BookingCanceled  = "canceled"
	BookingCompleted = "completed"
	BookingNoShow    = "no_show"
)

// Booking is one appointment with what an answer shows of it.
type Booking struct {
	ID, ResourceID uuid.UUID
	ServiceID      uuid.NullUUID
	CustomerID     uuid.UUID
	State          string // as it is by the clock: a lapsed hold reads as expired before it is tidied
	Span           calendar.Span
	Before, After  time.Duration
	HoldExpires    time.Time
	CodeAttempts   int
	CodeState      string // pending, sent, verified, revoked, expired; once it is confirmed, verified
	Move           *Move  // the time that it is to be moved to, while that is held; nil: none
	CreatedAt      time.Time
	ConfirmedAt    *time.Time
	TimeZone       string // the resource's
	PhoneLast2     string
	ReadAt         time.Time // by the database's clock: the moment that State was judged
}

// Reserved is what the booking takes of a seat: its span and its buffers.
func (b Booking) Reserved() calendar.Span {
	return calendar.Span{Start: b.Span.Start.Add(-b.Before), End: b.Span.End.Add(b.After)}
}

// Erased reports whether its customer was erased: of a phone there are always two digits otherwise.
func (b Booking) Erased() bool { return b.PhoneLast2 == "" }

// Lapsed states are judged by clock_timestamp() in the statement that reads them.
const bookingColumns = `b.id, b.resource_id, b.service_id, b.customer_id,
	CASE WHEN b.state = 'held' AND b.hold_expires_at <= clock_timestamp() THEN 'expired' ELSE b.state END,
	b.starts_at, b.ends_at, b.buffer_before, b.buffer_after, b.hold_expires_at, b.code_attempts,
	CASE WHEN v.state IN ('pending', 'sent') AND v.expires_at <= clock_timestamp() THEN 'expired' ELSE COALESCE(v.state, 'revoked') END,
	b.created_at, b.confirmed_at, r.time_zone, c.phone_last2, clock_timestamp(),
	m.id, m.starts_at, m.ends_at, m.buffer_before, m.buffer_after, m.expires_at`

const bookingTables = `booking b
	JOIN resource r ON r.org_id = b.org_id AND r.id = b.resource_id
	JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id
	LEFT JOIN LATERAL (SELECT state, expires_at FROM verification v
	     WHERE v.org_id = b.org_id AND v.booking_id = b.id ORDER BY generation DESC LIMIT 1) v ON true
	LEFT JOIN move m ON m.org_id = b.org_id AND m.booking_id = b.id AND m.state = 'pending' AND m.expires_at > clock_timestamp()`

func scanBooking(r pgx.CollectableRow) (b Booking, err error) {
	var (
		before, after         int
		move                  uuid.NullUUID
		starts, ends, expires *time.Time
		moveBefore, moveAfter *int
	)
	err = r.Scan(&b.ID, &b.ResourceID, &b.ServiceID, &b.CustomerID, &b.State, &b.Span.Start, &b.Span.End, &before, &after,
		&b.HoldExpires, &b.CodeAttempts, &b.CodeState, &b.CreatedAt, &b.ConfirmedAt, &b.TimeZone, &b.PhoneLast2, &b.ReadAt,
		&move, &starts, &ends, &moveBefore, &moveAfter, &expires)
	if err != nil {
		return b, err
	}
	b.Before, b.After = time.Duration(before)*time.Minute, time.Duration(after)*time.Minute
	if move.Valid { // its code is the newest
		b.Move = &Move{ID: move.UUID, State: MovePending, Span: calendar.Span{Start: *starts, End: *ends},
			Before: time.Duration(*moveBefore) * time.Minute, After: time.Duration(*moveAfter) * time.Minute,
			Expires: *expires, Left: expires.Sub(b.ReadAt), CodeState: b.CodeState}
	}
	if b.ConfirmedAt != nil {
		b.CodeState = "verified"
	}
	return b, nil
}

// FindBooking reads a booking; ErrNotFound when the org has no such one.
func FindBooking(ctx context.Context, tx *Tx, id uuid.UUID) (Booking, error) {
	rows, err := tx.Query(ctx, selectBooking, tx.Org, id)
	return one(rows, err, scanBooking)
}

const selectBooking = `SELECT ` + bookingColumns + ` FROM ` + bookingTables + ` WHERE b.org_id = $1 AND b.id = $2`

// LockBooking reads a booking and locks its row, but not against rows that refer to it: a text's record adds an
// event while it holds the message. Who may need a seat has locked the resource before.
func LockBooking(ctx context.Context, tx *Tx, id uuid.UUID) (Booking, error) {
	tx.Queue(lockBooking, tx.Org, id)
	return FindBooking(ctx, tx, id)
}

const lockBooking = `SELECT FROM booking WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE`

// LockSeat locks a booking for a change that may need a seat, at its own time or at that of its newest move: its
// resource first. It reads the booking with its newest code. ErrNotFound: the org has no such booking, or it never had a
// code.
func LockSeat(ctx context.Context, tx *Tx, id uuid.UUID) (Booking, Verification, error) {
	tx.Queue(lockDays(`UNION ALL (SELECT org_id, resource_id, `+reserved+` FROM move WHERE org_id = $1 AND booking_id = $2 ORDER BY created_at DESC LIMIT 1)`), tx.Org, id)
	tx.Queue(lockBooking, tx.Org, id)
	return readCoded(ctx, tx, id)
}

const reserved = `starts_at - buffer_before * interval '1 min', ends_at + buffer_after * interval '1 min'`

// lockDays locks the days of booking $2 of org $1 and those of another time, which also selects, of its resource or another
// one. By resource and start: then each day is locked after those before it. A booking that is moved by somebody else meanwhile has other
// days by then, which hold_take locks when it needs them.
func lockDays(also string) string {
	return `SELECT resource_lock(x.org_id, x.resource_id, x.starts, x.ends) FROM (
		SELECT org_id, resource_id, ` + reserved + ` FROM booking WHERE org_id = $1 AND id = $2 ` + also + ` ORDER BY 2, 3) x(org_id, resource_id, starts, ends)`
}

// readCoded reads a booking with its newest code.
func readCoded(ctx context.Context, tx *Tx, id uuid.UUID) (b Booking, v Verification, err error) {
	tx.QueueRead(func(rows pgx.Rows) error {
		b, err = one(rows, nil, scanBooking)
		return err
	}, selectBooking, tx.Org, id)
	v, err = LatestVerification(ctx, tx, id)
	return b, v, err
}

// LockCoded is LockBooking for the booking that a code is of, with the newest of its codes.
func LockCoded(ctx context.Context, tx *Tx, verification uuid.UUID) (b Booking, newest Verification, err error) {
	const its = `(SELECT booking_id FROM verification WHERE org_id = $1 AND id = $2)`
	tx.Queue(`SELECT FROM booking WHERE org_id = $1 AND id = `+its+` FOR NO KEY UPDATE`, tx.Org, verification)
	rows, err := tx.Query(ctx, `SELECT `+bookingColumns+` FROM `+bookingTables+` WHERE b.org_id = $1 AND b.id = `+its, tx.Org, verification)
	if b, err = one(rows, err, scanBooking); err != nil {
		return b, newest, err
	}
	newest, err = LatestVerification(ctx, tx, b.ID)
	return b, newest, err
}

// BookingPage is which bookings a list shows.
type BookingPage struct {
	State    string // "" = all
	From, To time.Time
	After    Cursor
	Limit    int
}

// Cursor is a place in a list ordered by start and id; the zero Cursor is its beginning.
type Cursor struct {
	Start time.Time
	ID    uuid.UUID
}

// ListBookings reads a page of bookings by start.
func ListBookings(ctx context.Context, tx *Tx, p BookingPage) ([]Booking, error) {
	rows, err := tx.Query(ctx, `SELECT `+bookingColumns+` FROM `+bookingTables+`
		 WHERE b.org_id = $1 AND b.starts_at >= $2 AND b.starts_at < $3 AND (b.starts_at, b.id) > ($4, $5)
		   AND ($6 = '' OR $6 = CASE WHEN b.state = 'held' AND b.hold_expires_at <= clock_timestamp() THEN 'expired' ELSE b.state END)
		 ORDER BY b.starts_at, b.id LIMIT $7`, tx.Org, p.From, p.To, p.After.Start, p.After.ID, p.State, p.Limit)
	return many(rows, err, scanBooking)
}

// NewBooking is a booking to insert; its hold has been taken in the same transaction.
type NewBooking struct {
	ID         uuid.UUID
	Request    uuid.NullUUID // that it is made by
	Candidate  Candidate
	Service    *Service
	CustomerID uuid.UUID
	PhoneLast2 string
	Now        time.Time // by the database's clock: when it is made
	Expires    time.Time
	Notes      pii.Text
}

const purposeNotes = "booking.notes"

// InsertBooking queues the insert of a held booking and returns it.
func InsertBooking(tx *Tx, k *pii.Keyring, n NewBooking) (Booking, error) {
	var notes []byte
	if !n.Notes.IsZero() {
		var err error
		if notes, err = k.Seal(tx.Org, purposeNotes, n.Notes.Reveal()); err != nil {
			return Booking{}, err
		}
	}
	var service uuid.NullUUID
	if n.Service != nil {
		service = uuid.NullUUID{UUID: n.Service.ID, Valid: true}
	}
	c := n.Candidate
	tx.Queue(`INSERT INTO booking (org_id, id, resource_id, service_id, customer_id, state, starts_at, ends_at,
			buffer_before, buffer_after, hold_expires_at, notes_sealed, created_at, request_id)
		VALUES ($1, $2, $3, $4, $5, 'held', $6, $7, $8, $9, $10, $11, $12, $13)`,
		tx.Org, n.ID, c.Resource.ID, service, n.CustomerID, c.Span.Start, c.Span.End,
		int(c.Calendar.Before.Minutes()), int(c.Calendar.After.Minutes()), n.Expires, notes, n.Now, n.Request)
	return Booking{ID: n.ID, ResourceID: c.Resource.ID, ServiceID: service, CustomerID: n.CustomerID, State: BookingHeld,
		Span: c.Span, Before: c.Calendar.Before, After: c.Calendar.After, HoldExpires: n.Expires, CodeState: "pending",
		CreatedAt: n.Now, TimeZone: c.Resource.TimeZone, PhoneLast2: n.PhoneLast2}, nil
}

// Asker is what a claim must know of who asks before it takes a seat.
type Asker struct {
	Customer uuid.NullUUID // known by this phone
	CanText  bool          // the code would go out: the org has credentials, and its breaker lets a text pass
	Limit    CodeLimit
}

// ReadAsker queues the look-up of who asks; a is filled in with the next statement that is asked for.
func ReadAsker(tx *Tx, who Addressee, a *Asker) {
	tx.QueueRead(func(rows pgx.Rows) (err error) {
		*a, err = one(rows, nil, func(r pgx.CollectableRow) (a Asker, err error) {
			err = r.Scan(&a.Customer, &a.CanText, &a.Limit.Name, &a.Limit.Wait)
			return a, err
		})
		return err
	}, `SELECT (SELECT id FROM customer WHERE org_id = $1 AND phone_hash = $2), `+mayText+`, `+codeLimitColumns+` FROM code_limit($1, $2, $3, $4) l`,
		tx.Org, who.Phone, who.Prefix, who.Defaults)
}

// FindOwn finds the live booking that a customer already has of one of the resources for exactly that time.
func FindOwn(ctx context.Context, tx *Tx, customer uuid.UUID, resources []uuid.UUID, span calendar.Span) (Booking, error) {
	rows, err := tx.Query(ctx, `SELECT `+bookingColumns+` FROM `+bookingTables+`
		 WHERE b.org_id = $1 AND b.customer_id = $2 AND b.resource_id = ANY ($3) AND b.starts_at = $4 AND b.ends_at = $5
		   AND (b.state = 'confirmed' OR b.state = 'held' AND b.hold_expires_at > clock_timestamp()) LIMIT 1`,
		tx.Org, customer, resources, span.Start, span.End)
	return one(rows, err, scanBooking)
}

// ConfirmBooking queues the confirmation of a locked booking whose hold is live by the clock, or was taken anew in
// this transaction: the hold becomes firm. b is brought up to date.
func ConfirmBooking(tx *Tx, b *Booking) {
	b.State, b.CodeState, b.ConfirmedAt = BookingConfirmed, "verified", &b.ReadAt
	tx.Queue(`UPDATE booking SET state = 'confirmed', confirmed_at = $3, followup_from = NULL, code_attempts = 0 WHERE org_id = $1 AND id = $2`,
		tx.Org, b.ID, b.ReadAt)
	tx.Queue(`UPDATE hold SET expires_at = NULL WHERE org_id = $1 AND owner_id = $2 AND live`, tx.Org, b.ID)
	NoteBooking(tx, b.ID, "confirmed", nil)
}

// CancelBooking queues the cancellation of a locked booking: its seat is free and its code dead. b is brought up to
// date.
func CancelBooking(tx *Tx, b *Booking) {
	b.State, b.Move = BookingCanceled, nil
	if b.CodeState != "verified" {
		b.CodeState = "revoked"
	}
	tx.Queue(`UPDATE booking SET state = 'canceled', canceled_at = clock_timestamp(), followup_from = NULL WHERE org_id = $1 AND id = $2`, tx.Org, b.ID)
	ReleaseHold(tx, b.ID)
	EndMove(tx, b.ID, MoveCanceled)
	RevokeCodes(tx, b.ID)
	NoteBooking(tx, b.ID, "canceled", nil)
}

// MarkBooking queues whether the customer of a locked booking came: BookingCompleted or BookingNoShow. Its seat is free,
// and what it was to be moved to as well. b is brought up to date.
func MarkBooking(tx *Tx, b *Booking, state string) {
	b.State, b.Move = state, nil
	tx.Queue(`UPDATE booking SET state = $3 WHERE org_id = $1 AND id = $2`, tx.Org, b.ID, state)
	ReleaseHold(tx, b.ID)
	EndMove(tx, b.ID, MoveCanceled)
	RevokeCodes(tx, b.ID)
	NoteBooking(tx, b.ID, state, nil)
}

// ExpireBooking queues the end of one locked booking whose hold has lapsed, as the sweep would: of one that is
// confirmed, the end of its move.
func ExpireBooking(tx *Tx, id uuid.UUID) {
	tx.Queue(`SELECT bookings_expire($1, ARRAY[$2::uuid])`, tx.Org, id)
}

// ReleaseBooking queues the end of a locked booking's hold at this moment, with all that the end of a hold brings.
func ReleaseBooking(tx *Tx, id uuid.UUID) {
	tx.Queue(`UPDATE booking SET hold_expires_at = LEAST(hold_expires_at, clock_timestamp()) WHERE org_id = $1 AND id = $2 AND state = 'held'`, tx.Org, id)
	tx.Queue(`UPDATE hold SET expires_at = LEAST(expires_at, clock_timestamp()) WHERE org_id = $1 AND owner_id = $2 AND live AND expires_at IS NOT NULL`, tx.Org, id)
	ExpireBooking(tx, id)
}

// NoteBooking queues an event of the booking's timeline. Detail must hold no personal data.
func NoteBooking(tx *Tx, booking uuid.UUID, kind string, detail map[string]any) {
	if detail == nil {
		detail = map[string]any{}
	}
	tx.Queue(`INSERT INTO booking_event (org_id, booking_id, kind, detail) VALUES ($1, $2, $3, $4)`, tx.Org, booking, kind, detail)
}

// Event is an entry of a timeline.
type Event struct {
	At     time.Time
	Kind   string
	Detail json.RawMessage
}

// Timeline reads what happened to a booking, oldest first.
func Timeline(ctx context.Context, tx *Tx, booking uuid.UUID) ([]Event, error) {
	rows, err := tx.Query(ctx, `SELECT at, kind, detail FROM booking_event WHERE org_id = $1 AND booking_id = $2 ORDER BY id`, tx.Org, booking)
	return many(rows, err, pgx.RowToStructByPos[Event])
}

// sweepBatch is how many rows one transaction of a sweep changes.
const sweepBatch = 500

// ExpireHolds ends up to 500 holds of the transaction's org that have lapsed, with what the end of a hold brings, and
// reports how many and whether there may be more. Rows that somebody works on are left for the next sweep. Rows are found by
// their ids, as an array, and the org is left to row-level security: named, it would be taken for one without rows while
// its tables are too new to have been analysed, and all that it has would be walked for each batch.
func ExpireHolds(ctx context.Context, tx *Tx) (n int, more bool, err error) {
	var found int
	err = tx.QueryRow(ctx, `WITH lapsed AS MATERIALIZED (
		SELECT booking_id FROM hold WHERE live AND expires_at <= (SELECT clock_timestamp()) ORDER BY expires_at LIMIT $2),
	due AS MATERIALIZED (
		SELECT id FROM booking WHERE id = ANY (ARRAY(SELECT booking_id FROM lapsed)) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
	SELECT (SELECT count(*) FROM lapsed), bookings_expire($1, ARRAY(SELECT id FROM due))`, tx.Org, sweepBatch).Scan(&found, &n)
	if err != nil {
		return 0, false, fmt.Errorf("expire holds: %w", err)
	}
	return n, n > 0 && found == sweepBatch, nil
}

// CompleteBookings ends up to 500 confirmed bookings whose time is over. What they were to be moved to ends with them, and the
// code for it.
func CompleteBookings(ctx context.Context, tx *Tx) (n int, more bool, err error) {
	err = tx.QueryRow(ctx, `WITH due AS (
		SELECT b.id FROM booking b WHERE b.org_id = $1 AND b.state = 'confirmed' AND b.ends_at <= (SELECT clock_timestamp())
		 ORDER BY b.ends_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED),
		ended AS (UPDATE booking b SET state = 'completed' WHERE b.org_id = $1 AND b.id = ANY (ARRAY(SELECT id FROM due)) RETURNING b.id),
		freed AS (UPDATE hold h SET live = false WHERE h.org_id = $1 AND h.owner_id = ANY (ARRAY(SELECT id FROM ended)) AND h.live),
		stayed AS (UPDATE move m SET state = 'expired' WHERE m.org_id = $1 AND m.booking_id = ANY (ARRAY(SELECT id FROM ended)) AND m.state = 'pending'),
		dead AS (UPDATE verification v SET state = 'revoked' WHERE v.org_id = $1 AND v.booking_id = ANY (ARRAY(SELECT id FROM ended)) AND v.state IN ('pending', 'sent')),
		told AS (INSERT INTO booking_event (org_id, booking_id, kind) SELECT $1, e.id, 'completed' FROM ended e)
		SELECT count(*) FROM ended`, tx.Org, sweepBatch).Scan(&n)
	if err != nil {
		return 0, false, fmt.Errorf("complete bookings: %w", err)
	}
	return n, n == sweepBatch, nil
}

// NextConfirmed finds the next confirmed booking of a phone that has not begun.
func NextConfirmed(ctx context.Context, tx *Tx, phoneHash []byte) (booking uuid.NullUUID, err error) {
	err = tx.QueryRow(ctx, `SELECT (SELECT b.id FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
		 WHERE c.org_id = $1 AND c.phone_hash = $2 AND b.state = 'confirmed' AND b.starts_at > clock_timestamp()
		 ORDER BY b.starts_at LIMIT 1)`, tx.Org, phoneHash).Scan(&booking)
	return booking, err
}
