package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// purposeChain is what the hashes of the audit log's chain are made for. Its key is the hash key, which the database
// never sees.
const purposeChain = "audit.chain"

// auditFields are the columns of a row l of the audit log as a hash is made of them: the same text whatever the session's
// time zone and formats are.
var auditFields = `l.id, ` + micros("l.at") + `, l.actor, l.action, l.subject, l.detail::text, l.request`

// micros reads a time as microseconds since 1970, as text, since one that somebody made infinite has to be read too.
func micros(column string) string { return `trunc(1000000 * extract(epoch FROM ` + column + `))::text` }

// auditFact is a row of the audit log.
type auditFact struct {
	ID                                      int64
	At                                      string // microseconds since 1970
	Actor, Action, Subject, Detail, Request string
}

func (f *auditFact) scan() []any {
	return []any{&f.ID, &f.At, &f.Actor, &f.Action, &f.Subject, &f.Detail, &f.Request}
}

// link is the hash of a link: of the one before it, its own place and time, and its row.
func (f auditFact) link(k *pii.Keyring, org uuid.UUID, before []byte, seq int64, at string) []byte {
	return k.Fingerprint(org, purposeChain, string(before), strconv.FormatInt(seq, 10), at,
		strconv.FormatInt(f.ID, 10), f.At, f.Actor, f.Action, f.Subject, f.Detail, f.Request)
}

// SealAudit adds up to 500 rows of the org's audit log to its chain and reports how many and whether there may be more.
// One transaction at a time does so for an org; the key of the chain would refuse a fork in any case. The chain has the
// order in which rows were found: one that commits late, behind rows with higher ids, comes behind them. The chain's new head is
// in tx.Sealed, to be logged: who may write to the database can have old rows sealed anew, but not take back what was logged.
func SealAudit(ctx context.Context, tx *Tx, k *pii.Keyring) (n int, more bool, err error) {
	var (
		seq  int64
		hash []byte
		now  time.Time
	)
	tx.Queue(`SELECT pg_advisory_xact_lock(hashtextextended($1::text, 2))`, tx.Org.String())
	tx.QueueRead(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&seq, &hash}, func() error { return nil })
		return err
	}, `SELECT seq, hash FROM audit_chain WHERE org_id = $1 ORDER BY seq DESC LIMIT 1`, tx.Org)
	rows, err := tx.Query(ctx, `SELECT `+auditFields+`, clock_timestamp() FROM audit_log l WHERE l.org_id = $1
		AND l.id = ANY (ARRAY(SELECT audit_id FROM audit_unsealed WHERE org_id = $1 ORDER BY audit_id LIMIT $2)) ORDER BY l.id`, tx.Org, sweepBatch)
	facts, err := many(rows, err, func(r pgx.CollectableRow) (f auditFact, err error) {
		return f, r.Scan(append(f.scan(), &now)...)
	})
	if err != nil {
		return 0, false, fmt.Errorf("seal: %w", err)
	}
	if len(facts) == 0 {
		return 0, false, nil
	}
	at := strconv.FormatInt(now.UnixMicro(), 10)
	ids, hashes := make([]int64, len(facts)), make([][]byte, len(facts))
	for i, f := range facts {
		hash = f.link(k, tx.Org, hash, seq+int64(i)+1, at)
		ids[i], hashes[i] = f.ID, hash
	}
	tx.Queue(`INSERT INTO audit_chain (org_id, seq, audit_id, at, hash)
		SELECT $1, $2 + n, id, $3, hash FROM unnest($4::bigint[], $5::bytea[]) WITH ORDINALITY x(id, hash, n)`, tx.Org, seq, now, ids, hashes)
	tx.Queue(`DELETE FROM audit_unsealed WHERE org_id = $1 AND audit_id = ANY ($2)`, tx.Org, ids)
	tx.Sealed = ChainHead{seq + int64(len(facts)), hash}
	return len(facts), len(facts) == sweepBatch, nil
}

// AuditUnsealed is since when the oldest row of any org's audit log waits for its link; 0 when none does.
func AuditUnsealed(ctx context.Context, db DB) (since time.Duration, err error) {
	err = db.QueryRow(ctx, `SELECT COALESCE(clock_timestamp() - since, '0') FROM audit_unsealed_since()`).Scan(&since)
	return since, err
}
