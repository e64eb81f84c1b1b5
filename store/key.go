package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Scope is a part of the API that a key may use.
type Scope string

// The scopes, as a constraint of api_key lists them. To write bookings implies to read them, since whoever books is
// answered with a booking; Admin implies all.
const (
	ScopeBookingsWrite    Scope = "bookings:write"
	ScopeBookingsRead     Scope = "bookings:read"
	ScopeTranscriptsWrite Scope = "transcripts:write"
	ScopeSettings         Scope = "settings"
	ScopeAdmin            Scope = "admin"
)

// Key names an API key that was proved, and what it may do.
type Key struct {
	Org, ID uuid.UUID
	Scopes  []Scope
}

// May reports whether the key has a scope, itself or by one that implies it.
func (k Key) May(s Scope) bool {
	return slices.Contains(k.Scopes, s) || slices.Contains(k.Scopes, ScopeAdmin) ||
		s == ScopeBookingsRead && slices.Contains(k.Scopes, ScopeBookingsWrite)
}

// KeyPrefix begins every API key, so that secret scanners know one when they see it.
const KeyPrefix = "hf_"

// SplitKey splits "hf_<prefix>_<secret>". ok is false when it has another shape.
func SplitKey(key pii.Token) (prefix string, secret pii.Token, ok bool) {
	rest, ok := strings.CutPrefix(key.Reveal(), KeyPrefix)
	if !ok {
		return "", pii.Token{}, false
	}
	prefix, s, ok := strings.Cut(rest, "_")
	if !ok || len(prefix) != 12 || len(s) < 32 {
		return "", pii.Token{}, false
	}
	return prefix, pii.NewToken(s), true
}

// ErrKeyDead says that a key was proved which was revoked or has expired. It is an ErrNotFound.
var ErrKeyDead = fmt.Errorf("the key has ended: %w", ErrNotFound)

// FindKey proves an API key and tells whose it is; ErrNotFound when nobody has it, ErrKeyDead, with the key, when its
// time is over. It runs outside any org.
func FindKey(ctx context.Context, db DB, k *pii.Keyring, key pii.Token) (Key, error) {
	prefix, secret, ok := SplitKey(key)
	if !ok {
		return Key{}, ErrNotFound
	}
	var found Key
	var hash []byte
	var dead bool
	err := db.QueryRow(ctx, `SELECT org_id, id, hash, scopes, dead FROM api_key_find($1)`, prefix).
		Scan(&found.Org, &found.ID, &hash, &found.Scopes, &dead)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Key{}, err
	}
	// The comparison is made for unknown prefixes too, so that they take the same time.
	if subtle.ConstantTimeCompare(hash, KeyHash(k, found.Org, secret)) != 1 {
		return Key{}, ErrNotFound
	}
	if dead {
		return found, ErrKeyDead
	}
	return found, nil
}

// KeyHash is what is stored of an API key's secret.
func KeyHash(k *pii.Keyring, org uuid.UUID, secret pii.Token) []byte {
	return k.Fingerprint(org, "api_key", secret.Reveal())
}

// NewKey is a key to make. Lifetime 0 means that it does not expire.
type NewKey struct {
	Label    string
	Scopes   []Scope
	Lifetime time.Duration
}

// IssuedKey is a key that was just made. Token is the key itself, and cannot be read again.
type IssuedKey struct {
	ID     uuid.UUID
	Prefix string
	Token  pii.Token
}

func issue() (i IssuedKey, secret pii.Token) {
	prefix, text := strings.ToLower(rand.Text())[:12], rand.Text()+rand.Text()
	return IssuedKey{ID: uuid.New(), Prefix: prefix, Token: pii.NewToken(KeyPrefix + prefix + "_" + text)}, pii.NewToken(text)
}

// CreateKey makes an API key for org.
func CreateKey(ctx context.Context, db DB, k *pii.Keyring, org uuid.UUID, n NewKey) (IssuedKey, error) {
	i, secret := issue()
	_, err := db.Exec(ctx, `INSERT INTO api_key (org_id, id, prefix, hash, label, scopes, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + NULLIF($7::interval, '0'))`,
		org, i.ID, i.Prefix, KeyHash(k, org, secret), n.Label, n.Scopes, n.Lifetime)
	return i, err
}

// RotateKey makes a key with the label, the scopes and the lifetime of another one of org, named by its prefix. The other
// ends after overlap; until then both live. ErrNotFound: org has no such live key, or it has been rotated before.
func RotateKey(ctx context.Context, db DB, k *pii.Keyring, org uuid.UUID, prefix string, overlap time.Duration) (IssuedKey, error) {
	i, secret := issue()
	tag, err := db.Exec(ctx, `WITH old AS (
		UPDATE api_key SET revoked_at = clock_timestamp() + $3::interval
		 WHERE org_id = $1 AND prefix = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
		RETURNING label, scopes, expires_at - created_at AS lifetime)
		INSERT INTO api_key (org_id, id, prefix, hash, label, scopes, expires_at)
		SELECT $1, $4, $5, $6, label, scopes, clock_timestamp() + lifetime FROM old`,
		org, barePrefix(prefix), overlap, i.ID, i.Prefix, KeyHash(k, org, secret))
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNotFound
	}
	return i, err
}

// RevokeKey ends a key of org, named by its prefix, and returns its id; ErrNotFound when org has no such live key.
func RevokeKey(ctx context.Context, db DB, org uuid.UUID, prefix string) (id uuid.UUID, err error) {
	err = db.QueryRow(ctx, `UPDATE api_key SET revoked_at = clock_timestamp()
		WHERE org_id = $1 AND prefix = $2 AND (LEAST(expires_at, revoked_at) <= clock_timestamp()) IS NOT TRUE RETURNING id`,
		org, barePrefix(prefix)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, ErrNotFound
	}
	return id, err
}

// barePrefix takes a prefix as it is stored, as it is shown, or a whole key.
func barePrefix(text string) string {
	prefix, _, _ := strings.Cut(strings.TrimPrefix(text, KeyPrefix), "_")
	return prefix
}

// KeyInfo is what can be told of a key.
type KeyInfo struct {
	Prefix    string
	Label     string
	Scopes    []Scope
	CreatedAt time.Time
	ExpiresAt *time.Time
	RevokedAt *time.Time // may lie ahead: another key takes its place
	LastUsed  *time.Time // to some two minutes
	State     string     // live, ending (its successor is there), expired or revoked
}

// ListKeys reads all keys that an org has or had, newest first.
func ListKeys(ctx context.Context, db DB, org uuid.UUID) ([]KeyInfo, error) {
	rows, err := db.Query(ctx, `SELECT prefix, label, scopes, created_at, expires_at, revoked_at, last_used_at,
		CASE WHEN revoked_at <= clock_timestamp() THEN 'revoked' WHEN expires_at <= clock_timestamp() THEN 'expired'
		     WHEN revoked_at IS NOT NULL THEN 'ending' ELSE 'live' END
		FROM api_key WHERE org_id = $1 ORDER BY created_at DESC, prefix`, org)
	return many(rows, err, pgx.RowToStructByPos[KeyInfo])
}

// NoteKeyUse queues that keys of the transaction's org were used a moment ago.
func NoteKeyUse(tx *Tx, ids []uuid.UUID) {
	tx.Queue(`UPDATE api_key SET last_used_at = clock_timestamp() WHERE org_id = $1 AND id = ANY($2)`, tx.Org, ids)
}
