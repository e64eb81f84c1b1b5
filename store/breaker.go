package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// An org's breaker is a row of sms_breaker. While it is open the org's texts wait, and nobody else's.

// TaskParked is the reason of a task that waits for its org's breaker. What closes it finds them by this word.
const TaskParked = "sms-parked"

// Trip is what the provider said against an org's account, sender or permissions when it refused a text.
type Trip struct {
	Class string // tenant or cap
	Code  int    // the provider's, 0 when it gave none
	Stops int    // so many in a row, to different numbers, open the breaker
	Late  bool   // told by a callback, of a text that had been accepted
	// First is how long until a text is tried again. It doubles from one refusal to the next, up to Most.
	First, Most time.Duration
}

// TripBreaker queues a refusal of a text: the breaker counts it, opens, or stays open for longer. The text's row must
// be as the call that was refused has left it.
func TripBreaker(tx *Tx, message uuid.UUID, t Trip) {
	tx.Queue(`SELECT sms_trip($1, $2, $3, $4, $5, $6, $7, $8)`, tx.Org, message, t.Class, t.Code, t.Stops, t.Late, t.First, t.Most)
}

// Passage is what an open breaker says to a text that wants to go.
type Passage struct {
	Probe  bool          // it goes, and by it the account is tried
	Parked bool          // it waits
	Wait   time.Duration // until the next try, when there will be one; 0: until an operator ends the pause
}

// PassBreaker decides whether a text may go though the breaker was open when it was last read. A probe moves the next
// try ahead, so that the others stay parked meanwhile. Who is parked holds the row until the end of the transaction:
// whatever closes the breaker then finds the parked task.
func PassBreaker(ctx context.Context, tx *Tx) (p Passage, err error) {
	tag, err := tx.Exec(ctx, `UPDATE sms_breaker SET retry_at = clock_timestamp() + retry_after
		WHERE org_id = $1 AND opened_at IS NOT NULL AND retry_at <= clock_timestamp()`, tx.Org)
	if err != nil || tag.RowsAffected() > 0 {
		return Passage{Probe: err == nil}, err
	}
	var wait *time.Duration
	err = tx.QueryRow(ctx, `SELECT retry_at - clock_timestamp() FROM sms_breaker
		WHERE org_id = $1 AND opened_at IS NOT NULL FOR SHARE`, tx.Org).Scan(&wait)
	if errors.Is(err, pgx.ErrNoRows) { // closed a moment ago
		return Passage{}, nil
	}
	if wait != nil {
		p.Wait = max(*wait, time.Millisecond)
	}
	p.Parked = true
	return p, err
}

// ProbeAccepted queues what follows when the provider took a probe: the breaker closes. Where callbacks had told of the
// refusals, an acceptance proves nothing by itself: the second closes it, when from one try to the next nothing bad
// was heard of the first.
func ProbeAccepted(tx *Tx) {
	tx.Queue(`WITH first AS (
		UPDATE sms_breaker SET accepted_at = clock_timestamp() WHERE org_id = $1 AND late AND accepted_at IS NULL)
		SELECT sms_resume($1, 'holdfast', '{"by": "accepted"}', false) FROM sms_breaker
		 WHERE org_id = $1 AND NOT (late AND accepted_at IS NULL)`, tx.Org)
}

// ForgetRefusals queues that a text was accepted while the breaker counted: the refusals were not in a row.
func ForgetRefusals(tx *Tx) {
	tx.Queue(`DELETE FROM sms_breaker WHERE org_id = $1 AND opened_at IS NULL AND NOT late`, tx.Org)
}

// PauseTexts queues an operator's pause. It takes the place of what the machine had found.
func PauseTexts(tx *Tx, actor, why string) {
	tx.Queue(`INSERT INTO sms_breaker (org_id, class, actor, why, opened_at) VALUES ($1, 'operator', $2, $3, clock_timestamp())
		ON CONFLICT (org_id) DO UPDATE SET class = 'operator', actor = $2, why = $3, opened_at = clock_timestamp(), code = 0, late = false,
		refused = '{}', refused_at = NULL, retry_at = NULL, retry_after = NULL, accepted_at = NULL, trips = 0`, tx.Org, actor, why)
	NoteAudit(tx, AuditEntry{Actor: actor, Action: "sms.paused", Detail: map[string]string{"class": "operator", "why": why}})
}

// ResumeTexts ends a pause, whoever began it, and makes due what waited; ErrNotFound when the org's texts do not wait.
func ResumeTexts(ctx context.Context, tx *Tx, actor, why string) error {
	var resumed bool
	err := tx.QueryRow(ctx, `SELECT sms_resume($1, $2, $3, true)`, tx.Org, actor, map[string]string{"why": why}).Scan(&resumed)
	if err == nil && !resumed {
		return ErrNotFound
	}
	return err
}

// Pause is why the texts of an org wait.
type Pause struct {
	Org     uuid.UUID
	Class   string // tenant, cap or operator
	Code    int    // the provider's, 0 without
	Actor   string // who paused: an operator
	Why     string
	Since   time.Time
	RetryAt *time.Time // when a text is tried again; nil: not before an operator says so
	Trips   int        // how often in a row the account was refused
}

// ListPauses reads the pauses of all orgs, as the owner.
func ListPauses(ctx context.Context, db DB) ([]Pause, error) {
	rows, err := db.Query(ctx, `SELECT org_id, class, code, actor, why, opened_at, retry_at, trips FROM sms_breaker WHERE opened_at IS NOT NULL`)
	return many(rows, err, pgx.RowToStructByPos[Pause])
}

// OpenBreakers counts the orgs whose texts wait.
func OpenBreakers(ctx context.Context, db DB) (n int64, err error) {
	err = db.QueryRow(ctx, `SELECT sms_breakers_open()`).Scan(&n)
	return n, err
}

// mayText is true in SQL when a text of the org $1 would go out, or be the breaker's next probe.
const mayText = `EXISTS (SELECT FROM sms_account WHERE org_id = $1) AND NOT EXISTS (SELECT FROM sms_breaker
	WHERE org_id = $1 AND opened_at IS NOT NULL AND COALESCE(retry_at > clock_timestamp(), true))`
