package store_test

import (
	"testing"
	"time"

	"holdfast/store"
)

// Codes may run further ahead of the pool than other texts, so they go first; who waits gets a place of his own.
func TestTakePace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const every = time.Minute // so slow that the test's own time is nothing
	take := func(pool string, code bool) (wait time.Duration) {
		ahead := every
		if code {
			ahead = 3 * every
		}
		w.in(func(tx *store.Tx) (err error) {
			wait, err = store.TakePace(t.Context(), tx, pool, every, ahead, code)
			return err
		})
		return wait
	}
	for i, s := range []struct {
		pool string
		code bool
		want int // minutes
	}{
		{"a", false, 0}, {"a", false, 0}, // one a minute, and one ahead
		{"a", false, 1}, {"a", false, 2}, // then places in line
		{"a", true, 0}, {"a", true, 0}, // a code goes past them
		{"a", true, 1}, {"a", true, 2}, // until there are too many codes
		{"a", false, 3},                 // and who comes now is the last
		{"b", false, 0}, {"b", true, 0}, // another pool
	} {
		wait := take(s.pool, s.code)
		if want := time.Duration(s.want) * every; wait > want || wait < want-20*time.Second {
			t.Errorf("step %d, %+v: waits %v", i, s, wait)
		}
	}
	w.admin("UPDATE sms_pace SET busy_until = busy_until - interval '1 hour', last_place = last_place - interval '1 hour', last_code = last_code - interval '1 hour'")
	if wait := take("a", false); wait != 0 {
		t.Errorf("an hour later: %v", wait)
	}
}
