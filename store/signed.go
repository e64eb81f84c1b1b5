package store

import (
	"bytes"
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// SignedDelivery is one delivery of a signed request, which its signature names: who sends it again has the same.
type SignedDelivery struct {
	Source string // of whom, as a request's
	Key    string // the signature; "" = none
	Tool   string // what it asks for, where the signature does not cover that
}

// ErrOtherTool says that the delivery came before for another tool.
var ErrOtherTool = errors.New("signed delivery came for another tool")

// TakeDelivery notes that d came, and keeps others of it waiting until the transaction ends. It returns the request that d led to
// before, none if it led to none. ErrOtherTool: d came before for another tool.
func TakeDelivery(ctx context.Context, tx *Tx, k *pii.Keyring, d SignedDelivery) (led uuid.NullUUID, err error) {
	print := k.Fingerprint(tx.Org, "signed_delivery.tool", d.Tool)
	var first []byte
	err = tx.QueryRow(ctx, `INSERT INTO signed_delivery (org_id, source, key, fingerprint) VALUES ($1, $2, $3, $4)
		ON CONFLICT (key, source, org_id) DO UPDATE SET source = EXCLUDED.source RETURNING request_id, fingerprint`,
		tx.Org, d.Source, d.Key, print).Scan(&led, &first)
	if err == nil && !bytes.Equal(first, print) {
		return led, ErrOtherTool
	}
	return led, err
}

// EndDelivery queues that d led to a request. The first one stands.
func EndDelivery(tx *Tx, d SignedDelivery, request uuid.UUID) {
	tx.Queue(`UPDATE signed_delivery SET request_id = $4 WHERE key = $3 AND source = $2 AND org_id = $1 AND request_id IS NULL`,
		tx.Org, d.Source, d.Key, request)
}

// FindDelivered finds the request that a delivery led to; ErrNotFound when it led to none.
func FindDelivered(ctx context.Context, tx *Tx, d SignedDelivery) (a Asked, err error) {
	err = tx.QueryRow(ctx, `SELECT r.id, r.booking_id FROM signed_delivery d JOIN request r ON r.org_id = d.org_id AND r.id = d.request_id
		WHERE d.key = $3 AND d.source = $2 AND d.org_id = $1`, tx.Org, d.Source, d.Key).Scan(&a.ID, &a.Booking)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, ErrNotFound
	}
	return a, err
}
