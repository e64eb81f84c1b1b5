package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"holdfast/store/logctx"
	"holdfast/store/pii"
)

func TestNewLoggerFormats(t *testing.T) {
	for _, tc := range []struct {
		format string
		json   bool
	}{{"json", true}, {"auto", true}, {"text", false}} {
		var b bytes.Buffer
		ctx := logctx.With(t.Context(), slog.String(logctx.TaskID, "t1"))
		log := NewLogger(&b, slog.LevelInfo, tc.format)
		log.DebugContext(ctx, "hidden")
		log.InfoContext(ctx, "hello", "phone", pii.KnownPhone("+15550100042"), "token", pii.NewToken("s3cr3t"))
		line := b.String()
		if json.Valid([]byte(line)) != tc.json {
			t.Errorf("%s to a buffer wrote %q", tc.format, line)
		}
		for _, want := range []string{"hello", "task_id", "t1", "[phone]", "[token]"} {
			if !strings.Contains(line, want) {
				t.Errorf("%s: no %s in %q", tc.format, want, line)
			}
		}
		if strings.Contains(line, "hidden") || strings.Contains(line, "\x1b") {
			t.Errorf("%s: a line below the level, or colour without a terminal: %q", tc.format, line)
		}
	}
}

func TestTextOnATerminal(t *testing.T) {
	var b bytes.Buffer
	r := slog.NewRecord(time.Date(2026, 1, 2, 13, 4, 5, 6e6, time.UTC), slog.LevelWarn, "slow call", 0)
	r.AddAttrs(slog.Duration("took", 3*time.Second), slog.String("why", "no answer"))
	if err := newText(&b, slog.LevelInfo, true).WithGroup("sms").Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[2m13:04:05.006\x1b[0m \x1b[33mWARN \x1b[0m slow call \x1b[2msms.took=3s sms.why=\"no answer\"\x1b[0m\n"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestIsTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if isTerminal(f) || isTerminal(&bytes.Buffer{}) {
		t.Error("a file or a buffer counts as a terminal")
	}
}

// TestTextHandlerContract reads lines back: the pairs are a TextHandler's, so dots nest as groups.
func TestTextHandlerContract(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return newText(&b, slog.LevelInfo, false)
	}, func(*testing.T) map[string]any {
		m := make(map[string]any)
		fields := strings.Fields(b.String())
		if strings.Count(fields[0], ":") == 2 {
			m[slog.TimeKey], fields = fields[0], fields[1:]
		}
		m[slog.LevelKey], m[slog.MessageKey] = fields[0], fields[1]
		for _, f := range fields[2:] {
			name, value, _ := strings.Cut(f, "=")
			at := m
			for head, rest, nested := strings.Cut(name, "."); nested; head, rest, nested = strings.Cut(rest, ".") {
				sub, _ := at[head].(map[string]any)
				if sub == nil {
					sub = make(map[string]any)
					at[head] = sub
				}
				at, name = sub, rest
			}
			at[name] = value
		}
		return m
	})
}
