package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/store"
	"holdfast/tasks"
)

// endpoint is the org's own, where it is told of its bookings. It is always there: what fails on the way are the workers.
type endpoint struct {
	*httptest.Server

	mu     sync.Mutex
	secret string
	told   map[string]map[string]bool // by type and booking, the webhook ids
	calls  int                        // repeats too
	forged int                        // of calls: not signed by the org's secret
}

func newEndpoint() *endpoint {
	e := &endpoint{told: make(map[string]map[string]bool)}
	e.Server = httptest.NewServer(http.HandlerFunc(e.take))
	return e
}

// take is one delivery.
func (e *endpoint) take(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	var event struct {
		Type string
		Data struct{ ID string }
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	hook, bad := standardwebhooks.NewWebhook(e.secret)
	if err != nil || bad != nil || hook.Verify(raw, r.Header) != nil || json.Unmarshal(raw, &event) != nil {
		e.forged++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	of := event.Type + " " + event.Data.ID
	if e.told[of] == nil {
		e.told[of] = make(map[string]bool)
	}
	e.told[of][r.Header.Get("webhook-id")] = true
	w.WriteHeader(http.StatusNoContent)
}

// heard is how many events of a type a booking was told with.
func (e *endpoint) heard(kind, booking string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.told["booking."+kind+" "+booking])
}

// happening is how often a booking became something.
type happening struct {
	kind, booking string
	times         int
}

// toldLimit is how long the endpoint may still be told of what has happened, besides what is to be sent again later.
const toldLimit = 20 * time.Second

// events tells of those that the endpoint was never told of though nothing will.
func (j *judge) events(ctx context.Context) {
	var untold int
	var waiting int64
	err := until(ctx, toldLimit, "all events told", func() bool {
		stats, err := store.TaskStats(ctx, j.s.pool)
		untold, waiting = 0, 0
		for _, t := range stats {
			if t.Type == tasks.WebhookDeliver.Name {
				waiting += t.N
			}
		}
		for _, h := range j.happened {
			untold += max(0, h.times-j.s.hooks.heard(h.kind, h.booking))
		}
		return err == nil && int64(untold) <= waiting
	})
	if err != nil {
		j.breach("the endpoint was not told of %d events, and only %d are to be sent or dead letters", untold, waiting)
	}
	e := j.s.hooks
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ids := range e.told {
		j.report.Told += len(ids)
	}
	j.report.Hooks = e.calls
	if e.forged > 0 {
		j.breach("%d webhooks of %d are not signed by the org's secret", e.forged, e.calls)
	}
}
