package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
)

// sent inserts a text to a number that was just claimed for sending.
func (w *world) sent(phone string) (id uuid.UUID) {
	w.t.Helper()
	id = uuid.New()
	w.in(func(tx *store.Tx) error {
		err := store.InsertMessage(tx, w.Keys, store.Message{ID: id, Kind: "code", To: pii.KnownPhone(phone)})
		store.SendingMessage(tx, id, []byte("hash"), 1)
		return err
	})
	return id
}

func (w *world) trip(message uuid.UUID, t store.Trip) {
	w.t.Helper()
	if t.Class == "" {
		t.Class = "tenant"
	}
	if t.First == 0 {
		t.First, t.Most = 5*time.Second, 30*time.Second
	}
	w.in(func(tx *store.Tx) error { store.TripBreaker(tx, message, t); return nil })
}

// breaker is "none", "counts n" or "open trips retry_after".
func (w *world) breaker() string {
	w.t.Helper()
	return value[string](w, `SELECT COALESCE((SELECT CASE WHEN opened_at IS NULL THEN 'counts ' || cardinality(refused)
		ELSE concat_ws(' ', 'open', trips, extract(epoch FROM retry_after)::int) END FROM sms_breaker), 'none')`)
}

func (w *world) pass() (p store.Passage) {
	w.t.Helper()
	w.in(func(tx *store.Tx) (err error) { p, err = store.PassBreaker(w.t.Context(), tx); return err })
	return p
}

func (w *world) canText() bool {
	w.t.Helper()
	var a store.Asker
	w.in(func(tx *store.Tx) error { store.ReadAsker(tx, store.Addressee{}, &a); return nil })
	return a.CanText
}

// numbers of fiction, from 0.
func number(n int) string { return fmt.Sprintf("+120255501%02d", n) }

// What counts against an account: each step is a refusal, and what the breaker is afterwards.
func TestTripBreaker(t *testing.T) {
	t.Parallel()
	account := store.Trip{Code: 20003, Stops: 1}
	region := store.Trip{Code: 21408, Stops: 3}
	asked := store.Trip{Class: "cap", Code: 63038, Stops: 1, First: 7 * time.Minute, Most: 7 * time.Minute}
	type step struct {
		to   int // number
		trip store.Trip
		want string
	}
	for name, steps := range map[string][]step{
		"the account, at once":             {{1, account, "open 1 5"}},
		"each time later, up to the most":  {{1, account, "open 1 5"}, {1, account, "open 2 10"}, {2, account, "open 3 20"}, {2, account, "open 4 30"}, {2, account, "open 5 30"}},
		"one odd number":                   {{1, region, "counts 1"}, {1, region, "counts 1"}, {1, region, "counts 1"}, {1, region, "counts 1"}},
		"three numbers in a row":           {{1, region, "counts 1"}, {2, region, "counts 2"}, {1, region, "counts 2"}, {3, region, "open 1 5"}, {4, region, "open 2 10"}},
		"first a number, then the account": {{1, region, "counts 1"}, {2, account, "open 1 5"}},
		"as long as the provider asked":    {{1, account, "open 1 5"}, {1, asked, "open 2 420"}, {1, asked, "open 3 420"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i, s := range steps {
				w.trip(w.sent(number(s.to)), s.trip)
				if got := w.breaker(); got != s.want {
					t.Fatalf("step %d: %s, want %s", i, got, s.want)
				}
			}
			opened := w.breaker()[:4] == "open"
			if w.canText() == opened {
				t.Error("a claim is told otherwise")
			}
			n, err := store.OpenBreakers(t.Context(), w.App)
			if err != nil || (n == 1) != opened {
				t.Errorf("metric: %d, %v", n, err)
			}
			if got := value[int](w, "SELECT count(*) FROM audit_log WHERE action = 'sms.paused'"); (got == 1) != opened {
				t.Errorf("%d audit lines", got)
			}
		})
	}
}

// A refusal of a text that was on its way before something changed says nothing of what is now.
func TestTripOfOldNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := store.Trip{Code: 20003, Stops: 1}
	old, burst, late := w.sent(number(1)), w.sent(number(2)), w.sent(number(3))
	if err := store.SetSMSAccount(t.Context(), w.Owner, w.Keys, w.org.ID, w.org.Account); err != nil {
		t.Fatal(err)
	}
	if w.trip(old, account); w.breaker() != "none" {
		t.Errorf("by the credentials before: %s", w.breaker())
	}
	w.admin("UPDATE message SET claimed_at = clock_timestamp() WHERE id = $1", burst)
	w.trip(w.sent(number(4)), account)
	if w.trip(burst, account); w.breaker() != "open 1 5" {
		t.Errorf("the others of a burst: %s", w.breaker())
	}
	w.admin("DELETE FROM sms_breaker; UPDATE sms_account SET updated_at = updated_at - interval '1 day'")
	w.admin("UPDATE message SET claimed_at = clock_timestamp() - interval '61 minutes' WHERE id = $1", late)
	if w.trip(late, account); w.breaker() != "none" {
		t.Errorf("told an hour late: %s", w.breaker())
	}
	region := store.Trip{Code: 21408, Stops: 3}
	w.trip(w.sent(number(5)), region)
	w.trip(w.sent(number(6)), region)
	w.admin("UPDATE sms_breaker SET refused_at = refused_at - interval '61 minutes'")
	if w.trip(w.sent(number(7)), region); w.breaker() != "counts 1" {
		t.Errorf("an hour after the second: %s", w.breaker())
	}
}

// One text tries the account when the time has come; what became of it decides.
func TestPassBreaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if p := w.pass(); p != (store.Passage{}) {
		t.Errorf("no breaker: %+v", p)
	}
	w.trip(w.sent(number(1)), store.Trip{Code: 21408, Stops: 3})
	if p := w.pass(); p != (store.Passage{}) {
		t.Errorf("counting: %+v", p)
	}
	w.trip(w.sent(number(1)), store.Trip{Code: 20003, Stops: 1, First: time.Hour, Most: time.Hour})
	if p := w.pass(); !p.Parked || p.Probe || p.Wait < 59*time.Minute || p.Wait > time.Hour {
		t.Errorf("open: %+v", p)
	}
	if w.canText() {
		t.Error("a claim goes through an open breaker")
	}
	w.admin("UPDATE sms_breaker SET retry_at = clock_timestamp()")
	if !w.canText() {
		t.Error("a claim does not go through when a probe is due")
	}
	if p := w.pass(); !p.Probe || p.Parked {
		t.Errorf("due: %+v", p)
	}
	if p := w.pass(); !p.Parked || p.Probe || p.Wait < 59*time.Minute {
		t.Errorf("behind the probe: %+v", p)
	}
	w.in(func(tx *store.Tx) error { store.ForgetRefusals(tx); return nil })
	if w.breaker() != "open 1 3600" {
		t.Errorf("closed by a text that was on its way before: %s", w.breaker())
	}
	w.in(func(tx *store.Tx) error { store.ProbeAccepted(tx); return nil })
	if w.breaker() != "none" || !w.canText() {
		t.Errorf("the probe was accepted: %s", w.breaker())
	}
}

// Of a text that is refused after its acceptance, an acceptance proves nothing; a delivery does, or an interval in
// which nothing bad was heard.
func TestLateRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unregistered, filtered := store.Trip{Code: 30034, Stops: 1, Late: true}, store.Trip{Code: 30007, Stops: 3, Late: true}
	accepted := func() { w.in(func(tx *store.Tx) error { store.ProbeAccepted(tx); return nil }) }
	delivered := func(id uuid.UUID) {
		w.apply(store.MessageStatus{ID: id, SID: "SM" + id.String(), State: "delivered", Rank: 4})
	}
	before := w.sent(number(9))
	w.trip(w.sent(number(1)), unregistered)
	if accepted(); w.breaker() != "open 1 5" {
		t.Errorf("the first acceptance: %s", w.breaker())
	}
	w.trip(w.sent(number(1)), unregistered)
	if accepted(); w.breaker() != "open 2 10" {
		t.Errorf("refused after its acceptance, then the next: %s", w.breaker())
	}
	if delivered(before); w.breaker() != "open 2 10" {
		t.Errorf("delivered, but sent before: %s", w.breaker())
	}
	if accepted(); w.breaker() != "none" {
		t.Errorf("the second acceptance without bad news between: %s", w.breaker())
	}
	w.trip(w.sent(number(1)), unregistered)
	if delivered(w.sent(number(2))); w.breaker() != "none" {
		t.Errorf("a delivery: %s", w.breaker())
	}
	w.trip(w.sent(number(1)), filtered)
	w.in(func(tx *store.Tx) error { store.ForgetRefusals(tx); return nil })
	if w.breaker() != "counts 1" {
		t.Errorf("an acceptance while callbacks count: %s", w.breaker())
	}
	if delivered(w.sent(number(2))); w.breaker() != "none" {
		t.Errorf("a delivery while callbacks count: %s", w.breaker())
	}
	w.trip(w.sent(number(1)), store.Trip{Code: 21408, Stops: 3})
	w.in(func(tx *store.Tx) error { store.ForgetRefusals(tx); return nil })
	if w.breaker() != "none" {
		t.Errorf("an acceptance between refusals: %s", w.breaker())
	}
	if n := value[int](w, "SELECT count(*) FROM audit_log WHERE action = 'sms.resumed'"); n != 2 {
		t.Errorf("%d resumptions are in the audit log, want 2", n)
	}
}

// An operator's pause ends by an operator alone.
func TestPauseTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	resume := func() error {
		return w.once(func(tx *store.Tx) error { return store.ResumeTexts(ctx, tx, "cli", "moved") })
	}
	if err := resume(); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing to resume: %v", err)
	}
	w.trip(w.sent(number(1)), store.Trip{Code: 20003, Stops: 1})
	w.in(func(tx *store.Tx) error { store.PauseTexts(tx, "cli", "moving numbers"); return nil })
	w.trip(w.sent(number(1)), store.Trip{Code: 20003, Stops: 1})
	w.in(func(tx *store.Tx) error { store.ProbeAccepted(tx); return nil })
	if err := store.SetSMSAccount(ctx, w.Owner, w.Keys, w.org.ID, w.org.Account); err != nil {
		t.Fatal(err)
	}
	if p := w.pass(); !p.Parked || p.Wait != 0 || w.canText() {
		t.Errorf("ended by the machine: %+v", p)
	}
	all, err := store.ListPauses(ctx, w.Owner)
	if err != nil || len(all) != 1 || all[0].Org != w.org.ID || all[0].Class != "operator" || all[0].Why != "moving numbers" || all[0].RetryAt != nil {
		t.Errorf("listed: %+v, %v", all, err)
	}
	if err := resume(); err != nil || !w.canText() {
		t.Errorf("resumed: %v", err)
	}
	if got := value[string](w, "SELECT string_agg(concat_ws(' ', actor, action, detail->>'class', detail->>'why'), ', ' ORDER BY id) FROM audit_log"); got !=
		"holdfast sms.paused tenant, cli sms.paused operator moving numbers, cli sms.resumed moved" {
		t.Errorf("audited: %s", got)
	}
}

// Whatever closes a breaker puts the org's parked texts in line to go, and nothing else; a text that is being parked at that
// very moment is not overlooked.
func TestClosingWakesParkedTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	park := func(reason string) (id uuid.UUID, in func(tx *store.Tx) error) {
		id = uuid.New()
		w.in(func(tx *store.Tx) error {
			store.InsertTask(tx, store.NewTask{ID: id, Type: "sms:send", Queue: "default", Payload: []byte("{}"), Headers: []byte("{}"), GiveUp: 24 * time.Hour})
			return nil
		})
		return id, func(tx *store.Tx) error {
			task, err := store.TakeTask(ctx, tx, id)
			if err != nil {
				return err
			}
			p, err := store.PassBreaker(ctx, tx)
			if !p.Parked {
				t.Errorf("not parked: %+v", p)
			}
			store.PostponeTask(tx, task, time.Hour, reason, false, true, false)
			return err
		}
	}
	due := func(id uuid.UUID) bool {
		return value[bool](w, "SELECT run_at <= clock_timestamp() AND check_at = 'infinity' AND epoch = 3 FROM task WHERE id = $1", id)
	}
	w.trip(w.sent(number(1)), store.Trip{Code: 20003, Stops: 1, First: time.Hour, Most: time.Hour})
	parked, do := park(store.TaskParked)
	w.in(do)
	other, do := park("sms-transient")
	w.in(do)
	parking, do := park(store.TaskParked)
	release := w.apart(do)
	done := make(chan error, 1)
	go func() { done <- store.SetSMSAccount(ctx, w.Owner, w.Keys, w.org.ID, w.org.Account) }()
	w.await("the closing waits for who is parking", func() bool {
		return value[int](w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
	})
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !due(parked) || !due(parking) || due(other) {
		t.Errorf("due: parked %v, being parked %v, another that waits %v", due(parked), due(parking), due(other))
	}
}
