package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Transcript is what was said in a call, redacted. It exists from the commit that redacted it; before, there is only the
// request that asks for it.
type Transcript struct {
	ID         uuid.UUID
	CallID     string        // as the platform names the call
	BookingID  uuid.NullUUID // whose customer's name was known
	Text       pii.Text      // redacted, and sealed at rest all the same: no redaction is perfect
	Engine     string        // the version of what redacted it
	Redactions map[string]int
	CreatedAt  time.Time // when it was asked for
	RedactedAt time.Time
	TimeZone   string // the org's
}

const purposeTranscript = "transcript.text"

// InsertTranscript writes what is left of a transcript and the audit rows of what was taken out. t is completed with its
// counts and times. request is the one that asked.
func InsertTranscript(ctx context.Context, tx *Tx, k *pii.Keyring, request uuid.UUID, t *Transcript, out []Redaction) error {
	sealed, err := k.Seal(tx.Org, purposeTranscript, t.Text.Reveal())
	if err != nil {
		return err
	}
	AddRedactions(tx, RedactedTranscript, t.ID, t.Engine, out)
	t.Redactions = countTypes(out)
	return tx.QueryRow(ctx, `INSERT INTO transcript AS x (org_id, id, call_id, booking_id, text_sealed, engine, redactions, request_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT created_at FROM request WHERE org_id = $1 AND id = $8))
		RETURNING created_at, redacted_at, (SELECT time_zone FROM org WHERE id = x.org_id)`,
		tx.Org, t.ID, t.CallID, t.BookingID, sealed, t.Engine, len(out), request).Scan(&t.CreatedAt, &t.RedactedAt, &t.TimeZone)
}

// LoadTranscript reads and opens a transcript; ErrNotFound when the org has no such one.
func LoadTranscript(ctx context.Context, tx *Tx, k *pii.Keyring, id uuid.UUID) (Transcript, error) {
	t := Transcript{ID: id}
	var sealed []byte
	err := tx.QueryRow(ctx, `SELECT `+transcriptColumns+` FROM transcript x JOIN org o ON o.id = x.org_id WHERE x.org_id = $1 AND x.id = $2`, tx.Org, id).
		Scan(t.scan(&sealed)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, ErrNotFound
	}
	if err != nil {
		return t, err
	}
	err = t.open(tx, k, sealed)
	return t, err
}

// transcriptColumns are those of transcript x and org o, but for the id.
const transcriptColumns = `x.call_id, x.booking_id, x.text_sealed, x.engine, x.created_at, x.redacted_at, o.time_zone,
	(SELECT COALESCE(jsonb_object_agg(type, n), '{}') FROM (SELECT type, count(*) AS n FROM redaction
	  WHERE org_id = x.org_id AND subject = x.id AND source = 'transcript' GROUP BY type) c)`

// scan lists where transcriptColumns go; the text comes sealed.
func (t *Transcript) scan(sealed *[]byte) []any {
	return []any{&t.CallID, &t.BookingID, sealed, &t.Engine, &t.CreatedAt, &t.RedactedAt, &t.TimeZone, &t.Redactions}
}

func (t *Transcript) open(tx *Tx, k *pii.Keyring, sealed []byte) error {
	text, err := k.Open(tx.Org, purposeTranscript, sealed)
	t.Text = pii.NewText(text)
	return err
}

// BookingOfCall finds the booking that a voice agent made in a call, the newest if there are several; the zero NullUUID
// when it made none.
func BookingOfCall(ctx context.Context, tx *Tx, k *pii.Keyring, callID string) (booking uuid.NullUUID, err error) {
	err = tx.QueryRow(ctx, `SELECT (SELECT (answer->>'id')::uuid FROM request
		 WHERE org_id = $1 AND conversation = $2 AND kind = 'booking' AND status = 201
		 ORDER BY created_at DESC LIMIT 1)`, tx.Org, conversationHash(k, tx.Org, callID)).Scan(&booking)
	return booking, err
}

// TranscriptReport says that a transcript was redacted wrongly somewhere. It holds nothing of the text.
type TranscriptReport struct {
	ID, Transcript uuid.UUID
	Kind           string // missed or false
	Type           string // "" = not told
	From, To       int    // bytes of the redacted text, To exclusive
	Actor          string // the API key's id
	CreatedAt      time.Time
}

// InsertTranscriptReport writes a report; r is completed with its time.
func InsertTranscriptReport(ctx context.Context, tx *Tx, r *TranscriptReport) error {
	return tx.QueryRow(ctx, `INSERT INTO transcript_report (org_id, id, transcript_id, kind, type, from_byte, to_byte, actor)
		VALUES ($1, $2, $3, $4, NULLIF($5, ''), $6, $7, $8) RETURNING created_at`,
		tx.Org, r.ID, r.Transcript, r.Kind, r.Type, r.From, r.To, r.Actor).Scan(&r.CreatedAt)
}
