package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/handlers/hook"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// endpoint is an org's own server for events.
type endpoint struct {
	t   *testing.T
	url string

	mu     sync.Mutex
	got    []told
	answer http.HandlerFunc // nil: 204
}

// told is one call to an endpoint.
type told struct {
	id, signature string
	header        http.Header
	body          []byte
	Type          string
	Timestamp     time.Time
	Data          BookingView // of an event of a booking
	Reply         ReplyView   // of a reply
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{t: t}
	s := httptest.NewUnstartedServer(e)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	e.url = s.URL
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c := told{id: r.Header.Get("webhook-id"), signature: r.Header.Get("webhook-signature"), header: r.Header.Clone(), body: body}
	var v struct {
		Type      string
		Timestamp time.Time
		Data      json.RawMessage
	}
	err := json.Unmarshal(body, &v)
	c.Type, c.Timestamp = v.Type, v.Timestamp
	into := any(&c.Data)
	if v.Type == store.KindReply {
		into = &c.Reply
	}
	if err = errors.Join(err, json.Unmarshal(v.Data, into)); err != nil {
		e.t.Errorf("told %s: %v", body, err)
	}
	e.mu.Lock()
	e.got = append(e.got, c)
	answer := e.answer
	e.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// answers says what calls are answered with from now on.
func (e *endpoint) answers(status int, headers ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}
}

// calls lists what was told so far.
func (e *endpoint) calls() []told {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.got)
}

// about lists the kinds of events told of a booking.
func (e *endpoint) about(booking uuid.UUID) (types []string) {
	for _, c := range e.calls() {
		if c.Data.ID == booking {
			types = append(types, c.Type)
		}
	}
	return types
}

// signedBy reports whether a call is signed by a secret, as a library of the standard judges it.
func (c told) signedBy(t *testing.T, secret pii.Token) bool {
	t.Helper()
	hook, err := webhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return hook.Verify(c.body, c.header) == nil
}

// listen makes an endpoint that the rig's org wants to be told at.
func (r *rig) listen() *endpoint {
	r.t.Helper()
	e := newEndpoint(r.t)
	r.set(fmt.Sprintf(`{"endpoint":{"url":"%s/hook?token=moonstone"}}`, e.url))
	return e
}

// note adds an event to a booking's timeline, and returns the task that tells of it, if any.
func (r *rig) note(booking uuid.UUID, kind string) uuid.NullUUID {
	r.t.Helper()
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error { store.NoteBooking(tx, booking, kind, nil); return nil })
	r.must(err)
	return query[uuid.NullUUID](r, "SELECT told_as FROM booking_event WHERE booking_id = $1 ORDER BY id DESC LIMIT 1", booking)
}

// made inserts a held booking without its claim.
func (r *rig) made() uuid.UUID {
	r.t.Helper()
	id, customer := uuid.New(), uuid.New()
	r.exec(`INSERT INTO customer (org_id, id, phone_hash, phone_sealed, phone_last2) VALUES ($1, $2, $3, '\x00', '42')`, r.org.ID, customer, customer[:])
	r.exec(`INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at)
		SELECT $1, $2, $3, $4, 'held', s, s + interval '30 min', now() + interval '5 min' FROM date_trunc('hour', now() + interval '1 day') s`,
		r.org.ID, id, r.org.Chair, customer)
	return id
}

// told makes an event and returns its task, which is left to be delivered by hand.
func (r *rig) told(kind string) uuid.UUID {
	r.t.Helper()
	id := r.note(r.made(), kind)
	if !id.Valid {
		r.t.Fatalf("nobody is told of %s", kind)
	}
	return id.UUID
}

// due delivers a task whose time has come by hand.
func (r *rig) due(run *Runner, id uuid.UUID) result {
	r.t.Helper()
	r.exec("UPDATE task SET run_at = LEAST(run_at, clock_timestamp()) WHERE id = $1", id)
	return run.deliver(r.t.Context(), r.delivery(id, r.task(id).Epoch))
}

// deliverer is a worker's middle that tells endpoints, and only those that are public or allowed.
func (r *rig) deliverer(allow hook.Allow) *Runner {
	return r.runner(func(m *Mux) {
		Call(m, tasks.WebhookDeliver, &WebhookDeliver{Keys: r.db.Keys, Client: hook.New(allow), Pace: &hook.Pace{Most: 2},
			Deliveries: NewDeliveries(prometheus.NewRegistry())})
	})
}

// near reports whether a wait is as long as it should be, but for what has passed of it.
func near(got, want time.Duration) bool { return got > want-20*time.Second && got <= want }
