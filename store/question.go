package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Kinds of question.
const (
	AskKeep   = "keep"   // K keeps the booking, a digit takes another time
	AskCancel = "cancel" // C once more cancels the booking, K leaves it
)

// Question is what a phone was asked by a text, so that a short reply says something. It has the id of that text.
type Question struct {
	ID        uuid.UUID
	BookingID uuid.UUID
	Kind      string
	Choices   []Choice  // the times that a digit takes, from 1 on
	ReadAt    time.Time // by the database's clock
	// AskedAt is when its text went to the provider, once that has accepted it; nil: not yet. What was written before is no
	// answer. SendingSince is when it went while nobody knows what came of that; nil: it is known.
	AskedAt, SendingSince *time.Time
}

// Choice is a time that was offered.
type Choice struct {
	Resource uuid.UUID `json:"resource"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
}

// Ask queues a question to a phone, open for the time given: it takes the place of the one that is open. Asked again under
// its id, as by a text that is tried again, it has the new choices. The conversation is locked.
func Ask(tx *Tx, pool string, phoneHash []byte, q Question, open time.Duration) error {
	if q.Choices == nil {
		q.Choices = []Choice{}
	}
	choices, err := json.Marshal(q.Choices)
	if err != nil {
		return err
	}
	tx.Queue(`UPDATE question SET state = 'replaced' WHERE org_id = $1 AND phone_hash = $2 AND pool = $3 AND state = 'open' AND id <> $4`,
		tx.Org, phoneHash, pool, q.ID)
	tx.Queue(`INSERT INTO question AS q (org_id, id, booking_id, pool, phone_hash, kind, choices, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8::interval)
		ON CONFLICT (org_id, id) DO UPDATE SET choices = excluded.choices, expires_at = excluded.expires_at WHERE q.state = 'open'`,
		tx.Org, q.ID, q.BookingID, pool, phoneHash, q.Kind, choices, open)
	return nil
}

const questionColumns = `q.id, q.booking_id, q.kind, q.choices, clock_timestamp(),
	(SELECT m.claimed_at FROM message m WHERE m.org_id = q.org_id AND m.id = q.id AND m.accepted_at IS NOT NULL),
	(SELECT m.claimed_at FROM message m WHERE m.org_id = q.org_id AND m.id = q.id AND m.state = 'sending')`

// OpenQuestion reads what a phone was asked last and has not answered; ErrNotFound when nothing is open. A booking that was
// given to another number meanwhile is nothing that the phone has a say in.
func OpenQuestion(ctx context.Context, tx *Tx, pool string, phoneHash []byte) (Question, error) {
	rows, err := tx.Query(ctx, `SELECT `+questionColumns+` FROM question q
		WHERE org_id = $1 AND phone_hash = $2 AND pool = $3 AND state = 'open' AND expires_at > clock_timestamp()
		  AND EXISTS (SELECT FROM booking b JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id
		       WHERE b.org_id = q.org_id AND b.id = q.booking_id AND c.phone_hash = q.phone_hash)`, tx.Org, phoneHash, pool)
	return one(rows, err, scanQuestion)
}

// ChoiceAnswered reports whether the phone was offered times and has answered while they were offered: another digit has
// nothing left to say.
func ChoiceAnswered(ctx context.Context, tx *Tx, pool string, phoneHash []byte) (answered bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM question WHERE org_id = $1 AND phone_hash = $2 AND pool = $3
		AND state = 'answered' AND choices <> '[]' AND expires_at > clock_timestamp())`, tx.Org, phoneHash, pool).Scan(&answered)
	return answered, err
}

// FindQuestion reads the open question that a text asks; ErrNotFound when it asks none, or no longer: it was answered, another
// one has taken its place, or its time is over.
func FindQuestion(ctx context.Context, tx *Tx, message uuid.UUID) (Question, error) {
	rows, err := tx.Query(ctx, `SELECT `+questionColumns+` FROM question q WHERE org_id = $1 AND id = $2
		AND state = 'open' AND expires_at > clock_timestamp()`, tx.Org, message)
	return one(rows, err, scanQuestion)
}

// QuestionClosed reports whether what a text has asked when it was tried before was answered since, or replaced. One whose
// time is over may be asked again.
func QuestionClosed(ctx context.Context, tx *Tx, message uuid.UUID) (closed bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM question WHERE org_id = $1 AND id = $2 AND state <> 'open')`, tx.Org, message).Scan(&closed)
	return closed, err
}

// AnswerQuestion queues that a question is answered: another reply does not answer it again.
func AnswerQuestion(tx *Tx, id uuid.UUID) {
	tx.Queue(`UPDATE question SET state = 'answered' WHERE org_id = $1 AND id = $2 AND state = 'open'`, tx.Org, id)
}

// EndQuestion queues the end of a question whose text nobody got: nothing is an answer to it any more.
func EndQuestion(tx *Tx, id uuid.UUID) {
	tx.Queue(`UPDATE question SET expires_at = LEAST(expires_at, clock_timestamp()) WHERE org_id = $1 AND id = $2 AND state = 'open'`, tx.Org, id)
}

func scanQuestion(r pgx.CollectableRow) (q Question, err error) {
	var choices []byte
	if err = r.Scan(&q.ID, &q.BookingID, &q.Kind, &choices, &q.ReadAt, &q.AskedAt, &q.SendingSince); err != nil {
		return q, err
	}
	return q, json.Unmarshal(choices, &q.Choices)
}
