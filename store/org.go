package store

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Org is one organisation.
type Org struct {
	ID       uuid.UUID
	Slug     string
	Name     string
	TimeZone string // IANA
	Locale   string // en or es
	Region   string // ISO 3166, for numbers written in national form
}

// LoadOrg reads the transaction's own org.
func LoadOrg(ctx context.Context, tx *Tx) (Org, error) {
	rows, err := tx.Query(ctx, `SELECT id, slug, name, time_zone, locale, region FROM org WHERE id = $1`, tx.Org)
	return one(rows, err, pgx.RowToStructByPos[Org])
}

// Key names an API key that was proved.
type Key struct {
	Org, ID uuid.UUID
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

// FindKey proves an API key and tells whose it is; ErrNotFound when nobody has it. It runs outside any org.
func FindKey(ctx context.Context, db DB, k *pii.Keyring, key pii.Token) (Key, error) {
	prefix, secret, ok := SplitKey(key)
	if !ok {
		return Key{}, ErrNotFound
	}
	var found Key
	var hash []byte
	err := db.QueryRow(ctx, `SELECT org_id, id, hash FROM api_key_find($1)`, prefix).Scan(&found.Org, &found.ID, &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Key{}, err
	}
	// The comparison is made for unknown prefixes too, so that they take the same time.
	if subtle.ConstantTimeCompare(hash, KeyHash(k, found.Org, secret)) != 1 {
		return Key{}, ErrNotFound
	}
	return found, nil
}

// KeyHash is what is stored of an API key's secret.
func KeyHash(k *pii.Keyring, org uuid.UUID, secret pii.Token) []byte {
	return k.Fingerprint(org, "api_key", secret.Reveal())
}

// SMSAccount is the org's own Twilio account.
type SMSAccount struct {
	SID                 string
	Token               pii.Token
	From                string
	MessagingServiceSID string
	Version             int
}

// Pool is the sender as customers see it, the scope of an opt-out: the messaging service, else the number.
func (a SMSAccount) Pool() string {
	if a.MessagingServiceSID != "" {
		return a.MessagingServiceSID
	}
	return a.From
}

const purposeToken = "sms_account.token"

// LoadSMSAccount reads and opens the org's credentials; ErrNotFound when it has none.
func LoadSMSAccount(ctx context.Context, tx *Tx, k *pii.Keyring) (SMSAccount, error) {
	var a SMSAccount
	var sealed []byte
	err := tx.QueryRow(ctx, `SELECT account_sid, token_sealed, from_number, messaging_service_sid, version
		FROM sms_account WHERE org_id = $1`, tx.Org).Scan(&a.SID, &sealed, &a.From, &a.MessagingServiceSID, &a.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, ErrNotFound
	}
	if err != nil {
		return a, err
	}
	token, err := k.Open(tx.Org, purposeToken, sealed)
	a.Token = pii.NewToken(token)
	return a, err
}

// LoadWebhookSecret reads and opens a secret of the given kind (events, vapi, retell); ErrNotFound without one.
func LoadWebhookSecret(ctx context.Context, tx *Tx, k *pii.Keyring, kind string) (pii.Token, error) {
	var sealed []byte
	err := tx.QueryRow(ctx, `SELECT sealed FROM webhook_secret WHERE org_id = $1 AND kind = $2`, tx.Org, kind).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return pii.Token{}, ErrNotFound
	}
	if err != nil {
		return pii.Token{}, err
	}
	secret, err := k.Open(tx.Org, purposeSecret(kind), sealed)
	return pii.NewToken(secret), err
}

func purposeSecret(kind string) string { return "webhook_secret." + kind }

// NoteSecurity queues a security event under the transaction's org.
func NoteSecurity(tx *Tx, kind string, key uuid.NullUUID, route string) {
	tx.Queue(`INSERT INTO security_event (org_id, kind, key_id, route) VALUES ($1, $2, $3, $4)`, tx.Org, kind, key, route)
}
