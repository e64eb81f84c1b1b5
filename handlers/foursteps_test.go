package handlers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFourSteps walks the four steps to a new task type as the README tells them, in an overlay of the tree: the
// type that the README shows, a handler, its line in NewMux and its test, which enqueues and runs it. Who forgets
// the line is told the type's name.
//
// It does not run beside the others: it compiles, and they look at clocks.
func TestFourSteps(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(readme), "### A new task type, in four steps")
	shown := regexp.MustCompile("(?s)```go\n(.*?)```").FindStringSubmatch(section)
	line := regexp.MustCompile("`(Do\\(m, tasks\\.ThanksSend.*?\\))`").FindStringSubmatch(section)
	if !ok || shown == nil || line == nil {
		t.Fatal("the README does not show the type and its line in NewMux")
	}
	routes, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	const before = "	Do(m, tasks.BookingClaim,"
	if !strings.Contains(string(routes), before) {
		t.Fatal("NewMux has no place for the line")
	}
	steps := map[string]string{
		"../tasks/thanks_overlay.go": "package tasks\n\nimport \"github.com/google/uuid\"\n\n" + shown[1],
		"thanks_overlay.go":          stepTwo,
		"routes.go":                  strings.Replace(string(routes), before, "	"+line[1]+"\n"+before, 1),
		"thanks_overlay_test.go":     stepFour,
	}
	if out, err := overlaid(t, steps); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	delete(steps, "routes.go")
	delete(steps, "thanks_overlay_test.go")
	if out, err := overlaid(t, steps); err == nil || !strings.Contains(out, "thanks:send has no line in handlers.NewMux") {
		t.Errorf("without step 3: %v\n%s", err, out)
	}
}

// overlaid runs the tests of the steps over the tree with files in place of, or besides, its own.
func overlaid(t *testing.T, files map[string]string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	replace := make(map[string]string)
	for name, text := range files {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		replace[path] = filepath.Join(dir, strings.NewReplacer("/", "_", ".", "_").Replace(name)+".txt")
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-count=1", "-run", "^(TestThanksSend|TestEveryTypeHasItsHandler)$", ".").CombinedOutput()
	return string(out), err
}

const stepTwo = `package handlers

import (
	"context"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// ThanksSend does thanks:send.
type ThanksSend struct{ Keys *pii.Keyring }

// Work does the task.
func (h *ThanksSend) Work(_ context.Context, tx *store.Tx, _ store.Task, p tasks.ThanksPayload) error {
	store.NoteSecurity(tx, store.SecurityEvent{Kind: "thanked", Key: uuid.NullUUID{UUID: p.Booking, Valid: true}})
	return nil
}
`

const stepFour = `package handlers

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

func TestThanksSend(t *testing.T) {
	db := storetest.New(t)
	org := storetest.NewOrg(t, db, "one")
	reg := prometheus.NewRegistry()
	metrics := tasks.NewMetrics(reg)
	m := NewMux(Deps{Keys: db.Keys, Twilio: sms.New("http://127.0.0.1:9", time.Second, nil), Metrics: metrics, Texts: NewTexts(reg)}, nil)
	r := &Runner{DB: &tasks.DB{Pool: db.App}, Mux: m, Worker: tasks.NewWorker(), Metrics: metrics, Log: slog.New(slog.DiscardHandler), CallLimit: time.Second}
	var id uuid.UUID
	booking := uuid.New()
	err := tasks.InTx(t.Context(), r.DB, org.ID, func(tx *store.Tx) (err error) {
		id, err = tasks.ThanksSend.Enqueue(tx, tasks.ThanksPayload{Booking: booking})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.deliver(t.Context(), tasks.Delivery{Org: org.ID, Task: id, Epoch: 1}); got.label != "done" {
		t.Fatal(got)
	}
	var n int
	if err := db.Admin.QueryRow(t.Context(), "SELECT count(*) FROM security_event WHERE key_id = $1", booking).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}
`
