package handlers

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// heldBy is hold by a worker that is driven by hand.
func (r *rig) heldBy(run *Runner, body BookingBody) uuid.UUID {
	r.t.Helper()
	id := r.ask(tasks.BookingClaim, body, uuid.Nil)
	r.runAll(run)
	v := r.read(id)
	r.expect(v, 201, "held")
	return v.ID
}

func chair(phone, start string) BookingBody {
	return BookingBody{Resource: "chair", Start: start, Customer: CustomerBody{Phone: phone, Name: "Ana Lee"}}
}

// confirmedBy is heldBy for a booking whose code has come.
func (r *rig) confirmedBy(run *Runner, phone, start string) uuid.UUID {
	r.t.Helper()
	id := r.heldBy(run, chair(phone, start))
	texts := r.sim.Messages(phone)
	ask := r.ask(tasks.VerificationCheck, CodeBody{Code: r.codeIn(texts[len(texts)-1])}, id)
	r.runAll(run)
	r.expect(r.read(ask), 200, "confirmed")
	return id
}

// expires ends a booking's hold, as the sweep does.
func (r *rig) expires(booking uuid.UUID) {
	r.t.Helper()
	r.lapse(booking)
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error { _, _, err := store.ExpireHolds(r.t.Context(), tx); return err })
	r.must(err)
}

func (r *rig) phoneHash(phone string) []byte {
	return store.PhoneHash(r.db.Keys, r.org.ID, pii.KnownPhone(phone))
}

// followedUp is a text that has followed a hold and asks a question, without choices when its time is free.
func (r *rig) followedUp(booking uuid.UUID, phone string, free ...store.Choice) uuid.UUID {
	r.t.Helper()
	id := uuid.New()
	b := r.booking(booking)
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		store.TextCustomer(tx, id, string(sms.KindFollowup), b)
		store.SendingMessage(tx, id, nil, 1)
		store.AcceptedMessage(tx, id, "SM"+id.String())
		q := store.Question{ID: id, BookingID: booking, Kind: store.AskKeep, Choices: free}
		return store.Ask(tx, r.org.Account.Pool(), r.phoneHash(phone), q, r.cfg.Keep)
	})
	r.must(err)
	return id
}

// replies has the replies that wait understood, one after the other; their answers are left in line.
func (r *rig) replies(run *Runner) {
	r.t.Helper()
	for {
		id := query[uuid.NullUUID](r, "SELECT (SELECT id FROM task WHERE state = 'pending' AND type = 'sms:inbound' ORDER BY id LIMIT 1)")
		if !id.Valid {
			return
		}
		if res := run.deliver(r.t.Context(), r.delivery(id.UUID, r.task(id.UUID).Epoch)); res.label != "done" {
			r.t.Fatalf("delivered: %s", res.label)
		}
	}
}

// hears is a reply that is understood, and what the phone was sent for it, by kind.
func (r *rig) hears(run *Runner, phone, body string, optOutType ...string) (sent []string) {
	r.t.Helper()
	before := len(r.kinds(phone))
	r.writes(phone, body, optOutType...)
	r.replies(run)
	return r.kinds(phone)[before:]
}

// wants has a reply understood and expects the answers.
func (r *rig) wants(run *Runner, phone, body string, want ...string) {
	r.t.Helper()
	if got := r.hears(run, phone, body); !slices.Equal(got, want) {
		r.t.Errorf("%q was answered with %v, want %v", body, got, want)
	}
}

// kinds are those of all texts to a phone, in order.
func (r *rig) kinds(phone string) []string {
	r.t.Helper()
	return query[[]string](r, "SELECT ARRAY(SELECT kind FROM message WHERE to_hash = $1 ORDER BY created_at, kind)", r.phoneHash(phone))
}

// went is that the texts of a kind have gone out.
func (r *rig) went(kind sms.Kind) {
	r.t.Helper()
	r.exec("UPDATE message SET state = 'accepted', claimed_at = clock_timestamp(), accepted_at = clock_timestamp() WHERE kind = $1 AND state = 'queued'", string(kind))
}

type asked struct {
	ID, Booking uuid.UUID
	Kind        string
	Choices     []store.Choice
	Wait        time.Duration
}

// questionOf is the question that is open.
func (r *rig) questionOf(phone string) (q asked) {
	r.t.Helper()
	var raw []byte
	err := r.db.Admin.QueryRow(r.t.Context(), `SELECT id, booking_id, kind, choices, expires_at - clock_timestamp() FROM question WHERE phone_hash = $1 AND state = 'open'`,
		r.phoneHash(phone)).Scan(&q.ID, &q.Booking, &q.Kind, &raw, &q.Wait)
	if err != nil {
		r.t.Fatalf("no question is open: %v", err)
	}
	r.must(json.Unmarshal(raw, &q.Choices))
	return q
}

// open counts the open questions.
func (r *rig) open() int {
	r.t.Helper()
	return query[int](r, "SELECT count(*) FROM question WHERE state = 'open' AND expires_at > clock_timestamp()")
}

// is expects what a booking is.
func (r *rig) is(booking uuid.UUID, state string) {
	r.t.Helper()
	if b := r.booking(booking); b.State != state {
		r.t.Fatalf("the booking is %s, want %s", b.State, state)
	}
}

// wasAbout expects which booking the newest reply of a phone was about, and what it was understood as.
func (r *rig) wasAbout(phone string, booking uuid.UUID, intent sms.Intent) {
	r.t.Helper()
	var id uuid.NullUUID
	var as string
	r.must(r.db.Admin.QueryRow(r.t.Context(), "SELECT booking_id, intent FROM inbound WHERE from_hash = $1 ORDER BY created_at DESC LIMIT 1", r.phoneHash(phone)).Scan(&id, &as))
	if id.UUID != booking || as != string(intent) {
		r.t.Errorf("the reply was about %v, as %s; want %s, %s", id, as, booking, intent)
	}
}
