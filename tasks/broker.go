package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"holdfast/store"
)

// Broker brings the news to Redis. It is safe for concurrent use.
type Broker struct {
	rdb     *redis.Client
	client  *asynq.Client
	breaker breaker
}

// NewBroker uses rdb, which stays the caller's to close.
func NewBroker(rdb *redis.Client) *Broker {
	return &Broker{rdb: rdb, client: asynq.NewClientFromRedisClient(rdb)}
}

// message is all that Redis is told of a task.
type message struct {
	Org  uuid.UUID `json:"org"`
	Task uuid.UUID `json:"task"`
}

const (
	// outOfReach keeps asynq from archiving on its own count: Postgres counts.
	outOfReach = 1 << 30
	// taskTimeout ends a run that hangs: more than a provider's call may take, less than a shutdown waits.
	taskTimeout = 15 * time.Second
)

func taskID(t store.TaskRef) string { return t.ID.String() + ":" + strconv.Itoa(t.Epoch) }

// Delivery is what a message and its id name.
type Delivery struct {
	Org, Task uuid.UUID
	Epoch     int
}

// ParseDelivery reads a message of ours. What is not ours is an error.
func ParseDelivery(id string, payload []byte) (Delivery, error) {
	var m message
	if err := json.Unmarshal(payload, &m); err != nil {
		return Delivery{}, errors.New("message: not one of ours")
	}
	task, epoch, _ := strings.Cut(id, ":")
	n, err := strconv.Atoi(epoch)
	if err != nil || task != m.Task.String() || m.Org == uuid.Nil {
		return Delivery{}, errors.New("message: its id and its payload do not agree")
	}
	return Delivery{Org: m.Org, Task: m.Task, Epoch: n}, nil
}

// push enqueues one task. A conflict means that this very epoch is there already, so it is a success: go-redis
// repeats a command whose reply was lost.
func (b *Broker) push(ctx context.Context, t store.TaskRef) error {
	payload, err := json.Marshal(message{t.Org, t.ID})
	if err != nil {
		return err
	}
	_, err = b.client.EnqueueContext(ctx, asynq.NewTask(t.Type, payload), asynq.TaskID(taskID(t)), asynq.Queue(t.Queue),
		asynq.MaxRetry(outOfReach), asynq.Timeout(taskTimeout))
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return err
}

// Push enqueues tasks, several at a time, and returns the first error; the others are still tried.
func (b *Broker) Push(ctx context.Context, list []store.TaskRef) error {
	var g errgroup.Group
	g.SetLimit(8)
	for _, t := range list {
		g.Go(func() error { return b.push(ctx, t) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("redis: push: %w", err)
	}
	return nil
}

// answeredChannel carries the ids of requests that were answered.
const answeredChannel = "holdfast:answered"

// announce pushes tasks and publishes answers unless the breaker is open.
func (b *Broker) announce(ctx context.Context, list []store.TaskRef, answered []uuid.UUID) {
	if b.breaker.open() {
		return
	}
	var err error
	if len(answered) > 0 {
		_, err = b.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, id := range answered {
				p.Publish(ctx, answeredChannel, id.String())
			}
			return nil
		})
	}
	for _, t := range list {
		err = errors.Join(err, b.push(ctx, t))
	}
	b.breaker.note(err)
}

// Answered subscribes to the ids of requests that get answered, until ctx ends. Messages may be lost; whoever
// waits must look for himself now and then. The channel is closed at the end.
func (b *Broker) Answered(ctx context.Context) <-chan uuid.UUID {
	sub := b.rdb.Subscribe(ctx, answeredChannel)
	out := make(chan uuid.UUID, 256)
	go func() {
		defer close(out)
		defer sub.Close()
		in := sub.Channel(redis.WithChannelSize(4096))
		for {
			select {
			case <-ctx.Done():
				return
			case m, ok := <-in:
				if !ok {
					return
				}
				id, err := uuid.Parse(m.Payload)
				if err != nil {
					continue
				}
				select {
				case out <- id:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

// Ping reports whether Redis answers.
func (b *Broker) Ping(ctx context.Context) error { return b.rdb.Ping(ctx).Err() }

// breaker stops pushes for a second after three failures in a row, so that an ingress whose Redis is away
// answers without waiting for it.
type breaker struct {
	failures atomic.Int32
	until    atomic.Int64
}

func (b *breaker) open() bool {
	return b.failures.Load() >= 3 && time.Now().UnixNano() < b.until.Load()
}

func (b *breaker) note(err error) {
	if err == nil {
		b.failures.Store(0)
		return
	}
	b.failures.Add(1)
	b.until.Store(time.Now().Add(time.Second).UnixNano())
}
