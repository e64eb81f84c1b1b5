package telemetry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"holdfast/handlers/redact/redacttest"
	"holdfast/store/logctx"
)

// nilError panics when it is asked, as a nil pointer in an error does.
type nilError struct{ text *string }

func (e nilError) Error() string { return *e.text }

// quotes is a value that says what it is only when it is logged.
type quotes struct{ text string }

func (q quotes) LogValue() slog.Value { return slog.StringValue(q.text) }

// Whatever way personal data gets into a line, it is not written: in errors that quote what they were about, in texts,
// in groups, in attributes of the logger and of the context, in the message itself.
func TestLogIsRedacted(t *testing.T) {
	const phone, mail = "202-555-0142", "ana.lee@example.com"
	quoting := &pgconn.PgError{Severity: "ERROR", Code: "22P02", Message: `invalid input syntax for type integer: "` + phone + `"`}
	for name, write := range map[string]func(ctx context.Context, log *slog.Logger){
		"an error of PostgreSQL": func(ctx context.Context, log *slog.Logger) { log.ErrorContext(ctx, "failed", "error", quoting) },
		"a wrapped error": func(ctx context.Context, log *slog.Logger) {
			log.ErrorContext(ctx, "failed", "error", fmt.Errorf("message 42: %w", errors.New("no such mailbox: "+mail)))
		},
		"a panic's value": func(ctx context.Context, log *slog.Logger) {
			log.ErrorContext(ctx, "panic", "panic", "unknown number +1 (202) 555-0142")
		},
		"a value that is resolved": func(ctx context.Context, log *slog.Logger) {
			log.InfoContext(ctx, "said", "what", quotes{"call " + phone})
		},
		"a group": func(ctx context.Context, log *slog.Logger) {
			log.InfoContext(ctx, "said", slog.Group("call", "id", 7, slog.Group("turn", "text", "write to "+mail)))
		},
		"a group of the logger": func(ctx context.Context, log *slog.Logger) {
			log.WithGroup("call").InfoContext(ctx, "said", "text", phone)
		},
		"the logger": func(ctx context.Context, log *slog.Logger) { log.With("who", mail).InfoContext(ctx, "said") },
		"the context": func(ctx context.Context, log *slog.Logger) {
			log.InfoContext(logctx.With(ctx, slog.String("who", phone)), "said")
		},
		"the message": func(ctx context.Context, log *slog.Logger) { log.InfoContext(ctx, "http: panic serving "+phone) },
		"spoken": func(ctx context.Context, log *slog.Logger) {
			log.InfoContext(ctx, "said", "text", "two oh two, five five five, oh one four two")
		},
	} {
		for _, format := range []string{"json", "text"} {
			var b bytes.Buffer
			write(t.Context(), NewLogger(&b, slog.LevelDebug, format))
			line := b.String()
			if strings.Contains(line, "0142") || strings.Contains(line, "@") || strings.Contains(line, "five") || !strings.Contains(line, "[PHONE_NUMBER]") && !strings.Contains(line, "[EMAIL]") {
				t.Errorf("%s, %s: %s", name, format, line)
			}
			if format == "json" && !json.Valid(b.Bytes()) {
				t.Errorf("%s: no JSON: %s", name, line)
			}
		}
	}
}

// What is beside it stays, and an error that cannot be asked is slog's business, as before.
func TestLogKeepsTheRest(t *testing.T) {
	var b bytes.Buffer
	log := NewLogger(&b, slog.LevelInfo, "json")
	log.Info("said", "n", 7, "text", "call 202-555-0142 on Tuesday at 3:30", "took", 3*time.Second, "error", nilError{})
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["n"] != 7.0 || line["text"] != "call [PHONE_NUMBER] on Tuesday at 3:30" || line["took"] != 3e9 || line["msg"] != "said" || line["level"] != "INFO" {
		t.Errorf("%s", &b)
	}
}

// recorded are lines of running systems, by their own log.
func recorded(t testing.TB) (lines [][]byte) {
	t.Helper()
	f, err := os.Open("testdata/lines.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		lines = append(lines, bytes.Clone(in.Bytes()))
	}
	if len(lines) < 30 {
		t.Fatalf("%d lines", len(lines))
	}
	return lines
}

// record is a line as it was logged.
func record(t testing.TB, line []byte) slog.Record {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(fields["level"].(string))); err != nil {
		t.Fatal(err)
	}
	r := slog.NewRecord(time.Time{}, level, fields["msg"].(string), 0)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if key != slog.TimeKey && key != slog.LevelKey && key != slog.MessageKey {
			r.AddAttrs(slog.Any(key, fields[key]))
		}
	}
	return r
}

// Nothing that Holdfast logs of itself is damaged: ids, routes, addresses of its servers, SQLSTATEs, paths, stacks.
func TestLinesStayAsTheyAre(t *testing.T) {
	for _, line := range recorded(t) {
		var plain, clean bytes.Buffer
		o := &slog.HandlerOptions{Level: slog.LevelDebug}
		r := record(t, line)
		if err := errors.Join(slog.NewJSONHandler(&plain, o).Handle(t.Context(), r), redacted(slog.NewJSONHandler(&clean, o)).Handle(t.Context(), r)); err != nil {
			t.Fatal(err)
		}
		if plain.String() != clean.String() {
			t.Errorf("%s\nis written as\n%s", &plain, &clean)
		}
	}
}

// A line without anything to hide is looked at without allocating.
func TestCleanLinesAllocateNothing(t *testing.T) {
	h := redacted(discard{})
	for _, line := range recorded(t) {
		r := record(t, line)
		if n := redacttest.Allocations(func() { _ = h.Handle(context.Background(), r) }); n > 0 {
			t.Errorf("%v allocations: %s", n, line)
		}
	}
}

// discard takes lines and does nothing with them.
type discard struct{ slog.Handler }

func (discard) Handle(context.Context, slog.Record) error { return nil }

// BenchmarkLog is what a request's line costs, beside what it would cost without redaction.
func BenchmarkLog(b *testing.B) {
	ctx := logctx.With(b.Context(), slog.String(logctx.RequestID, "01a1b6a0-7d1c-7c3a-9b5e-2f6d4c8a1b3c"))
	plain := slog.NewJSONHandler(io.Discard, nil) //nolint:sloglint // DiscardHandler would not even make the line
	for _, bb := range []struct {
		name string
		slog.Handler
	}{{"plain", plain}, {"redacted", redacted(plain)}} {
		log := slog.New(logctx.Handler(bb.Handler))
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("method", "POST"), slog.String("route", "/v1/orgs/{org}/bookings/{id}/verify"),
					slog.Int("status", 200), slog.Float64("ms", 4.2), slog.Int64("bytes", 512))
			}
		})
	}
}
