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

	"holdfast/handlers"
	"holdfast/store"
)

// maxRepeats is how often the same thing is taken for asked anew in one conversation.
const maxRepeats = 8

// write does the write of this call, or finds what became of it when the call has come before. begin puts it
// together; it is not asked when there is nothing new to do, since "in two hours" was another time then.
//
// Where the key is made of what was said, the same may be asked for anew later: over then tells of an answer
// that it is not worth repeating.
func (v *voice) write(ctx context.Context, k kind, begin func(context.Context) (submission, error), over func(*reply) bool) (r *reply, booking uuid.UUID, err error) {
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
		s := submission{org: v.org, source: v.source, key: key, kind: k, conversation: v.id}
		s.prefer.wait = max(0, min(voiceWait-time.Since(v.begun), maxWait))
		first, err := v.asked(ctx, key)
		if err == nil {
			s.booking = first.Booking
			r, err := v.in.again(ctx, s, first.ID)
			return r, first.Booking.UUID, err
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
		if !errors.Is(err, store.ErrKeyReused) { // its twin came first, a minute before
			return r, s.booking.UUID, err
		}
	}
	return nil, uuid.Nil, store.ErrKeyReused
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
