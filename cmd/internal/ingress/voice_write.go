package ingress

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/speech"
	"holdfast/handlers"
	"holdfast/store"
	"holdfast/tasks"
)

// maxRepeats is how often the same thing is taken for asked anew in one conversation.
const maxRepeats = 8

// write does the write of this call, or finds what became of it when the call has come before. A signed delivery that comes again
// is answered as before, whatever has become of it since: only what is signed anew is asked anew. begin puts it
// together; it is not asked when there is nothing new to do, since "in two hours" was another time then.
//
// Where the key is made of what was said, the same may be asked for anew later: over then tells of an answer
// that it is not worth repeating.
func (v *voice) write(ctx context.Context, k kind, begin func(context.Context) (submission, error), over func(*reply) bool) (r *reply, booking uuid.UUID, err error) {
	if v.call.delivery != "" {
		if r, booking, err = v.delivered(ctx, k); !errors.Is(err, store.ErrNotFound) {
			return r, booking, err
		}
		defer func() {
			if err == nil && v.joined != uuid.Nil {
				err = v.note(ctx)
			}
		}()
	}
	r, booking, err = v.once(ctx, k, v.call.key, begin)
	for n := 2; n <= maxRepeats && err == nil && v.call.repeats && r.Replayed != "" && over(r); n++ {
		again, about, err := v.once(ctx, k, fmt.Sprintf("%s:%d", v.call.key, n), begin)
		if err != nil && strings.HasSuffix(problemOf(err).Type, "/too-soon") {
			break // a repeat of what was done a moment ago
		}
		if r, booking = again, about; err != nil {
			return r, booking, err
		}
	}
	return r, booking, err
}

// once is write for one key.
func (v *voice) once(ctx context.Context, k kind, key string, begin func(context.Context) (submission, error)) (*reply, uuid.UUID, error) {
	for range 2 {
		s := v.submission(k, key)
		first, err := v.asked(ctx, key)
		if err == nil {
			v.joined = first.ID
			return v.again(ctx, s, first)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, uuid.Nil, err
		}
		b, err := begin(ctx)
		if err != nil {
			return nil, uuid.Nil, err
		}
		s.body, s.booking, s.check, s.phone, s.addressee = b.body, b.booking, b.check, b.phone, b.addressee
		r, err := v.in.submit(ctx, s)
		if err == nil {
			v.joined = uuid.Nil
		}
		if !errors.Is(err, store.ErrKeyReused) { // its twin came first, a minute before
			return r, s.booking.UUID, err
		}
	}
	return nil, uuid.Nil, store.ErrKeyReused
}

// submission is what any write of this call begins with.
func (v *voice) submission(k kind, key string) submission {
	s := submission{org: v.org, source: v.source, key: key, kind: k, conversation: v.id}
	if v.call.delivery != "" {
		s.delivery = v.signed()
	}
	s.prefer.wait = max(0, min(voiceWait-time.Since(v.begun), maxWait))
	return s
}

func (v *voice) again(ctx context.Context, s submission, first store.Asked) (*reply, uuid.UUID, error) {
	s.booking = first.Booking
	r, err := v.in.again(ctx, s, first.ID)
	return r, first.Booking.UUID, err
}

func (v *voice) signed() store.SignedDelivery {
	return store.SignedDelivery{Source: v.source, Key: v.call.delivery, Tool: v.call.name}
}

// bind ties a delivery to the tool that it came for first, where its signature does not cover the tool's name: who has heard it
// could have another one used. What it came for is refused like a tool that there is not.
func (v *voice) bind(ctx context.Context) error {
	if v.call.delivery == "" || !v.call.unnamed {
		return nil
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	err := tasks.InTx(ctx, v.in.db, v.org, func(tx *store.Tx) error {
		_, err := store.TakeDelivery(ctx, tx, v.in.keys, v.signed())
		return err
	})
	if errors.Is(err, store.ErrOtherTool) {
		return v.ask("unknown-tool", speech.UnknownTool, nil)
	}
	return err
}

// delivered answers a delivery that has led to a request before; store.ErrNotFound when it has not.
func (v *voice) delivered(ctx context.Context, k kind) (*reply, uuid.UUID, error) {
	first, err := read(ctx, v.in, v.org, func(ctx context.Context, tx *store.Tx) (store.Asked, error) {
		return store.FindDelivered(ctx, tx, v.signed())
	})
	if err != nil {
		return nil, uuid.Nil, err
	}
	return v.again(ctx, v.submission(k, ""), first)
}

// note keeps that the delivery was answered by a request that was there before.
func (v *voice) note(ctx context.Context) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	return tasks.InTx(ctx, v.in.db, v.org, func(tx *store.Tx) error {
		led, err := store.TakeDelivery(ctx, tx, v.in.keys, v.signed())
		if err == nil && !led.Valid {
			store.EndDelivery(tx, v.signed(), v.joined)
		}
		return err
	})
}

// asked finds the request that the key was used for.
func (v *voice) asked(ctx context.Context, key string) (store.Asked, error) {
	if key == "" {
		return store.Asked{}, store.ErrNotFound
	}
	return read(ctx, v.in, v.org, func(ctx context.Context, tx *store.Tx) (store.Asked, error) {
		return store.FindAsked(ctx, tx, v.in.keys, v.source, key)
	})
}

// keyOf makes an idempotency key of its parts, as they are where that is a valid one.
func keyOf(parts ...string) string {
	key := strings.Join(parts, ":")
	if validKey(key) && len(key) < 200 {
		return key
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return parts[0] + ":" + hex.EncodeToString(sum[:])
}

// callID is a call's id as a platform names it, where it is one that transcripts can name too; what else it may be, as its
// hash: it is a key of an index.
func callID(id string) string {
	if id == "" || validKey(id) && len(id) <= handlers.MaxCallID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}
