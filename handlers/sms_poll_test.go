package handlers

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/tasks"
)

// scan makes every text due that may be asked after, and asks.
func (r *rig) scan() {
	r.t.Helper()
	r.exec("UPDATE message SET poll_at = clock_timestamp() WHERE poll_at IS NOT NULL")
	r.exec("DELETE FROM tick")
	r.runner().tick(r.t.Context(), tasks.MessagesScan, Sweep{Every: time.Second, Do: scanMessages})
}

// A status whose callback got lost is asked for, and has the effects that the callback would have had.
func TestLostCallbacks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   twiliosim.Fault
		status  string // at the provider, before it is asked
		state   string // of the message then
		code    string
		breaker string
	}{
		"delivered":   {twiliosim.Fault{Do: twiliosim.FaultDropCallback}, "delivered", "delivered", "sent", "none"},
		"undelivered": {twiliosim.Fault{Do: twiliosim.FaultUndelivered, Code: 30005}, "undelivered", "undelivered", "revoked", "none"},
		"not registered": {twiliosim.Fault{Do: twiliosim.FaultUndelivered, Code: 30034}, "undelivered", "undelivered", "revoked",
			"open tenant 30034 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t) // whose callbacks come to nobody
			r.start()
			c.fault.Times = 1
			r.fault(c.fault)
			id := r.hold(ana, at(2, 10, 0))
			eventually(t, 10*time.Second, "the text is accepted", func() bool { return r.message(id, "code").State == "accepted" })
			r.runner().tick(t.Context(), tasks.MessagesScan, Sweep{Every: time.Second, Do: scanMessages})
			if n := query[int](r, "SELECT count(*) FROM task WHERE type = 'sms:poll'"); n != 0 {
				t.Error("asked after a moment")
			}
			eventually(t, 10*time.Second, c.status, func() bool { return r.sim.Messages(ana)[0].Status == c.status })
			r.scan()
			eventually(t, 10*time.Second, "the message is "+c.state, func() bool { return r.message(id, "code").State == c.state })
			if got := r.booking(id).CodeState; got != c.code {
				t.Errorf("the code is %s, timeline %v", got, r.timeline(id))
			}
			if got := r.breaker(); got != c.breaker {
				t.Errorf("the breaker: %s", got)
			}
			r.idle(5 * time.Second)
			r.scan()
			if n := query[int](r, "SELECT count(*) FROM task WHERE type = 'sms:poll'"); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// What cannot be found out is left as it is: the text was accepted, and may have arrived.
func TestPollEndsQuietly(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *rig){
		"no such text":    func(r *rig) { r.exec("UPDATE message SET provider_sid = 'SM00000000000000000000000000000000'") },
		"may not ask":     func(r *rig) { r.rotates() },
		"no account":      func(r *rig) { r.exec("DELETE FROM sms_account") },
		"still under way": func(*rig) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.start()
			id := r.hold(ana, at(2, 10, 0))
			eventually(t, 10*time.Second, "the text is accepted", func() bool { return r.message(id, "code").State == "accepted" })
			spoil(r)
			r.scan()
			r.idle(10 * time.Second)
			if got := query[string](r, "SELECT state FROM task WHERE type = 'sms:poll'"); got != "done" {
				t.Errorf("the question is %s", got)
			}
			if m := r.message(id, "code"); m.State == "failed" || m.State == "undelivered" || r.booking(id).CodeState != "sent" || r.breaker() != "none" {
				t.Errorf("%+v, the code is %s, the breaker %s", m, r.booking(id).CodeState, r.breaker())
			}
		})
	}
}

// Codes that nobody has classed are counted, and no more labels are made of them than a metric bears.
func TestUnknownCodes(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	u := NewUnknownCodes(reg)
	for _, e := range []sms.Error{{Code: 29999}, {Code: 29999}, {Code: 21211, Known: true}, {}, {Code: 7}, {Code: 1234567}} {
		u.count(&e)
	}
	for code := 40000; code < 40100; code++ {
		u.count(&sms.Error{Code: code})
	}
	(*UnknownCodes)(nil).count(&sms.Error{Code: 29999})
	got := codesCounted(t, reg)
	if len(got) != maxUnknownCodes+1 || got["29999"] != 2 || got["40000"] != 1 || got["other"] != 2+100-(maxUnknownCodes-1) {
		t.Errorf("%d series: %v", len(got), got)
	}
}

func codesCounted(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "holdfast_sms_unknown_codes_total" {
				got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return got
}

// Both an answer to a send and a status can bring one.
func TestUnknownCodesAreCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, reg := r.process(), prometheus.NewRegistry()
	codes := NewUnknownCodes(reg)
	run.Mux = NewMux(Deps{Keys: r.db.Keys, Twilio: sms.New(r.cfg.TwilioURL, r.cfg.CallLimit, nil), PublicURL: r.cfg.PublicURL, HoldTTL: r.cfg.HoldTTL,
		CodeTTL: r.cfg.CodeTTL, CallLimit: r.cfg.CallLimit, Metrics: run.Metrics, Texts: NewTexts(prometheus.NewRegistry()), Codes: codes}, nil)
	claims := func(phone string, hour int) {
		r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: at(2, hour, 0), Customer: CustomerBody{Phone: phone}}, uuid.Nil)
		for {
			task := query[uuid.NullUUID](r, "SELECT (SELECT id FROM task WHERE state = 'pending' ORDER BY id LIMIT 1)")
			if !task.Valid {
				return
			}
			run.deliver(t.Context(), r.delivery(task.UUID, 1))
		}
	}
	r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: ana}, Do: twiliosim.FaultError, Code: 29999, Status: 400})
	r.fault(twiliosim.Fault{Match: twiliosim.FaultMatch{To: bob}, Do: twiliosim.FaultUndelivered, Code: 39999})
	claims(ana, 10)
	claims(bob, 11)
	eventually(t, 10*time.Second, "undelivered", func() bool { return r.sim.Messages(bob)[0].Status == "undelivered" })
	r.scan()
	r.runAll(run)
	if got := codesCounted(t, reg); len(got) != 2 || got["29999"] != 1 || got["39999"] != 1 {
		t.Errorf("counted %v", got)
	}
}
