package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Customer is a person with a phone.
type Customer struct {
	ID       uuid.UUID
	Phone    pii.Phone
	Name     pii.Name
	Locale   string // "" = the org's
	TimeZone string // "" = the resource's
}

// What is sealed for one column opens in no other: each has a purpose of its own.
const (
	purposeCustomerPhone = "customer.phone"
	purposeName          = "customer.name"
)

// PhoneHash is how a phone is found again without being readable.
func PhoneHash(k *pii.Keyring, org uuid.UUID, p pii.Phone) []byte {
	return k.Fingerprint(org, "phone", p.Reveal())
}

// InsertCustomer queues the insert of a customer whose phone the org does not know yet.
func InsertCustomer(tx *Tx, k *pii.Keyring, c Customer) error {
	phone, err := k.Seal(tx.Org, purposeCustomerPhone, c.Phone.Reveal())
	if err != nil {
		return err
	}
	name, err := sealName(tx, k, c.Name)
	if err != nil {
		return err
	}
	tx.Queue(`INSERT INTO customer (org_id, id, phone_hash, phone_sealed, phone_last2, name_sealed, locale, time_zone)
		VALUES ($1, $2, $3, $4, $5, $6, NULLIF($7, ''), NULLIF($8, ''))`,
		tx.Org, c.ID, PhoneHash(k, tx.Org, c.Phone), phone, c.Phone.Last2(), name, c.Locale, c.TimeZone)
	return nil
}

// UpdateCustomer queues what a known customer told anew; what was left out stays.
func UpdateCustomer(tx *Tx, k *pii.Keyring, c Customer) error {
	if c.Name.IsZero() && c.Locale == "" && c.TimeZone == "" {
		return nil
	}
	name, err := sealName(tx, k, c.Name)
	if err != nil {
		return err
	}
	tx.Queue(`UPDATE customer SET name_sealed = COALESCE($3, name_sealed), locale = COALESCE(NULLIF($4, ''), locale),
		time_zone = COALESCE(NULLIF($5, ''), time_zone) WHERE org_id = $1 AND id = $2`, tx.Org, c.ID, name, c.Locale, c.TimeZone)
	return nil
}

func sealName(tx *Tx, k *pii.Keyring, n pii.Name) ([]byte, error) {
	if n.IsZero() {
		return nil, nil
	}
	return k.Seal(tx.Org, purposeName, n.Reveal())
}

// LoadCustomer reads and opens a customer.
func LoadCustomer(ctx context.Context, tx *Tx, k *pii.Keyring, id uuid.UUID) (Customer, error) {
	return loadCustomer(ctx, tx, k, `id = $2`, id)
}

// LoadCustomerByPhone is LoadCustomer for the one with a phone; ErrNotFound when the org knows none with it.
func LoadCustomerByPhone(ctx context.Context, tx *Tx, k *pii.Keyring, phoneHash []byte) (Customer, error) {
	return loadCustomer(ctx, tx, k, `phone_hash = $2`, phoneHash)
}

func loadCustomer(ctx context.Context, tx *Tx, k *pii.Keyring, which string, by any) (c Customer, err error) {
	var phone, name []byte
	err = tx.QueryRow(ctx, `SELECT id, phone_sealed, name_sealed, COALESCE(locale, ''), COALESCE(time_zone, '')
		FROM customer WHERE org_id = $1 AND `+which, tx.Org, by).Scan(&c.ID, &phone, &name, &c.Locale, &c.TimeZone)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, ErrNotFound
	}
	if err != nil {
		return c, err
	}
	p, err := k.Open(tx.Org, purposeCustomerPhone, phone)
	if err != nil {
		return c, err
	}
	n, err := k.Open(tx.Org, purposeName, name)
	c.Phone, c.Name = pii.KnownPhone(p), pii.NewName(n)
	return c, err
}
