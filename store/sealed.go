package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store/pii"
)

// sealedColumn is a column that holds sealed values. Its rows are named by key within their org.
type sealedColumn struct {
	table, column string
	key           string // a uuid, unique in the org and indexed behind it; org_id where an org has one row
	purpose       string // what its values are sealed for, as SQL over the row
}

func (c sealedColumn) String() string { return c.table + "." + c.column }

// sealedColumns are all columns of which anything was ever sealed, in the order in which they are re-encrypted: where an
// org's work stops when it cannot be opened comes first. A test reads the catalog and names the one that is missing.
var sealedColumns = []sealedColumn{
	{"sms_account", "token_sealed", "org_id", quoted(purposeToken)},
	{"sms_account", "secondary_sealed", "org_id", quoted(purposeSecondary)},
	{"webhook_secret", "sealed", "id", quoted(purposeWebhook) + ` || t.kind`},
	{"endpoint_secret", "sealed", "id", quoted(purposeEndpoint)},
	{"request", "body_sealed", "id", quoted(purposeRequest)},
	{"customer", "phone_sealed", "id", quoted(purposeCustomerPhone)},
	{"customer", "name_sealed", "id", quoted(purposeName)},
	{"booking", "notes_sealed", "id", quoted(purposeNotes)},
	{"block", "reason_sealed", "id", quoted(purposeReason)},
	{"message", "to_sealed", "id", quoted(purposeTo)},
	{"inbound", "from_sealed", "id", quoted(purposeFrom)},
	{"inbound", "body_sealed", "id", quoted(purposeInbound)},
	{"inbound", "text_sealed", "id", quoted(purposeReply)},
	{"transcript", "text_sealed", "id", quoted(purposeTranscript)},
}

// quoted is a purpose as SQL. Purposes are constants of this package.
func quoted(purpose string) string { return `'` + purpose + `'` }

// Resealed is what became of one column.
type Resealed struct {
	Column  string // table.column
	Looked  int64  // rows with a value
	Changed int64  // of them re-encrypted
	// Unopened are rows whose value no key opens, and First names some of them. Resealing goes on without them.
	Unopened int64
	First    []RowRef
	// Busy are rows that somebody held all the while: they are as they were.
	Busy int64
}

// RowRef names a row of an org.
type RowRef struct{ Org, ID uuid.UUID }

const (
	resealBatch  = 500 // rows of a transaction: their locks are held for some 10 ms
	resealPasses = 20  // over what was busy: some 8 s
	unopenedIDs  = 100 // ids that a column names
)

// Reseal seals anew, by the primary key, every value of every org that another key has sealed. It runs while everything
// else does: a batch of rows of one org is a transaction, rows that somebody has locked are passed over and tried again,
// and a value is replaced only if it is still the one that was opened. Nothing is remembered between runs: one that was
// killed is run again, and finds what is left.
//
// pool is the owner's. progress is told of each batch.
func Reseal(ctx context.Context, pool *pgxpool.Pool, k *pii.Keyring, progress func(Resealed)) ([]Resealed, error) {
	orgs, err := ListOrgs(ctx, pool)
	if err != nil {
		return nil, err
	}
	var all []Resealed
	for _, c := range sealedColumns {
		w := resealer{pool: pool, keys: k, column: c, progress: progress, sum: Resealed{Column: c.String()}}
		for _, o := range orgs {
			if err := w.org(ctx, o.ID); err != nil {
				return append(all, w.sum), fmt.Errorf("%s: %w", c, err)
			}
		}
		all = append(all, w.sum)
	}
	return all, nil
}

// resealer walks one column.
type resealer struct {
	pool     *pgxpool.Pool
	keys     *pii.Keyring
	column   sealedColumn
	progress func(Resealed)
	sum      Resealed
}

// org walks the rows of one org, and again those that were busy.
func (w *resealer) org(ctx context.Context, org uuid.UUID) error {
	begin := w.sum
	for pass := 1; ; pass++ {
		busy := int64(0)
		w.sum.Looked, w.sum.Unopened, w.sum.First = begin.Looked, begin.Unopened, begin.First // a later pass goes over the same rows
		for after, more := uuid.Nil, true; more; {
			var left int64
			var err error
			if after, left, more, err = w.batch(ctx, org, after); err != nil {
				return err
			}
			busy += left
			w.progress(w.sum)
		}
		if busy == 0 || pass == resealPasses {
			w.sum.Busy += busy
			return nil
		}
		if err := rest(ctx, pass); err != nil {
			return err
		}
	}
}

// sealedRow is a row as it was read.
type sealedRow struct {
	ID      uuid.UUID
	Purpose string
	Full    bool   // it has a value
	Sealed  []byte // nil: none, or the primary key has sealed it
}

// batch does the next rows after one. It tells the last of them, how many were busy, and whether there are more.
func (w *resealer) batch(ctx context.Context, org, after uuid.UUID) (last uuid.UUID, busy int64, more bool, err error) {
	var sum Resealed
	_, err = InTx(ctx, w.pool, org, func(tx *Tx) error {
		sum, busy = w.sum, 0
		sum.First = slices.Clone(w.sum.First)
		rows, err := tx.Query(ctx, w.column.read(), org, after, w.keys.Primary().Prefix(), resealBatch)
		found, err := many(rows, err, pgx.RowToStructByPos[sealedRow])
		if err != nil {
			return err
		}
		last, more = after, len(found) == resealBatch
		var ids []uuid.UUID
		var was, is [][]byte
		for _, r := range found {
			last = r.ID
			if r.Full {
				sum.Looked++
			}
			if r.Sealed == nil {
				continue
			}
			sealed, err := w.keys.Reseal(org, r.Purpose, r.Sealed)
			if err != nil {
				if sum.Unopened++; sum.Unopened <= unopenedIDs {
					sum.First = append(sum.First, RowRef{org, r.ID})
				}
				continue
			}
			ids, was, is = append(ids, r.ID), append(was, r.Sealed), append(is, sealed)
		}
		if len(ids) == 0 {
			return nil
		}
		tag, err := tx.Exec(ctx, w.column.write(), org, ids, was, is)
		sum.Changed += tag.RowsAffected()
		busy = int64(len(ids)) - tag.RowsAffected()
		return err
	})
	if err == nil {
		w.sum = sum
	}
	return last, busy, more, err
}

// read takes the next $4 rows of org $1 after $2, empty ones too, so that no statement reads more; the value itself comes
// only where its first bytes are not $3.
func (c sealedColumn) read() string {
	return fmt.Sprintf(`SELECT t.%[1]s, %[2]s, COALESCE(t.%[3]s <> '', false), CASE WHEN t.%[3]s <> '' AND substring(t.%[3]s FOR %[4]d) <> $3 THEN t.%[3]s END
		FROM %[5]s t WHERE t.org_id = $1 AND t.%[1]s > $2 ORDER BY t.%[1]s LIMIT $4`,
		c.key, c.purpose, c.column, pii.PrefixSize, c.table)
}

// write replaces values that are still what they were. Rows that somebody holds are left: to wait for them while holding
// others could end in a deadlock, for which the other might be the one to pay.
func (c sealedColumn) write() string {
	return fmt.Sprintf(`WITH free AS MATERIALIZED (
		SELECT t.%[1]s AS id, n.was, n.fresh FROM unnest($2::uuid[], $3::bytea[], $4::bytea[]) AS n(id, was, fresh)
		  JOIN %[2]s t ON t.org_id = $1 AND t.%[1]s = n.id AND t.%[3]s = n.was FOR NO KEY UPDATE OF t SKIP LOCKED)
		UPDATE %[2]s t SET %[3]s = free.fresh FROM free WHERE t.org_id = $1 AND t.%[1]s = free.id AND t.%[3]s = free.was`, c.key, c.table, c.column)
}

// SealedCount is how many values of a column a key has sealed.
type SealedCount struct {
	Column string // table.column
	Rows   int64
}

// CountSealed counts the values that a key has sealed, in columns that have some. It reads whole tables, as the owner.
func CountSealed(ctx context.Context, db DB, key pii.KeyID) ([]SealedCount, error) {
	var found []SealedCount
	for _, c := range sealedColumns {
		n := SealedCount{Column: c.String()}
		err := db.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM %s WHERE substring(%s FOR %d) = $1`, c.table, c.column, pii.PrefixSize), key.Prefix()).Scan(&n.Rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		if n.Rows > 0 {
			found = append(found, n)
		}
	}
	return found, nil
}

// rest waits a little longer after each pass, up to half a second, for those who hold rows to be done.
func rest(ctx context.Context, pass int) error {
	t := time.NewTimer(min(time.Duration(pass)*50*time.Millisecond, 500*time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
