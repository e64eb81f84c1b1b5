package twiliosim_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"

	"holdfast/handlers/sms/twiliosim"
)

func (w *world) fault(rule string) {
	w.t.Helper()
	if s := w.control("POST", "/_sim/faults", rule, nil); s != 201 {
		w.t.Fatalf("%s: %d", rule, s)
	}
}

func TestFaultErrorCountsDown(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.fault(`{"match":{"to":"` + phone + `"},"times":2,"do":"error","code":20429,"status":429}`)
	w.send(text("+14155550143", "not matched"))
	for range 2 {
		_, err := w.api.CreateMessage(text(phone, "x"))
		wantCode(t, err, 20429, 429)
	}
	w.send(text(phone, "x"))
	var got struct{ Faults []twiliosim.Fault }
	w.control("GET", "/_sim/faults", nil, &got)
	if len(got.Faults) != 1 || got.Faults[0].Fired != 2 || got.Faults[0].Match.To != phone {
		t.Errorf("%+v", got)
	}
	if s := w.control("DELETE", "/_sim/faults", nil, nil); s != 204 || len(w.sim.Faults()) != 0 {
		t.Errorf("clear: %d", s)
	}
}

func TestFaultNthAndAccount(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.fault(`{"match":{"account_sid":"` + other + `"},"do":"error","code":20003,"status":401}`)
	w.fault(`{"match":{"nth":2},"do":"error","code":30001}`)
	for i := 1; i <= 3; i++ {
		_, err := w.api.CreateMessage(text(phone, "x"))
		if (err != nil) != (i == 2) {
			t.Errorf("no. %d: %v", i, err)
		}
	}
	for range 2 {
		_, err := w.sdk(other, otherToken, time.Second).CreateMessage(text(phone, "x").SetFrom("+15005550006"))
		wantCode(t, err, 20003, 401)
	}
}

func TestFaultsBeforeAcceptance(t *testing.T) {
	w := start(t, twiliosim.Options{})
	short := w.sdk(acme, acmeToken, 50*time.Millisecond)

	w.fault(`{"times":1,"do":"hang"}`)
	_, err := short.CreateMessage(text(phone, "x"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: %v", err)
	}
	w.fault(`{"times":1,"do":"hang","ms":10}`)
	if _, err = w.api.CreateMessage(text(phone, "x")); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("short hang: %v", err)
	}
	w.fault(`{"times":1,"do":"reset"}`)
	if _, err = w.api.CreateMessage(text(phone, "x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	w.fault(`{"times":1,"do":"html503"}`)
	_, err = w.api.CreateMessage(text(phone, "x"))
	if rest := (*client.TwilioRestError)(nil); err == nil || errors.As(err, &rest) || !strings.Contains(err.Error(), "503") {
		t.Errorf("html503: %v", err)
	}
	if got := w.sim.Messages(""); len(got) != 0 {
		t.Errorf("accepted: %+v", got)
	}
}

func TestFaultAcceptThenHang(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.fault(`{"times":1,"do":"accept_then_hang"}`)
	if _, err := w.sdk(acme, acmeToken, 50*time.Millisecond).CreateMessage(text(phone, "x").SetStatusCallback(w.hooks.url)); err == nil {
		t.Error("an answer came")
	}
	if k := w.hooks.next(t); k.form.Get("To") != phone {
		t.Errorf("%v", k.form)
	}
	if got := w.sim.Messages(phone); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestFaultDelayAcceptsEvenWhenNobodyWaits(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.fault(`{"times":2,"do":"delay","ms":60}`)
	began := time.Now()
	w.send(text(phone, "x"))
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if _, err := w.sdk(acme, acmeToken, 10*time.Millisecond).CreateMessage(text(phone, "late")); err == nil {
		t.Error("an answer came")
	}
	eventually(t, "late acceptance", func() bool { return len(w.sim.Messages(phone)) == 2 })
}

func TestFaultsOfCallbacks(t *testing.T) {
	w := start(t, twiliosim.Options{SentAfter: -1, DeliveredAfter: -1})
	w.fault(`{"match":{"nth":1},"do":"drop_callback"}`)
	w.fault(`{"match":{"nth":2},"do":"double_callback"}`)
	w.fault(`{"match":{"nth":3},"do":"undelivered","code":30005}`)
	w.fault(`{"match":{"nth":4},"do":"undelivered"}`)
	send := func() string { return *w.send(text(phone, "x").SetStatusCallback(w.hooks.url)).Sid }

	dropped := send()
	eventually(t, "delivery", func() bool { return w.status(dropped) == "delivered" })
	doubled := send()
	for range 4 { // sent, delivered, each twice; none of the dropped one
		if k := w.hooks.next(t); k.form.Get("MessageSid") != doubled {
			t.Errorf("callback %v", k.form)
		}
	}
	for _, code := range []string{"30005", "30003"} {
		sid := send()
		final := w.hooks.next(t)
		if final.form.Get("MessageStatus") == "sent" { // two couriers may overtake each other, as at Twilio
			final = w.hooks.next(t)
		} else {
			w.hooks.next(t)
		}
		if final.form.Get("MessageStatus") != "undelivered" || final.form.Get("ErrorCode") != code {
			t.Errorf("final callback %v", final.form)
		}
		m, err := w.api.FetchMessage(sid, nil)
		if err != nil || *m.ErrorCode == 0 || *m.ErrorMessage == "" {
			t.Errorf("%+v %v", m, err)
		}
	}
}

func TestBadRulesAreRefused(t *testing.T) {
	w := start(t, twiliosim.Options{})
	for _, rule := range []string{
		``, `{}`, `{"do":"explode"}`, `{"do":"error"}`, `{"do":"delay"}`, `{"do":"hang","ms":-1}`, `{"do":"reset","times":-1}`,
		`{"do":"error","code":12}`, `{"do":"error","code":30003,"status":200}`, `{"do":"reset","match":{"nth":-1}}`,
		`{"do":"reset","match":{"account_sid":"AC1"}}`, `{"do":"reset","matches":{}}`, `{"do":"reset","times":"1"}`,
	} {
		var got struct{ Error string }
		if s := w.control("POST", "/_sim/faults", rule, &got); s != 400 || got.Error == "" {
			t.Errorf("%s: %d %+v", rule, s, got)
		}
	}
}

func TestCloseFreesWhoHangs(t *testing.T) {
	w := start(t, twiliosim.Options{})
	w.fault(`{"do":"hang"}`)
	done := make(chan error, 1)
	go func() { _, err := w.api.CreateMessage(text(phone, "x")); done <- err }()
	eventually(t, "hang", func() bool { return w.sim.Faults()[0].Fired == 1 })
	w.sim.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("answered as if it had been sent")
		}
	case <-time.After(within):
		t.Error("still hangs")
	}
}
