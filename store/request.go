package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store/pii"
)

// Request is what somebody asked for. Body is sealed at rest and gone once the request is answered.
type Request struct {
	ID        uuid.UUID
	Kind      string
	Source    string // who asked, as the scope of IdemKey: "api", "events", "vapi"
	IdemKey   string // "" = none
	Body      pii.Text
	BookingID uuid.NullUUID
	// Conversation is the call that a voice agent asked in, as its platform names it; "" = none.
	Conversation string
	// Same is what a repeat has in common with it, where that is less than Body; zero: all of Body.
	Same pii.Text
}

// Opened is a request as its task finds it, with what its work needs to know of the moment and the org.
type Opened struct {
	ID        uuid.UUID
	Body      pii.Text
	BookingID uuid.NullUUID
	Now       time.Time // by the database's clock
	Region    string    // the org's, for numbers in national form
}

type sealedRequest struct {
	body    []byte
	booking uuid.NullUUID
	now     time.Time
	region  string
}

// Answer is what a request was answered with. Status 0 means not yet. Body is JSON without personal data.
type Answer struct {
	Status int
	Body   []byte
	Kind   string // the request's, as it is read
}

// ErrKeyReused says that an idempotency key was used before with another body.
var ErrKeyReused = errors.New("idempotency key used with another body")

const purposeRequest = "request.body"

// InsertRequest writes r, or finds the request that its idempotency key was used for. It returns the id of
// the request that counts and whether it is the new one. ErrKeyReused: the key came with another body.
func InsertRequest(ctx context.Context, tx *Tx, k *pii.Keyring, r Request) (id uuid.UUID, fresh bool, err error) {
	sealed, err := k.Seal(tx.Org, purposeRequest, r.Body.Reveal())
	if err != nil {
		return uuid.Nil, false, err
	}
	print := r.fingerprint(tx.Org, k)
	const insert = `INSERT INTO request (org_id, id, kind, source, idem_key, fingerprint, body_sealed, booking_id, conversation)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	key := keyHash(k, tx.Org, r.Source, r.IdemKey)
	args := []any{tx.Org, r.ID, r.Kind, r.Source, key, print, sealed, r.BookingID, conversationHash(k, tx.Org, r.Conversation)}
	if r.IdemKey == "" {
		tx.Queue(insert, args...)
		return r.ID, true, nil
	}
	tag, err := tx.Exec(ctx, insert+` ON CONFLICT (org_id, source, idem_key) WHERE idem_key IS NOT NULL DO NOTHING`, args...)
	if err != nil || tag.RowsAffected() == 1 {
		return r.ID, err == nil, err
	}
	var first []byte
	err = tx.QueryRow(ctx, `SELECT id, fingerprint FROM request WHERE org_id = $1 AND source = $2 AND idem_key = $3`,
		tx.Org, r.Source, key).Scan(&id, &first)
	if err != nil {
		return uuid.Nil, false, err
	}
	if !bytes.Equal(first, print) {
		return id, false, ErrKeyReused
	}
	return id, false, nil
}

// fingerprint tells requests for the same thing from others.
func (r Request) fingerprint(org uuid.UUID, k *pii.Keyring) []byte {
	booking := ""
	if r.BookingID.Valid {
		booking = r.BookingID.UUID.String()
	}
	same := r.Same
	if same.IsZero() {
		same = r.Body
	}
	return k.Fingerprint(org, purposeRequest, r.Kind, booking, same.Reveal())
}

// keyHash is how an idempotency key of a source is kept; nil for none.
func keyHash(k *pii.Keyring, org uuid.UUID, source, key string) []byte {
	if key == "" {
		return nil
	}
	return k.Fingerprint(org, "request.key", source, key)
}

// conversationHash is how the id of a voice agent's call is kept; nil for none.
func conversationHash(k *pii.Keyring, org uuid.UUID, call string) []byte {
	if call == "" {
		return nil
	}
	return k.Fingerprint(org, "request.conversation", call)
}

// RequestFound queues that a request for a booking was answered with one that there was.
func RequestFound(tx *Tx, id, booking uuid.UUID) {
	tx.Queue(`UPDATE request SET booking_id = $3 WHERE org_id = $1 AND id = $2`, tx.Org, id, booking)
}

// OpenRequest opens the request that a task answers. ErrNotFound: it answers none.
func OpenRequest(k *pii.Keyring, t Task) (Opened, error) {
	if !t.Request.Valid {
		return Opened{}, ErrNotFound
	}
	body, err := k.Open(t.Org, purposeRequest, t.asked.body)
	return Opened{ID: t.Request.UUID, Body: pii.NewText(body), BookingID: t.asked.booking, Now: t.asked.now, Region: t.asked.region}, err
}

// AnswerRequest queues the answer to a request and empties its body. The first answer stands. One that says to
// try again later (429, 503) lets go of the idempotency key, so that trying again is a request of its own.
func AnswerRequest(tx *Tx, id uuid.UUID, a Answer) {
	tx.Queue(`UPDATE request SET status = $3, answer = $4, done_at = clock_timestamp(), body_sealed = NULL,
		idem_key = CASE WHEN $3 IN (429, 503) THEN NULL ELSE idem_key END
		WHERE org_id = $1 AND id = $2 AND done_at IS NULL`, tx.Org, id, a.Status, a.Body)
	tx.Answered = append(tx.Answered, id)
}

const selectAnswer = `SELECT COALESCE(status, 0), answer, kind FROM request WHERE org_id = $1 AND id = $2`

// FindAnswer reads what a request was answered with.
func FindAnswer(ctx context.Context, tx *Tx, id uuid.UUID) (Answer, error) {
	return scanAnswer(tx.QueryRow(ctx, selectAnswer, tx.Org, id))
}

// ReadAnswer is FindAnswer alone, in one round trip: the batch is its own transaction.
func ReadAnswer(ctx context.Context, pool *pgxpool.Pool, org, id uuid.UUID) (Answer, error) {
	batch := &pgx.Batch{}
	batch.Queue("select set_config('app.org_id', $1, true)", org.String())
	batch.Queue(selectAnswer, org, id)
	res := pool.SendBatch(ctx, batch)
	if _, err := res.Exec(); err != nil {
		return Answer{}, errors.Join(err, res.Close())
	}
	a, err := scanAnswer(res.QueryRow())
	return a, errors.Join(err, res.Close())
}

func scanAnswer(row pgx.Row) (a Answer, err error) {
	err = row.Scan(&a.Status, &a.Body, &a.Kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, ErrNotFound
	}
	return a, err
}

// RequestsDone tells which of the given requests, of any org, have been answered.
func RequestsDone(ctx context.Context, db DB, orgs, ids []uuid.UUID) ([]uuid.UUID, error) {
	rows, err := db.Query(ctx, `SELECT id FROM requests_done($1, $2)`, orgs, ids)
	return many(rows, err, pgx.RowTo[uuid.UUID])
}

// Now reads the database's clock.
func Now(ctx context.Context, db DB) (now time.Time, err error) {
	err = db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, err
}
