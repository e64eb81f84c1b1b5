package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Inbound is a text from a customer.
type Inbound struct {
	ID         uuid.UUID
	SID        string
	From       pii.Phone
	FromHash   []byte
	Sender     string // the number or pool it was sent to
	Body       pii.Text
	OptOutType string    // STOP, START or HELP when the provider has answered already
	At         time.Time // when it came, by the database's clock
}

const (
	purposeFrom    = "inbound.from"
	purposeInbound = "inbound.body"
	purposeReply   = "inbound.text"
)

// InsertInbound writes a text from a customer; fresh is false when the provider had delivered it before.
func InsertInbound(ctx context.Context, tx *Tx, k *pii.Keyring, in Inbound) (fresh bool, err error) {
	from, err := k.Seal(tx.Org, purposeFrom, in.From.Reveal())
	if err != nil {
		return false, err
	}
	body, err := k.Seal(tx.Org, purposeInbound, in.Body.Reveal())
	if err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, `INSERT INTO inbound (org_id, id, provider_sid, from_hash, from_sealed, sender, body_sealed, opt_out_type)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org_id, provider_sid) DO NOTHING`,
		tx.Org, in.ID, in.SID, PhoneHash(k, tx.Org, in.From), from, in.Sender, body, in.OptOutType)
	return tag.RowsAffected() == 1, err
}

// LoadInbound reads and opens a text that is not understood yet. One whose customer was erased is ErrNotFound.
func LoadInbound(ctx context.Context, tx *Tx, k *pii.Keyring, id uuid.UUID) (Inbound, error) {
	in := Inbound{ID: id}
	var from, body []byte
	err := tx.QueryRow(ctx, `SELECT provider_sid, from_hash, from_sealed, sender, body_sealed, opt_out_type, created_at
		FROM inbound WHERE org_id = $1 AND id = $2 AND erased_for IS NULL`, tx.Org, id).Scan(&in.SID, &in.FromHash, &from, &in.Sender, &body, &in.OptOutType, &in.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return in, ErrNotFound
	}
	if err != nil {
		return in, err
	}
	phone, err := k.Open(tx.Org, purposeFrom, from)
	if err != nil {
		return in, err
	}
	text, err := k.Open(tx.Org, purposeInbound, body)
	in.From, in.Body = pii.KnownPhone(phone), pii.NewText(text)
	return in, err
}

// FinishInbound queues what a text was understood as and which booking it was about, and empties it.
func FinishInbound(tx *Tx, id uuid.UUID, intent string, about uuid.NullUUID) {
	tx.Queue(`UPDATE inbound SET intent = $3, booking_id = $4, done_at = clock_timestamp(), body_sealed = NULL WHERE org_id = $1 AND id = $2`,
		tx.Org, id, intent, about)
}

// TellReply makes the task that tells the org's endpoint of a text, and reports whether there is one that wants to hear of
// it. The row is locked first, by a statement of its own: an UPDATE that had to wait for another would compute its values anew, and make
// a second task, and the first would tell of nothing.
func TellReply(ctx context.Context, tx *Tx, id uuid.UUID) (told bool, err error) {
	tx.Queue(`SELECT FROM inbound WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE`, tx.Org, id)
	err = tx.QueryRow(ctx, `UPDATE inbound SET told_as = endpoint_tell(org_id, '`+KindReply+`') WHERE org_id = $1 AND id = $2 RETURNING told_as IS NOT NULL`,
		tx.Org, id).Scan(&told)
	return told, err
}

// KeepReply queues what redaction has left of a text that the endpoint is told of. It is sealed all the same, and kept
// until ForgetReply.
func KeepReply(tx *Tx, k *pii.Keyring, id uuid.UUID, left pii.Text) error {
	text, err := k.Seal(tx.Org, purposeReply, left.Reveal())
	if err != nil {
		return err
	}
	tx.Queue(`UPDATE inbound SET text_sealed = $3 WHERE org_id = $1 AND id = $2`, tx.Org, id, text)
	return nil
}

// ForgetReply queues that nothing is kept of the text that is told of under an id: the endpoint has it, or nobody will tell.
func ForgetReply(tx *Tx, told uuid.UUID) {
	tx.Queue(`UPDATE inbound SET text_sealed = NULL WHERE org_id = $1 AND told_as = $2`, tx.Org, told)
}

// LockConversation puts the transaction in line for what is said with one phone; it comes before any resource.
func LockConversation(tx *Tx, pool string, phoneHash []byte) {
	tx.Queue(`SELECT `+lockConversation(`$2`, `$3`), tx.Org.String(), pool, phoneHash)
}

// LockConversationOf is LockConversation for the phone and the sender pool of a text.
func LockConversationOf(tx *Tx, message uuid.UUID) {
	tx.Queue(`SELECT `+lockConversation(`COALESCE(`+accountPool+`, '')`, `m.to_hash`)+`
		FROM message m LEFT JOIN sms_account a ON a.org_id = m.org_id WHERE m.org_id = $2 AND m.id = $3`, tx.Org.String(), tx.Org, message)
}

// LockConversationWith is LockConversation for the phone of a text from a customer and the org's own sender pool.
func LockConversationWith(tx *Tx, inbound uuid.UUID) {
	tx.Queue(`SELECT `+lockConversation(`COALESCE(`+accountPool+`, '')`, `i.from_hash`)+`
		FROM inbound i LEFT JOIN sms_account a ON a.org_id = i.org_id WHERE i.org_id = $2 AND i.id = $3`, tx.Org.String(), tx.Org, inbound)
}

// lockConversation locks what is said with a phone by a pool of org $1.
func lockConversation(pool, phoneHash string) string {
	return `pg_advisory_xact_lock(hashtextextended($1::text || ` + pool + ` || encode(` + phoneHash + `, 'hex'), 1))`
}

// HeardQuestion reads what a phone had been asked last at a time: the newest question whose text the provider had by then,
// though another one has taken its place since. ErrNotFound: there is none, or it was over by then, or is answered.
func HeardQuestion(ctx context.Context, tx *Tx, pool string, phoneHash []byte, at time.Time) (Question, error) {
	rows, err := tx.Query(ctx, `SELECT `+questionColumns+` FROM (
		SELECT q.* FROM question q JOIN message m ON m.org_id = q.org_id AND m.id = q.id
		 WHERE q.org_id = $1 AND q.phone_hash = $2 AND q.pool = $3 AND q.created_at < $4 AND m.claimed_at <= $4 AND m.accepted_at IS NOT NULL
		 ORDER BY q.created_at DESC LIMIT 1) q
		WHERE q.state <> 'answered' AND q.expires_at > $4
		  AND EXISTS (SELECT FROM booking b JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id
		       WHERE b.org_id = q.org_id AND b.id = q.booking_id AND c.phone_hash = q.phone_hash)`, tx.Org, phoneHash, pool, at)
	return one(rows, err, scanQuestion)
}

// NeverSent reports whether a text has ended without the provider having had it.
func NeverSent(ctx context.Context, tx *Tx, message uuid.UUID) (never bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM message WHERE org_id = $1 AND id = $2 AND state IN ('failed', 'canceled') AND accepted_at IS NULL)`,
		tx.Org, message).Scan(&never)
	return never, err
}
