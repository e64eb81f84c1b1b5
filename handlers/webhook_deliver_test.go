package handlers

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/hook"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// The tries of a webhook come when Standard Webhooks suggests, under one id, each signed for its own time. After the
// last it is a dead letter; replayed it begins anew, under the same id.
func TestWebhookSchedule(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, run := r.listen(), r.deliverer(hook.Loopback())
	e.answers(http.StatusInternalServerError)
	id := r.told("held")
	schedule := []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
	for i, wait := range schedule {
		r.due(run, id)
		if got := r.task(id); got.State != "pending" || got.Attempt != i+1 || got.LastError != "endpoint-http-5xx" || !near(got.Wait, wait) {
			t.Fatalf("after try %d, want %v: %+v", i+1, wait, got)
		}
	}
	if res := r.due(run, id); res.label != "dead" {
		t.Fatalf("the last try: %s", res.label)
	}
	if got := r.task(id); got.State != "dead" || got.LastError != "endpoint-http-5xx" {
		t.Errorf("%+v", got)
	}
	r.exec(`UPDATE task SET state = 'pending', attempt = 0, epoch = epoch + 1, run_at = clock_timestamp(), check_at = clock_timestamp(),
		give_up_at = clock_timestamp() + interval '10 days', finished_at = NULL WHERE id = $1`, id) // as a replay does
	e.answers(http.StatusOK)
	if res := r.due(run, id); res.label != "done" {
		t.Errorf("replayed: %s", res.label)
	}
	calls := e.calls()
	if len(calls) != len(schedule)+2 {
		t.Fatalf("%d calls", len(calls))
	}
	for _, c := range calls {
		if c.id != id.String() || !c.signedBy(t, r.org.Endpoint) {
			t.Errorf("%s signed %s", c.id, c.signature)
		}
	}
}

// What an endpoint answers decides what is next.
func TestWebhookOutcomes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, run := r.listen(), r.deliverer(hook.Loopback())
	elsewhere := newEndpoint(t)
	for _, c := range []struct {
		status  int
		headers []string
		state   string
		reason  string
		wait    time.Duration
	}{
		{200, nil, "done", "", 0},
		{204, nil, "done", "", 0},
		{299, nil, "done", "", 0},
		{302, []string{"Location", elsewhere.url}, "pending", "endpoint-http-3xx", 5 * time.Second},
		{308, []string{"Location", elsewhere.url}, "pending", "endpoint-http-3xx", 5 * time.Second},
		{400, nil, "pending", "endpoint-http-4xx", 5 * time.Second},
		{404, []string{"Retry-After", "900"}, "pending", "endpoint-http-4xx", 5 * time.Second},
		{429, nil, "pending", "endpoint-http-4xx", 5 * time.Second},
		{429, []string{"Retry-After", "900"}, "pending", "endpoint-http-4xx", 15 * time.Minute},
		{429, []string{"Retry-After", "1"}, "pending", "endpoint-http-4xx", 5 * time.Second},
		{503, []string{"Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, "pending", "endpoint-http-5xx", time.Hour},
		{503, []string{"Retry-After", "31536000"}, "pending", "endpoint-http-5xx", 24 * time.Hour},
		{500, []string{"Retry-After", "900"}, "pending", "endpoint-http-5xx", 5 * time.Second},
	} {
		e.answers(c.status, c.headers...)
		id := r.told("confirmed")
		r.due(run, id)
		if got := r.task(id); got.State != c.state || got.LastError != c.reason || c.wait > 0 && !near(got.Wait, c.wait) {
			t.Errorf("%d %v: %+v", c.status, c.headers, got)
		}
	}
	if n := len(elsewhere.calls()); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// An address that is not public is not called though it was allowed when it was set, by whatever name.
func TestWebhookToPrivateAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := newEndpoint(t)
	port := e.url[strings.LastIndex(e.url, ":"):]
	for _, url := range []string{e.url, "https://127.0.0.1" + port, "http://localhost" + port, "https://localhost" + port} {
		r.set(`{"endpoint":{"url":"` + url + `"}}`)
		id := r.told("held")
		r.due(r.deliverer(hook.Allow{}), id)
		if got := r.task(id); got.State != "pending" || got.LastError != "endpoint-address" {
			t.Errorf("%s: %+v", url, got)
		}
	}
	if n := len(e.calls()); n != 0 {
		t.Errorf("called %d times", n)
	}
}

// An endpoint that says it is gone is told nothing more: what waits for it becomes a dead letter, and what happens
// makes no tasks, until another URL is set or an operator enables it.
func TestWebhookGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, run := r.listen(), r.deliverer(hook.Loopback())
	waiting, gone := r.told("held"), r.told("confirmed")
	e.answers(http.StatusGone)
	r.due(run, gone)
	if got := r.task(gone); got.State != "dead" || got.LastError != "endpoint-gone" {
		t.Errorf("%+v", got)
	}
	e.answers(http.StatusOK)
	r.due(run, waiting)
	if got := r.task(waiting); got.State != "dead" || got.LastError != "endpoint-disabled" || len(e.calls()) != 1 {
		t.Errorf("%+v, %d calls", got, len(e.calls()))
	}
	if id := r.note(r.made(), "held"); id.Valid {
		t.Error("an endpoint that is gone is to be told of more")
	}
	const audited = `SELECT COALESCE(string_agg(actor || ' ' || action || ' ' || (detail->>'why'), ','), '') FROM audit_log WHERE action LIKE 'endpoint.%'`
	if got := query[string](r, audited); got != "webhook:deliver endpoint.disable it answered 410 Gone" {
		t.Errorf("audited: %s", got)
	}
	// A change of anything else leaves it disabled; another URL does not.
	r.set(`{"redaction":"strict","endpoint":{"url":"` + e.url + `/hook?token=moonstone"}}`)
	if id := r.note(r.made(), "held"); id.Valid {
		t.Error("enabled by a change of something else")
	}
	r.set(`{"endpoint":{"url":"` + e.url + `/other"}}`)
	again := r.told("held")
	r.due(run, again)
	if got := r.task(again); got.State != "done" {
		t.Errorf("%+v", got)
	}
	// The old URL answers late, when another is set: that is not disabled.
	late := r.told("held")
	e.mu.Lock()
	e.answer = func(w http.ResponseWriter, _ *http.Request) {
		r.set(`{"endpoint":{"url":"` + e.url + `/third"}}`)
		w.WriteHeader(http.StatusGone)
	}
	e.mu.Unlock()
	r.due(run, late)
	if id := r.note(r.made(), "held"); r.task(late).State != "dead" || !id.Valid {
		t.Error("an endpoint was disabled for what another one answered")
	}
	e.answers(http.StatusGone)
	r.due(run, r.told("held"))
	r.enable()
	r.told("held")
}

// enable lets the endpoint be told again, as an operator does.
func (r *rig) enable() {
	r.t.Helper()
	_, err := store.InTx(r.t.Context(), r.db.Owner, r.org.ID, func(tx *store.Tx) error { return store.EnableEndpoint(r.t.Context(), tx) })
	r.must(err)
}

// While secrets rotate, the old and the new one sign; without any, nothing is sent.
func TestWebhookSecretsRotate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, run := r.listen(), r.deliverer(hook.Loopback())
	fresh := store.NewEndpointSecret()
	rotate := func(secret pii.Token, overlap time.Duration) {
		r.must(store.AddEndpointSecret(t.Context(), r.db.Owner, r.db.Keys, r.org.ID, secret, overlap))
	}
	// tells delivers an event and reports which of the two secrets signed it, and how many did.
	tells := func(old, new bool, signatures int) {
		t.Helper()
		r.due(run, r.told("held"))
		all := e.calls()
		c := all[len(all)-1]
		if n := len(strings.Fields(c.signature)); c.signedBy(t, r.org.Endpoint) != old || c.signedBy(t, fresh) != new || n != signatures {
			t.Errorf("signed %s", c.signature)
		}
	}
	tells(true, false, 1)
	rotate(fresh, 24*time.Hour)
	tells(true, true, 2)
	r.exec("UPDATE endpoint_secret SET ends_at = clock_timestamp() WHERE ends_at IS NOT NULL") // a day passes
	tells(false, true, 1)
	rotate(store.NewEndpointSecret(), 0)
	tells(false, false, 1)
	if n, err := store.EndEndpointSecrets(t.Context(), r.db.Owner, r.org.ID, 0); n != 1 || err != nil {
		t.Errorf("%d secrets ended, %v", n, err)
	}
	before := len(e.calls())
	id := r.told("held")
	r.due(run, id)
	if got := r.task(id); got.State != "pending" || got.LastError != "no-secret" || got.Attempt != 1 || len(e.calls()) != before {
		t.Errorf("without a secret: %+v", got)
	}
	rotate(fresh, 0)
	r.due(run, id)
	if got := r.task(id); got.State != "done" {
		t.Errorf("with one: %+v", got)
	}
}

// A worker was lost in a call: it is made again, under the same id.
func TestWebhookAbandoned(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, run := r.listen(), r.deliverer(hook.Loopback())
	id := r.told("held")
	r.exec("UPDATE task SET claimed_by = gen_random_uuid(), claim_no = 1, claim_until = clock_timestamp() + interval '1 h' WHERE id = $1", id)
	if res := r.due(run, id); res.label != "snooze" || len(e.calls()) != 0 {
		t.Errorf("%s, %d calls", res.label, len(e.calls()))
	}
	if got := r.task(id); got.Attempt != 0 || got.LastError != "abandoned" {
		t.Errorf("%+v", got)
	}
	r.due(run, id)
	if calls := e.calls(); r.task(id).State != "done" || len(calls) != 1 || calls[0].id != id.String() {
		t.Errorf("%+v", calls)
	}
}

// An endpoint that hangs costs its org one call and a pause; another org's is told meanwhile. Nothing of the URL or the
// secret shows in the log or in the task.
func TestWebhookToEndpointThatHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config) { c.CallLimit = 300 * time.Millisecond })
	e, run := r.listen(), r.deliverer(hook.Loopback())
	e.answer = func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		<-q.Context().Done()
	}
	first, second := r.told("held"), r.told("held")
	r.due(run, first)
	if got := r.task(first); got.LastError != "endpoint-timeout" || got.Attempt != 1 || !near(got.Wait, 5*time.Second) {
		t.Errorf("%+v", got)
	}
	if res := r.due(run, second); res.label != "snooze" {
		t.Errorf("the next: %s", res.label)
	}
	if got := r.task(second); got.LastError != "endpoint-busy" || got.Attempt != 0 || got.ClaimNo != 0 || len(e.calls()) != 1 {
		t.Errorf("%+v, %d calls", got, len(e.calls()))
	}
	one := r.org
	r.org = storetest.NewOrg(t, r.db, "other")
	other := r.listen()
	id := r.told("held")
	r.due(run, id)
	if got := r.task(id); got.State != "done" || len(other.calls()) != 1 || !other.calls()[0].signedBy(t, r.org.Endpoint) || other.calls()[0].signedBy(t, one.Endpoint) {
		t.Errorf("another org's: %+v", got)
	}
	for _, secret := range []string{"moonstone", "127.0.0.1", one.Endpoint.Reveal()[len("whsec_"):]} {
		if strings.Contains(r.log.String(), secret) || query[bool](r, "SELECT EXISTS (SELECT FROM task t WHERE to_jsonb(t)::text LIKE '%' || $1 || '%')", secret) {
			t.Errorf("%s shows", secret)
		}
	}
}

// Calls that were claimed together are not made together: those too many wait, uncounted.
func TestWebhookCallsOfOneOrg(t *testing.T) {
	t.Parallel()
	h := &WebhookDeliver{Client: hook.New(hook.Loopback()), Pace: &hook.Pace{Most: 1}, Deliveries: NewDeliveries(prometheus.NewRegistry())}
	e, d := newEndpoint(t), delivery{org: uuid.New()}
	d.url = pii.NewToken(e.url)
	end, _ := h.Pace.Begin(d.org)
	answer, err := h.Call(t.Context(), d)
	var o *tasks.Outcome
	if err := h.Record(t.Context(), nil, tasks.EventPayload{}, d, answer, err); !errors.As(err, &o) || o.Verdict != tasks.VerdictSnooze || o.Delay < time.Second {
		t.Errorf("%v", err)
	}
	if end(true); len(e.calls()) != 0 || h.Pace.Wait(d.org) != 0 {
		t.Error("called, or it does not end")
	}
}

// Nobody is told any more when the org no longer wants it.
func TestWebhookWithoutEndpoint(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, run := r.listen(), r.deliverer(hook.Loopback())
	id := r.told("held")
	r.set(`{}`)
	if res := r.due(run, id); res.label != "done" || len(e.calls()) != 0 {
		t.Errorf("%s, %d calls", res.label, len(e.calls()))
	}
	if id := r.note(r.made(), "held"); id.Valid {
		t.Error("an org without an endpoint makes tasks")
	}
}
