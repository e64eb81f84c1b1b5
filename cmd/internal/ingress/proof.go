package ingress

import (
	"context"
	"errors"
	"sync"
	"time"

	"holdfast/store"
)

// lookEvery is how often a proof that fails makes the database be asked anew, for each thing that proves. So a forged
// request costs arithmetic, and a secret that was changed a moment ago works within that time, forgeries or not.
const lookEvery = time.Second

// proofLimit bounds a look-up of what proves a webhook. A voice agent's caller waits for it on the line (voiceLimit).
const proofLimit = 4 * time.Second

// proofs remembers what webhooks are proved by, by org and kind, for a short while; also that there is nothing. What is
// unknown is treated by the same rules as what is known, with a dummy in its place: it costs as many look-ups, and as
// much arithmetic. It is safe for use by many goroutines.
type proofs[K comparable, V any] struct {
	believe time.Duration
	dummy   V // proves nothing, since nobody knows it
	// strangers bounds the look-ups for those whose proof did not hold before, of what exists and what does not; nil: nothing
	// does.
	strangers *lane

	mu sync.Mutex
	// What was found and what was not are kept apart, so that a walk through random ids pushes out only its like.
	known, nothing map[K]*remembered[V]
	flights        map[K]*flight[V]
}

// remembered is what a look-up found.
type remembered[V any] struct {
	seen[V]
	failed time.Time // when the last look was begun by whose proof failed all the same
}

// seen is an answer of the database.
type seen[V any] struct {
	value V
	found bool
	since time.Time // when the look-up began: what it found may have changed while it ran
}

// flight is a look-up that is under way, for all who need it.
type flight[V any] struct {
	done chan struct{}
	seen seen[V]
	err  error
}

func newProofs[K comparable, V any](believe time.Duration, dummy V, strangers *lane) *proofs[K, V] {
	return &proofs[K, V]{believe: believe, dummy: dummy, strangers: strangers,
		known: make(map[K]*remembered[V]), nothing: make(map[K]*remembered[V]), flights: make(map[K]*flight[V])}
}

// verdict is what came of a proof.
type verdict struct {
	valid bool
	known bool // there was something to prove it by
}

// prove judges by what is remembered of k, else by what load finds (store.ErrNotFound: nothing). If that is no proof, it is
// looked at once more, unless that was done within lookEvery. valid is called for what does not exist too.
func (p *proofs[K, V]) prove(ctx context.Context, k K, load func(context.Context) (V, error), valid func(V) bool) (verdict, error) {
	var judged seen[V] // by which it was no proof
	for {
		s, fresh, err := p.see(ctx, k, judged.since, load, valid)
		if err != nil {
			return verdict{}, err
		}
		if s.since.IsZero() { // nothing newer may be looked for
			return verdict{known: judged.found}, nil
		}
		v := p.judge(s, valid)
		if v.valid && fresh {
			p.forgive(k)
		}
		if v.valid || fresh {
			return v, nil
		}
		judged = s
	}
}

func (p *proofs[K, V]) judge(s seen[V], valid func(V) bool) verdict {
	if !s.found {
		_ = valid(p.dummy) // the same work
		return verdict{}
	}
	return verdict{valid: valid(s.value), known: true}
}

// see is what is believed of k and newer than what was judged before, zero at first; else what a look-up finds, its own or
// one that is under way. fresh says that it was this call's own. The zero seen: what there is failed already, and lookEvery
// is not over. Whose proof holds by what was believed a moment ago is no stranger, and does not wait with them.
func (p *proofs[K, V]) see(ctx context.Context, k K, judged time.Time, load func(context.Context) (V, error), valid func(V) bool) (s seen[V], fresh bool, err error) {
	p.mu.Lock()
	e, f := p.entry(k), p.flights[k]
	switch {
	case e != nil && e.since.After(judged) && time.Since(e.since) < p.believe:
		p.mu.Unlock()
		return e.seen, false, nil
	case f != nil: // it has begun before this call asks for something newer, but after what this call has judged
	case e != nil && !judged.IsZero() && time.Since(e.failed) < lookEvery:
		p.mu.Unlock()
		return seen[V]{}, false, nil
	default:
		f = &flight[V]{done: make(chan struct{}), err: errNoAnswer}
		p.flights[k] = f
		p.mu.Unlock()
		var old seen[V]
		if e != nil {
			old = e.seen
		}
		s, err = p.fly(ctx, k, f, load, !p.judge(old, valid).valid)
		return s, true, err
	}
	p.mu.Unlock()
	select {
	case <-f.done:
		return f.seen, false, f.err
	case <-ctx.Done():
		return s, false, ctx.Err()
	}
}

// fly looks up for all who wait at f. It counts as a look for a proof that failed before they hear of it, so that those whose
// proofs fail by it do not look again each; who finds that it did not fail takes that back.
func (p *proofs[K, V]) fly(ctx context.Context, k K, f *flight[V], load func(context.Context) (V, error), stranger bool) (seen[V], error) {
	defer func() {
		p.mu.Lock()
		delete(p.flights, k)
		if e := p.entry(k); e != nil {
			e.failed = time.Now()
		}
		p.mu.Unlock()
		close(f.done)
	}()
	f.seen, f.err = p.look(ctx, k, load, stranger)
	return f.seen, f.err
}

// errNoAnswer is what others hear of a look-up that panicked.
var errNoAnswer = errors.New("the look-up gave no answer")

// look asks the database, and remembers the answer. Who hangs up does not end it: others may wait for it.
func (p *proofs[K, V]) look(ctx context.Context, k K, load func(context.Context) (V, error), stranger bool) (seen[V], error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proofLimit)
	defer cancel()
	if stranger {
		leave, err := p.strangers.enter(ctx)
		if err != nil {
			return seen[V]{}, err
		}
		defer leave()
	}
	s := seen[V]{since: time.Now()}
	var err error
	if s.value, err = load(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
		return seen[V]{}, err
	}
	s.found = err == nil
	p.put(k, s)
	return s, nil
}

// entry is what is remembered of k, however old. The caller holds the lock.
func (p *proofs[K, V]) entry(k K) *remembered[V] {
	if e, ok := p.known[k]; ok {
		return e
	}
	return p.nothing[k]
}

// put remembers an answer, unless a newer one is.
func (p *proofs[K, V]) put(k K, s seen[V]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &remembered[V]{seen: s}
	if old := p.entry(k); old != nil {
		if old.since.After(s.since) {
			return
		}
		e.failed = old.failed
	}
	to, from := p.nothing, p.known
	if s.found {
		to, from = from, to
	}
	delete(from, k)
	if len(to) >= cacheSize {
		p.trim(to)
	}
	to[k] = e
}

// trim drops what is not believed any more, and when that is little, anything: a quarter of all, so that a walk through
// random ids does not pay for this each time.
func (p *proofs[K, V]) trim(m map[K]*remembered[V]) {
	for k, e := range m {
		if time.Since(e.since) >= p.believe {
			delete(m, k)
		}
	}
	for k := range m {
		if len(m) <= cacheSize*3/4 {
			return
		}
		delete(m, k)
	}
}

// forgive notes that the last look had something new: the next may be taken at once.
func (p *proofs[K, V]) forgive(k K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entry(k); e != nil {
		e.failed = time.Time{}
	}
}

// found reports whether k is remembered to exist.
func (p *proofs[K, V]) found(k K) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.known[k]
	return e != nil && time.Since(e.since) < p.believe
}

// lane lets in so many at a time. A nil lane lets in all.
type lane struct{ places chan struct{} }

// laneWait is how long somebody stands before a lane that is full.
const laneWait = time.Second

func newLane(places int) *lane { return &lane{make(chan struct{}, max(1, places))} }

// enter takes a place, which leave gives back. The error is a 503: there was none within laneWait.
func (l *lane) enter(ctx context.Context) (leave func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	leave = func() { <-l.places }
	select {
	case l.places <- struct{}{}:
		return leave, nil
	default:
	}
	late := time.NewTimer(laneWait)
	defer late.Stop()
	select {
	case l.places <- struct{}{}:
		return leave, nil
	case <-late.C:
		return nil, newProblem("temporarily-unavailable", "", "")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
