package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

// Operator does to tasks what people ask for: in Postgres first, and then, as a courtesy, in what asynqmon shows. What
// is done is written to the audit log in the same commit. It is safe for concurrent use.
type Operator struct {
	DB  *tasks.DB
	Mux *Mux
}

// By is who asks, and why. Neither may hold personal data.
type By struct {
	Who, Why string
	Request  string // the X-Request-Id, "" outside of one
}

// Declined is a wish that was not carried out, and why, in words for who asked. Nothing has changed.
type Declined struct{ Why string }

func (d *Declined) Error() string { return d.Why }

// Replay lets a dead letter run again, as if it were new; a *Declined says why it may not.
func (o *Operator) Replay(ctx context.Context, org, id uuid.UUID, by By) error {
	return o.change(ctx, org, id, "task.replay", by, o.revive)
}

// errRehearsed ends a transaction that was only to show whether it would succeed.
var errRehearsed = errors.New("rehearsed")

// MayReplay tells whether Replay would let the task run, by doing it and undoing it: nil, or a *Declined.
func (o *Operator) MayReplay(ctx context.Context, org, id uuid.UUID) error {
	_, err := store.InTx(ctx, o.DB.Pool, org, func(tx *store.Tx) error {
		t, err := lockTask(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := o.revive(ctx, tx, t); err != nil {
			return err
		}
		return errRehearsed
	})
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return err
}

// Discard ends a dead letter for good: somebody has dealt with what it was about.
func (o *Operator) Discard(ctx context.Context, org, id uuid.UUID, by By) error {
	return o.change(ctx, org, id, "task.discard", by, func(ctx context.Context, tx *store.Tx, t store.Task) error {
		if err := mustBeDead(t); err != nil {
			return err
		}
		if t.LastError == "undo-failed" {
			return &Declined{"what it left behind is not undone: replay it when that can be done"}
		}
		store.FinishTask(tx, t, "discarded", "")
		if h := o.Mux.routes[t.Type]; h.forget != nil {
			return h.forget(ctx, tx, t)
		}
		return nil
	})
}

// Hasten makes a waiting task due now.
func (o *Operator) Hasten(ctx context.Context, org, id uuid.UUID, by By) error {
	return o.change(ctx, org, id, "task.hasten", by, func(_ context.Context, tx *store.Tx, t store.Task) error {
		if err := mustWait(t); err != nil {
			return err
		}
		store.HastenTask(tx, t, "")
		return nil
	})
}

// Stop ends a waiting task by way of a worker, since only there it is undone and its request answered: at its next
// delivery, which is due now, it becomes a dead letter, or with discard not even that.
func (o *Operator) Stop(ctx context.Context, org, id uuid.UUID, discard bool, by By) error {
	return o.change(ctx, org, id, "task.stop", by, func(_ context.Context, tx *store.Tx, t store.Task) error {
		if err := mustWait(t); err != nil {
			return err
		}
		end := "dead"
		if discard {
			end = "discarded"
		}
		store.HastenTask(tx, t, end)
		return nil
	})
}

// change does something to a locked task, notes it, and clears away what Redis had of the task's epoch until then.
func (o *Operator) change(ctx context.Context, org, id uuid.UUID, action string, by By, do func(context.Context, *store.Tx, store.Task) error) error {
	var t store.Task
	err := tasks.InTx(ctx, o.DB, org, func(tx *store.Tx) (err error) {
		if t, err = lockTask(ctx, tx, id); err != nil {
			return err
		}
		if err := do(ctx, tx, t); err != nil {
			return err
		}
		store.NoteAudit(tx, store.AuditEntry{Actor: by.Who, Action: action, Subject: id.String(), Request: by.Request,
			Detail: map[string]any{"why": by.Why, "type": t.Type, "was": t.State, "reason": t.LastError}})
		return nil
	})
	if err != nil {
		return err
	}
	o.DB.Broker.Forget(ctx, store.TaskRef{Org: org, ID: id, Type: t.Type, Queue: t.Queue, Epoch: t.Epoch})
	return nil
}

// revive is Replay within its transaction.
func (o *Operator) revive(ctx context.Context, tx *store.Tx, t store.Task) error {
	if err := mustBeDead(t); err != nil {
		return err
	}
	if t.Request.Valid {
		return &Declined{"its request was answered with a problem when it died, and its body is gone: ask again"}
	}
	h, known := o.Mux.routes[t.Type]
	if !known {
		return &Declined{fmt.Sprintf("this version does not know the type %s", t.Type)}
	}
	if h.replay != nil {
		if err := h.replay(ctx, tx, t); err != nil {
			return err
		}
	}
	revived, err := store.ReviveTask(ctx, tx, t, h.giveUp)
	if err == nil && !revived {
		return &Declined{"another task does the same: it is pending with the same key"}
	}
	return err
}

func lockTask(ctx context.Context, tx *store.Tx, id uuid.UUID) (store.Task, error) {
	t, err := store.LockTask(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return t, &Declined{"there is no such task"}
	}
	return t, err
}

func mustBeDead(t store.Task) error {
	if t.State != "dead" {
		return &Declined{"it is no dead letter, it is " + t.State}
	}
	return nil
}

func mustWait(t store.Task) error {
	switch {
	case t.State != "pending":
		return &Declined{"it does not wait, it is " + t.State}
	case t.ClaimLive:
		return &Declined{"a worker is making a call for it at this moment: try again"}
	}
	return nil
}
