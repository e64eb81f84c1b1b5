package handlers

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// limits are settings with some limits and no others.
func limits(some string) string {
	all := `"org":{"per_hour":0},"source":{"per_hour":0},"country":{"per_hour":0}`
	for name, none := range map[string]string{
		"phone": `{"per_10_minutes":0,"per_day":0}`, "prefix": `{"per_hour":0}`, "ratio": `{"confirmed_percent":0}`} {
		if !strings.Contains(some, name) {
			all += `,"` + name + `":` + none
		}
	}
	return `{"limits":{` + all + `,` + some + `}}`
}

// limiting is a stage on which numbers ask for codes, each time for another hour.
type limiting struct {
	*stage
	asked int
}

func newLimiting(t *testing.T, some string) *limiting {
	t.Helper()
	l := &limiting{stage: newStage(t, "2026-11-23 09:00")}
	l.set(limits(some))
	return l
}

// start is a time that nobody has asked for.
func (l *limiting) start() string {
	l.asked++
	return l.moment("2026-12-01 08:00").AddDate(0, 0, l.asked/20).Add(time.Duration(l.asked%20) * 30 * time.Minute).Format(time.RFC3339)
}

func (l *limiting) claim(phone string) reply {
	l.t.Helper()
	return l.request(tasks.BookingClaim, chair(phone, l.start()), uuid.Nil)
}

func (l *limiting) held(phone string) uuid.UUID {
	l.t.Helper()
	v := l.claim(phone)
	l.expect(v, 201, "held")
	return v.ID
}

func (l *limiting) confirm(booking uuid.UUID, phone string) {
	l.t.Helper()
	l.expect(l.request(tasks.VerificationCheck, CodeBody{Code: l.code(phone)}, booking), 200, "confirmed")
}

// full expects that a wish for a code is refused until a moment, exactly, and looks at the moment before.
func (l *limiting) full(until time.Time, field, detail string, ask func() reply) {
	l.t.Helper()
	l.expect(ask(), 429, "too-many-codes")
	l.clock.Set(until.Add(-time.Second))
	v := ask()
	l.expect(v, 429, "too-many-codes")
	if v.RetryAfter != 1 || v.Field != field || v.Detail != detail {
		l.t.Errorf("%+v, want %q, %q and a second", v.Problem, field, detail)
	}
	l.clock.Set(until)
}

// text is when the nth text with a code was made, from 0.
func (l *limiting) text(n int) time.Time {
	l.t.Helper()
	return query[time.Time](l.rig, "SELECT created_at FROM message WHERE prefix_hash IS NOT NULL ORDER BY created_at OFFSET $1 LIMIT 1", n)
}

// A number gets so many codes in ten minutes and in a day, by claims, resends and moves alike; what is no code does not
// count, and the next goes out when the oldest that counts leaves its window.
func TestPhoneLimits(t *testing.T) {
	t.Parallel()
	l := newLimiting(t, `"phone":{"per_10_minutes":3,"per_day":5}`)
	first := l.held(ana)
	l.clock.Advance(time.Minute)
	l.expect(l.request(tasks.VerificationResend, ResendBody{}, first), 200, "held")
	l.confirm(first, ana)
	l.clock.Advance(time.Minute)
	move := func() reply {
		return l.request(tasks.BookingReschedule, RescheduleBody{Start: l.start()}, first)
	}
	l.expect(move(), 200, "confirmed")
	l.clock.Advance(2 * time.Minute)
	l.expect(l.request(tasks.BookingReschedule, RescheduleBody{Start: l.booking(first).Span.Start.Format(time.RFC3339)}, first), 200, "confirmed") // no code
	l.full(l.text(0).Add(10*time.Minute), "", "of this number", move)
	second := l.held(ana)
	l.full(l.text(1).Add(10*time.Minute), "customer.phone", "of this number", func() reply { return l.claim(ana) })
	l.expect(l.request(tasks.VerificationResend, ResendBody{}, second), 200, "held")
	l.expect(l.claim(bob), 201, "held")

	l.clock.Advance(time.Hour)
	l.full(l.text(0).Add(24*time.Hour), "customer.phone", "of this number", func() reply { return l.claim(ana) })
	l.held(ana)
	l.full(l.text(1).Add(24*time.Hour), "phone", "of this number", func() reply {
		return l.request(tasks.VerificationResend, ResendBody{Phone: ana}, l.held(bob))
	})
	l.set(limits(`"phone":{"per_10_minutes":0,"per_day":0}`))
	for range 4 {
		l.held(ana)
	}
}

// Of what asks for one number's codes at the same time all wait for its turn, claims, resends and moves alike, so one gets the
// last code that a limit leaves.
func TestPhoneLimitsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	moved, resent := r.confirmedBy(run, ana, at(2, 9, 0)), r.heldBy(run, chair(ana, at(2, 10, 0)))
	r.exec("UPDATE message SET created_at = created_at - interval '1 minute'")
	r.set(limits(`"phone":{"per_10_minutes":3,"per_day":0}`))
	asks := []uuid.UUID{
		r.ask(tasks.BookingClaim, chair(ana, at(4, 9, 0)), uuid.Nil),
		r.ask(tasks.BookingReschedule, RescheduleBody{Start: at(3, 9, 0)}, moved),
		r.ask(tasks.VerificationResend, ResendBody{}, resent),
	}
	turn, err := store.Begin(t.Context(), r.db.App, r.org.ID)
	r.must(err)
	defer turn.Rollback(context.Background())
	store.LockConversation(turn, "claim", store.PhoneHash(r.db.Keys, r.org.ID, pii.KnownPhone(ana)))
	r.must(turn.Flush(t.Context()))
	var wg sync.WaitGroup
	for _, ask := range asks {
		task := query[uuid.UUID](r, "SELECT id FROM task WHERE request_id = $1", ask)
		wg.Go(func() { run.deliver(context.Background(), r.delivery(task, 1)) })
	}
	eventually(t, 5*time.Second, "all wait", func() bool {
		return query[int](r, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") == len(asks)
	})
	turn.Rollback(t.Context())
	wg.Wait()
	refused := 0
	for _, ask := range asks {
		if r.read(ask).kind() == "too-many-codes" {
			refused++
		}
	}
	if n := query[int](r, "SELECT count(*) FROM message WHERE prefix_hash IS NOT NULL"); n != 3 || refused != 2 {
		t.Errorf("%d texts, %d refused", n, refused)
	}
}

// atOnce delivers tasks of requests to as many workers, all of whom have begun before one of them can take a seat on that day.
func (r *rig) atOnce(day string, asks ...uuid.UUID) {
	r.t.Helper()
	turn, err := store.Begin(r.t.Context(), r.db.App, r.org.ID)
	r.must(err)
	defer turn.Rollback(context.Background())
	at, err := time.Parse("2006-01-02T15:04", day)
	r.must(err)
	store.LockResource(turn, query[uuid.UUID](r, "SELECT id FROM resource WHERE org_id = $1 AND slug = 'chair'", r.org.ID), calendar.Span{Start: at, End: at.Add(time.Hour)})
	r.must(turn.Flush(r.t.Context()))
	var wg sync.WaitGroup
	var done atomic.Int32
	for i, ask := range asks {
		task, run := query[uuid.UUID](r, "SELECT id FROM task WHERE request_id = $1", ask), r.process()
		wg.Go(func() {
			if _, err := run.attempt(context.Background(), r.delivery(task, 1)); err != nil { // a deadlock, which would be tried again
				r.t.Error(err)
			}
			done.Add(1)
		})
		eventually(r.t, 5*time.Second, "it waits", func() bool {
			return query[int](r, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")+int(done.Load()) == i+1
		})
	}
	turn.Rollback(r.t.Context())
	wg.Wait()
}

// Of what asks for codes to numbers of one prefix at the same time so many get one as the limit leaves, claims, resends and moves
// alike, and no two wait for each other.
func TestPrefixLimitsAtOnce(t *testing.T) {
	t.Parallel()
	phone := func(n int) string { return fmt.Sprintf("+1202555%04d", n) }
	for name, tt := range map[string]struct {
		limit string
		ago   string
		left  int
	}{
		"prefix": {`"prefix":{"per_hour":5}`, "1 minute", 2},
		"ratio":  {`"ratio":{"confirmed_percent":50,"after_texts":2}`, "61 minutes", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			run := r.process()
			moved, resent := r.confirmedBy(run, phone(0), at(2, 9, 0)), r.heldBy(run, chair(phone(1), at(2, 10, 0)))
			r.heldBy(run, chair(phone(2), at(2, 11, 0)))
			other := r.heldBy(run, chair(bob, at(2, 12, 0)))
			r.exec("UPDATE message SET created_at = created_at - $1::interval", tt.ago)
			r.set(limits(tt.limit))
			asks := []uuid.UUID{
				r.ask(tasks.BookingReschedule, RescheduleBody{Start: at(3, 9, 0)}, moved),
				r.ask(tasks.BookingClaim, chair(phone(3), at(3, 10, 0)), uuid.Nil),
				r.ask(tasks.BookingClaim, chair(phone(4), at(3, 11, 0)), uuid.Nil),
				r.ask(tasks.VerificationResend, ResendBody{}, resent),
				r.ask(tasks.VerificationResend, ResendBody{Phone: phone(5)}, other),
				r.ask(tasks.BookingClaim, chair(phone(6), at(3, 12, 0)), uuid.Nil),
			}
			r.atOnce(at(3, 10, 0), asks...)
			refused := 0
			for _, ask := range asks {
				switch v := r.read(ask); v.status {
				case 200, 201:
				case 429:
					refused++
				default:
					t.Errorf("%d %s", v.status, v.kind())
				}
			}
			if n := query[int](r, "SELECT count(*) FROM message WHERE prefix_hash IS NOT NULL AND created_at > clock_timestamp() - interval '30 seconds'"); n != tt.left || refused != len(asks)-tt.left {
				t.Errorf("%d texts, %d refused; want %d texts", n, refused, tt.left)
			}
		})
	}
}

// What did not go out, surely, is not counted; what may have is.
func TestWhatLimitsCount(t *testing.T) {
	t.Parallel()
	l := newLimiting(t, `"phone":{"per_10_minutes":1,"per_day":0},"prefix":{"per_hour":1}`)
	for i, tt := range []struct {
		set    string
		counts bool
	}{
		{"state = 'queued'", true}, {"state = 'sending'", true}, {"state = 'unknown'", true}, {"state = 'accepted'", true}, {"state = 'delivered'", true},
		{"state = 'undelivered'", true}, {"state = 'failed'", true}, {"state = 'failed', provider_sid = NULL, error_class = 'unknown'", true},
		{"state = 'failed', provider_sid = NULL, error_class = 'recipient'", false}, {"state = 'failed', provider_sid = NULL, error_class = NULL", false},
		{"state = 'canceled'", false},
	} {
		phone := fmt.Sprintf("+1202%03d0100", 300+i)
		l.held(phone)
		l.exec("UPDATE message SET " + tt.set + " WHERE id = (SELECT id FROM message WHERE prefix_hash IS NOT NULL ORDER BY created_at DESC LIMIT 1)")
		for _, next := range []string{phone, phone[:8] + "0101"} { // the number, and another one of its prefix
			if got := l.claim(next).status == 429; got != tt.counts {
				t.Errorf("%s: refused %v", tt.set, got)
			}
			if !tt.counts {
				break // the claim has texted the prefix
			}
		}
	}
}

// A prefix gets so many codes in an hour, whatever its numbers; other prefixes and other orgs have their own.
func TestPrefixLimit(t *testing.T) {
	t.Parallel()
	l := newLimiting(t, `"prefix":{"per_hour":3}`)
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	limited := NewLimited(reg, slog.New(slog.NewTextHandler(&log, nil)))
	delete(l.run.Mux.routes, tasks.BookingClaim.Name)
	Do(l.run.Mux, tasks.BookingClaim, Answering(l.db.Keys, &BookingClaim{Keys: l.db.Keys, HoldTTL: time.Minute, SendGiveUp: time.Minute, Limited: limited}))
	for i := range 3 {
		l.held(fmt.Sprintf("+1202555%04d", i))
	}
	next := func() reply { return l.claim("+12025559999") }
	l.expect(next(), 429, "too-many-codes")
	l.expect(l.claim("+12025569999"), 201, "held")
	other := *l.rig
	other.org = storetest.NewOrg(t, l.db, "two")
	other.set(limits(`"prefix":{"per_hour":3}`))
	mine := l.rig
	l.rig = &other
	l.exec("UPDATE sms_account SET account_sid = $2 WHERE org_id = $1", other.org.ID, mine.org.Account.SID) // whatever becomes of its texts
	l.expect(next(), 201, "held")
	l.rig = mine
	l.full(l.text(0).Add(time.Hour), "customer.phone", "of numbers like this one", next)
	l.expect(next(), 201, "held")
	families, err := reg.Gather()
	l.must(err)
	if m := families[0].GetMetric()[0]; m.GetCounter().GetValue() != 3 || m.GetLabel()[0].GetValue() != "prefix" {
		t.Errorf("counted %v, want 3 of the prefix", m)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `msg="codes limited" limit=prefix`) || strings.Contains(text, "2025559999") {
		t.Errorf("log: %s", text)
	}
}

// A prefix whose numbers do not confirm gets one code an hour, until enough of them have or a day has passed. Nobody else is
// kept back by it: not another prefix, and not who has confirmed a booking before.
func TestRatioBreaker(t *testing.T) {
	t.Parallel()
	l := newLimiting(t, `"ratio":{"confirmed_percent":50,"after_texts":4}`)
	phone := func(n int) string { return fmt.Sprintf("+1202555%04d", n) }
	l.confirm(l.held(phone(0)), phone(0))
	for range 4 { // one number that asks often is one
		l.held(phone(1))
	}
	l.clock.Advance(11 * time.Minute)
	l.held(phone(2))
	l.held(phone(3))
	l.clock.Advance(10*time.Minute - time.Second)
	l.held(phone(4)) // of four numbers two may still answer
	l.clock.Advance(time.Second)
	next := func() reply { return l.claim(phone(5)) }
	l.full(l.text(7).Add(time.Hour), "customer.phone", "of numbers like this one", next)
	for i := 5; i < 8; i++ { // one an hour gets through, and proves that these are people
		id := l.held(phone(i))
		l.expect(l.claim(phone(9)), 429, "too-many-codes")
		l.expect(l.claim("+12025560000"), 201, "held")
		l.confirm(id, phone(i))
		if i < 7 {
			l.clock.Advance(time.Hour)
		}
	}
	l.held(phone(8))
	l.held(phone(9))

	// Another one, where nobody answers: it has to wait for the day to pass.
	other := func(n int) string { return fmt.Sprintf("+1312555%04d", n) }
	l.confirm(l.held(other(9)), other(9))
	l.clock.Advance(25 * time.Hour)
	for i := range 4 {
		l.held(other(i))
	}
	began := l.clock.Now()
	l.clock.Advance(10 * time.Minute)
	l.expect(l.claim(other(4)), 429, "too-many-codes")
	l.held(other(9)) // who has confirmed before
	l.clock.Set(began.Add(24*time.Hour - time.Minute))
	l.held(other(4))
	l.expect(l.claim(other(5)), 429, "too-many-codes")
	l.clock.Advance(time.Minute)
	l.held(other(5))
	l.held(other(6))
}

// An org that has set no limits has those of the defaults.
func TestDefaultLimitsAct(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	r.exec("DELETE FROM settings")
	for i := range 4 {
		ask := r.ask(tasks.BookingClaim, chair(ana, at(2, 9+i, 0)), uuid.Nil)
		r.runAll(run)
		if want := map[bool]int{true: 201, false: 429}[i < 3]; r.read(ask).status != want {
			t.Errorf("claim %d: %d, want %d", i, r.read(ask).status, want)
		}
	}
	if n := query[int](r, "SELECT count(*) FROM booking"); n != 3 {
		t.Errorf("%d bookings", n)
	}
}
