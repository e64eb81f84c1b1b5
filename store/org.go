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
	Secondary           pii.Token // the other auth token while they are rotated; zero otherwise
	From                string
	MessagingServiceSID string
	Version             int
}

// Tokens are those that Twilio may sign with: the primary one, and the secondary while they are rotated.
func (a SMSAccount) Tokens() []pii.Token {
	if a.Secondary.IsZero() {
		return []pii.Token{a.Token}
	}
	return []pii.Token{a.Token, a.Secondary}
}

// Pool is the sender as customers see it, the scope of an opt-out: the messaging service, else the number.
func (a SMSAccount) Pool() string {
	if a.MessagingServiceSID != "" {
		return a.MessagingServiceSID
	}
	return a.From
}

const (
	purposeToken     = "sms_account.token"
	purposeSecondary = "sms_account.secondary"
)

// openTokens fills in the tokens of an account that was read.
func (a *SMSAccount) openTokens(k *pii.Keyring, org uuid.UUID, token, secondary []byte) error {
	first, err := k.Open(org, purposeToken, token)
	if err != nil {
		return err
	}
	second, err := k.Open(org, purposeSecondary, secondary)
	a.Token, a.Secondary = pii.NewToken(first), pii.NewToken(second)
	return err
}

// LoadSMSAccount reads and opens the org's credentials; ErrNotFound when it has none.
func LoadSMSAccount(ctx context.Context, tx *Tx, k *pii.Keyring) (SMSAccount, error) {
	return loadSMSAccount(ctx, tx, k, "")
}

// LockSMSAccount is LoadSMSAccount for who is about to change them.
func LockSMSAccount(ctx context.Context, tx *Tx, k *pii.Keyring) (SMSAccount, error) {
	return loadSMSAccount(ctx, tx, k, "FOR NO KEY UPDATE")
}

func loadSMSAccount(ctx context.Context, tx *Tx, k *pii.Keyring, lock string) (SMSAccount, error) {
	var a SMSAccount
	var token, secondary []byte
	err := tx.QueryRow(ctx, `SELECT account_sid, token_sealed, secondary_sealed, from_number, messaging_service_sid, version
		FROM sms_account WHERE org_id = $1 `+lock, tx.Org).Scan(&a.SID, &token, &secondary, &a.From, &a.MessagingServiceSID, &a.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, ErrNotFound
	}
	if err != nil {
		return a, err
	}
	err = a.openTokens(k, tx.Org, token, secondary)
	return a, err
}

// LoadWebhookSecret reads and opens all live secrets of the given kind (events, vapi, retell), the newest first;
// ErrNotFound without one.
func LoadWebhookSecret(ctx context.Context, tx *Tx, k *pii.Keyring, kind string) ([]pii.Token, error) {
	rows, err := tx.Query(ctx, `SELECT x.sealed FROM webhook_secret x WHERE x.org_id = $1 AND x.kind = $2 AND `+secretLives+`
		ORDER BY x.created_at DESC`, tx.Org, kind)
	sealed, err := many(rows, err, pgx.RowTo[[]byte])
	if err != nil {
		return nil, err
	}
	var secrets []pii.Token
	for _, s := range sealed {
		secret, err := k.Open(tx.Org, purposeSecret(kind), s)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, pii.NewToken(secret))
	}
	if len(secrets) == 0 {
		return nil, ErrNotFound
	}
	return secrets, nil
}

func purposeSecret(kind string) string { return purposeWebhook + kind }

const purposeWebhook = "webhook_secret." // and the kind
