package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/store/pii"
)

// Message states; they only move forward, in this order.
const (
	MessageQueued   = "queued"
	MessageSending  = "sending"
	MessageUnknown  = "unknown"
	MessageAccepted = "accepted"
	MessageSent     = "sent"
	MessageFailed   = "failed"
	MessageCanceled = "canceled"
)

// Message is one text to a customer.
type Message struct {
	ID             uuid.UUID
	Kind           string
	BookingID      uuid.NullUUID
	VerificationID uuid.NullUUID
	To             pii.Phone
	ToHash         []byte
	State          string
	Sends          int    // how often it was claimed for sending; the last number is that of its call
	SID            string // the provider's, "" without
	BodyHash       []byte
	ClaimedAt      *time.Time
	Age            time.Duration // since it was made
	SinceClaim     time.Duration // since it was last claimed for sending
	Erased         bool          // its customer was
}

const purposeTo = "message.to"

// InsertMessage queues a text to be sent.
func InsertMessage(tx *Tx, k *pii.Keyring, m Message) error {
	to, err := k.Seal(tx.Org, purposeTo, m.To.Reveal())
	if err != nil {
		return err
	}
	var prefix []byte
	if m.VerificationID.Valid { // it carries a code: limits count it
		prefix = PrefixHash(k, tx.Org, m.To)
	}
	tx.Queue(`INSERT INTO message (org_id, id, kind, booking_id, verification_id, to_hash, to_sealed, prefix_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		tx.Org, m.ID, m.Kind, m.BookingID, m.VerificationID, PhoneHash(k, tx.Org, m.To), to, prefix)
	return nil
}

// TextCustomer queues a text about a booking to its customer, whose number stays where it is.
func TextCustomer(tx *Tx, id uuid.UUID, kind string, b Booking) {
	tx.Queue(`INSERT INTO message (org_id, id, kind, booking_id, to_hash)
		SELECT org_id, $2, $3, $4, phone_hash FROM customer WHERE org_id = $1 AND id = $5`, tx.Org, id, kind, b.ID, b.CustomerID)
}

const messageColumns = `m.kind, m.booking_id, m.verification_id, m.to_sealed,
	CASE WHEN m.to_sealed IS NULL THEN (SELECT y.phone_sealed FROM customer y WHERE y.org_id = m.org_id AND y.phone_hash = m.to_hash) END,
	m.to_hash, m.state, m.sends,
	COALESCE(m.provider_sid, ''), m.body_hash, m.claimed_at, clock_timestamp() - m.created_at, COALESCE(clock_timestamp() - m.claimed_at, '0'), m.erased_for IS NOT NULL`

// sealedPhone is the number of a text as it is stored: with the text, or with the customer.
type sealedPhone struct{ own, customers []byte }

func (s sealedPhone) open(k *pii.Keyring, org uuid.UUID) (pii.Phone, error) {
	purpose, sealed := purposeTo, s.own
	if sealed == nil {
		purpose, sealed = purposeCustomerPhone, s.customers
	}
	phone, err := k.Open(org, purpose, sealed)
	return pii.KnownPhone(phone), err
}

// scan lists where messageColumns go; the phone comes sealed.
func (m *Message) scan(to *sealedPhone) []any {
	return []any{&m.Kind, &m.BookingID, &m.VerificationID, &to.own, &to.customers, &m.ToHash, &m.State, &m.Sends, &m.SID, &m.BodyHash, &m.ClaimedAt, &m.Age, &m.SinceClaim, &m.Erased}
}

// LockMessage reads and locks a message.
func LockMessage(ctx context.Context, tx *Tx, k *pii.Keyring, id uuid.UUID) (Message, error) {
	m := Message{ID: id}
	var to sealedPhone
	err := tx.QueryRow(ctx, `SELECT `+messageColumns+` FROM message m WHERE m.org_id = $1 AND m.id = $2 FOR UPDATE`, tx.Org, id).
		Scan(m.scan(&to)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, ErrNotFound
	}
	if err != nil {
		return m, err
	}
	m.To, err = to.open(k, tx.Org)
	return m, err
}

// BodyHash is what finds a text again at the provider.
func BodyHash(k *pii.Keyring, org uuid.UUID, body pii.Text) []byte {
	return k.Fingerprint(org, "message.body", body.Reveal())
}

// SendingMessage queues that a locked message is about to be sent.
func SendingMessage(tx *Tx, id uuid.UUID, bodyHash []byte, segments int) {
	tx.Queue(`UPDATE message SET state = 'sending', sends = sends + 1, body_hash = $3, segments = $4,
		claimed_at = clock_timestamp(), updated_at = clock_timestamp() WHERE org_id = $1 AND id = $2`, tx.Org, id, bodyHash, segments)
}

// AcceptedMessage queues that the provider has the text, whatever became of the task that sent it. A callback
// may have come first and moved it further; then only the SID is filled in. Failed without a SID is what we had
// settled ourselves, and wrongly.
func AcceptedMessage(tx *Tx, id uuid.UUID, sid string) {
	tx.Queue(`UPDATE message SET provider_sid = COALESCE(provider_sid, $3), accepted_at = COALESCE(accepted_at, clock_timestamp()),
		state = CASE WHEN state IN ('queued', 'sending', 'unknown') OR state = 'failed' AND provider_sid IS NULL THEN 'accepted' ELSE state END,
		poll_at = CASE WHEN state IN ('queued', 'sending', 'unknown') OR state = 'failed' AND provider_sid IS NULL THEN clock_timestamp() + $4::interval ELSE poll_at END,
		updated_at = clock_timestamp() WHERE org_id = $1 AND id = $2`, tx.Org, id, sid, pollAfter[0])
}

// SettleMessage queues the state of a message whose text surely did not go out (queued, to be sent again;
// failed; canceled) or may have (unknown). A message that the provider has is left alone.
func SettleMessage(tx *Tx, id uuid.UUID, state, class string, code int) {
	tx.Queue(`UPDATE message SET state = $3, error_class = NULLIF($4, ''), error_code = NULLIF($5, 0), updated_at = clock_timestamp()
		WHERE org_id = $1 AND id = $2 AND state IN ('queued', 'sending', 'unknown')`, tx.Org, id, state, class, code)
}

// RequeueMessage puts a failed message back in line, whose text surely never went out: it has no SID, and how its last
// call ended is known. It reports whether it is such a one. Only an operator moves a message backwards.
func RequeueMessage(ctx context.Context, tx *Tx, id uuid.UUID) (unsent bool, err error) {
	tag, err := tx.Exec(ctx, `UPDATE message SET state = 'queued', error_class = NULL, error_code = NULL, updated_at = clock_timestamp()
		WHERE org_id = $1 AND id = $2 AND state = 'failed' AND provider_sid IS NULL AND error_class IS DISTINCT FROM 'unknown'`, tx.Org, id)
	return tag.RowsAffected() == 1, err
}

// UnsettleMessage makes a message unknown again that was given up though its text may have gone out, so that it can be
// looked up once more. It reports whether it is such a one.
func UnsettleMessage(ctx context.Context, tx *Tx, id uuid.UUID) (lost bool, err error) {
	tag, err := tx.Exec(ctx, `UPDATE message SET state = 'unknown', updated_at = clock_timestamp()
		WHERE org_id = $1 AND id = $2 AND state = 'failed' AND provider_sid IS NULL AND error_class = 'unknown'`, tx.Org, id)
	return tag.RowsAffected() == 1, err
}

// MessageStatus is what a callback says of a message.
type MessageStatus struct {
	ID     uuid.UUID
	SID    string
	State  string // accepted, sent, delivered, undelivered, failed, canceled
	Rank   int    // higher states have higher ranks; equal ones are final
	Class  string
	Code   int
	Sender string
}

// ApplyStatus queues what a callback says of a message: it moves the message forward, and once it is an end the
// booking's timeline tells, and the provider is not asked any more. A delivery refutes refusals that callbacks told of
// (see ProbeAccepted). A repeat, an older state, or one for a message we do not have changes nothing. moved is filled
// in when the queue goes out: what it moved, zero for nothing.
func ApplyStatus(tx *Tx, s MessageStatus, moved *Message) {
	tx.QueueRead(func(rows pgx.Rows) (err error) {
		*moved, err = one(rows, nil, func(r pgx.CollectableRow) (m Message, err error) {
			var resumed bool
			err = r.Scan(&m.ID, &m.Kind, &m.BookingID, &m.VerificationID, &resumed)
			return m, err
		})
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}, `WITH moved AS (
		UPDATE message SET state = $3, provider_sid = COALESCE(provider_sid, $4),
			accepted_at = COALESCE(accepted_at, clock_timestamp()), error_class = NULLIF($5, ''), error_code = NULLIF($6, 0),
			poll_at = CASE WHEN $7 < 4 THEN COALESCE(poll_at, clock_timestamp() + $8::interval) END, updated_at = clock_timestamp()
		WHERE org_id = $1 AND id = $2 AND (provider_sid IS NULL OR provider_sid = $4)
		  AND $7 > CASE state WHEN 'queued' THEN 0 WHEN 'sending' THEN 0 WHEN 'unknown' THEN 0 WHEN 'accepted' THEN 1 WHEN 'sent' THEN 3 ELSE 4 END
		RETURNING id, kind, booking_id, verification_id, claimed_at),
	proof AS (
		SELECT sms_resume($1, 'holdfast', '{"by": "delivered"}', false) AS resumed FROM moved m JOIN sms_breaker k ON k.org_id = $1
		 WHERE $3 = 'delivered' AND k.late AND (k.opened_at IS NULL OR m.claimed_at > k.refused_at)),
	carried AS (
		UPDATE verification v SET state = 'sent' FROM moved m
		 WHERE v.org_id = $1 AND v.id = m.verification_id AND v.state = 'pending' AND v.expires_at IS NOT NULL
		   AND $3 IN ('accepted', 'sent', 'delivered')),
	told AS (
		INSERT INTO booking_event (org_id, booking_id, kind, detail)
		SELECT $1, m.booking_id, CASE $3 WHEN 'delivered' THEN 'text_delivered' ELSE 'text_undelivered' END,
			jsonb_build_object('message', m.id, 'text', m.kind)
			|| CASE $3 WHEN 'delivered' THEN '{}' ELSE jsonb_build_object('code', $6, 'class', $5) END
		  FROM moved m WHERE $7 >= 4 AND m.booking_id IS NOT NULL)
	SELECT id, kind, booking_id, verification_id, COALESCE((SELECT resumed FROM proof), false) FROM moved`,
		tx.Org, s.ID, s.State, s.SID, s.Class, s.Code, s.Rank, pollAfter[0])
}

// AdoptedSIDs tells which of sids belong to a message already.
func AdoptedSIDs(ctx context.Context, tx *Tx, sids []string) (map[string]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `SELECT provider_sid, id FROM message WHERE org_id = $1 AND provider_sid = ANY ($2)`, tx.Org, sids)
	if err != nil {
		return nil, err
	}
	adopted := make(map[string]uuid.UUID)
	var (
		sid string
		id  uuid.UUID
	)
	_, err = pgx.ForEachRow(rows, []any{&sid, &id}, func() error { adopted[sid] = id; return nil })
	return adopted, err
}

// CodeOnItsWay reports whether another text of the same code was accepted or is on its way.
func CodeOnItsWay(ctx context.Context, tx *Tx, verification, except uuid.UUID) (on bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM message WHERE org_id = $1 AND verification_id = $2 AND id <> $3
		AND state IN ('queued', 'sending', 'unknown', 'accepted', 'sent', 'delivered'))`, tx.Org, verification, except).Scan(&on)
	return on, err
}

// Outgoing is a message with all that its text says and where it goes.
type Outgoing struct {
	Message
	Account      SMSAccount
	HasAccount   bool
	Suppressed   bool // the phone opted out of the account's pool
	Refused      bool // the org's breaker counts refusals
	Stopped      bool // the org's breaker is open: see PassBreaker
	OrgName      string
	Locale       string        // the customer's, else the org's
	BookingState string        // "" without a booking
	HoldLeft     time.Duration // of the booking's hold; negative once it has lapsed
	Start        time.Time
	Zone         *time.Location // the customer's, else the resource's, else the org's
	Place        *time.Location // the resource's, else the org's
	Resource     string
	Service      string
	Verification Verification // zero without a code
	Settings     Settings
}

// LockOutgoing locks a message and reads what its text says. The credentials are read with it each time, so a
// change takes effect with the next text in every process; so are the settings.
func LockOutgoing(ctx context.Context, tx *Tx, k *pii.Keyring, id uuid.UUID) (Outgoing, error) {
	o := Outgoing{Message: Message{ID: id}}
	var (
		zoneName, place   string
		start             *time.Time
		to                sealedPhone
		token, secondary  []byte
		verification, bkg uuid.NullUUID
	)
	a, v := &o.Account, &o.Verification
	tx.Queue(`SELECT FROM message WHERE org_id = $1 AND id = $2 FOR UPDATE`, tx.Org, id)
	err := tx.QueryRow(ctx, `SELECT `+messageColumns+`, g.name, COALESCE(c.locale, g.locale), COALESCE(c.time_zone, r.time_zone, g.time_zone), COALESCE(r.time_zone, g.time_zone),
		       k.org_id IS NOT NULL, k.opened_at IS NOT NULL,
		       COALESCE(b.state, ''), COALESCE(b.hold_expires_at - clock_timestamp(), '0'), b.starts_at, COALESCE(r.name, ''), COALESCE(s.name, ''),
		       COALESCE(a.account_sid, ''), a.token_sealed, a.secondary_sealed, COALESCE(a.from_number, ''), COALESCE(a.messaging_service_sid, ''), COALESCE(a.version, 0),
		       EXISTS (SELECT FROM suppression x WHERE x.org_id = m.org_id AND x.phone_hash = m.to_hash
		               AND x.pool = `+accountPool+`),
		       v.id, v.booking_id, COALESCE(v.generation, 0), COALESCE(v.kid, 0), COALESCE(v.state, ''),
		       COALESCE(v.expires_at <= clock_timestamp(), false), COALESCE(v.expires_at - clock_timestamp(), '0'),
		       COALESCE(st.version, 0), st.doc, g.region
		  FROM message m JOIN org g ON g.id = m.org_id
		  LEFT JOIN booking b ON b.org_id = m.org_id AND b.id = m.booking_id
		  LEFT JOIN customer c ON c.org_id = m.org_id AND c.id = b.customer_id
		  LEFT JOIN resource r ON r.org_id = m.org_id AND r.id = b.resource_id
		  LEFT JOIN service s ON s.org_id = m.org_id AND s.id = b.service_id
		  LEFT JOIN verification v ON v.org_id = m.org_id AND v.id = m.verification_id
		  LEFT JOIN sms_account a ON a.org_id = m.org_id
		  LEFT JOIN sms_breaker k ON k.org_id = m.org_id
		  LEFT JOIN settings st ON st.org_id = m.org_id
		 WHERE m.org_id = $1 AND m.id = $2`, tx.Org, id).
		Scan(append(o.scan(&to), &o.OrgName, &o.Locale, &zoneName, &place, &o.Refused, &o.Stopped, &o.BookingState, &o.HoldLeft, &start, &o.Resource, &o.Service,
			&a.SID, &token, &secondary, &a.From, &a.MessagingServiceSID, &a.Version, &o.Suppressed,
			&verification, &bkg, &v.Generation, &v.KID, &v.State, &v.Expired, &v.Left,
			&o.Settings.Version, &o.Settings.Doc, &o.Settings.Region)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, ErrNotFound
	}
	if err != nil {
		return o, err
	}
	v.ID, v.BookingID, o.Zone, o.Place, o.HasAccount = verification.UUID, bkg.UUID, zone(zoneName), zone(place), a.SID != ""
	if o.To, err = to.open(k, tx.Org); err != nil {
		return o, err
	}
	if start != nil {
		o.Start = *start
	}
	err = a.openTokens(k, tx.Org, token, secondary)
	return o, err
}

// TextedLately reports whether a text of the kind was made for the phone within the time given.
func TextedLately(ctx context.Context, tx *Tx, phoneHash []byte, kind string, within time.Duration) (lately bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM message WHERE org_id = $1 AND to_hash = $2 AND kind = $3
		AND created_at > clock_timestamp() - $4::interval)`, tx.Org, phoneHash, kind, within).Scan(&lately)
	return lately, err
}

// TextedAbout is TextedLately for a text about a booking.
func TextedAbout(ctx context.Context, tx *Tx, booking uuid.UUID, kind string, within time.Duration) (lately bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM message WHERE org_id = $1 AND booking_id = $2 AND kind = $3
		AND created_at > clock_timestamp() - $4::interval)`, tx.Org, booking, kind, within).Scan(&lately)
	return lately, err
}

// CountTexts counts the texts of some kinds that were made for a phone within the time given.
func CountTexts(ctx context.Context, tx *Tx, phoneHash []byte, kinds []string, within time.Duration) (n int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM message WHERE org_id = $1 AND to_hash = $2 AND kind = ANY ($3)
		AND created_at > clock_timestamp() - $4::interval`, tx.Org, phoneHash, kinds, within).Scan(&n)
	return n, err
}
