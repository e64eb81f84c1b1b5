package handlers

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// TestModel drives bookings with commands, replies, callbacks and leaps of the clock in any order, beside the model of
// model_test.go: after each step both say the same of every booking, question and opt-out, every promise holds that the
// audit knows, and nobody was texted twice or against his will. -rapid.checks=n tries n orders.
func TestModel(t *testing.T) {
	t.Parallel()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("8"); err != nil { // a check takes seconds
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		d := newDrive(t)
		rt.Repeat(map[string]func(*rapid.T){
			"book": d.book, "verify": d.verify, "cancel": d.cancel, "reschedule": d.reschedule, "mark": d.mark,
			"resend": d.resend, "reply": d.reply, "callback": d.callback, "time": d.time, "": d.compare,
		})
	})
}

// drive is one order of steps.
type drive struct {
	*stage
	m       *model
	slots   []time.Time
	phones  []string
	texts   map[uuid.UUID]*dText
	stopped map[string]int // texts that a phone had got when it opted out
	trail   []string       // what was done, for who has to understand a failure
}

// dText is a text with a code.
type dText struct {
	of    *mBooking
	code  *mCode
	sid   string
	n     int // which of them it is
	ended bool
}

func newDrive(t *testing.T) *drive {
	s := newStage(t, "2026-11-20 10:00")
	s.set(`{"quiet_hours":"off","followup":{"per_day":0,"per_week":0}}`)
	d := &drive{stage: s, texts: make(map[uuid.UUID]*dText), stopped: make(map[string]int)}
	now := s.clock.Now()
	d.m = &model{now: now, seats: map[uuid.UUID]int{s.org.Chair: 1, s.org.Table: 2}, out: make(map[string]bool), asked: make(map[string]*mQuestion)}
	for hour := 9; hour < 12; hour++ {
		d.slots = append(d.slots, s.moment(fmt.Sprintf("2026-11-22 %02d:00", hour)))
	}
	for n := range 3 {
		d.phones = append(d.phones, fmt.Sprintf("+1555010%04d", 100+n))
	}
	return d
}

// did notes a step, and fails when the system has said something else than the model.
func (d *drive) did(t *rapid.T, said, want, format string, args ...any) {
	t.Helper()
	d.trail = append(d.trail, d.m.now.In(d.zone).Format("02 15:04:05 ")+fmt.Sprintf(format, args...)+": "+said)
	if said != want {
		d.fail(t, "said %s, want %s", said, want)
	}
	d.learn(t)
}

func (d *drive) fail(t *rapid.T, format string, args ...any) {
	t.Helper()
	t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(d.trail, "\n"))
}

// leap lets time pass. A second goes by before each step, so that no two things happen at one moment, and a little more,
// so that none happens just when another one ends.
func (d *drive) leap(t *rapid.T, by time.Duration) {
	t.Helper()
	to := d.m.now.Add(by + 137*time.Millisecond)
	d.m.pass(to)
	d.until(to)
	d.learn(t)
}

// learn reads what only the system can know: codes, the ids of their texts, and which times are near.
func (d *drive) learn(t *rapid.T) {
	t.Helper()
	for phone, q := range d.m.asked {
		real, err := d.openQuestion(phone)
		if err != nil || q.cancel || real.BookingID != q.about.id {
			continue // compare will tell
		}
		before := q.choices
		q.choices = nil
		for _, c := range real.Choices {
			q.choices = append(q.choices, mChoice{c.Resource, c.Start})
		}
		for _, c := range q.choices { // somebody may take it later
			if !slices.Equal(before, q.choices) && (!d.m.free(c.resource, c.start, q.about) || !c.start.After(d.m.now)) {
				d.fail(t, "%s was offered, and is not free", c.start.In(d.zone))
			}
		}
	}
	for _, b := range d.m.bookings {
		rows, err := d.db.Admin.Query(context.Background(), `SELECT id, COALESCE(provider_sid, '') FROM message
			WHERE booking_id = $1 AND kind IN ('code', 'move_code') AND provider_sid IS NOT NULL ORDER BY created_at`, b.id)
		d.must(err)
		for rows.Next() {
			var id uuid.UUID
			var sid string
			d.must(rows.Scan(&id, &sid))
			if d.texts[id] == nil {
				d.texts[id] = &dText{of: b, code: b.code, sid: sid, n: len(d.texts)}
				b.code.text = d.code(b.phone)
			}
		}
		d.must(rows.Err())
	}
}

func (d *drive) openQuestion(phone string) (q store.Question, err error) {
	_, err = store.InTx(context.Background(), d.db.App, d.org.ID, func(tx *store.Tx) (err error) {
		q, err = store.OpenQuestion(context.Background(), tx, d.org.Account.Pool(), store.PhoneHash(d.db.Keys, d.org.ID, pii.KnownPhone(phone)))
		return err
	})
	return q, err
}

func (d *drive) phone(t *rapid.T) string { return rapid.SampledFrom(d.phones).Draw(t, "phone") }

func (d *drive) slot(t *rapid.T) time.Time { return rapid.SampledFrom(d.slots).Draw(t, "slot") }

// any is a booking. When there is none yet one is made.
func (d *drive) any(t *rapid.T) *mBooking {
	for len(d.m.bookings) == 0 {
		d.book(t)
	}
	d.leap(t, time.Second)
	return rapid.SampledFrom(d.m.bookings).Draw(t, "booking")
}

func (d *drive) book(t *rapid.T) {
	d.leap(t, time.Second)
	phone, start := d.phone(t), d.slot(t)
	resource := rapid.SampledFrom([]uuid.UUID{d.org.Chair, d.org.Chair, d.org.Table}).Draw(t, "resource")
	v := d.request(tasks.BookingClaim, BookingBody{Resource: resource.String(), Start: start.Format(time.RFC3339), Customer: CustomerBody{Phone: phone}}, uuid.Nil)
	b, want := d.m.book(phone, resource, start)
	if b != nil && b.id == uuid.Nil {
		b.id = v.ID
	}
	d.did(t, v.kind(), want, "book %s %s", phone, start.In(d.zone).Format("02 15:04"))
	if b != nil && b.id != v.ID {
		d.fail(t, "another booking than his own")
	}
}

func (d *drive) verify(t *rapid.T) {
	b := d.any(t)
	code := b.code.text
	if code == "" || rapid.IntRange(0, 3).Draw(t, "wrong") == 0 {
		code = wrong(code)
	}
	v := d.request(tasks.VerificationCheck, CodeBody{Code: code}, b.id)
	d.did(t, v.kind(), d.m.verify(b, code), "verify %s, right %v", b, code == b.code.text)
}

func (d *drive) cancel(t *rapid.T) {
	b := d.any(t)
	v := d.request(tasks.BookingCancel, struct{}{}, b.id)
	d.did(t, v.kind(), d.m.cancel(b), "cancel %s", b)
}

func (d *drive) reschedule(t *rapid.T) {
	b := d.any(t)
	start := d.slot(t)
	was := b.String()
	v := d.request(tasks.BookingReschedule, RescheduleBody{Start: start.Format(time.RFC3339)}, b.id)
	d.did(t, v.kind(), d.m.reschedule(b, start, v.kind()), "reschedule %s to %s", was, start.In(d.zone).Format("02 15:04"))
}

func (d *drive) mark(t *rapid.T) {
	b := d.any(t)
	state := rapid.SampledFrom([]string{"completed", "no_show"}).Draw(t, "state")
	v := d.request(tasks.BookingMark, MarkBody{State: state}, b.id)
	d.did(t, v.kind(), d.m.mark(b, state), "mark %s %s", b, state)
}

func (d *drive) resend(t *rapid.T) {
	b := d.any(t)
	v := d.request(tasks.VerificationResend, ResendBody{}, b.id)
	d.did(t, v.kind(), d.m.resend(b, v.kind()), "resend %s", b)
}

// reply is a text from a phone.
func (d *drive) reply(t *rapid.T) {
	d.leap(t, time.Second)
	phone := d.phone(t)
	said := rapid.SampledFrom([]string{"code", "K", "K", "1", "2", "3", "C", "C", "STOP", "please stop texting me", "START", "hello", "000000"}).Draw(t, "says")
	body := said
	if said == "code" {
		for _, b := range slices.Backward(d.m.bookings) {
			if b.phone == phone && b.code.text != "" {
				body = b.code.text
				break
			}
		}
	}
	d.stage.reply(phone, body)
	m := d.m
	switch r := sms.ParseReply(body); r.Intent {
	case sms.IntentCode:
		m.texted(phone, body)
	case sms.IntentKeep:
		m.keep(phone)
	case sms.IntentChoice:
		m.choose(phone, r.Choice)
	case sms.IntentCancel:
		m.recall(phone)
	case sms.IntentStop:
		m.out[phone] = true
		m.answered(phone)
	case sms.IntentStart:
		m.out[phone] = false
	default: // changes nothing
	}
	d.did(t, said, said, "%s texts", phone)
}

// callback tells what became of a text with a code.
func (d *drive) callback(t *rapid.T) {
	var live []uuid.UUID
	for id, text := range d.texts {
		if !text.ended {
			live = append(live, id)
		}
	}
	if len(live) == 0 {
		return
	}
	slices.SortFunc(live, func(a, b uuid.UUID) int { return d.texts[a].n - d.texts[b].n })
	d.leap(t, time.Second)
	id := rapid.SampledFrom(live).Draw(t, "text")
	status := rapid.SampledFrom([]string{"delivered", "undelivered", "sent"}).Draw(t, "status")
	text := d.texts[id]
	var moved store.Message
	_, err := store.InTx(context.Background(), d.db.App, d.org.ID, func(tx *store.Tx) error {
		_, err := TextStatus{}.Apply(context.Background(), tx, id, sms.Sent{SID: text.sid, Status: status}, &moved)
		return err
	})
	d.must(err)
	d.pump()
	if status != "sent" {
		text.ended = true
	}
	if status == "undelivered" {
		d.m.undelivered(text.of, text.code)
	}
	d.did(t, status, status, "a text of %s", text.of)
}

func (d *drive) time(t *rapid.T) {
	by := rapid.SampledFrom([]time.Duration{20 * time.Second, 70 * time.Second, 3 * time.Minute, 6 * time.Minute, 11 * time.Minute, 3 * time.Hour, 23 * time.Hour}).Draw(t, "time")
	d.leap(t, by)
	d.did(t, by.String(), by.String(), "time")
}

// compare holds the database against the model, and both against the promises.
func (d *drive) compare(t *rapid.T) {
	for _, b := range d.m.bookings {
		real := d.booking(b.id)
		move := ""
		if real.Move != nil {
			move = real.Move.Span.Start.In(d.zone).Format("02 15:04")
		}
		want := ""
		if b.move != nil && !b.move.expired {
			want = b.move.start.Format("02 15:04")
		}
		if real.State != b.state || !real.Span.Start.Equal(b.start) || real.ResourceID != b.resource || move != want {
			d.fail(t, "is %s %s (to %s), the model says %s", real.State, real.Span.Start.In(d.zone).Format("02 15:04"), move, b)
		}
	}
	for _, phone := range d.phones {
		q := d.m.question(phone)
		real, err := d.openQuestion(phone)
		switch {
		case errors.Is(err, store.ErrNotFound) && q == nil:
		case errors.Is(err, store.ErrNotFound):
			d.fail(t, "%s is asked nothing, the model says of %s", phone, q.about)
		case q == nil || q.about.id != real.BookingID || q.cancel != (real.Kind == store.AskCancel):
			d.fail(t, "%s is asked %s of %s, the model says %+v", phone, real.Kind, d.named(real.BookingID), q)
		}
		d.unwanted(t, phone)
	}
	if n := query[int](d.rig, "SELECT count(*) FROM suppression"); n != len(slices.DeleteFunc(slices.Clone(d.phones), func(p string) bool { return !d.m.out[p] })) {
		d.fail(t, "%d phones have opted out", n)
	}
	if n := query[int](d.rig, "SELECT count(*) FROM (SELECT FROM message WHERE kind = 'followup' GROUP BY booking_id HAVING count(*) > 1) x"); n > 0 {
		d.fail(t, "a hold was followed up twice")
	}
	if n := query[int](d.rig, "SELECT count(*) FROM task WHERE state = 'dead' AND last_error NOT IN ('opted-out')"); n > 0 {
		d.fail(t, "%d dead letters: %s", n, query[string](d.rig, "SELECT string_agg(type || ' ' || last_error, ', ') FROM task WHERE state = 'dead'"))
	}
	report, err := store.Audit(context.Background(), d.db.Audit, auditOptions)
	d.must(err)
	if report.Err() != nil {
		d.fail(t, "%v: %+v", report.Err(), broken(report))
	}
}

// named is a booking as the model has it.
func (d *drive) named(id uuid.UUID) *mBooking {
	return d.m.bookings[slices.IndexFunc(d.m.bookings, func(b *mBooking) bool { return b.id == id })]
}

// unwanted looks for texts to a phone that has opted out, but for the one that confirms it, and for texts that went out
// twice.
func (d *drive) unwanted(t *rapid.T, phone string) {
	all := d.sim.Messages(phone)
	wanted := 0
	seen := make(map[string]bool)
	for _, m := range all {
		if seen[m.StatusCallback] {
			d.fail(t, "sent twice: %q", m.Body)
		}
		seen[m.StatusCallback] = true
		if !strings.HasPrefix(m.Body, "You will get no more texts") {
			wanted++
		}
	}
	before, known := d.stopped[phone]
	switch {
	case !d.m.out[phone]:
		delete(d.stopped, phone)
	case !known:
		d.stopped[phone] = wanted
	case wanted > before:
		d.fail(t, "%s has opted out and was texted %q", phone, all[len(all)-1].Body)
	}
}
