package handlers

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// neighbour is the rig as another org on the same installation has it.
func (r *rig) neighbour() *rig {
	r.t.Helper()
	other := *r
	other.org = storetest.NewOrg(r.t, r.db, "two")
	r.sim.AddAccount(other.org.Account.SID, other.org.Account.Token.Reveal())
	return &other
}

// rotates makes the provider want another token than the org has.
func (r *rig) rotates() { r.sim.AddAccount(r.org.Account.SID, "another") }

// mends gives the org the token that the provider wants, as `org credentials set` does.
func (r *rig) mends() {
	r.t.Helper()
	a := r.org.Account
	a.Token = pii.NewToken("another")
	r.must(store.SetSMSAccount(r.t.Context(), r.db.Owner, r.db.Keys, r.org.ID, a))
}

// breaker is "none", "counts n" or "open class code trips".
func (r *rig) breaker() string {
	r.t.Helper()
	return query[string](r, `SELECT COALESCE((SELECT CASE WHEN opened_at IS NULL THEN 'counts ' || cardinality(refused)
		ELSE concat_ws(' ', 'open', class, code, trips) END FROM sms_breaker WHERE org_id = $1), 'none')`, r.org.ID)
}

func (r *rig) opens() {
	r.t.Helper()
	eventually(r.t, 10*time.Second, "the breaker opens", func() bool { return len(r.breaker()) > 4 && r.breaker()[:4] == "open" })
}

// pause and resume are what an operator does.
func (r *rig) pause() {
	r.operates(func(tx *store.Tx) error { store.PauseTexts(tx, "cli", "a test"); return nil })
}

func (r *rig) resume() {
	r.operates(func(tx *store.Tx) error { return store.ResumeTexts(context.Background(), tx, "cli", "a test") })
}

func (r *rig) operates(do func(*store.Tx) error) {
	r.t.Helper()
	_, err := store.InTx(context.Background(), r.db.Owner, r.org.ID, do)
	r.must(err)
}

// rows counts what a claim would write, besides its request and task.
func (r *rig) rows() int {
	r.t.Helper()
	return query[int](r, `SELECT (SELECT count(*) FROM customer) + (SELECT count(*) FROM booking) + (SELECT count(*) FROM hold) + (SELECT count(*) FROM booking_event)
		+ (SELECT count(*) FROM verification) + (SELECT count(*) FROM message) + (SELECT count(*) FROM task WHERE request_id IS NULL)`)
}

// An org whose account is refused loses the text that was refused, with its code; from then on it changes nothing and
// tries nothing. The org beside it goes on. New credentials end it at once.
func TestBrokenTenantStopsOnlyItself(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	two := r.neighbour()
	r.start()
	r.rotates()
	id := r.hold(ana, at(2, 10, 0))
	r.opens()
	r.idle(10 * time.Second)
	if got := r.breaker(); got != "open tenant 20003 1" {
		t.Errorf("the breaker: %s", got)
	}
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_failed", "code_revoked", "unreachable"}) {
		t.Errorf("timeline %v", got)
	}
	before := r.rows()
	r.expect(r.claim(bob, at(2, 11, 0)), 503, "sms-unavailable")
	r.expect(r.resend(id, bob), 503, "sms-unavailable")
	if n := r.rows(); n != before {
		t.Errorf("a refused claim and a refused resend have written %d rows", n-before)
	}
	_, err := store.InTx(t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		p, err := CheckResend(t.Context(), tx, r.db.Keys, id, pii.KnownPhone(bob))
		if p == nil || p.Status != 503 {
			t.Errorf("the ingress is told %+v", p)
		}
		return err
	})
	r.must(err)
	two.hold(eve, at(2, 10, 0))
	r.texts(eve, 1)
	r.mends()
	second := r.hold(bob, at(2, 11, 0))
	r.expect(r.verify(second, r.codeIn(r.texts(bob, 1)[0])), 200, "confirmed")
	if got := r.breaker() + " " + two.breaker(); got != "none none" {
		t.Errorf("at last: %s", got)
	}
	if got := query[string](r, "SELECT string_agg(concat_ws(' ', actor, action, detail::text), ', ' ORDER BY id) FROM audit_log"); got !=
		`holdfast sms.paused {"code": 20003, "class": "tenant"}, cli sms.resumed {"by": "credentials"}` {
		t.Errorf("audited: %s", got)
	}
}

// Texts that an open breaker keeps back wait uncounted; when the time has come one of them tries, and once it is
// accepted the others follow at once.
func TestParkedTextsFollowTheProbe(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	codes := make(map[string]string)
	ids := make(map[string]uuid.UUID)
	people := []string{ana, bob, eve}
	for i, phone := range people {
		ids[phone] = r.hold(phone, at(2, 10+i, 0))
		codes[phone] = r.codeIn(r.texts(phone, 1)[0])
	}
	r.rotates()
	r.expect(r.verify(ids[ana], codes[ana]), 200, "confirmed") // the text about it is refused
	r.opens()
	for _, phone := range people[1:] {
		r.expect(r.verify(ids[phone], codes[phone]), 200, "confirmed")
	}
	parked := func() int {
		return query[int](r, "SELECT count(*) FROM task WHERE state = 'pending' AND last_error = 'sms-parked' AND attempt = 0")
	}
	eventually(t, 5*time.Second, "two texts are parked", func() bool { return parked() == 2 })
	if m := r.message(ids[bob], "confirmation"); m.State != "queued" || m.Sends != 0 {
		t.Errorf("parked: %+v", m)
	}
	// The next try is refused too: that text is lost, the other stays parked, and for longer.
	eventually(t, 20*time.Second, "a probe is refused", func() bool { return r.breaker() == "open tenant 20003 2" })
	if n := parked(); n != 1 {
		t.Errorf("%d texts are parked behind the probe", n)
	}
	r.sim.AddAccount(r.org.Account.SID, r.org.Account.Token.Reveal()) // whoever rotated it has taken it back
	last := query[uuid.UUID](r, "SELECT id FROM message WHERE kind = 'confirmation' AND state = 'queued'")
	eventually(t, 30*time.Second, "the next probe is accepted", func() bool { return r.breaker() == "none" })
	r.idle(10 * time.Second)
	if got := query[string](r, "SELECT state || sends FROM message WHERE id = $1", last); got != "accepted1" {
		t.Errorf("the last one is %s", got)
	}
	if n := query[int](r, "SELECT count(*) FROM message WHERE kind = 'confirmation' AND state = 'failed' AND sends = 1"); n != 2 {
		t.Errorf("%d texts were lost, want the first and the probe", n)
	}
}

// An operator's pause parks texts for as long as it takes; to resume makes them due at once.
func TestOperatorPause(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	r.pause()
	r.expect(r.claim(bob, at(2, 11, 0)), 503, "sms-unavailable")
	r.expect(r.verify(id, code), 200, "confirmed")
	task := func() uuid.UUID { return query[uuid.UUID](r, "SELECT id FROM task WHERE type = 'sms:send'") }
	eventually(t, 5*time.Second, "the confirmation is parked", func() bool { return r.task(task()).LastError == "sms-parked" })
	if got := r.task(task()); got.State != "pending" || got.Attempt != 0 || got.Wait < 50*time.Minute {
		t.Errorf("parked: %+v", got)
	}
	r.texts(ana, 1)
	r.resume()
	r.texts(ana, 2)
	r.hold(bob, at(2, 11, 0))
}

// A code that waits for the breaker is given up while its hold still stands.
func TestParkedCodeEndsBeforeItsHold(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config) { c.HoldTTL = 15 * time.Second })
	hand := r.process()
	request := r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: at(2, 10, 0), Customer: CustomerBody{Phone: ana}}, uuid.Nil)
	claim := query[uuid.UUID](r, "SELECT id FROM task WHERE request_id = $1", request)
	if res := hand.deliver(t.Context(), r.delivery(claim, 1)); res.label != "done" {
		t.Fatalf("claim: %s", res.label)
	}
	r.pause() // after the claim, before the text
	r.start()
	id := query[uuid.UUID](r, "SELECT id FROM booking")
	eventually(t, 5*time.Second, "the code is parked", func() bool {
		return query[int](r, "SELECT count(*) FROM task WHERE type = 'verification:send' AND state = 'pending' AND last_error = 'sms-parked'") == 1
	})
	eventually(t, 20*time.Second, "the code is revoked", func() bool { return r.booking(id).CodeState == "revoked" })
	if early := query[float64](r, `SELECT extract(epoch FROM b.hold_expires_at - e.at)::float8 FROM booking b JOIN booking_event e ON e.booking_id = b.id
		WHERE e.kind = 'code_revoked'`); early < 0 || early > 6 {
		t.Errorf("revoked %.1f s before the hold's end", early)
	}
	if got := query[string](r, "SELECT state || ' ' || last_error FROM task WHERE type = 'verification:send'"); got != "dead sms-parked" {
		t.Errorf("the task is %s", got)
	}
	r.resume()
	r.idle(5 * time.Second)
	r.texts(ana, 0)
}

// A refusal that may be the number's fault stops an org only when it is met by three numbers with nothing accepted
// between.
func TestOneOddNumberStopsNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	phone := []string{"+12025550110", "+12025550111", "+12025550112", "+12025550113", "+12025550114", "+12025550115"}
	for i, p := range phone {
		if i != 2 {
			r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: p}, Do: twiliosim.FaultError, Code: 21408, Status: 403})
		}
	}
	for i, want := range []string{"counts 1", "counts 2", "none", "counts 1", "counts 2", "open tenant 21408 1"} {
		id := r.hold(phone[i], at(2, 9+i, 0))
		eventually(t, 10*time.Second, want, func() bool { return r.breaker() == want })
		wantCode := "revoked"
		if i == 2 {
			wantCode = "sent"
		}
		if got := r.booking(id).CodeState; got != wantCode {
			t.Errorf("number %d: the code is %s", i, got)
		}
	}
	r.expect(r.claim(ana, at(3, 9, 0)), 503, "sms-unavailable")
}

// The next try after a limit of the account is when the provider said.
func TestCapWaitsAsLongAsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		e           *sms.Error
		late        bool
		first, most time.Duration
	}{
		"asked":     {&sms.Error{Class: sms.Cap, Code: 63038, RetryAfter: 40 * time.Minute}, false, 40 * time.Minute, 40 * time.Minute},
		"not asked": {&sms.Error{Class: sms.Cap, Code: 63038}, false, time.Minute, time.Hour},
		"account":   {&sms.Error{Class: sms.Tenant, Code: 20003}, false, 5 * time.Second, 5 * time.Minute},
		"late":      {&sms.Error{Class: sms.Tenant, Code: 30034}, true, time.Minute, time.Hour},
	} {
		if got := tripOf(c.e, c.late); got.First != c.first || got.Most != c.most || got.Late != c.late || got.Stops != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
