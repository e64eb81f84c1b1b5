package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
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
