package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Settings is what an org has set. It is read in the transaction that acts on it, so a change counts from its
// commit on in every process; nothing here is worth a cache that could be stale.
type Settings struct {
	Version int    // counts the changes; 0: none yet
	Doc     []byte // JSON of what differs from the defaults; nil: nothing does
	Region  string // the org's own, the default of the countries that it texts
}

// LoadSettings reads the settings of the transaction's org.
func LoadSettings(ctx context.Context, tx *Tx) (Settings, error) {
	rows, err := tx.Query(ctx, selectSettings, tx.Org)
	return one(rows, err, pgx.RowToStructByPos[Settings])
}

const selectSettings = `SELECT COALESCE(s.version, 0), s.doc, g.region
	FROM org g LEFT JOIN settings s ON s.org_id = g.id WHERE g.id = $1`

// ReadSettings queues LoadSettings; s is filled in with the next statement that is asked for.
func ReadSettings(tx *Tx, s *Settings) {
	tx.QueueRead(func(rows pgx.Rows) (err error) {
		*s, err = one(rows, nil, pgx.RowToStructByPos[Settings])
		return err
	}, selectSettings, tx.Org)
}

// LockSettings is LoadSettings for who is about to change them: of two changes the second sees the first.
func LockSettings(ctx context.Context, tx *Tx) (Settings, error) {
	tx.Queue(`INSERT INTO settings (org_id) VALUES ($1) ON CONFLICT DO NOTHING`, tx.Org)
	rows, err := tx.Query(ctx, `SELECT s.version, s.doc, g.region
		FROM settings s JOIN org g ON g.id = s.org_id WHERE s.org_id = $1 FOR NO KEY UPDATE OF s`, tx.Org)
	return one(rows, err, pgx.RowToStructByPos[Settings])
}

// SaveSettings queues a change of settings that are locked. An endpoint at another URL is not disabled.
func SaveSettings(tx *Tx, doc []byte) {
	tx.Queue(`UPDATE settings SET doc = $2, version = version + 1, updated_at = clock_timestamp(),
		endpoint_disabled_at = CASE WHEN doc #>> '{endpoint,url}' = $2::jsonb #>> '{endpoint,url}' THEN endpoint_disabled_at END
		WHERE org_id = $1`, tx.Org, doc)
}
