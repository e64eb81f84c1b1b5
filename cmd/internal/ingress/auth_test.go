package ingress

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"holdfast/store/storetest"
)

// routesOf lists the operations of the document that ask who it is, with ids filled in.
func routesOf(r *rig, org, id string) (list []route) {
	fill := strings.NewReplacer("{org}", org, "{id}", id, "{message}", id)
	for path, item := range r.in.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			for _, proofs := range op.Security { // pages have none
				for scheme := range proofs {
					list = append(list, route{op.Method, fill.Replace(path), scheme})
				}
			}
		}
	}
	return list
}

type route struct{ method, path, scheme string }

// TestEveryRouteAsksFirst: whatever the route, the body and the ids, credentials come first.
func TestEveryRouteAsksFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := storetest.NewOrg(t, r.db, "garage")
	own := []string{"Authorization", "Bearer " + r.org.Key.Reveal()}
	seen := 0
	for _, org := range []string{r.org.ID.String(), other.ID.String(), uuid.NewString(), "not-an-id"} {
		for _, rt := range routesOf(r, org, uuid.NewString()) {
			seen++
			for _, body := range []string{"", "{", "{}"} {
				for name, headers := range map[string][]string{
					"no key":       nil,
					"empty":        {"Authorization", ""},
					"basic":        {"Authorization", "Basic " + r.org.Key.Reveal()},
					"no secret":    {"Authorization", "Bearer hf_123456789012_"},
					"unknown":      {"Authorization", "Bearer hf_123456789012_" + strings.Repeat("a", 40)},
					"wrong secret": {"Authorization", "Bearer " + r.org.Key.Reveal()[:len(r.org.Key.Reveal())-1] + "~"},
				} {
					kind := "unauthorized"
					if rt.scheme != schemeKey {
						kind = "invalid-signature"
					}
					if a := r.do(t, rt.method, rt.path, body, headers...); a.StatusCode != 401 || a.problem(t).Type != kind {
						t.Errorf("%s %s, %s, body %q: %d %s", rt.method, rt.path, name, body, a.StatusCode, a.body)
					} else if rt.scheme == schemeKey && a.Header.Get("WWW-Authenticate") != "Bearer" {
						t.Errorf("%s: WWW-Authenticate %q", rt.path, a.Header.Get("WWW-Authenticate"))
					}
				}
				if rt.scheme != schemeKey || org == r.org.ID.String() {
					continue
				}
				if a := r.do(t, rt.method, rt.path, body, own...); a.StatusCode != 403 || a.problem(t).Type != "forbidden" {
					t.Errorf("%s %s, key of another org, body %q: %d %s", rt.method, rt.path, body, a.StatusCode, a.body)
				}
			}
		}
	}
	if seen < 4*15 {
		t.Errorf("only %d routes", seen)
	}
	if n := r.count(t, "request"); n != 0 {
		t.Errorf("%d requests were written", n)
	}
	r.in.Close() // what is counted is written
	// The key's org is told, and nobody else, in two rows a route at most.
	n, mine := r.count(t, "security_event WHERE kind = 'cross-org'"), r.count(t, "security_event WHERE kind = 'cross-org' AND key_id IS NOT NULL AND org_id = '"+r.org.ID.String()+"'")
	if n == 0 || n != mine || n > 2*seen {
		t.Errorf("%d security events, %d under the key's org", n, mine)
	}
	if strings.Contains(r.log.String(), r.org.Key.Reveal()) {
		t.Error("the log holds a key")
	}
}

// TestDeadKey: a key that was used a moment ago dies within five seconds of its end, whatever ends it, and its org is told.
func TestDeadKey(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"revoked_at", "expires_at"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			if a := r.api(t, "GET", "/bookings", ""); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if _, err := r.db.Owner.Exec(t.Context(), "UPDATE api_key SET "+end+" = clock_timestamp()"); err != nil {
				t.Fatal(err)
			}
			ended := time.Now()
			until(t, func() bool {
				a := r.api(t, "GET", "/bookings", "")
				return a.StatusCode == 401 && a.problem(t).Type == "unauthorized"
			})
			if d := time.Since(ended); d > 5*time.Second {
				t.Errorf("lived on for %v", d)
			}
			until(t, func() bool { return r.count(t, "security_event WHERE kind = 'dead-key' AND key_id IS NOT NULL") == 1 })
		})
	}
}

// TestDatabaseAway: 503 and when to come back, whether the key is known or not; when Postgres refuses, and when
// it says nothing at all.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for _, hang := range []bool{false, true} {
		t.Run(map[bool]string{false: "refuses", true: "hangs"}[hang], func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r, g := r.behindGate(t, 4)
			if a := r.api(t, "GET", "/bookings", ""); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			if !hang {
				_ = g.Close()
			}
			g.mu.Lock()
			g.hang = hang
			g.mu.Unlock()
			g.cut()
			r.unavailable(t)
			_ = g.Close() // or the pool waits for what hangs
			g.cut()
		})
	}
}

func (r *rig) unavailable(t *testing.T) {
	t.Helper()
	org := r.org.ID.String()
	var wg sync.WaitGroup
	calls := map[string]func() answer{
		"read": func() answer { return r.api(t, "GET", "/bookings/"+uuid.NewString(), "") },
		"write": func() answer {
			return r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "wait=1")
		},
	}
	for _, rt := range routesOf(r, org, uuid.NewString()) { // by a key and by signatures that must be looked up
		calls[rt.method+" "+rt.path] = func() answer {
			return r.do(t, rt.method, rt.path, "{}", "Authorization", "Bearer hf_123456789012_"+strings.Repeat("a", 40),
				"X-Retell-Signature", retellSign("{}", time.Now()))
		}
	}
	for name, call := range calls {
		wg.Go(func() {
			a := call()
			if p := a.problem(t); p.Type != "temporarily-unavailable" || a.Header.Get("Retry-After") != "2" {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
			}
		})
	}
	wg.Wait()
}

// TestCacheBounds: entries end, and there are never more than fit.
func TestCacheBounds(t *testing.T) {
	t.Parallel()
	c := newCache[int, int](time.Hour)
	for i := range 2*cacheSize + 10 {
		c.put(i, i, time.Now())
		if len(c.entries) > cacheSize {
			t.Fatalf("%d entries", len(c.entries))
		}
	}
	if v, ok := c.get(2*cacheSize + 9); !ok || v != 2*cacheSize+9 {
		t.Error("the last entry is gone")
	}
	c.put(1, 1, time.Now().Add(-time.Hour))
	if _, ok := c.get(1); ok {
		t.Error("an entry outlived its time")
	}
}
