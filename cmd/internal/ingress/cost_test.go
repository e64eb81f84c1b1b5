package ingress

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"holdfast/store"
	"holdfast/tasks"
)

// TestRoundTrips: the golden numbers of round trips to Postgres, once key, org, offer and statements are known.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	a := newRig(t)
	r, g := a.behindGate(t, 1)
	a.in.Close()
	other := &rig{db: a.db, tasks: a.tasks, org: r.org} // the worker's own pool
	other.worker(t)
	sent := 0
	book := func(headers ...string) {
		t.Helper()
		sent++
		body := strings.Replace(bookingBody(tomorrow("10:00")), "0042", strconv.Itoa(1000+sent), 1)
		if a := r.api(t, "POST", "/bookings", body, append(headers, "Prefer", "wait=10")...); a.StatusCode != 201 && a.StatusCode != 409 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	r.in.waiter.every = 1 << 40 // looks of the waiter's own are another matter
	for i := range 3 {
		book()
		book("Idempotency-Key", strconv.Itoa(i))
	}
	for _, tt := range []struct {
		name    string
		headers []string
		want    int64
	}{
		// request, task and commit; answer
		{"without a key", nil, 2},
		// request; task and commit; answer
		{"with a key", []string{"Idempotency-Key", "k"}, 3},
	} {
		before := g.sends.Load()
		book(tt.headers...)
		if got := g.sends.Load() - before; got != tt.want {
			t.Errorf("%s: %d round trips, want %d", tt.name, got, tt.want)
		}
	}
}

// TestOneOfMany: of many that bring the same key at the same time, one takes effect and all get its answer.
func TestOneOfMany(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	body := bookingBody(tomorrow("10:00"))
	var wg sync.WaitGroup
	answers := make([]answer, 20)
	for i := range answers {
		wg.Go(func() {
			answers[i] = r.api(t, "POST", "/bookings", body, "Idempotency-Key", "k", "Prefer", "wait=10")
		})
	}
	wg.Wait()
	for _, a := range answers {
		if a.StatusCode != 201 || string(a.body) != string(answers[0].body) {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	if r.count(t, "request") != 1 || r.count(t, "booking") != 1 {
		t.Errorf("%d requests, %d bookings", r.count(t, "request"), r.count(t, "booking"))
	}
}

// TestCloseLeavesNothing: what New began ends with Close.
func TestCloseLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.in.Close() // its subscription may still be about to begin
	before := goleak.IgnoreCurrent()
	in, err := New(Options{DB: &tasks.DB{Pool: r.db.App, Broker: r.tasks.Broker}, Keys: r.db.Keys, PublicURL: publicURL, Log: r.in.log})
	if err != nil {
		t.Fatal(err)
	}
	in.waiter.leave(in.waiter.join(r.org.ID, r.org.Chair))
	in.Close()
	in.Close()
	goleak.VerifyNone(t, before)
}

// TestNewRefuses: what cannot work is said at once.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"", "bookings.example.com", "/x", "http://"} {
		r := newRig(t)
		if in, err := New(Options{DB: r.tasks, Keys: r.db.Keys, PublicURL: public, Log: r.in.log}); err == nil {
			in.Close()
			t.Errorf("took %q for a URL", public)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("took nothing for a database")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Idempotency-Key", "k")
	r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Idempotency-Key", "k")
	r.api(t, "POST", "/bookings", bookingBody(tomorrow("03:00")))
	r.do(t, "GET", "/v1/orgs/"+r.org.ID.String()+"/bookings", "")
	got := counters(t, r.in.metrics)
	for name, want := range map[string]float64{
		"holdfast_ingress_writes_total booking fresh api":   1,
		"holdfast_ingress_writes_total booking again api":   1,
		"holdfast_ingress_writes_total booking refused api": 1,
		"holdfast_ingress_denied_total no-key":              1,
		"holdfast_ingress_denied_total cross-org":           0,
	} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s: %v, want %v; all: %v", name, n, want, got)
		}
	}
}

// counters is what all counters stand at, by name and labels.
func counters(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	m.Register(reg)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue()
		}
	}
	return got
}

// BenchmarkBook is a booking that nobody waits for: validation, request and task.
func BenchmarkBook(b *testing.B) {
	r := newRig(b)
	body := bookingBody(tomorrow("10:00"))
	b.ReportAllocs()
	for b.Loop() {
		s, err := r.in.book(b.Context(), r.org.ID, []byte(body))
		if err != nil {
			b.Fatal(err)
		}
		s.org, s.source = r.org.ID, sourceAPI
		if _, err := r.in.submit(b.Context(), s); err != nil {
			b.Fatal(store.Safe(err))
		}
	}
}
