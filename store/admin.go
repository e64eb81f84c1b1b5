package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// What follows is done by the owner's role, on the command line: it creates orgs and what they consist of.

// NewResource is a resource to create. Hours open it at the same minutes of each local day listed.
type NewResource struct {
	ID                        uuid.UUID
	Slug, Name, TimeZone      string
	Seats, DefaultMinutes     int
	BufferBefore, BufferAfter int
	Hours                     []calendar.Hours
}

// CreateOrg inserts an org.
func CreateOrg(ctx context.Context, db DB, o Org) error {
	_, err := db.Exec(ctx, `INSERT INTO org (id, slug, name, time_zone, locale, region) VALUES ($1, $2, $3, $4, $5, $6)`,
		o.ID, o.Slug, o.Name, o.TimeZone, o.Locale, o.Region)
	return err
}

// ListOrgs reads all orgs by slug.
func ListOrgs(ctx context.Context, db DB) ([]Org, error) {
	rows, err := db.Query(ctx, `SELECT id, slug, name, time_zone, locale, region FROM org ORDER BY slug`)
	return many(rows, err, pgx.RowToStructByPos[Org])
}

// CreateResource inserts a resource of org with its hours.
func CreateResource(ctx context.Context, db DB, org uuid.UUID, r NewResource) error {
	_, err := db.Exec(ctx, `INSERT INTO resource (org_id, id, slug, name, time_zone, seats, default_minutes, buffer_before, buffer_after)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		org, r.ID, r.Slug, r.Name, r.TimeZone, r.Seats, r.DefaultMinutes, r.BufferBefore, r.BufferAfter)
	if err != nil {
		return fmt.Errorf("resource %s: %w", r.Slug, err)
	}
	for _, h := range r.Hours {
		_, err := db.Exec(ctx, `INSERT INTO opening_hours (org_id, resource_id, weekday, opens, closes) VALUES ($1, $2, $3, $4, $5)`,
			org, r.ID, h.Weekday, h.Opens, h.Closes)
		if err != nil {
			return fmt.Errorf("resource %s: hours: %w", r.Slug, err)
		}
	}
	return nil
}

// CreateService inserts a service of org that the given resources can do.
func CreateService(ctx context.Context, db DB, org, id uuid.UUID, slug, name string, minutes int, resources ...uuid.UUID) error {
	_, err := db.Exec(ctx, `INSERT INTO service (org_id, id, slug, name, minutes) VALUES ($1, $2, $3, $4, $5)`, org, id, slug, name, minutes)
	if err != nil {
		return fmt.Errorf("service %s: %w", slug, err)
	}
	_, err = db.Exec(ctx, `INSERT INTO service_resource (org_id, service_id, resource_id) SELECT $1, $2, unnest($3::uuid[])`, org, id, resources)
	if err != nil {
		return fmt.Errorf("service %s: resources: %w", slug, err)
	}
	return nil
}

// SetSMSAccount seals and stores the org's credentials; a change takes effect with the next text, and what waited
// because the former ones were refused is due.
func SetSMSAccount(ctx context.Context, db DB, k *pii.Keyring, org uuid.UUID, a SMSAccount) error {
	token, err := k.Seal(org, purposeToken, a.Token.Reveal())
	if err != nil {
		return err
	}
	var secondary []byte
	if !a.Secondary.IsZero() {
		if secondary, err = k.Seal(org, purposeSecondary, a.Secondary.Reveal()); err != nil {
			return err
		}
	}
	_, err = db.Exec(ctx, `WITH stored AS (
		INSERT INTO sms_account AS s (org_id, account_sid, token_sealed, secondary_sealed, from_number, messaging_service_sid)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org_id) DO UPDATE SET account_sid = excluded.account_sid,
		token_sealed = excluded.token_sealed, secondary_sealed = excluded.secondary_sealed, from_number = excluded.from_number,
		messaging_service_sid = excluded.messaging_service_sid, version = s.version + 1, updated_at = clock_timestamp()
		RETURNING org_id)
		SELECT sms_resume(org_id, 'cli', '{"by": "credentials"}', false) FROM stored`,
		org, a.SID, token, secondary, a.From, a.MessagingServiceSID)
	return err
}

// SetWebhookSecret seals and stores the secret of a kind of webhook; it is the only one from now on.
func SetWebhookSecret(ctx context.Context, db DB, k *pii.Keyring, org uuid.UUID, kind string, secret pii.Token) error {
	return AddWebhookSecret(ctx, db, k, org, kind, secret, 0)
}

// AddWebhookSecret seals and stores a secret of a kind of webhook. Those before it are good for as long as keep says, and
// no longer than they were.
func AddWebhookSecret(ctx context.Context, db DB, k *pii.Keyring, org uuid.UUID, kind string, secret pii.Token, keep time.Duration) error {
	sealed, err := k.Seal(org, purposeSecret(kind), secret.Reveal())
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `UPDATE webhook_secret x SET ends_at = LEAST(x.ends_at, clock_timestamp() + $3::interval)
		WHERE x.org_id = $1 AND x.kind = $2 AND `+secretLives, org, kind, keep)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `INSERT INTO webhook_secret (org_id, id, kind, sealed) VALUES ($1, $2, $3, $4)`, org, uuid.New(), kind, sealed)
	return err
}

// CreateSettings inserts what a new org has set: a JSON document of what differs from the defaults.
func CreateSettings(ctx context.Context, db DB, org uuid.UUID, doc []byte) error {
	_, err := db.Exec(ctx, `INSERT INTO settings (org_id, doc) VALUES ($1, $2)`, org, doc)
	return err
}
