package store

import (
	"context"
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

// A subject is found by an index of those that are not empty, which the planner takes only when it is told so.
const loadErasure = `SELECT c.erased_at,
	COALESCE((SELECT detail FROM audit_log WHERE org_id = $1 AND subject = $2::text AND subject <> '' AND action = '` + ActionErase + `' ORDER BY id LIMIT 1), '{}'),
	t.done, t.pending, t.absent, t.failed
	FROM customer c, LATERAL (SELECT count(*) FILTER (WHERE redacted = 'done') AS done, count(*) FILTER (WHERE redacted = 'pending') AS pending,
	       count(*) FILTER (WHERE redacted = 'absent') AS absent, count(*) FILTER (WHERE redacted = 'failed') AS failed
	  FROM (SELECT redacted FROM message WHERE org_id = $1 AND erased_for = $2
	        UNION ALL SELECT redacted FROM inbound WHERE org_id = $1 AND erased_for = $2) x) t
	WHERE c.org_id = $1 AND c.id = $2::uuid AND c.erased_at IS NOT NULL`

// LoadErasure reads what became of erasing a customer; ErrNotFound when the org has no such one who was erased.
func LoadErasure(ctx context.Context, tx *Tx, id uuid.UUID) (Erasure, error) {
	e := Erasure{Customer: id}
	p := &e.Provider
	err := tx.QueryRow(ctx, loadErasure, tx.Org, id).
		Scan(&e.At, &e.Erased, &p.Redacted, &p.Pending, &p.NotFound, &p.Failed)
	if errors.Is(err, pgx.ErrNoRows) {
		return e, ErrNotFound
	}
	return e, err
}

// LockErasure puts the transaction in line with all that makes rows for a customer: his conversations, then his texts, then his
// bookings, by id. Texts come before bookings, since whoever sends one, or hears what became of it, locks the text first and then
// the booking and its code; nobody locks a booking and then a text that there is. Those that were made meanwhile are locked last.
// It returns the hash of his phone, nil when he was erased already; ErrNotFound when the org has no such customer.
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
	const texts = `SELECT FROM message WHERE org_id = $1 AND to_hash = $2 ORDER BY id FOR UPDATE`
	tx.Queue(texts, tx.Org, phoneHash)
	tx.Queue(`SELECT FROM booking WHERE org_id = $1 AND customer_id = $2 ORDER BY id FOR NO KEY UPDATE`, tx.Org, id)
	tx.Queue(texts, tx.Org, phoneHash)
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
// counts it in e. It returns the ids of the texts, his and ours, of which the provider has a copy or may come to have one, and
// of those among them that had been given up though they may have gone out: they are to be looked up once more.
func EraseCustomer(ctx context.Context, tx *Tx, k *pii.Keyring, customer uuid.UUID, phoneHash []byte, e *Erased) (copies, lost []uuid.UUID, err error) {
	var bookings, once, transcripts, replies []uuid.UUID
	queueIDs(tx, &bookings, `SELECT id FROM booking WHERE org_id = $1 AND customer_id = $2`, tx.Org, customer)
	queueIDs(tx, &once, onceBookings, tx.Org, phoneHash, customer)
	if err := tx.Flush(ctx); err != nil {
		return nil, nil, err
	}
	e.Bookings = len(bookings)
	// What goes on of bookings that have begun: their customer cannot be asked any more.
	tx.Queue(`UPDATE hold SET live = false WHERE org_id = $1 AND owner_id = ANY ($2) AND live AND expires_at IS NOT NULL`, tx.Org, bookings)
	tx.Queue(`UPDATE booking SET notes_sealed = NULL, followup_from = NULL, reminder_at = NULL WHERE org_id = $1 AND id = ANY ($2)`, tx.Org, bookings)
	tx.Queue(`UPDATE verification SET state = 'revoked' WHERE org_id = $1 AND booking_id = ANY ($2) AND state IN ('pending', 'sent')`, tx.Org, bookings)
	tx.Queue(`UPDATE move SET state = 'canceled' WHERE org_id = $1 AND booking_id = ANY ($2) AND state = 'pending'`, tx.Org, bookings)

	if copies, lost, err = eraseTexts(ctx, tx, k, customer, phoneHash, e); err != nil {
		return nil, nil, err
	}
	if replies, err = eraseReplies(ctx, tx, customer, phoneHash); err != nil {
		return nil, nil, err
	}
	e.Replies = len(replies)
	queueIDs(tx, &transcripts, `UPDATE transcript SET text_sealed = NULL, call_id = 'erased' WHERE org_id = $1 AND booking_id = ANY ($2) RETURNING id`, tx.Org, bookings)
	queueCount(tx, &e.Questions, `UPDATE question SET phone_hash = NULL, state = CASE state WHEN 'open' THEN 'replaced' ELSE state END
		WHERE org_id = $1 AND phone_hash = $2`, tx.Org, phoneHash)
	tx.Queue(`UPDATE sms_breaker SET refused = array_remove(refused, $2) WHERE org_id = $1 AND $2 = ANY (refused)`, tx.Org, phoneHash)
	if err := tx.Flush(ctx); err != nil {
		return nil, nil, err
	}
	e.Transcripts = len(transcripts)
	about := append(append(append([]uuid.UUID{}, bookings...), transcripts...), replies...)
	queueCount(tx, &e.Redactions, `UPDATE redaction SET hash = NULL WHERE org_id = $1 AND subject = ANY ($2) AND hash IS NOT NULL`, tx.Org, about)
	if err := eraseRequests(ctx, tx, customer, bookings, once, e); err != nil {
		return nil, nil, err
	}
	tx.Queue(`UPDATE customer SET phone_hash = NULL, phone_sealed = NULL, phone_last2 = '', name_sealed = NULL, locale = NULL, time_zone = NULL,
		erased_at = clock_timestamp() WHERE org_id = $1 AND id = $2`, tx.Org, customer)
	return append(copies, replies...), lost, nil
}

// eraseTexts empties the texts to a phone. One whose call is under way, or of which nobody knows what became, keeps its number
// until that is known: without it nobody could find out. It gets the number itself if so far it lay with the customer. So does one
// of which nobody has found out (lost): it is unknown again.
func eraseTexts(ctx context.Context, tx *Tx, k *pii.Keyring, customer uuid.UUID, phoneHash []byte, e *Erased) (copies, lost []uuid.UUID, err error) {
	c, err := LoadCustomer(ctx, tx, k, customer)
	if err != nil {
		return nil, nil, err
	}
	number, err := k.Seal(tx.Org, purposeTo, c.Phone.Reveal())
	if err != nil {
		return nil, nil, err
	}
	rows, err := tx.Query(ctx, `WITH theirs AS MATERIALIZED (
		SELECT m.id, m.state IN ('sending', 'unknown') OR l.lost AS flies, l.lost
		  FROM message m, LATERAL (SELECT m.state = 'failed' AND m.provider_sid IS NULL AND m.error_class IS NOT DISTINCT FROM 'unknown' AS lost) l
		 WHERE m.org_id = $1 AND m.to_hash = $3 ORDER BY m.id FOR UPDATE OF m),
	emptied AS (
		UPDATE message m SET erased_for = $2, state = CASE WHEN m.state = 'queued' THEN 'canceled' WHEN t.lost THEN 'unknown' ELSE m.state END,
		       to_hash = CASE WHEN t.flies THEN m.to_hash END, to_sealed = CASE WHEN t.flies THEN COALESCE(m.to_sealed, $4) END,
		       body_hash = CASE WHEN t.flies THEN m.body_hash END, prefix_hash = NULL,
		       redacted = CASE WHEN t.flies OR m.provider_sid IS NOT NULL THEN 'pending' END
		  FROM theirs t WHERE m.org_id = $1 AND m.id = t.id RETURNING m.id, m.redacted IS NOT NULL AS copied, t.lost)
	SELECT id, copied, lost FROM emptied`, tx.Org, customer, phoneHash, number)
	if err != nil {
		return nil, nil, err
	}
	var (
		id           uuid.UUID
		copied, gone bool
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &copied, &gone}, func() error {
		e.Texts++
		if copied {
			copies = append(copies, id)
		}
		if gone {
			lost = append(lost, id)
		}
		return nil
	})
	return copies, lost, err
}

// eraseReplies empties the texts from a phone, read or not. The provider has a copy of each.
func eraseReplies(ctx context.Context, tx *Tx, customer uuid.UUID, phoneHash []byte) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `UPDATE inbound SET erased_for = $2, redacted = 'pending', from_hash = NULL, from_sealed = NULL, body_sealed = NULL,
		text_sealed = NULL, done_at = COALESCE(done_at, clock_timestamp()), intent = COALESCE(intent, 'erased')
		WHERE org_id = $1 AND from_hash = $3 RETURNING id`, tx.Org, customer, phoneHash)
	return many(rows, err, pgx.RowTo[uuid.UUID])
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
