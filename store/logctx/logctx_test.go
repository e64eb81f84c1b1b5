package logctx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"testing"
	"testing/slogtest"

	"holdfast/store/logctx"
)

// record logs one line by log and returns it as a map.
func record(t *testing.T, ctx context.Context, use func(*slog.Logger) *slog.Logger) map[string]any {
	t.Helper()
	var b bytes.Buffer
	use(slog.New(logctx.Handler(slog.NewJSONHandler(&b, nil)))).InfoContext(ctx, "hello", "n", 1)
	m := make(map[string]any)
	if err := json.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatalf("%v: %s", err, b.Bytes())
	}
	return m
}

func plain(l *slog.Logger) *slog.Logger { return l }

func TestWith(t *testing.T) {
	ctx := logctx.With(t.Context(), slog.String(logctx.RequestID, "r1"), slog.String(logctx.OrgID, "o1"))
	inner := logctx.With(ctx, slog.String(logctx.TaskID, "t1"), slog.String(logctx.OrgID, "o2"))

	if m := record(t, ctx, plain); m["request_id"] != "r1" || m["org_id"] != "o1" || m["task_id"] != nil {
		t.Errorf("outer line: %v", m)
	}
	if m := record(t, inner, plain); m["request_id"] != "r1" || m["org_id"] != "o2" || m["task_id"] != "t1" {
		t.Errorf("inner line: %v", m)
	}
	if m := record(t, t.Context(), plain); m["request_id"] != nil || m["n"] != 1.0 {
		t.Errorf("line without a context: %v", m)
	}
	if logctx.With(ctx) != ctx {
		t.Error("With without attributes made a new context")
	}
}

func TestSiblingsShareNothing(t *testing.T) {
	parent := logctx.With(t.Context(), slog.Int("a", 1), slog.Int("b", 2), slog.Int("c", 3))
	x := logctx.With(parent, slog.String(logctx.TaskID, "x"))
	_ = logctx.With(parent, slog.String(logctx.TaskID, "y"))
	if m := record(t, x, plain); m["task_id"] != "x" {
		t.Errorf("a sibling overwrote task_id: %v", m)
	}
	_ = logctx.With(parent, slog.Int("a", 9))
	if m := record(t, parent, plain); m["a"] != 1.0 || m["b"] != 2.0 || m["c"] != 3.0 {
		t.Errorf("a child changed its parent: %v", m)
	}
}

func TestGroupsDoNotSwallowTheContext(t *testing.T) {
	ctx := logctx.With(t.Context(), slog.String(logctx.RequestID, "r1"))
	m := record(t, ctx, func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").With("b", 2) })
	g, _ := m["g"].(map[string]any)
	if m["request_id"] != "r1" || m["a"] != 1.0 || g["b"] != 2.0 || g["n"] != 1.0 {
		t.Errorf("got %v", m)
	}
}

func TestHandlerContract(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return logctx.Handler(slog.NewJSONHandler(&b, nil))
	}, func(t *testing.T) map[string]any {
		m := make(map[string]any)
		if err := json.Unmarshal(b.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	})
}

func Example() {
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(logctx.Handler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: noTime})))

	ctx := logctx.With(context.Background(), slog.String(logctx.TaskType, "booking:claim"))
	log.InfoContext(ctx, "seat taken", "seat", 1)
	// Output: level=INFO msg="seat taken" seat=1 task_type=booking:claim
}
