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
	ChainGap      = "gap"            // links are missing before this one
	ChainMissing  = "missing row"    // the audit row of the link is gone
	ChainChanged  = "changed row"    // the row is not the one that was sealed, or another row took its place
	ChainHash     = "wrong hash"     // the link's own hash or time was changed: later links were made of another one
	ChainEither   = "row or hash"    // no link follows that would tell which of the two was changed
	ChainUnlinked = "unlinked row"   // the chain is shorter than its rows: this one has no link and waits for none
	ChainCutOff   = "end is missing" // the chain does not reach the head that was expected, or has another hash there
)

// What a link that holds can be conspicuous by. They are printed, and never change.
const (
	ChainLate  = "sealed late" // more than a minute after its row's time
	ChainAhead = "dated ahead" // its row's time is more than a minute after it
)

// sealSlack is how far the times of a row and of its link may lie apart. Who writes a row commits within seconds, and
// audit:seal finds it within one more.
const sealSlack = time.Minute

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

// MarshalText is String, for logs.
func (h ChainHead) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// ChainBreak is something that is wrong with a chain, or conspicuous.
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
	Broken   *ChainBreak   // the first thing that is wrong; nil: every link holds
	Breaks   int64         // how many things are
	// Holds is the link from which on all hold among themselves, up to the head: 1 in a chain without a break, 0 when its
	// last link is broken or it has none.
	Holds int64
	// Late is the first link that holds and whose time is not its row's, and Lates how many there are: a transaction that was
	// open for long, a time without workers, a clock that was set. Or somebody gave a row another time, or took links away to
	// have old rows sealed anew; a head that was kept tells that apart.
	Late  *ChainBreak
	Lates int64
}

// VerifyChain goes through the chain of an org, link by link, in one snapshot. pool is the audit role's. expect is a head that
// was printed before; nil: none is known, and then rows that were cut off at the end together with their links are not missed.
// Behind a break it goes on with the hash that is stored there.
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
	r.Holds = 1
	var (
		l       chainLink
		suspect *ChainBreak // a link that does not hold, until the next one tells why
		other   []byte      // the hash that the link before this one should have, when it has another
	)
	_, err = pgx.ForEachRow(rows, append([]any{&l.seq, &l.auditID, &l.at, &l.hash, &l.there}, l.fact.scan()...), func() error {
		before := r.Head
		r.Head = ChainHead{l.seq, bytes.Clone(l.hash)}
		follows := l.seq == before.Seq+1 && l.there
		wanted := l.fact.link(k, r.Org.ID, before.Hash, l.seq, l.at)
		holds := follows && bytes.Equal(l.hash, wanted)
		byOther := follows && other != nil && bytes.Equal(l.hash, l.fact.link(k, r.Org.ID, other, l.seq, l.at))
		if suspect != nil {
			suspect.What = ChainChanged
			if byOther {
				suspect.What = ChainHash
			} else if !follows {
				suspect.What = ChainEither
			}
			r.broke(*suspect)
		}
		suspect, other = nil, nil
		if follows && !holds && !byOther {
			other = wanted
		}
		switch here := (ChainBreak{Seq: l.seq, AuditID: l.auditID}); {
		case l.seq != before.Seq+1:
			here.What = ChainGap
			r.broke(here)
		case !l.there:
			here.What = ChainMissing
			r.broke(here)
		case expect != nil && l.seq == expect.Seq && !bytes.Equal(l.hash, expect.Hash):
			here.What = ChainCutOff
			r.broke(here)
		case holds || byOther:
			r.look(l)
		default:
			suspect = &here
		}
		return nil
	})
	if err != nil {
		return err
	}
	if suspect != nil {
		suspect.What = ChainEither
		r.broke(*suspect)
	}
	if expect != nil && r.Head.Seq < expect.Seq {
		r.broke(ChainBreak{expect.Seq, 0, ChainCutOff})
	}
	if r.Holds > r.Head.Seq {
		r.Holds = 0
	}
	return nil
}

// broke notes something that is wrong. Behind a link that is, the others may hold again.
func (r *ChainReport) broke(b ChainBreak) {
	if r.Breaks++; r.Broken == nil {
		r.Broken = &b
	}
	if b.Seq > 0 && b.Seq <= r.Head.Seq {
		r.Holds = b.Seq + 1
	}
}

// look compares the time of a link that holds to its row's. Both are in its hash, and its own is the database's at the moment
// when it was made.
func (r *ChainReport) look(l chainLink) {
	sealed, err := strconv.ParseInt(l.at, 10, 64)
	written, rowErr := strconv.ParseInt(l.fact.At, 10, 64)
	late := ChainBreak{Seq: l.seq, AuditID: l.auditID, What: ChainLate}
	switch apart := sealed - written; {
	case errors.Join(err, rowErr) != nil || apart < -sealSlack.Microseconds(): // a row's time may be infinite
		late.What = ChainAhead
	case apart <= sealSlack.Microseconds():
		return
	}
	if r.Lates++; r.Late == nil {
		r.Late = &late
	}
}

// tail reads what waits for its link, and finds what does not and has none.
func (r *ChainReport) tail(ctx context.Context, tx pgx.Tx) error {
	err := tx.QueryRow(ctx, `SELECT count(*), COALESCE(clock_timestamp() - min(at), '0') FROM audit_unsealed WHERE org_id = $1`, r.Org.ID).
		Scan(&r.Unsealed, &r.Oldest)
	if err != nil {
		return err
	}
	var lost, unlinked *int64
	err = tx.QueryRow(ctx, `SELECT (SELECT min(u.audit_id) FROM audit_unsealed u LEFT JOIN audit_log l ON l.org_id = u.org_id AND l.id = u.audit_id
		       WHERE u.org_id = $1 AND l.id IS NULL),
		(SELECT min(l.id) FROM audit_log l LEFT JOIN audit_chain c ON c.org_id = l.org_id AND c.audit_id = l.id
		       LEFT JOIN audit_unsealed u ON u.org_id = l.org_id AND u.audit_id = l.id WHERE l.org_id = $1 AND c.seq IS NULL AND u.audit_id IS NULL)`,
		r.Org.ID).Scan(&lost, &unlinked)
	if err != nil {
		return err
	}
	if unlinked != nil {
		r.broke(ChainBreak{0, *unlinked, ChainUnlinked})
	}
	if lost != nil {
		r.broke(ChainBreak{0, *lost, ChainMissing})
	}
	return nil
}
