package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Told is an event that the org's endpoint is told of: of a booking, or a reply.
type Told struct {
	ID      uuid.UUID // the endpoint knows it by this
	Kind    string    // as "confirmed"; of a reply KindReply
	At      time.Time
	Booking Booking    // as it is now
	Reply   *ToldReply // nil: it is of a booking
}

// KindReply is the kind of an event that is a reply.
const KindReply = "reply"

// ToldReply is a text that only the integrator can understand.
type ToldReply struct {
	ID         uuid.UUID
	Booking    uuid.NullUUID // the newest of its phone
	Customer   uuid.NullUUID
	PhoneLast2 string
	Intent     string
	Text       pii.Text // as redaction left it
	Erased     bool     // nothing of it is left: its customer was erased
}

// FindTold reads an event by its id; ErrNotFound when the org has no such one.
func FindTold(ctx context.Context, tx *Tx, k *pii.Keyring, id uuid.UUID) (Told, error) {
	told := Told{ID: id}
	tx.QueueRead(func(rows pgx.Rows) error {
		e, err := one(rows, nil, pgx.RowToStructByPos[struct {
			Kind string
			At   time.Time
		}])
		told.Kind, told.At = e.Kind, e.At
		return err
	}, `SELECT kind, at FROM booking_event WHERE org_id = $1 AND told_as = $2
		UNION ALL SELECT '`+KindReply+`', created_at FROM inbound WHERE org_id = $1 AND told_as = $2`, tx.Org, id)
	rows, err := tx.Query(ctx, `SELECT `+bookingColumns+` FROM `+bookingTables+`
		WHERE b.org_id = $1 AND b.id = (SELECT booking_id FROM booking_event WHERE org_id = $1 AND told_as = $2)`, tx.Org, id)
	told.Booking, err = one(rows, err, scanBooking)
	if told.Kind == KindReply && errors.Is(err, ErrNotFound) {
		told.Reply, err = findReply(ctx, tx, k, id)
	}
	return told, err
}

func findReply(ctx context.Context, tx *Tx, k *pii.Keyring, told uuid.UUID) (*ToldReply, error) {
	var (
		r    ToldReply
		text []byte
	)
	err := tx.QueryRow(ctx, `SELECT i.id, i.booking_id, c.id, COALESCE(c.phone_last2, ''), COALESCE(i.intent, ''), i.text_sealed, i.erased_for IS NOT NULL
		  FROM inbound i LEFT JOIN customer c ON c.org_id = i.org_id AND c.phone_hash = i.from_hash
		 WHERE i.org_id = $1 AND i.told_as = $2`, tx.Org, told).Scan(&r.ID, &r.Booking, &r.Customer, &r.PhoneLast2, &r.Intent, &text, &r.Erased)
	if err != nil {
		return nil, err
	}
	clear, err := k.Open(tx.Org, purposeReply, text)
	r.Text = pii.NewText(clear)
	return &r, err
}

// Endpoint is where the org wants to be told of its bookings. The URL can hold a secret, so it is one.
type Endpoint struct {
	URL      pii.Token   // "" = nowhere
	Disabled *time.Time  // since when it is told nothing more
	Secrets  []pii.Token // those that sign, the newest first
}

// LoadEndpoint reads the endpoint of the transaction's org and opens its secrets.
func LoadEndpoint(ctx context.Context, tx *Tx, k *pii.Keyring) (Endpoint, error) {
	var (
		e      Endpoint
		url    string
		sealed [][]byte
	)
	err := tx.QueryRow(ctx, `SELECT COALESCE(s.doc #>> '{endpoint,url}', ''), s.endpoint_disabled_at,
		       ARRAY(SELECT x.sealed FROM endpoint_secret x WHERE x.org_id = g.id AND `+secretLives+` ORDER BY x.created_at DESC)
		  FROM org g LEFT JOIN settings s ON s.org_id = g.id WHERE g.id = $1`, tx.Org).Scan(&url, &e.Disabled, &sealed)
	if err != nil {
		return e, err
	}
	e.URL = pii.NewToken(url)
	for _, s := range sealed {
		clear, err := k.Open(tx.Org, purposeEndpoint, s)
		if err != nil {
			return e, err
		}
		e.Secrets = append(e.Secrets, pii.NewToken(clear))
	}
	return e, nil
}

const (
	secretLives     = `(x.ends_at IS NULL OR x.ends_at > clock_timestamp())`
	purposeEndpoint = "endpoint_secret"
)

// DisableEndpoint queues that the endpoint at url, unless the org has named another one meanwhile, is told nothing more
// until it is named anew or enabled. why goes into the audit log.
func DisableEndpoint(tx *Tx, url pii.Token, why string) {
	tx.Queue(`WITH off AS (
		UPDATE settings SET endpoint_disabled_at = clock_timestamp()
		 WHERE org_id = $1 AND doc #>> '{endpoint,url}' = $2 AND endpoint_disabled_at IS NULL RETURNING 1)
		INSERT INTO audit_log (org_id, actor, action, detail)
		SELECT $1, 'webhook:deliver', 'endpoint.disable', jsonb_build_object('why', $3::text) FROM off`, tx.Org, url.Reveal(), why)
}

// EnableEndpoint lets an endpoint that was disabled be told again of what happens from now on; ErrNotFound when it was
// not disabled.
func EnableEndpoint(ctx context.Context, tx *Tx) error {
	tag, err := tx.Exec(ctx, `UPDATE settings SET endpoint_disabled_at = NULL WHERE org_id = $1 AND endpoint_disabled_at IS NOT NULL`, tx.Org)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	NoteAudit(tx, AuditEntry{Actor: "cli", Action: "endpoint.enable"})
	return nil
}

// NewEndpointSecret makes a secret as Standard Webhooks has them: whsec_ and the base64 of 32 random bytes.
func NewEndpointSecret() pii.Token {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, by crypto/rand's contract
	return pii.NewToken("whsec_" + base64.StdEncoding.EncodeToString(key))
}

// AddEndpointSecret seals a secret, which signs from now on. Those before it end after overlap, during which all of
// them sign.
func AddEndpointSecret(ctx context.Context, db DB, k *pii.Keyring, org uuid.UUID, secret pii.Token, overlap time.Duration) error {
	sealed, err := k.Seal(org, purposeEndpoint, secret.Reveal())
	if err != nil {
		return err
	}
	if _, err := EndEndpointSecrets(ctx, db, org, overlap); err != nil {
		return err
	}
	_, err = db.Exec(ctx, `INSERT INTO endpoint_secret (org_id, id, sealed) VALUES ($1, $2, $3)`, org, uuid.New(), sealed)
	return err
}

// EndEndpointSecrets ends every secret of org after the time given, or when it ends already, and counts them.
func EndEndpointSecrets(ctx context.Context, db DB, org uuid.UUID, after time.Duration) (int64, error) {
	tag, err := db.Exec(ctx, `UPDATE endpoint_secret x SET ends_at = LEAST(x.ends_at, clock_timestamp() + $2::interval)
		WHERE x.org_id = $1 AND `+secretLives, org, after)
	return tag.RowsAffected(), err
}
