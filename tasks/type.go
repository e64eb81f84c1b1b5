// Package tasks is where both ends of a queue meet: the task types with their payloads, enqueueing inside a
// transaction, and what carries rows to Redis and repairs what it lost.
//
// PostgreSQL remembers, Redis dispatches. A task is a row first; the Redis message {org, task} only brings news
// of it and may be lost, doubled or late. Its id there is "<task>:<epoch>": an old epoch is garbage.
//
// A new type takes four steps: a file here with its payload and its definition, a file in handlers, a line in
// handlers.NewMux, and a test.
package tasks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// Queues, each with a class of servers of its own.
const (
	QueueClaim   = "claim"
	QueueSend    = "send"
	QueueDefault = "default"
	QueueLow     = "low"
	QueueTick    = "tick"
)

// Options say how tasks of a type are carried.
type Options struct {
	Queue       string
	MaxAttempts int           // counted runs before the task is dead; 0 = 12, some 6 minutes
	GiveUp      time.Duration // a task still waiting after this is dead; 0 = a day
}

// Info is a task type without its payload's Go type.
type Info struct {
	Name string
	Options
	Payload any // a zero payload
}

// Type is a task type that carries a payload P: ids only, since Redis, logs and operators may see it.
type Type[P any] struct {
	Name string
	Options
}

// all fills up while package variables are initialised and does not change afterwards.
var all []Info

func define[P any](name string, o Options) Type[P] {
	if o.MaxAttempts == 0 {
		o.MaxAttempts = 12
	}
	if o.GiveUp == 0 {
		o.GiveUp = 24 * time.Hour
	}
	var zero P
	all = append(all, Info{Name: name, Options: o, Payload: zero})
	return Type[P]{Name: name, Options: o}
}

// All lists the task types by name.
func All() []Info {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return sorted
}

// Decode reads a payload of the type.
func (t Type[P]) Decode(raw []byte) (p P, err error) {
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("%s: payload: %w", t.Name, err)
	}
	return p, nil
}

// With changes how one task is enqueued.
type With func(*store.NewTask)

// Answers binds the task to the request that it answers.
func Answers(request uuid.UUID) With {
	return func(n *store.NewTask) { n.Request = uuid.NullUUID{UUID: request, Valid: true} }
}

// In delays the task; the delay waits in Postgres.
func In(d time.Duration) With { return func(n *store.NewTask) { n.Delay = d } }

// GiveUpAfter replaces the type's own limit.
func GiveUpAfter(d time.Duration) With { return func(n *store.NewTask) { n.GiveUp = d } }

// Once enqueues nothing while a task of the type with the same key is pending.
func Once(key string) With { return func(n *store.NewTask) { n.Dedup = key } }

// Enqueue adds a task to the transaction and returns its id. It is pushed to Redis after the commit when the
// transaction was begun by InTx.
func (t Type[P]) Enqueue(tx *store.Tx, p P, with ...With) (uuid.UUID, error) {
	payload, err := json.Marshal(p)
	if err != nil {
		return uuid.Nil, fmt.Errorf("%s: payload: %w", t.Name, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	n := store.NewTask{ID: id, Type: t.Name, Queue: t.Queue, Payload: payload, Headers: []byte("{}"), GiveUp: t.GiveUp}
	for _, w := range with {
		w(&n)
	}
	store.InsertTask(tx, n)
	return id, nil
}
