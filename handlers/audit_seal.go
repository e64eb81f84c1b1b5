package handlers

import (
	"context"

	"holdfast/store"
	"holdfast/store/pii"
)

// sealAudit does audit:seal: it adds the rows of an org's audit log that have no link yet to its chain.
func sealAudit(keys *pii.Keyring) func(context.Context, *store.Tx) (int, bool, error) {
	return func(ctx context.Context, tx *store.Tx) (n int, more bool, err error) {
		return store.SealAudit(ctx, tx, keys)
	}
}
