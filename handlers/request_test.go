package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// What an ingress does, without HTTP.

// ask writes a request and its task in one transaction.
func (r *rig) ask(typ tasks.Type[tasks.RequestPayload], body any, booking uuid.UUID) uuid.UUID {
	r.t.Helper()
	raw, err := json.Marshal(body)
	r.must(err)
	id, err := uuid.NewV7()
	r.must(err)
	ctx := context.Background()
	r.must(tasks.InTx(ctx, r.in, r.org.ID, func(tx *store.Tx) error {
		_, _, err := store.InsertRequest(ctx, tx, r.db.Keys, store.Request{ID: id, Kind: typ.Name, Source: "api",
			Body: pii.NewText(string(raw)), BookingID: uuid.NullUUID{UUID: booking, Valid: booking != uuid.Nil}})
		if err != nil {
			return err
		}
		_, err = typ.Enqueue(tx, tasks.RequestPayload{Request: id}, tasks.Answers(id))
		return err
	}))
	return id
}

// answer waits for a request's answer.
func (r *rig) answer(id uuid.UUID) (a store.Answer) {
	r.t.Helper()
	eventually(r.t, 15*time.Second, "the request is answered", func() bool {
		var err error
		a, err = store.ReadAnswer(context.Background(), r.db.App, r.org.ID, id)
		r.must(err)
		return a.Status != 0
	})
	return a
}

const (
	ana = "+15550100042"
	bob = "+15550100043"
	eve = "+15550100044"
)

// at is a start at the resources of a test's org: days ahead, on the clock of their own zone.
func at(days, hour, minute int) string {
	zone, _ := time.LoadLocation("America/New_York")
	y, m, d := time.Now().In(zone).AddDate(0, 0, days).Date()
	return time.Date(y, m, d, hour, minute, 0, 0, zone).Format("2006-01-02T15:04")
}

// reply is an answer, read as either of its shapes.
type reply struct {
	status int
	BookingView
	Problem
}

func (r *rig) read(id uuid.UUID) (v reply) {
	r.t.Helper()
	a := r.answer(id)
	v.status = a.Status
	if a.Status < 300 {
		r.must(json.Unmarshal(a.Body, &v.BookingView))
	} else {
		r.must(json.Unmarshal(a.Body, &v.Problem))
	}
	return v
}

// kind is the problem's kind, or the booking's state.
func (v reply) kind() string {
	if v.status < 300 {
		return v.State
	}
	return strings.TrimPrefix(v.Type, ProblemBase)
}

func (r *rig) claim(phone, start string) reply {
	r.t.Helper()
	return r.read(r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: start, Customer: CustomerBody{Phone: phone, Name: "Ana Lee"}}, uuid.Nil))
}

// held claims and expects to get the seat.
func (r *rig) hold(phone, start string) uuid.UUID {
	r.t.Helper()
	v := r.claim(phone, start)
	if v.status != 201 || v.kind() != "held" {
		r.t.Fatalf("claim: %d %s", v.status, v.kind())
	}
	return v.ID
}

func (r *rig) verify(booking uuid.UUID, code string) reply {
	r.t.Helper()
	return r.read(r.ask(tasks.VerificationCheck, CodeBody{Code: code}, booking))
}

func (r *rig) cancelBooking(booking uuid.UUID) reply {
	r.t.Helper()
	return r.read(r.ask(tasks.BookingCancel, struct{}{}, booking))
}

// expect fails unless an answer is of a kind.
func (r *rig) expect(v reply, status int, kind string) {
	r.t.Helper()
	if v.status != status || v.kind() != kind {
		r.t.Fatalf("got %d %s, want %d %s", v.status, v.kind(), status, kind)
	}
}

// texts waits until n texts went out to a phone.
func (r *rig) texts(phone string, n int) []twiliosim.Message {
	r.t.Helper()
	eventually(r.t, 15*time.Second, fmt.Sprintf("%d texts", n), func() bool { return len(r.sim.Messages(phone)) >= n })
	got := r.sim.Messages(phone)
	if len(got) != n {
		r.t.Fatalf("%d texts, want %d", len(got), n)
	}
	return got
}

var leadingCode = regexp.MustCompile(`^[0-9]{6}\b`)

// codeIn is the code that a text begins with.
func (r *rig) codeIn(m twiliosim.Message) string {
	r.t.Helper()
	code := leadingCode.FindString(m.Body)
	if code == "" {
		r.t.Fatalf("no code in %q", m.Body)
	}
	return code
}

func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// says is a text from a customer, as the ingress writes it.
func (r *rig) says(phone, body string) {
	r.t.Helper()
	id := r.writes(phone, body)
	eventually(r.t, 10*time.Second, "the reply is understood", func() bool {
		return query[bool](r, "SELECT done_at IS NOT NULL AND body_sealed IS NULL FROM inbound WHERE id = $1", id)
	})
}

// writes is says without waiting until somebody has understood it. optOutType is what the provider says of it.
func (r *rig) writes(phone, body string, optOutType ...string) uuid.UUID {
	r.t.Helper()
	id, ctx := uuid.New(), context.Background()
	r.must(tasks.InTx(ctx, r.in, r.org.ID, func(tx *store.Tx) error {
		return TakeInbound(ctx, tx, r.db.Keys, store.Inbound{ID: id, SID: "SM" + strings.ReplaceAll(id.String(), "-", ""),
			From: pii.KnownPhone(phone), Sender: r.org.Account.From, Body: pii.NewText(body), OptOutType: strings.Join(optOutType, "")})
	}))
	return id
}

func (r *rig) booking(id uuid.UUID) (b store.Booking) {
	r.t.Helper()
	_, err := store.InTx(context.Background(), r.db.App, r.org.ID, func(tx *store.Tx) (err error) {
		b, err = store.FindBooking(context.Background(), tx, id)
		return err
	})
	r.must(err)
	return b
}

func (r *rig) timeline(booking uuid.UUID) (kinds []string) {
	r.t.Helper()
	_, err := store.InTx(context.Background(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		events, err := store.Timeline(context.Background(), tx, booking)
		for _, e := range events {
			kinds = append(kinds, e.Kind)
		}
		return err
	})
	r.must(err)
	return kinds
}

// lapse makes a booking's hold end now.
func (r *rig) lapse(booking uuid.UUID) {
	r.t.Helper()
	r.exec("UPDATE booking SET hold_expires_at = clock_timestamp() WHERE id = $1", booking)
	r.exec("UPDATE hold SET expires_at = clock_timestamp() WHERE booking_id = $1 AND live", booking)
}
