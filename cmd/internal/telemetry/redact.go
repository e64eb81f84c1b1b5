package telemetry

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"

	"holdfast/handlers/redact"
)

// redacting takes personal data out of texts on their way into the log: messages, strings and errors. It is the last
// barrier. Before it stand types that do not print, and code that logs ids and codes; what gets as far as here is an
// error of somebody else's that quotes what it was about.
type redacting struct {
	next   slog.Handler
	engine *redact.Engine
}

func redacted(next slog.Handler) slog.Handler {
	engine, err := redact.Policy{Name: redact.Booking}.Compile()
	if err != nil {
		panic("telemetry: " + err.Error()) // cannot be: it is the policy that everybody has
	}
	return &redacting{next, engine}
}

func (h *redacting) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h *redacting) WithGroup(name string) slog.Handler {
	return &redacting{h.next.WithGroup(name), h.engine}
}

func (h *redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return &redacting{h.next.WithAttrs(clean), h.engine}
}

// Handle hands a record on as it is when there is nothing to hide in it, which is nearly always.
func (h *redacting) Handle(ctx context.Context, r slog.Record) error {
	dirty := h.dirty(r.Message)
	if !dirty {
		r.Attrs(func(a slog.Attr) bool {
			dirty = h.dirtyValue(a.Value)
			return !dirty
		})
	}
	if !dirty {
		return h.next.Handle(ctx, r)
	}
	clean := slog.NewRecord(r.Time, r.Level, h.text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

func (h *redacting) dirtyValue(v slog.Value) bool {
	v = v.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return h.dirty(v.String())
	case slog.KindGroup:
		for _, a := range v.Group() {
			if h.dirtyValue(a.Value) {
				return true
			}
		}
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return h.dirty(errorText(err))
		}
	default:
	}
	return false
}

// attr is a without what is to be hidden.
func (h *redacting) attr(a slog.Attr) slog.Attr {
	if !h.dirtyValue(a.Value) {
		return a
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		group := make([]slog.Attr, len(v.Group()))
		for i, in := range v.Group() {
			group[i] = h.attr(in)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindAny:
		return slog.String(a.Key, h.text(errorText(v.Any().(error)))) // dirtyValue knows no other
	default:
	}
	return slog.String(a.Key, h.text(v.String()))
}

// errorText is what an error says. One that panics, as a nil pointer does, is left to slog, which copes.
func errorText(err error) (text string) {
	defer func() { _ = recover() }()
	return err.Error()
}

func (h *redacting) dirty(s string) bool {
	if harmless(s) {
		return false
	}
	var room [8]redact.Span // addresses of our own are found often
	for _, span := range h.engine.Find(room[:0], s) {
		if !ours(s, span) {
			return true
		}
	}
	return false
}

// text is s with the names of types in the place of what was found.
func (h *redacting) text(s string) string {
	if harmless(s) {
		return s
	}
	var b strings.Builder
	done := 0
	for _, span := range h.engine.Find(nil, s) {
		if ours(s, span) {
			continue
		}
		b.WriteString(s[done:span.Start])
		b.WriteString("[" + span.Type.String() + "]")
		done = span.End
	}
	b.WriteString(s[done:])
	return b.String()
}

// ours reports an address of this machine or of the network that it stands in: it is nobody's, and what an operator
// looks for.
func ours(s string, span redact.Span) bool {
	if span.Type != redact.IP {
		return false
	}
	ip, err := netip.ParseAddr(s[span.Start:span.End])
	return err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsLinkLocalUnicast())
}

// harmless reports, before an engine is asked, what cannot hold anything: ids, and single words with few digits, as most
// codes, routes and names of things are.
func harmless(s string) bool {
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x80 || c == '@':
			return false
		case c >= '0' && c <= '9':
			digits++
		}
	}
	return digits < leastDigits || isID(s)
}

// leastDigits is how many the shortest address of the internet has; all else that is written without a space has more.
const leastDigits = 4

// isID reports a UUID.
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}
