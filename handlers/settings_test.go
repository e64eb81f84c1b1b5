package handlers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/hook"
	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// set replaces the org's settings, as an ingress does. What says nothing of limits has none, as the fixture.
func (r *rig) set(doc string) {
	r.t.Helper()
	all := map[string]any{}
	r.must(json.Unmarshal([]byte(doc), &all))
	if all["limits"] == nil {
		r.must(json.Unmarshal([]byte(storetest.NoLimits), &all))
	}
	raw, err := json.Marshal(all)
	r.must(err)
	_, err = store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		_, _, err := settings.Set(r.t.Context(), tx, raw, settings.Installation{Endpoints: hook.Loopback()}, settings.By{Actor: "test"})
		return err
	})
	r.must(err)
}

// seal does audit:seal for the org.
func (r *rig) seal() {
	r.t.Helper()
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		_, _, err := sealAudit(r.db.Keys)(r.t.Context(), tx)
		return err
	})
	r.must(err)
}

// process is a worker with a pool and handlers of its own, driven by hand: what it remembers, no other knows.
func (r *rig) process() *Runner {
	r.t.Helper()
	pool, err := store.Open(r.t.Context(), r.cfg.DatabaseURL, 4)
	r.must(err)
	r.t.Cleanup(pool.Close)
	keys, err := pii.NewKeyring(r.cfg.Keys)
	r.must(err)
	run := r.runner()
	reg := prometheus.NewRegistry()
	run.DB = &tasks.DB{Pool: pool, Broker: r.in.Broker}
	run.Mux = NewMux(Deps{Keys: keys, Twilio: sms.New(r.cfg.TwilioURL, r.cfg.CallLimit, nil), PublicURL: r.cfg.PublicURL,
		HoldTTL: r.cfg.HoldTTL, FollowupDelay: r.cfg.Followup, KeepWindow: r.cfg.Keep, CodeTTL: r.cfg.CodeTTL, CallLimit: r.cfg.CallLimit, Grace: r.cfg.Grace, Metrics: run.Metrics, Texts: NewTexts(reg),
		Hooks: hook.New(hook.Loopback()), HookCalls: 2, Deliveries: NewDeliveries(reg)}, tasks.PeriodicTable(time.Second))
	return run
}

// runAll delivers what is pending, by the given worker, until nothing is.
func (r *rig) runAll(run *Runner) {
	r.t.Helper()
	for {
		id := query[uuid.NullUUID](r, "SELECT (SELECT id FROM task WHERE state = 'pending' ORDER BY id LIMIT 1)")
		if !id.Valid {
			return
		}
		if res := run.deliver(r.t.Context(), r.delivery(id.UUID, r.task(id.UUID).Epoch)); res.label != "done" {
			r.t.Fatalf("delivered: %s", res.label)
		}
	}
}

// A change of the settings counts for the very next task in every process, though both have worked by the old ones:
// the words of a text, and the countries.
func TestSettingsCountAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	processes := []*Runner{r.process(), r.process()}
	canadian := "+14165550142"
	for i := range 6 {
		run := processes[i%2]
		countries := []string{`["US"]`, `["US","CA"]`}[i/2%2]
		r.set(fmt.Sprintf(`{"countries":%s,"templates":{"en":{"code":"{{.Code}} is number %d of {{.Org}}"}}}`, countries, i))
		phone := fmt.Sprintf("+1202555010%d", i)
		ask := r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: at(2, 9+i, 0), Customer: CustomerBody{Phone: phone}}, uuid.Nil)
		foreign := r.ask(tasks.BookingClaim, BookingBody{Resource: "chair", Start: at(3, 9+i, 0), Customer: CustomerBody{Phone: canadian}}, uuid.Nil)
		r.runAll(run)
		r.expect(r.read(ask), 201, "held")
		if text := r.texts(phone, 1)[0]; !strings.Contains(text.Body, fmt.Sprintf("is number %d of Test one", i)) {
			t.Errorf("text %d: %s", i, text.Body)
		}
		if i/2%2 == 0 {
			r.expect(r.read(foreign), 422, "country-not-allowed")
		} else {
			r.expect(r.read(foreign), 201, "held")
		}
	}
	r.set(`{}`)
	r.runAll(processes[0])
	if n := query[int](r, "SELECT count(*) FROM booking b JOIN customer c ON c.id = b.customer_id WHERE c.phone_last2 = '42'"); n != 2 {
		t.Errorf("%d bookings of the other country, want 2", n)
	}
}
