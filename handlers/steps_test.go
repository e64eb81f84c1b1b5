package handlers

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/sms"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// The third of the four steps of a new task type is a line in NewMux: who forgets it is told the type's name.
func TestEveryTypeHasItsHandler(t *testing.T) {
	t.Parallel()
	keys, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := pii.NewKeyring(keys)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	table := tasks.PeriodicTable(time.Second)
	m := NewMux(Deps{Keys: ring, Twilio: sms.New("http://127.0.0.1:9", time.Second, nil), Metrics: tasks.NewMetrics(reg), Texts: NewTexts(reg)}, table)
	known := make(map[string]bool)
	for _, info := range tasks.All() {
		known[info.Name] = true
		if !m.Handles(info.Name) {
			t.Errorf("%s has no line in handlers.NewMux", info.Name)
		}
	}
	for name := range m.routes {
		if !known[name] {
			t.Errorf("%s is handled and defined nowhere in tasks", name)
		}
	}
	for _, p := range table {
		switch s, ok := m.sweeps[p.Name]; {
		case !ok || s.Do == nil:
			t.Errorf("%s is in the periodic table and has no sweep in handlers.NewMux", p.Name)
		case s.Every != p.Every:
			t.Errorf("%s is swept every %v, enqueued every %v", p.Name, s.Every, p.Every)
		case known[p.Name]:
			t.Errorf("%s is a periodic task and a type", p.Name)
		}
	}
	// What was undone is no longer there: its handler has to say what must be before it runs again.
	for name, r := range m.routes {
		if r.undo != nil && r.replay == nil {
			t.Errorf("%s can be undone and does not say when it may be replayed: add Replay", name)
		}
	}
	// A text that will never go out must not leave its code alive.
	for _, name := range []string{tasks.VerificationSend.Name, tasks.SMSSend.Name, tasks.SMSReconcile.Name} {
		if r := m.routes[name]; r.undo == nil || r.abandoned == nil {
			t.Errorf("%s cannot be undone, or its lost calls have nobody", name)
		}
	}
}

func TestMuxRefusesTwoForOne(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("two handlers for one type")
		}
	}()
	m := &Mux{}
	Do(m, testType("test:twice"), &scripted{})
	Do(m, testType("test:twice"), &scripted{})
}
