package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/hook"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// WebhookDeliver does webhook:deliver: it tells the org's own endpoint of an event, at least once, under an id that is
// the same on each try.
type WebhookDeliver struct {
	Keys       *pii.Keyring
	Client     *hook.Client
	Pace       *hook.Pace
	Deliveries *prometheus.CounterVec // by outcome
}

// NewDeliveries makes the counter of webhooks and registers it with reg.
func NewDeliveries(reg prometheus.Registerer) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_webhook_deliveries_total", Help: "Calls to orgs' endpoints by outcome: delivered, gone, http-3xx to http-5xx, or why there was no answer."}, []string{"outcome"})
	reg.MustRegister(c)
	return c
}

// EventView is what an endpoint is sent.
type EventView struct {
	Type      string    `json:"type"`      // booking.held …, or reply
	Timestamp time.Time `json:"timestamp"` // when it happened
	Data      any       `json:"data"`      // a BookingView as it is when it is sent, since events may overtake each other; or a ReplyView
}

// ReplyView is a customer's text that nobody but the integrator can understand, as an endpoint is told of it.
type ReplyView struct {
	ID       uuid.UUID     `json:"id"`
	Booking  *uuid.UUID    `json:"booking"`  // the newest of that phone
	Customer *CustomerView `json:"customer"` // null: the org knows none with that phone
	Text     string        `json:"text"`     // redacted by the org's policy
	Intent   string        `json:"intent" enum:"unknown"`
}

// ViewEvent shows an event.
func ViewEvent(t store.Told) EventView {
	v := EventView{Type: "booking." + t.Kind, Timestamp: t.At.UTC().Truncate(time.Millisecond)}
	if t.Reply != nil {
		v.Type, v.Data = t.Kind, viewReply(*t.Reply)
	} else {
		v.Data = ViewBooking(t.Booking)
	}
	return v
}

func viewReply(r store.ToldReply) ReplyView {
	v := ReplyView{ID: r.ID, Text: r.Text.Reveal(), Intent: r.Intent}
	if r.Booking.Valid {
		v.Booking = &r.Booking.UUID
	}
	if r.Customer.Valid {
		v.Customer = &CustomerView{ID: r.Customer.UUID, Phone: maskedPhone(r.PhoneLast2)}
	}
	return v
}

// delivery is one call to an endpoint.
type delivery struct {
	org     uuid.UUID
	url     pii.Token
	event   hook.Event
	attempt int  // from 0
	reply   bool // whose words are kept until it is told of
}

// endpointBusy is the error of a call that was not made, since the org has calls enough.
type endpointBusy struct{ wait time.Duration }

func (endpointBusy) Error() string { return "endpoint-busy" }

// Claim reads what to send and where. An event that nobody wants to be told of any more is done; one for an endpoint
// that is disabled is a dead letter, to be replayed when it is there again.
func (h *WebhookDeliver) Claim(ctx context.Context, tx *store.Tx, t store.Task, p tasks.EventPayload) (delivery, error) {
	e, err := store.LoadEndpoint(ctx, tx, h.Keys)
	switch {
	case err != nil:
		return delivery{}, err
	case e.URL.IsZero():
		store.ForgetReply(tx, p.Event)
		return delivery{}, tasks.ErrNothing
	case e.Disabled != nil:
		return delivery{}, tasks.Dead("endpoint-disabled", nil)
	case len(e.Secrets) == 0:
		return delivery{}, tasks.Retry("no-secret", tasks.DeliverAfter(t.Attempt), nil)
	}
	if wait := h.Pace.Wait(tx.Org); wait > 0 {
		return delivery{}, tasks.Snooze(endpointBusy{}.Error(), wait)
	}
	told, err := store.FindTold(ctx, tx, h.Keys, p.Event)
	if err != nil {
		return delivery{}, err
	}
	if told.Reply != nil && told.Reply.Erased {
		return delivery{}, tasks.ErrNothing
	}
	body, err := json.Marshal(ViewEvent(told))
	if err != nil {
		return delivery{}, err
	}
	return delivery{org: tx.Org, url: e.URL, attempt: t.Attempt, reply: told.Reply != nil,
		event: hook.Event{ID: told.ID.String(), Body: body, Secrets: e.Secrets}}, nil
}

// Call sends it.
func (h *WebhookDeliver) Call(ctx context.Context, d delivery) (hook.Answer, error) {
	end, wait := h.Pace.Begin(d.org)
	if end == nil {
		return hook.Answer{}, endpointBusy{wait}
	}
	a, err := h.Client.Post(ctx, d.url, d.event)
	end(err == nil)
	h.Deliveries.WithLabelValues(outcome(a, err)).Inc()
	return a, err
}

// outcome is a short code for what came of a call.
func outcome(a hook.Answer, err error) string {
	switch {
	case err != nil:
		return err.Error() // a reason of hook's
	case a.Status/100 == 2:
		return "delivered"
	case a.Status == http.StatusGone:
		return "gone"
	}
	return "http-" + strconv.Itoa(a.Status/100) + "xx"
}

// Record decides what is next: any 2xx is a receipt, 410 means never again, all else is tried later.
func (h *WebhookDeliver) Record(_ context.Context, tx *store.Tx, p tasks.EventPayload, d delivery, a hook.Answer, callErr error) error {
	var busy endpointBusy
	switch {
	case errors.As(callErr, &busy):
		return tasks.Snooze(busy.Error(), busy.wait)
	case callErr != nil:
		return tasks.Retry("endpoint-"+callErr.Error(), tasks.DeliverAfter(d.attempt), callErr)
	case a.Status/100 == 2:
		if d.reply {
			store.ForgetReply(tx, p.Event)
		}
		return nil
	case a.Status == http.StatusGone:
		store.DisableEndpoint(tx, d.url, "it answered 410 Gone")
		return tasks.Dead("endpoint-gone", nil)
	}
	wait := tasks.DeliverAfter(d.attempt)
	if a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable {
		wait = max(wait, sms.RetryAfter(a.RetryAfter, time.Now(), tasks.MaxDeliverAfter))
	}
	return tasks.Retry("endpoint-"+outcome(a, nil), wait, nil)
}

// Abandoned sends it again: an endpoint knows what it has seen by the id.
func (h *WebhookDeliver) Abandoned(context.Context, *store.Tx, tasks.EventPayload) error {
	return tasks.Snooze("abandoned", time.Second)
}

// Forget empties a reply that the endpoint will not be told of.
func (h *WebhookDeliver) Forget(_ context.Context, tx *store.Tx, p tasks.EventPayload) error {
	store.ForgetReply(tx, p.Event)
	return nil
}
