package handlers

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

// A test's own task type. Names of real types are lent where the table of types matters.

type testPayload struct {
	ID uuid.UUID `json:"id"`
}

func testType(name string) tasks.Type[testPayload] {
	return tasks.Type[testPayload]{Name: name, Options: tasks.Options{Queue: tasks.QueueDefault, MaxAttempts: 12, GiveUp: time.Hour}}
}

// lent is a real type's name and options with the tests' payload.
func lent[P any](real tasks.Type[P]) tasks.Type[testPayload] {
	return tasks.Type[testPayload](real)
}

// scripted is a Worker whose nth run, from 1, does what a function says.
type scripted struct {
	runs atomic.Int32
	do   func(n int, tx *store.Tx, t store.Task) error
}

func (s *scripted) Work(_ context.Context, tx *store.Tx, t store.Task, _ testPayload) error {
	return s.do(int(s.runs.Add(1)), tx, t)
}

// undoing is a scripted that can be undone.
type undoing struct {
	scripted
	undo func(tx *store.Tx, reason string) error
}

func (u *undoing) Undo(_ context.Context, tx *store.Tx, _ testPayload, reason string) error {
	return u.undo(tx, reason)
}

// calling is a Caller made of functions; what is nil does nothing.
type calling struct {
	calls     atomic.Int32
	abandoned atomic.Int32
	call      func(ctx context.Context) error
	record    func(tx *store.Tx, t testPayload, err error) error
	leave     func(tx *store.Tx, t testPayload) error
	undo      func(tx *store.Tx, t testPayload, reason string) error
}

func (c *calling) Claim(context.Context, *store.Tx, store.Task, testPayload) (struct{}, error) {
	return struct{}{}, nil
}

func (c *calling) Call(ctx context.Context, _ struct{}) (int, error) {
	c.calls.Add(1)
	if c.call == nil {
		return 0, nil
	}
	return 0, c.call(ctx)
}

func (c *calling) Record(_ context.Context, tx *store.Tx, p testPayload, _ struct{}, _ int, err error) error {
	if c.record == nil {
		return err
	}
	return c.record(tx, p, err)
}

func (c *calling) Abandoned(_ context.Context, tx *store.Tx, p testPayload) error {
	c.abandoned.Add(1)
	if c.leave == nil {
		return nil
	}
	return c.leave(tx, p)
}

func (c *calling) Undo(_ context.Context, tx *store.Tx, p testPayload, reason string) error {
	if c.undo == nil {
		return nil
	}
	return c.undo(tx, p, reason)
}

// effect queues what a test counts: it is there once for each time that it was committed.
func effect(tx *store.Tx, task uuid.UUID, note string) {
	tx.Queue("INSERT INTO effect (task, note) VALUES ($1, $2)", task, note)
}
