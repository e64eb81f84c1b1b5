// Package handlers does the work of tasks: one file per task type.
//
// A handler never opens a transaction and never acknowledges anything. It works in the transaction that the
// Runner gives it and returns what happens next: nil (done), a tasks.Outcome (a decision: what it wrote
// stays), or any other error (an accident: rolled back and retried).
package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast/store"
	"holdfast/tasks"
)

// Worker does all its work in Postgres, in one transaction.
type Worker[P any] interface {
	Work(ctx context.Context, tx *store.Tx, t store.Task, p P) error
}

// Caller calls the outside world between two transactions. Claim prepares the call (tasks.ErrNothing: there is
// none to make); Call makes it, holding no transaction; Record writes down what came of it, whatever became of
// the task meanwhile. A claim that nobody recorded, since its worker was lost, is passed to Abandoned, which
// must not assume that the call was not made.
type Caller[P, C, R any] interface {
	Claim(ctx context.Context, tx *store.Tx, t store.Task, p P) (C, error)
	Call(ctx context.Context, c C) (R, error)
	Record(ctx context.Context, tx *store.Tx, p P, c C, r R, callErr error) error
	Abandoned(ctx context.Context, tx *store.Tx, p P) error
}

// Undoer is a handler that leaves something behind when its task dies: Undo mends it, in the transaction that
// makes the task dead. It may run in a process that never ran the task, and more than once.
type Undoer[P any] interface {
	Undo(ctx context.Context, tx *store.Tx, p P, reason string) error
}

// Replayer is a handler with a say before an operator lets a dead task run again: Replay makes ready what the work needs,
// in the transaction that revives the task, or declines (*Declined). Who can be undone has to have one, since what was
// undone is no longer there.
type Replayer[P any] interface {
	Replay(ctx context.Context, tx *store.Tx, p P) error
}

// Forgetter is a handler whose task needs a customer's words: they lie sealed until it is done. Forget empties them in the
// transaction that discards the task, after which nobody will do its work.
type Forgetter[P any] interface {
	Forget(ctx context.Context, tx *store.Tx, p P) error
}

// route is a handler without its types.
type route struct {
	// work does the task's work, or its claim: then call is what comes next.
	work      func(ctx context.Context, tx *store.Tx, t store.Task) (call, error)
	abandoned func(ctx context.Context, tx *store.Tx, t store.Task) error // nil: work again
	undo      func(ctx context.Context, tx *store.Tx, t store.Task, reason string) error
	replay    func(ctx context.Context, tx *store.Tx, t store.Task) error // nil: as it is
	forget    func(ctx context.Context, tx *store.Tx, t store.Task) error // nil: it keeps nothing
	giveUp    time.Duration                                               // how long a task of the type may wait
}

// call calls the outside world and returns how to record what came of it; nil when there is nothing to call.
type call func(ctx context.Context) (record func(ctx context.Context, tx *store.Tx) error)

// Mux finds the handler of a task type, by its exact name. (asynq's own mux matches by prefix.)
type Mux struct {
	routes map[string]route
	sweeps map[string]Sweep
}

// Do routes a type to a Worker.
func Do[P any](m *Mux, typ tasks.Type[P], h Worker[P]) {
	m.add(typ.Name, route{
		work: func(ctx context.Context, tx *store.Tx, t store.Task) (call, error) {
			p, err := typ.Decode(t.Payload)
			if err != nil {
				return nil, tasks.Dead("payload", err)
			}
			return nil, h.Work(ctx, tx, t, p)
		},
		undo:   undoer(typ, h),
		replay: replayer(typ, h),
		forget: forgetter(typ, h),
		giveUp: typ.GiveUp,
	})
}

// Call routes a type to a Caller.
func Call[P, C, R any](m *Mux, typ tasks.Type[P], h Caller[P, C, R]) {
	m.add(typ.Name, route{
		work: func(ctx context.Context, tx *store.Tx, t store.Task) (call, error) {
			p, err := typ.Decode(t.Payload)
			if err != nil {
				return nil, tasks.Dead("payload", err)
			}
			c, err := h.Claim(ctx, tx, t, p)
			if errors.Is(err, tasks.ErrNothing) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context) func(context.Context, *store.Tx) error {
				r, callErr := h.Call(ctx, c)
				return func(ctx context.Context, tx *store.Tx) error { return h.Record(ctx, tx, p, c, r, callErr) }
			}, nil
		},
		abandoned: func(ctx context.Context, tx *store.Tx, t store.Task) error {
			p, err := typ.Decode(t.Payload)
			if err != nil {
				return tasks.Dead("payload", err)
			}
			return h.Abandoned(ctx, tx, p)
		},
		undo:   undoer(typ, h),
		replay: replayer(typ, h),
		forget: forgetter(typ, h),
		giveUp: typ.GiveUp,
	})
}

func undoer[P any](typ tasks.Type[P], h any) func(context.Context, *store.Tx, store.Task, string) error {
	u, ok := h.(Undoer[P])
	if !ok {
		return nil
	}
	return func(ctx context.Context, tx *store.Tx, t store.Task, reason string) error {
		var p P
		if err := json.Unmarshal(t.Payload, &p); err != nil {
			return fmt.Errorf("%s: payload: %w", typ.Name, err)
		}
		return u.Undo(ctx, tx, p, reason)
	}
}

func replayer[P any](typ tasks.Type[P], h any) func(context.Context, *store.Tx, store.Task) error {
	r, ok := h.(Replayer[P])
	if !ok {
		return nil
	}
	return func(ctx context.Context, tx *store.Tx, t store.Task) error {
		p, err := typ.Decode(t.Payload)
		if err != nil {
			return &Declined{"its payload cannot be read"}
		}
		return r.Replay(ctx, tx, p)
	}
}

func forgetter[P any](typ tasks.Type[P], h any) func(context.Context, *store.Tx, store.Task) error {
	f, ok := h.(Forgetter[P])
	if !ok {
		return nil
	}
	return func(ctx context.Context, tx *store.Tx, t store.Task) error {
		if p, err := typ.Decode(t.Payload); err == nil {
			return f.Forget(ctx, tx, p)
		}
		return nil // what it names cannot be read, nor forgotten
	}
}

func (m *Mux) add(name string, r route) {
	if m.routes == nil {
		m.routes = make(map[string]route)
	}
	if _, twice := m.routes[name]; twice {
		panic("handlers: two for " + name)
	}
	m.routes[name] = r
}

// Handles reports whether the type has a handler.
func (m *Mux) Handles(name string) bool {
	_, ok := m.routes[name]
	return ok
}
