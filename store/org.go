package store

import (
	"context"
	"errors"

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
