package tasks

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bucket is a budget that comes back: Size may be spent at once, and as many again come back evenly within Refill.
type Bucket struct {
	Key    string // ids and names of limits: nothing of a person
	Size   int    // at least 1
	Refill time.Duration
}

// each is how long it takes until one comes back.
func (b Bucket) each() time.Duration { return b.Refill / time.Duration(b.Size) }

// Empty is why nothing was spent: of the buckets that have none left, the one that takes longest to have one again.
type Empty struct {
	Index int
	Wait  time.Duration
}

// Buckets are spent in Redis, by all processes together. What a process has let through itself it also keeps in mind, and
// judges by that when Redis does not answer: then a limit is each process's own, which is more than the installation's, but
// a limit. It is safe for concurrent use.
type Buckets struct {
	Broker *Broker // nil: there is no Redis

	breaker breaker
	own     Ledger
}

// spendBudget bounds what a request spends on Redis for its limits.
const spendBudget = 50 * time.Millisecond

// bucketKey begins the keys of buckets in Redis.
const bucketKey = "holdfast:limit:"

// Spend takes one from each of list, or from none when one of them is empty; nil when it was taken.
func (b *Buckets) Spend(ctx context.Context, list []Bucket) *Empty {
	args := make([]any, len(list))
	for i, k := range list {
		args[i] = k.each().Microseconds()
	}
	for _, k := range list {
		args = append(args, k.Size)
	}
	found, err := b.run(ctx, spendScript, list, args)
	if err != nil || len(found) != 2 {
		return b.own.Spend(time.Now(), list...)
	}
	if found[0] > 0 {
		return &Empty{Index: int(found[0] - 1), Wait: time.Duration(found[1]) * time.Microsecond}
	}
	b.own.note(time.Now(), list)
	return nil
}

// Restore gives back what was spent for nothing.
func (b *Buckets) Restore(ctx context.Context, list []Bucket) {
	if len(list) == 0 {
		return
	}
	b.own.Restore(list)
	_, _ = b.run(ctx, restoreScript, list, nil) // what cannot be given back comes back by itself
}

var errAway = redis.ErrClosed

func (b *Buckets) run(ctx context.Context, s *redis.Script, list []Bucket, args []any) ([]int64, error) {
	if b.Broker == nil || b.breaker.open() {
		return nil, errAway
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), spendBudget)
	defer cancel()
	keys := make([]string, len(list))
	for i, k := range list {
		keys[i] = bucketKey + k.Key
	}
	found, err := s.Run(ctx, b.Broker.rdb, keys, args...).Int64Slice()
	b.breaker.note(err)
	return found, err
}

// A bucket in Redis is "spent at": how much was out of it at a time of Redis's own clock, in microseconds. It goes when all
// has come back. Of one that was larger then no more is out than it holds now. The scripts look at all buckets before they
// change one.
var (
	spendScript = redis.NewScript(`
local time = redis.call('TIME')
local now, empty, wait, spent = time[1] * 1e6 + time[2], 0, 0, {}
for i, key in ipairs(KEYS) do
  local n, at = string.match(redis.call('GET', key) or '', '^(%S+) (%d+)$')
  spent[i] = n and math.max(0, math.min(n, ARGV[#KEYS + i]) - math.max(0, now - at) / ARGV[i]) or 0
  local w = math.ceil((spent[i] + 1 - ARGV[#KEYS + i]) * ARGV[i])
  if w > wait then empty, wait = i, w end
end
if empty > 0 then return {empty, wait} end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.9f %.0f', spent[i] + 1, now), 'PX', math.ceil((spent[i] + 1) * ARGV[i] / 1000))
end
return {0, 0}`)

	restoreScript = redis.NewScript(`
for _, key in ipairs(KEYS) do
  local n, at = string.match(redis.call('GET', key) or '', '^(%S+) (%d+)$')
  if n and n - 1 > 0 then
    redis.call('SET', key, string.format('%.9f %s', n - 1, at), 'PX', math.max(1, redis.call('PTTL', key)))
  else
    redis.call('DEL', key)
  end
end
return {}`)
)

// Ledger keeps buckets in the memory of this process. The zero Ledger is ready, and it is safe for concurrent use.
type Ledger struct {
	mu    sync.Mutex
	spent map[string]spending
}

// spending is how much was out of a bucket at a time, and how long it takes until one comes back.
type spending struct {
	n    float64
	at   time.Time
	each time.Duration
}

// maxLedger bounds a Ledger, at some hundred bytes each. Beyond, some are forgotten and are full again.
const maxLedger = 10_000

// left is what is still out of it at a later time, if most were out at first and one comes back in each.
func (s spending) left(now time.Time, most float64, each time.Duration) float64 {
	return max(0, min(s.n, most)-max(0, float64(now.Sub(s.at)))/float64(each))
}

// out is what is out of a bucket, whatever its size was before.
func (l *Ledger) out(b Bucket, now time.Time) float64 {
	return l.spent[b.Key].left(now, float64(b.Size), b.each())
}

// Spend takes one from each of list, or from none when one of them is empty; nil when it was taken.
func (l *Ledger) Spend(now time.Time, list ...Bucket) *Empty {
	l.mu.Lock()
	defer l.mu.Unlock()
	var e *Empty
	for i, b := range list {
		short := l.out(b, now) + 1 - float64(b.Size)
		if wait := time.Duration(math.Ceil(short * float64(b.each()))); wait > 0 && (e == nil || wait > e.Wait) {
			e = &Empty{Index: i, Wait: wait}
		}
	}
	if e == nil {
		l.add(now, list)
	}
	return e
}

// note takes one from each of list, since somebody else has judged that there is one.
func (l *Ledger) note(now time.Time, list []Bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(now, list)
}

func (l *Ledger) add(now time.Time, list []Bucket) {
	if len(l.spent)+len(list) > maxLedger {
		l.trim(now)
	}
	if l.spent == nil {
		l.spent = make(map[string]spending)
	}
	for _, b := range list {
		n := l.out(b, now) + 1
		l.spent[b.Key] = spending{min(n, float64(b.Size)), now, b.each()}
	}
}

// trim forgets what has come back, and when that is little, a quarter of all.
func (l *Ledger) trim(now time.Time) {
	for key, s := range l.spent {
		if s.left(now, s.n, s.each) == 0 {
			delete(l.spent, key)
		}
	}
	for key := range l.spent {
		if len(l.spent) <= maxLedger*3/4 {
			return
		}
		delete(l.spent, key)
	}
}

// Restore gives one back to each of list.
func (l *Ledger) Restore(list []Bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range list {
		if s, ok := l.spent[b.Key]; ok {
			s.n = max(0, s.n-1)
			l.spent[b.Key] = s
		}
	}
}
