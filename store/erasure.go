package store

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Erased counts what erasing a customer has emptied or ended. Past bookings stay, as what was booked when, by nobody.
type Erased struct {
	Bookings    int `json:"bookings"`
	Canceled    int `json:"canceled"` // of them, since they were held or still ahead
	Texts       int `json:"texts"`
	Replies     int `json:"replies"`
	Questions   int `json:"questions"`
	Transcripts int `json:"transcripts"`
	Redactions  int `json:"redactions"` // hashes of what was taken out
	Requests    int `json:"requests"`
}

// AtProvider counts the texts of an erased customer that the provider has had, by what became of its copies.
type AtProvider struct {
	Redacted int `json:"redacted"`
	Pending  int `json:"pending"`
	NotFound int `json:"not_found"` // the provider knows no such text
	Failed   int `json:"failed"`    // given up: a dead letter
}

// Erasure is what became of erasing a customer.
type Erasure struct {
	Customer uuid.UUID
	At       time.Time
	Erased   Erased
	Provider AtProvider // as it is now
}

// CustomerKnown reports whether the org has a customer, erased or not.
func CustomerKnown(ctx context.Context, tx *Tx, id uuid.UUID) (known bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM customer WHERE org_id = $1 AND id = $2)`, tx.Org, id).Scan(&known)
	return known, err
}

// ActionErase is the action of the audit log's rows whose subject is a customer who was erased. After a restore from a backup
// they tell who is to be erased again.
const ActionErase = "customer.erase"

// LoadErasure reads what became of erasing a customer; ErrNotFound when the org has no such one who was erased.
func LoadErasure(ctx context.Context, tx *Tx, id uuid.UUID) (Erasure, error) {
	e := Erasure{Customer: id}
	p := &e.Provider
	err := tx.QueryRow(ctx, `SELECT c.erased_at,
		COALESCE((SELECT detail FROM audit_log WHERE org_id = $1 AND subject = $2::text AND action = '`+ActionErase+`' ORDER BY id LIMIT 1), '{}'),
		t.done, t.pending, t.absent, t.failed
		FROM customer c, LATERAL (SELECT count(*) FILTER (WHERE redacted = 'done') AS done, count(*) FILTER (WHERE redacted = 'pending') AS pending,
		       count(*) FILTER (WHERE redacted = 'absent') AS absent, count(*) FILTER (WHERE redacted = 'failed') AS failed
		  FROM (SELECT redacted FROM message WHERE org_id = $1 AND erased_for = $2
		        UNION ALL SELECT redacted FROM inbound WHERE org_id = $1 AND erased_for = $2) x) t
		WHERE c.org_id = $1 AND c.id = $2::uuid AND c.erased_at IS NOT NULL`, tx.Org, id).
		Scan(&e.At, &e.Erased, &p.Redacted, &p.Pending, &p.NotFound, &p.Failed)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, ErrNotFound
	}
	return e, err
}

// LockErasure puts the transaction in line with all that makes rows for a customer: his conversations, and then his bookings,
// by id. It returns the hash of his phone, nil when he was erased already; ErrNotFound when the org has no such customer.
func LockErasure(ctx context.Context, tx *Tx, id uuid.UUID) (phoneHash []byte, err error) {
	err = tx.QueryRow(ctx, `SELECT phone_hash FROM customer WHERE org_id = $1 AND id = $2`, tx.Org, id).Scan(&phoneHash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil || phoneHash == nil {
		return nil, err
	}
	LockConversation(tx, "claim", phoneHash)
	tx.Queue(`SELECT `+lockConversation(accountPool, `$3`)+` FROM sms_account a WHERE a.org_id = $2`, tx.Org.String(), tx.Org, phoneHash)
	tx.Queue(`SELECT FROM booking WHERE org_id = $1 AND customer_id = $2 ORDER BY id FOR NO KEY UPDATE`, tx.Org, id)
	err = tx.QueryRow(ctx, `SELECT phone_hash FROM customer WHERE org_id = $1 AND id = $2`, tx.Org, id).Scan(&phoneHash)
	return phoneHash, err
}

// Ahead lists a customer's bookings that are held, or confirmed and have not begun. They are locked.
func Ahead(ctx context.Context, tx *Tx, customer uuid.UUID) ([]Booking, error) {
	rows, err := tx.Query(ctx, `SELECT `+bookingColumns+` FROM `+bookingTables+` WHERE b.org_id = $1 AND b.customer_id = $2
		AND (b.state = 'held' OR b.state = 'confirmed' AND b.starts_at > clock_timestamp()) ORDER BY b.id`, tx.Org, customer)
	return many(rows, err, scanBooking)
}

// EraseCustomer empties everything that tells who a locked customer was, but for the hash by which an opt-out is kept, and
// counts it in e. It returns the ids of the texts, his and ours, of which the provider has a copy or may come to have one.
func EraseCustomer(ctx context.Context, tx *Tx, k *pii.Keyring, customer uuid.UUID, phoneHash []byte, e *Erased) (copies []uuid.UUID, err error) {
	var bookings, transcripts, replies []uuid.UUID
	var from *time.Time
	if err := tx.QueryRow(ctx, `SELECT COALESCE(array_agg(id), '{}'), min(created_at) FROM booking WHERE org_id = $1 AND customer_id = $2`, tx.Org, customer).
		Scan(&bookings, &from); err != nil {
		return nil, err
	}
	e.Bookings = len(bookings)
	// What goes on of bookings that have begun: their customer cannot be asked any more.
	tx.Queue(`UPDATE hold SET live = false WHERE org_id = $1 AND owner_id = ANY ($2) AND live AND expires_at IS NOT NULL`, tx.Org, bookings)
	tx.Queue(`UPDATE booking SET notes_sealed = NULL, followup_from = NULL, reminder_at = NULL WHERE org_id = $1 AND id = ANY ($2)`, tx.Org, bookings)
	tx.Queue(`UPDATE verification SET state = 'revoked' WHERE org_id = $1 AND booking_id = ANY ($2) AND state IN ('pending', 'sent')`, tx.Org, bookings)
	tx.Queue(`UPDATE move SET state = 'canceled' WHERE org_id = $1 AND booking_id = ANY ($2) AND state = 'pending'`, tx.Org, bookings)

	if copies, err = eraseTexts(ctx, tx, k, customer, phoneHash, e); err != nil {
		return nil, err
	}
	if replies, err = eraseReplies(ctx, tx, customer, phoneHash); err != nil {
		return nil, err
	}
	e.Replies = len(replies)
	queueIDs(tx, &transcripts, `UPDATE transcript SET text_sealed = NULL, call_id = 'erased' WHERE org_id = $1 AND booking_id = ANY ($2) RETURNING id`, tx.Org, bookings)
	queueCount(tx, &e.Questions, `UPDATE question SET phone_hash = NULL, state = CASE state WHEN 'open' THEN 'replaced' ELSE state END
		WHERE org_id = $1 AND phone_hash = $2`, tx.Org, phoneHash)
	tx.Queue(`UPDATE sms_breaker SET refused = array_remove(refused, $2) WHERE org_id = $1 AND $2 = ANY (refused)`, tx.Org, phoneHash)
	if err := tx.Flush(ctx); err != nil {
		return nil, err
	}
	e.Transcripts = len(transcripts)
	about := append(append(append([]uuid.UUID{}, bookings...), transcripts...), replies...)
	queueCount(tx, &e.Redactions, `UPDATE redaction SET hash = NULL WHERE org_id = $1 AND subject = ANY ($2) AND hash IS NOT NULL`, tx.Org, about)
	if err := eraseRequests(ctx, tx, from, about, e); err != nil {
		return nil, err
	}
	tx.Queue(`UPDATE customer SET phone_hash = NULL, phone_sealed = NULL, phone_last2 = '', name_sealed = NULL, locale = NULL, time_zone = NULL,
		erased_at = clock_timestamp() WHERE org_id = $1 AND id = $2`, tx.Org, customer)
	return append(copies, replies...), nil
}

// eraseTexts empties the texts to a phone. One whose call is under way, or of which nobody knows what became, keeps its number
// until that is known: without it nobody could find out. It gets the number itself if so far it lay with the customer.
func eraseTexts(ctx context.Context, tx *Tx, k *pii.Keyring, customer uuid.UUID, phoneHash []byte, e *Erased) (copies []uuid.UUID, err error) {
	c, err := LoadCustomer(ctx, tx, k, customer)
	if err != nil {
		return nil, err
	}
	number, err := k.Seal(tx.Org, purposeTo, c.Phone.Reveal())
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `WITH theirs AS MATERIALIZED (
		SELECT id, state IN ('sending', 'unknown') AS flies FROM message WHERE org_id = $1 AND to_hash = $3 ORDER BY id FOR UPDATE),
	emptied AS (
		UPDATE message m SET erased_for = $2, state = CASE m.state WHEN 'queued' THEN 'canceled' ELSE m.state END,
		       to_hash = CASE WHEN t.flies THEN m.to_hash END, to_sealed = CASE WHEN t.flies THEN COALESCE(m.to_sealed, $4) END,
		       body_hash = CASE WHEN t.flies THEN m.body_hash END, prefix_hash = NULL,
		       redacted = CASE WHEN t.flies OR m.provider_sid IS NOT NULL THEN 'pending' END
		  FROM theirs t WHERE m.org_id = $1 AND m.id = t.id RETURNING m.id, m.redacted IS NOT NULL AS copied)
	SELECT id, copied FROM emptied`, tx.Org, customer, phoneHash, number)
	if err != nil {
		return nil, err
	}
	var (
		id     uuid.UUID
		copied bool
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &copied}, func() error {
		e.Texts++
		if copied {
			copies = append(copies, id)
		}
		return nil
	})
	return copies, err
}

// eraseReplies empties the texts from a phone, read or not. The provider has a copy of each.
func eraseReplies(ctx context.Context, tx *Tx, customer uuid.UUID, phoneHash []byte) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `UPDATE inbound SET erased_for = $2, redacted = 'pending', from_hash = NULL, from_sealed = NULL, body_sealed = NULL,
		text_sealed = NULL, done_at = COALESCE(done_at, clock_timestamp()), intent = COALESCE(intent, 'erased')
		WHERE org_id = $1 AND from_hash = $3 RETURNING id`, tx.Org, customer, phoneHash)
	return many(rows, err, pgx.RowTo[uuid.UUID])
}

// requestSlice is how much time one statement of eraseRequests looks at, so that none takes long.
const requestSlice = 7 * 24 * time.Hour

// eraseRequests empties what answered requests tell of things: fingerprints of bodies, the call that they came from, and the
// last digits of a phone in answers. No index leads from a thing to its requests, since it would be written with each booking;
// but ids of requests begin with their time, and a request is at most a day older than what it made. Requests that are not
// answered yet are answered by their tasks, which find nothing left. Their keys stay: with one of them nothing is done again.
func eraseRequests(ctx context.Context, tx *Tx, from *time.Time, about []uuid.UUID, e *Erased) error {
	if from == nil { // no booking
		return nil
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return err
	}
	now = now.Add(time.Minute)
	for at := from.Add(-24 * time.Hour); at.Before(now); at = at.Add(requestSlice) {
		var n int
		queueCount(tx, &n, `UPDATE request SET fingerprint = '', conversation = NULL,
			answer = regexp_replace(regexp_replace(answer::text, '"phone":"[^"]*"', '"phone":""', 'g'), '"call_id":"[^"]*"', '"call_id":"erased"')::json
			WHERE org_id = $1 AND id >= $2 AND id < $3 AND done_at IS NOT NULL AND fingerprint <> '' AND (booking_id = ANY ($4) OR `+made+` = ANY ($4))`,
			tx.Org, madeAt(at), madeAt(at.Add(requestSlice)), about)
		if err := tx.Flush(ctx); err != nil {
			return err
		}
		e.Requests += n
	}
	return nil
}

// madeAt is the smallest id that was made at a time or later, of those that begin with their time (UUIDv7).
func madeAt(t time.Time) (id uuid.UUID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli())) // #nosec G115 -- after 1970
	copy(id[:6], ms[2:])
	return id
}

// queueCount queues an UPDATE and counts its rows in n when it goes out.
func queueCount(tx *Tx, n *int, update string, args ...any) {
	tx.QueueRead(func(rows pgx.Rows) (err error) {
		*n, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
		return err
	}, `WITH changed AS (`+update+` RETURNING 1) SELECT count(*)::int FROM changed`, args...)
}

// queueIDs queues a statement that returns ids, which are in ids when it goes out.
func queueIDs(tx *Tx, ids *[]uuid.UUID, sql string, args ...any) {
	tx.QueueRead(func(rows pgx.Rows) (err error) {
		*ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		return err
	}, sql, args...)
}
