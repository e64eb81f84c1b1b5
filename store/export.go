package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// exportMost is how many entries of a kind an export has, the newest. Who has more is told so.
const exportMost = 1000

// CustomerExport is what an org holds on a customer, in clear.
type CustomerExport struct {
	Customer    Customer
	CreatedAt   time.Time
	ErasedAt    *time.Time // then there is little else
	Bookings    []ExportedBooking
	Texts       []ExportedText
	Replies     []ExportedReply
	Transcripts []Transcript
	OptOuts     []OptedOut
	Truncated   bool // there is more of something than exportMost, or more text than exportMostText
}

// ExportedBooking is a booking with what answers do not show.
type ExportedBooking struct {
	Booking
	Notes  pii.Text
	Events []Event
}

// ExportedText is a text to the customer. What it said is not kept.
type ExportedText struct {
	ID         uuid.UUID
	Kind       string
	Booking    uuid.NullUUID
	State      string
	SID        string // the provider's; "" without
	CreatedAt  time.Time
	AcceptedAt *time.Time
}

// ExportedReply is a text from the customer. What it said is kept only until it is understood, or told of.
type ExportedReply struct {
	ID      uuid.UUID
	Intent  string // "" until it is understood
	Booking uuid.NullUUID
	SID     string
	At      time.Time
}

// OptedOut is a sender that the customer wants no texts from.
type OptedOut struct {
	Pool  string
	Since time.Time
}

// ExportCustomer reads all of it; ErrNotFound when the org has no such customer.
func ExportCustomer(ctx context.Context, tx *Tx, k *pii.Keyring, id uuid.UUID) (x CustomerExport, err error) {
	if x.Customer, err = LoadCustomer(ctx, tx, k, id); err != nil {
		return x, err
	}
	var hash []byte
	err = tx.QueryRow(ctx, `SELECT phone_hash, created_at, erased_at FROM customer WHERE org_id = $1 AND id = $2`, tx.Org, id).Scan(&hash, &x.CreatedAt, &x.ErasedAt)
	if err != nil {
		return x, err
	}
	if err := x.readBookings(ctx, tx, k); err != nil {
		return x, err
	}
	rows, err := tx.Query(ctx, `SELECT id, kind, booking_id, state, COALESCE(provider_sid, ''), created_at, accepted_at FROM message
		WHERE org_id = $1 AND to_hash = $2 ORDER BY created_at DESC LIMIT $3`, tx.Org, hash, exportMost+1)
	if x.Texts, err = many(rows, err, pgx.RowToStructByPos[ExportedText]); err != nil {
		return x, err
	}
	rows, err = tx.Query(ctx, `SELECT id, COALESCE(intent, ''), booking_id, provider_sid, created_at FROM inbound
		WHERE org_id = $1 AND from_hash = $2 ORDER BY created_at DESC LIMIT $3`, tx.Org, hash, exportMost+1)
	if x.Replies, err = many(rows, err, pgx.RowToStructByPos[ExportedReply]); err != nil {
		return x, err
	}
	rows, err = tx.Query(ctx, `SELECT pool, created_at FROM suppression WHERE org_id = $1 AND phone_hash = $2 ORDER BY created_at`, tx.Org, hash)
	x.OptOuts, err = many(rows, err, pgx.RowToStructByPos[OptedOut])
	x.Texts, x.Replies = capped(&x, x.Texts), capped(&x, x.Replies)
	return x, err
}

// capped cuts a list to its limit, and tells when there was more.
func capped[T any](x *CustomerExport, all []T) []T {
	if len(all) > exportMost {
		x.Truncated = true
		return all[:exportMost]
	}
	return all
}

func (x *CustomerExport) readBookings(ctx context.Context, tx *Tx, k *pii.Keyring) error {
	rows, err := tx.Query(ctx, `SELECT `+bookingColumns+` FROM `+bookingTables+` WHERE b.org_id = $1 AND b.customer_id = $2
		ORDER BY b.created_at DESC LIMIT $3`, tx.Org, x.Customer.ID, exportMost+1)
	all, err := many(rows, err, scanBooking)
	if err != nil {
		return err
	}
	all = capped(x, all)
	ids, at := make([]uuid.UUID, len(all)), make(map[uuid.UUID]*ExportedBooking)
	x.Bookings = make([]ExportedBooking, len(all))
	for i, b := range all {
		x.Bookings[i] = ExportedBooking{Booking: b}
		ids[i], at[b.ID] = b.ID, &x.Bookings[i]
	}
	var (
		id     uuid.UUID
		sealed []byte
		e      Event
	)
	if rows, err = tx.Query(ctx, `SELECT id, notes_sealed FROM booking WHERE org_id = $1 AND id = ANY ($2) AND notes_sealed IS NOT NULL`, tx.Org, ids); err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&id, &sealed}, func() error {
		notes, err := k.Open(tx.Org, purposeNotes, sealed)
		at[id].Notes = pii.NewText(notes)
		return err
	})
	if err != nil {
		return err
	}
	if rows, err = tx.Query(ctx, `SELECT booking_id, at, kind, detail FROM booking_event WHERE org_id = $1 AND booking_id = ANY ($2) ORDER BY id`, tx.Org, ids); err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&id, &e.At, &e.Kind, &e.Detail}, func() error {
		at[id].Events = append(at[id].Events, Event{e.At, e.Kind, append([]byte{}, e.Detail...)})
		return nil
	})
	if err != nil {
		return err
	}
	return x.readTranscripts(ctx, tx, k, ids)
}

// exportMostText is how many bytes of transcripts, as they are sealed, an export has, the newest.
const exportMostText = 8 << 20

// readTranscripts reads the newest by one statement. Those that do not fit any more are not read from where long values lie: their
// sizes are known without that.
func (x *CustomerExport) readTranscripts(ctx context.Context, tx *Tx, k *pii.Keyring, bookings []uuid.UUID) error {
	var total int
	rows, err := tx.Query(ctx, `WITH sized AS MATERIALIZED (
		SELECT id, created_at, sum(octet_length(text_sealed)) OVER (ORDER BY created_at DESC, id) AS bytes FROM transcript
		 WHERE org_id = $1 AND booking_id = ANY ($2) ORDER BY created_at DESC, id LIMIT $3)
		SELECT (SELECT count(*) FROM sized), x.id, `+transcriptColumns+`
		  FROM sized s JOIN transcript x ON x.org_id = $1 AND x.id = s.id JOIN org o ON o.id = x.org_id
		 WHERE s.bytes <= $4 OR s.bytes IS NULL ORDER BY s.created_at DESC, s.id`, tx.Org, bookings, exportMost+1, exportMostText)
	x.Transcripts, err = many(rows, err, func(r pgx.CollectableRow) (t Transcript, err error) {
		var sealed []byte
		if err := r.Scan(append([]any{&total, &t.ID}, t.scan(&sealed)...)...); err != nil {
			return t, err
		}
		err = t.open(tx, k, sealed)
		return t, err
	})
	if err != nil {
		return err
	}
	if len(x.Transcripts) < total {
		x.Truncated = true
	}
	x.Transcripts = capped(x, x.Transcripts)
	return nil
}
