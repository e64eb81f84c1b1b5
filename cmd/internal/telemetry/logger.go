// Package telemetry is how Holdfast shows what it does: the log, the metrics' registry and the HTTP
// middleware that feeds both.
//
// The log and the metrics hold ids, route patterns, counts and durations. Paths, queries, bodies and
// headers stay out of them, because each can carry personal data.
package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"sync"

	"holdfast/store/logctx"
)

// NewLogger returns the log that every part writes to. Format is "json", "text" (for people), or
// "auto": text when w is a terminal, json elsewhere. Lines carry the attributes of their context
// (see logctx), and personal data that got into a text is taken out of it.
func NewLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	tty := isTerminal(w)
	var h slog.Handler
	if format == "text" || format != "json" && tty {
		h = newText(w, level, tty)
	} else {
		h = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	}
	return slog.New(logctx.Handler(redacted(h)))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// text writes a line as people read it: time of day, level, message, key=value. The pairs come from a
// slog.TextHandler, which knows about quoting, groups and values that resolve themselves.
type text struct {
	out    *output
	pairs  slog.Handler
	colour bool
}

// output is shared by all handlers derived from one, because they write to one place.
type output struct {
	mu    sync.Mutex
	w     io.Writer
	pairs bytes.Buffer
	line  bytes.Buffer
}

func newText(w io.Writer, level slog.Level, colour bool) *text {
	out := &output{w: w}
	dropHead := func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
			return slog.Attr{}
		}
		return a
	}
	return &text{out, slog.NewTextHandler(&out.pairs, &slog.HandlerOptions{Level: level, ReplaceAttr: dropHead}), colour}
}

func (t *text) Enabled(ctx context.Context, l slog.Level) bool { return t.pairs.Enabled(ctx, l) }

func (t *text) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &text{t.out, t.pairs.WithAttrs(attrs), t.colour}
}

func (t *text) WithGroup(name string) slog.Handler {
	return &text{t.out, t.pairs.WithGroup(name), t.colour}
}

const (
	faint = "\x1b[2m"
	plain = "\x1b[0m"
)

func (t *text) Handle(ctx context.Context, r slog.Record) error {
	o := t.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pairs.Reset()
	if err := t.pairs.Handle(ctx, r); err != nil {
		return err
	}
	o.line.Reset()
	if !r.Time.IsZero() {
		t.write(faint, r.Time.Format("15:04:05.000"))
		o.line.WriteByte(' ')
	}
	t.write(levelColour(r.Level), levelName(r.Level))
	o.line.WriteByte(' ')
	o.line.WriteString(r.Message)
	if pairs := bytes.TrimRight(o.pairs.Bytes(), "\n"); len(pairs) > 0 {
		o.line.WriteByte(' ')
		t.write(faint, string(pairs))
	}
	o.line.WriteByte('\n')
	_, err := o.w.Write(o.line.Bytes()) // one write a line: other processes may share the terminal
	return err
}

func (t *text) write(colour, s string) {
	if !t.colour {
		t.out.line.WriteString(s)
		return
	}
	t.out.line.WriteString(colour + s + plain)
}

func levelName(l slog.Level) string {
	name := l.String()
	if len(name) < 5 { // columns align
		name += " "
	}
	return name
}

func levelColour(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "\x1b[31m"
	case l >= slog.LevelWarn:
		return "\x1b[33m"
	case l >= slog.LevelInfo:
		return "\x1b[32m"
	default:
		return "\x1b[36m"
	}
}
