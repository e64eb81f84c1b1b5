// Package logctx carries log attributes in a context, so that every line written inside a request or a
// task says which one.
//
// It stands far to the right so that each layer can use it, and it knows only the standard library.
// Attributes are ids: what must not be logged must not be put here.
package logctx

import (
	"context"
	"log/slog"
	"slices"
)

// The keys that the layers share. One spelling each, so that one query finds a request and its tasks.
const (
	RequestID = "request_id"
	TaskID    = "task_id"
	TaskType  = "task_type"
	OrgID     = "org_id"
)

type key struct{}

// With returns a context whose log lines carry attrs besides those of ctx. An attribute replaces an
// earlier one of the same key: a request that runs a task inside names the task once.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	if len(attrs) == 0 {
		return ctx
	}
	old := from(ctx)
	all := make([]slog.Attr, 0, len(old)+len(attrs)) // a fresh slice: two children must not share a tail
	for _, a := range old {
		if !slices.ContainsFunc(attrs, func(b slog.Attr) bool { return a.Key == b.Key }) {
			all = append(all, a)
		}
	}
	return context.WithValue(ctx, key{}, append(all, attrs...))
}

// Value is the text of ctx's attribute of that key, or "".
func Value(ctx context.Context, key string) string {
	for _, a := range from(ctx) {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

func from(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(key{}).([]slog.Attr)
	return attrs
}

// Handler returns a handler that adds the context's attributes to each record and passes it to next.
// They stand at the top level whatever groups the logger has opened.
func Handler(next slog.Handler) slog.Handler { return &handler{root: next, next: next} }

type handler struct {
	next slog.Handler
	// Once a group is open, attributes of a record fall into it. Then the context's attributes go to
	// root, and what the logger did since is done again.
	root   slog.Handler
	replay []func(slog.Handler) slog.Handler
	group  bool
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	attrs := from(ctx)
	switch {
	case len(attrs) == 0:
		return h.next.Handle(ctx, r)
	case !h.group:
		r = r.Clone() // the caller may use its record again
		r.AddAttrs(attrs...)
		return h.next.Handle(ctx, r)
	}
	next := h.root.WithAttrs(attrs)
	for _, do := range h.replay {
		next = do(next)
	}
	return next.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.then(h.group, func(n slog.Handler) slog.Handler { return n.WithAttrs(attrs) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.then(true, func(n slog.Handler) slog.Handler { return n.WithGroup(name) })
}

func (h *handler) then(group bool, do func(slog.Handler) slog.Handler) *handler {
	return &handler{
		next:   do(h.next),
		root:   h.root,
		replay: append(slices.Clip(h.replay), do),
		group:  group,
	}
}
