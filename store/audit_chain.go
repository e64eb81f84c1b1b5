package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store/pii"
)

// What a broken link is. They are printed, and never change.
const (
	ChainGap       = "gap"            // links are missing before this one
	ChainMissing   = "missing row"    // the audit row of the link is gone
	ChainChanged   = "changed row"    // the row is not the one that was sealed, or another row took its place
	ChainHash      = "wrong hash"     // the link's own hash or time was changed: later links were made of another one
	ChainEither    = "row or hash"    // of the last link: no later one tells which of the two was changed
	ChainBackdated = "backdated row"  // it was sealed after rows that are more than a minute younger
	ChainUnlinked  = "unlinked row"   // the chain is shorter than its rows: this one has no link and waits for none
	ChainCutOff    = "end is missing" // the chain does not reach the head that was expected, or has another hash there
)

// backdated is how much older than a row that was sealed before it a row may be. Who writes one commits within seconds.
const backdated = time.Minute

// ChainHead is the last link of a chain. Kept where the database's owner cannot reach, it shows that the end of a chain was
// not cut off.
type ChainHead struct {
	Seq  int64
	Hash []byte
}

// String is SEQ:HASH, the hash in hex.
func (h ChainHead) String() string {
	return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.Hash)
}

// ParseChainHead reads what String writes.
func ParseChainHead(text string) (h ChainHead, err error) {
	seq, hash, _ := strings.Cut(text, ":")
	h.Seq, err = strconv.ParseInt(seq, 10, 64)
	if err == nil {
		h.Hash, err = hex.DecodeString(hash)
	}
	if err != nil || h.Seq < 1 || len(h.Hash) == 0 {
		return ChainHead{}, errors.New("want SEQ:HASH, as it was printed")
	}
	return h, nil
}

// ChainBreak is the first thing that is wrong with a chain.
type ChainBreak struct {
	Seq     int64  `json:"seq"`      // of the link; 0 for a row without one
	AuditID int64  `json:"audit_id"` // of the row; 0 when that is not known
	What    string `json:"what"`
}

// ChainReport is what became of verifying one org's chain.
type ChainReport struct {
	Org      Org
	Head     ChainHead     // zero: nothing was sealed yet
	Unsealed int64         // rows that wait for their link
	Oldest   time.Duration // how long the oldest of them has waited
	Broken   *ChainBreak   // nil: every link holds
}

// VerifyChain goes through the chain of an org, link by link, in one snapshot. pool is the audit role's. expect is a head that
// was printed before; nil: none is known, and then rows that were cut off at the end together with their links are not missed.
func VerifyChain(ctx context.Context, pool *pgxpool.Pool, k *pii.Keyring, org Org, expect *ChainHead) (ChainReport, error) {
	r := ChainReport{Org: org}
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := r.walk(ctx, tx, k, expect); err != nil {
			return err
		}
		return r.tail(ctx, tx)
	})
	if err != nil {
		return r, fmt.Errorf("chain of %s: %w", org.Slug, err)
	}
	return r, nil
}

// chainLink is a link as it is stored, with what is stored of its row.
type chainLink struct {
	seq, auditID int64
	at           string // microseconds since 1970
	hash         []byte
	there        bool // its row
	fact         auditFact
}

// walk verifies each link by the one before it.
func (r *ChainReport) walk(ctx context.Context, tx pgx.Tx, k *pii.Keyring, expect *ChainHead) error {
	rows, err := tx.Query(ctx, `SELECT c.seq, c.audit_id, `+micros("c.at")+`, c.hash, l.id IS NOT NULL, COALESCE(l.id, 0), COALESCE(`+micros("l.at")+`, ''),
		       COALESCE(l.actor, ''), COALESCE(l.action, ''), COALESCE(l.subject, ''), COALESCE(l.detail::text, ''), COALESCE(l.request, '')
		  FROM audit_chain c LEFT JOIN audit_log l ON l.org_id = c.org_id AND l.id = c.audit_id WHERE c.org_id = $1 ORDER BY c.seq`, r.Org.ID)
	if err != nil {
		return err
	}
	var (
		l        chainLink
		youngest int64
		suspect  *chainLink // a link that does not hold, until the next one tells why
		wanted   []byte     // the hash that it should have
	)
	_, err = pgx.ForEachRow(rows, append([]any{&l.seq, &l.auditID, &l.at, &l.hash, &l.there}, l.fact.scan()...), func() error {
		if suspect != nil {
			r.blame(suspect, bytes.Equal(l.hash, l.fact.link(k, r.Org.ID, wanted, l.seq, l.at)), ChainChanged)
			return errChainBroken
		}
		before := r.Head
		r.Head = ChainHead{l.seq, bytes.Clone(l.hash)}
		at, _ := strconv.ParseInt(l.fact.At, 10, 64) // one that is no time does not verify
		switch {
		case l.seq != before.Seq+1:
			r.Broken = &ChainBreak{l.seq, l.auditID, ChainGap}
		case !l.there:
			r.Broken = &ChainBreak{l.seq, l.auditID, ChainMissing}
		case expect != nil && l.seq == expect.Seq && !bytes.Equal(l.hash, expect.Hash):
			r.Broken = &ChainBreak{l.seq, l.auditID, ChainCutOff}
		default:
			if wanted = l.fact.link(k, r.Org.ID, before.Hash, l.seq, l.at); !bytes.Equal(wanted, l.hash) {
				held := l
				suspect = &held
				return nil
			}
			if at < youngest-backdated.Microseconds() {
				r.Broken = &ChainBreak{l.seq, l.auditID, ChainBackdated}
			}
			youngest = max(youngest, at)
		}
		if r.Broken != nil {
			return errChainBroken
		}
		return nil
	})
	switch {
	case errors.Is(err, errChainBroken):
		return nil
	case err != nil:
		return err
	case suspect != nil:
		r.blame(suspect, false, ChainEither)
	case expect != nil && r.Head.Seq < expect.Seq:
		r.Broken = &ChainBreak{expect.Seq, 0, ChainCutOff}
	}
	return nil
}

// errChainBroken ends a walk.
var errChainBroken = errors.New("broken")

// blame names what is wrong with a link that does not hold: its hash, when the next link was made of the right one, else what
// is likely otherwise.
func (r *ChainReport) blame(l *chainLink, rightNext bool, otherwise string) {
	if rightNext {
		otherwise = ChainHash
	}
	r.Broken = &ChainBreak{l.seq, l.auditID, otherwise}
}

// tail reads what waits for its link, and finds what does not and has none.
func (r *ChainReport) tail(ctx context.Context, tx pgx.Tx) error {
	err := tx.QueryRow(ctx, `SELECT count(*), COALESCE(clock_timestamp() - min(at), '0') FROM audit_unsealed WHERE org_id = $1`, r.Org.ID).
		Scan(&r.Unsealed, &r.Oldest)
	if err != nil || r.Broken != nil {
		return err
	}
	var lost, unlinked *int64
	err = tx.QueryRow(ctx, `SELECT (SELECT min(u.audit_id) FROM audit_unsealed u LEFT JOIN audit_log l ON l.org_id = u.org_id AND l.id = u.audit_id
		       WHERE u.org_id = $1 AND l.id IS NULL),
		(SELECT min(l.id) FROM audit_log l LEFT JOIN audit_chain c ON c.org_id = l.org_id AND c.audit_id = l.id
		       LEFT JOIN audit_unsealed u ON u.org_id = l.org_id AND u.audit_id = l.id WHERE l.org_id = $1 AND c.seq IS NULL AND u.audit_id IS NULL)`,
		r.Org.ID).Scan(&lost, &unlinked)
	switch {
	case err != nil:
		return err
	case unlinked != nil:
		r.Broken = &ChainBreak{0, *unlinked, ChainUnlinked}
	case lost != nil:
		r.Broken = &ChainBreak{0, *lost, ChainMissing}
	}
	return nil
}
