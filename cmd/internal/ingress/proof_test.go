package ingress

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
)

// vault is what a look-up of secrets finds, by org.
type vault struct {
	mu      sync.Mutex
	secrets map[string]string
	looks   int
	proofs  int // how often something was compared
}

func (v *vault) set(org, secret string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets[org] = secret
}

func (v *vault) asks(t *testing.T, p *proofs[string, string], org, given string) verdict {
	t.Helper()
	got, err := p.prove(t.Context(), org, func(context.Context) (string, error) {
		<-time.After(time.Millisecond) // a round trip, of the bubble's time
		v.mu.Lock()
		defer v.mu.Unlock()
		v.looks++
		if s, ok := v.secrets[org]; ok {
			return s, nil
		}
		return "", store.ErrNotFound
	}, func(s string) bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.proofs++
		return s == given
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestForgeriesCostAlike: forged requests of an org and of nobody cost the same, about one look-up a second.
func TestForgeriesCostAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{secrets: map[string]string{"org": "right"}}
		p := newProofs[string](believeSecret, "dummy", nil)
		forge := func(org string) (looks, compared int) {
			v.looks, v.proofs = 0, 0
			for range 1000 { // ten seconds
				if got := v.asks(t, p, org, "wrong"); got.valid || got.known != (org == "org") {
					t.Fatalf("%s: %+v", org, got)
				}
				time.Sleep(10 * time.Millisecond)
			}
			return v.looks, v.proofs
		}
		looks, compared := forge("org")
		if l, c := forge("nobody"); l != looks || c != compared || looks < 8 || looks > 11 || compared < 1000 || compared > 1000+2*looks {
			t.Errorf("%d look-ups and %d comparisons of an org, %d and %d of nobody", looks, compared, l, c)
		}
		if got := v.asks(t, p, "nobody", "dummy"); got.valid {
			t.Error("the dummy proves something")
		}
	})
}

// TestRotationCostsAlike: a wrong proof is compared as often for an org that has two secrets as for one that has one.
func TestRotationCostsAlike(t *testing.T) {
	for n := 1; n <= 2; n++ {
		compared := 0
		live := make([]pii.Token, n)
		if anyOf(live, pii.NewToken("dummy"), func(pii.Token) bool { compared++; return false }) || compared != inRotation {
			t.Errorf("%d secrets: %d comparisons", n, compared)
		}
	}
}

// TestNewSecretCounts: at once where nobody forges; within a second where somebody does; and what is gone is gone in three.
func TestNewSecretCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{secrets: map[string]string{"org": "one"}}
		p := newProofs[string](believeSecret, "dummy", nil)
		is := func(given string, want bool) {
			t.Helper()
			if got := v.asks(t, p, "org", given); got.valid != want {
				t.Errorf("%s proves: %v", given, got.valid)
			}
		}
		is("one", true)
		v.set("org", "two")
		is("two", true)
		is("one", false) // nothing is believed of what is older than another answer
		v.set("org", "three")
		for range 9 {
			time.Sleep(100 * time.Millisecond)
			is("forged", false)
		}
		time.Sleep(100 * time.Millisecond)
		is("three", true)
		v.set("org", "four")
		time.Sleep(believeSecret)
		is("three", false)
		time.Sleep(lookEvery)
		is("four", true)
		if v.asks(t, p, "new", "mine"); v.looks == 0 {
			t.Error("nothing was looked up")
		}
		v.set("new", "mine")
		time.Sleep(lookEvery)
		if got := v.asks(t, p, "new", "mine"); !got.valid {
			t.Error("that there was nothing is believed for longer than a second")
		}
	})
}

// TestOneLookForAll: of many at a time one looks.
func TestOneLookForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{secrets: map[string]string{"org": "right"}}
		p := newProofs[string](believeSecret, "dummy", newLane(1))
		for org, given := range map[string]string{"org": "right", "nobody": "wrong"} {
			v.looks = 0
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() { v.asks(t, p, org, given) })
			}
			wg.Wait()
			if v.looks != 1 {
				t.Errorf("%s: %d looks", org, v.looks)
			}
		}
		// A secret that has just been changed: who comes while somebody looks waits for what he finds.
		v.set("org", "changed")
		v.looks = 0
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				<-time.After(time.Duration(i%3) * 400 * time.Microsecond)
				if !v.asks(t, p, "org", "changed").valid {
					t.Error("refused while somebody looks")
				}
			})
		}
		wg.Wait()
		if v.looks != 1 {
			t.Errorf("%d looks for a secret that was changed", v.looks)
		}
		// Who began the look-up and hangs up does not end it for the others; an error is not remembered.
		ctx, cancel := context.WithCancel(t.Context())
		away := errors.New("away")
		_, err := p.prove(ctx, "other", func(ctx context.Context) (string, error) {
			cancel()
			return "", errors.Join(away, ctx.Err())
		}, func(string) bool { return true })
		if !errors.Is(err, away) || errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		v.set("other", "right")
		if !v.asks(t, p, "other", "right").valid {
			t.Error("an error is remembered")
		}
	})
}

// TestWalk: a walk through random orgs takes bounded memory, pushes out no org that is known, and lets the known look
// though the lane is full.
func TestWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{secrets: map[string]string{"org": "right"}}
		p := newProofs[string](believeSecret, "dummy", newLane(1))
		v.asks(t, p, "org", "right")
		for i := range 2*cacheSize + 10 {
			p.put(uuid.NewString(), seen[string]{since: time.Now()})
			if n := len(p.known) + len(p.nothing); n > 2*cacheSize || i < 10 && n != i+2 {
				t.Fatalf("%d entries", n)
			}
		}
		v.looks = 0
		if !v.asks(t, p, "org", "right").valid || v.looks != 0 {
			t.Error("what is known was pushed out")
		}
		time.Sleep(believeSecret)
		leave, err := p.strangers.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !v.asks(t, p, "org", "right").valid {
			t.Error("a known org is not let through")
		}
		// Who has proved nothing waits, for an org as for nobody: how long tells nothing of who exists.
		time.Sleep(believeSecret)
		for _, org := range []string{"org", "nobody"} {
			start := time.Now()
			_, err := p.prove(t.Context(), org, func(context.Context) (string, error) { return "right", nil }, func(string) bool { return false })
			if err == nil || problemOf(err).Status != 503 || time.Since(start) != laneWait {
				t.Errorf("a stranger at %s: %v after %v", org, err, time.Since(start))
			}
		}
		start := time.Now()
		_, err = p.prove(t.Context(), "stranger", nil, func(string) bool { return false })
		if pr := problemOf(err); err == nil || pr.Status != 503 || pr.header.Get("Retry-After") == "" || time.Since(start) != laneWait {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		leave()
		if got := v.asks(t, p, "stranger", "x"); got.known {
			t.Errorf("%+v", got)
		}
	})
}

// forget drops what is remembered, as time does.
func (p *proofs[K, V]) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.known)
	clear(p.nothing)
}
