package tasks

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"holdfast/store/storetest"
)

func bucketsOn(t *testing.T, url string) (*Buckets, *redis.Client) {
	t.Helper()
	rdb := open(t, url)
	return &Buckets{Broker: NewBroker(rdb)}, rdb
}

// few makes a bucket of n an hour.
func few(key string, n int) Bucket { return Bucket{Key: key, Size: n, Refill: time.Hour} }

// spendAll spends what is expected to be there, and expects no more: the next comes in about an hour's nth part.
func spendAll(t *testing.T, b *Buckets, n, perHour int, list ...Bucket) {
	t.Helper()
	for i := range n {
		if e := b.Spend(t.Context(), list); e != nil {
			t.Fatalf("%d of %d: %+v", i, n, e)
		}
	}
	e := b.Spend(t.Context(), list)
	if whole := time.Hour / time.Duration(perHour); e == nil || e.Wait > whole || e.Wait < whole-20*time.Second {
		t.Fatalf("one more than %d: %+v, want to wait %v", n, e, whole)
	}
}

// Buckets are what they are on a real Redis, on the one that a machine without Redis gets, and without any.
func TestBuckets(t *testing.T) {
	t.Parallel()
	mini := miniredis.RunT(t)
	for name, url := range map[string]string{"redis": storetest.RedisURL(t), "miniredis": "redis://" + mini.Addr(), "": ""} {
		b := &Buckets{}
		var rdb *redis.Client
		if url != "" {
			b, rdb = bucketsOn(t, url)
		}
		spendAll(t, b, 3, 3, few("{a}:org", 3))
		spendAll(t, b, 5, 5, few("{b}:org", 5)) // another's
		// One is empty: nothing is spent, and it is named.
		both := []Bucket{few("{a}:key", 4), few("{a}:org", 3)}
		if e := b.Spend(t.Context(), both); e == nil || e.Index != 1 {
			t.Errorf("%s: %+v", name, e)
		}
		spendAll(t, b, 4, 4, both[0])
		// What is given back can be spent.
		b.Restore(t.Context(), both)
		spendAll(t, b, 1, 3, both...)
		// A limit that was raised counts at once.
		spendAll(t, b, 2, 5, few("{a}:org", 5))
		// So does one that was lowered: what is out beyond it need not come back first.
		spendAll(t, b, 20, 20, few("{a}:low", 20))
		spendAll(t, b, 0, 3, few("{a}:low", 3))
		if rdb == nil {
			continue
		}
		for _, key := range rdb.Keys(t.Context(), "*").Val() {
			if ttl := rdb.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Hour {
				t.Errorf("%s: %s lives for %v", name, key, ttl)
			}
		}
	}
}

// Two processes spend from the same buckets.
func TestBucketsAreShared(t *testing.T) {
	t.Parallel()
	url := storetest.RedisURL(t)
	one, rdb := bucketsOn(t, url)
	two, _ := bucketsOn(t, url)
	for range 2 {
		if one.Spend(t.Context(), []Bucket{few("k", 4)}) != nil || two.Spend(t.Context(), []Bucket{few("k", 4)}) != nil {
			t.Fatal("four are not there")
		}
	}
	spendAll(t, one, 0, 4, few("k", 4))
	// A flush begins anew.
	if err := rdb.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	spendAll(t, two, 4, 4, few("k", 4))
}

// hung is an address where nobody ever answers.
func hung(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// Without Redis a process judges by what it has let through itself, when Redis was still there too; and it does not wait for
// Redis each time.
func TestBucketsWithoutRedis(t *testing.T) {
	t.Parallel()
	b, rdb := bucketsOn(t, storetest.RedisURL(t))
	for range 2 {
		if e := b.Spend(t.Context(), []Bucket{few("k", 5)}); e != nil {
			t.Fatal(e)
		}
	}
	if err := rdb.Close(); err != nil {
		t.Fatal(err)
	}
	spendAll(t, b, 3, 5, few("k", 5))

	slow := redis.NewClient(&redis.Options{Addr: hung(t), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { slow.Close() })
	b = &Buckets{Broker: NewBroker(slow)}
	start := time.Now()
	spendAll(t, b, 99, 99, few("k", 99))
	if d := time.Since(start); d > 800*time.Millisecond {
		t.Errorf("a hundred took %v", d)
	}
	// Who asked is gone: it is spent all the same.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, _ = bucketsOn(t, storetest.RedisURL(t))
	b.Spend(ctx, []Bucket{few("k", 1)})
	if b.own = (Ledger{}); b.Spend(t.Context(), []Bucket{few("k", 1)}) == nil {
		t.Error("it was not spent")
	}
}

// What was spent comes back evenly within an hour, and a clock that is set back gives nothing.
func TestLedger(t *testing.T) {
	t.Parallel()
	var l Ledger
	now := time.Now()
	list := []Bucket{few("k", 4)}
	for i := range 4 {
		if l.Spend(now, list...) != nil {
			t.Fatal(i)
		}
	}
	for _, tt := range []struct {
		after time.Duration
		wait  time.Duration // 0: spent
	}{
		{0, 15 * time.Minute}, {10 * time.Minute, 5 * time.Minute}, {15 * time.Minute, 0}, {15 * time.Minute, 15 * time.Minute},
		{-time.Hour, 15 * time.Minute}, {2 * time.Hour, 0}, {2 * time.Hour, 0}, {2 * time.Hour, 0}, {2 * time.Hour, 0}, {2 * time.Hour, 15 * time.Minute},
	} {
		e := l.Spend(now.Add(tt.after), list...)
		if (e == nil) != (tt.wait == 0) || e != nil && e.Wait.Round(time.Millisecond) != tt.wait {
			t.Errorf("after %v: %+v, want %v", tt.after, e, tt.wait)
		}
	}
	for i := range 2 * maxLedger {
		l.Spend(now, few(fmt.Sprint(i), 4))
	}
	if len(l.spent) > maxLedger {
		t.Errorf("it remembers %d", len(l.spent))
	}
	l.Spend(now.Add(2*time.Hour), list...)
	l.mu.Lock()
	l.trim(now.Add(4 * time.Hour))
	l.mu.Unlock()
	if len(l.spent) != 0 {
		t.Errorf("%d that have all come back are remembered", len(l.spent))
	}
}
