package ingress

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/store"
	"holdfast/store/pii"
)

type eventInput struct {
	Org       string `path:"org"`
	ID        string `header:"webhook-id" doc:"Names the event, as its idempotency key: a repeat is answered like the first."`
	Timestamp string `header:"webhook-timestamp" doc:"Unix seconds, at most five minutes from now."`
	Signature string `header:"webhook-signature" doc:"v1,<base64> of HMAC-SHA256 over id.timestamp.body; several are separated by spaces."`
}

// event is what an org tells us: the body of the matching route is in Data.
type event struct {
	Type      string          `json:"type"`
	Timestamp json.RawMessage `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

func (in *Ingress) eventRoutes() {
	register(in, opEvents, func(ctx context.Context, c *call, i *eventInput) (*reply, error) {
		org, err := in.fromEvents(ctx, c, i)
		if err != nil {
			return nil, err
		}
		if err := readableBody(c); err != nil {
			return nil, err
		}
		s, err := in.ofEvent(ctx, org, c.body)
		if err != nil {
			return nil, err
		}
		if !validKey(i.ID) {
			return nil, newProblem("invalid-request", "webhook-id", "1 to 255 visible ASCII characters")
		}
		s.org, s.source, s.key, s.prefer = org, sourceEvents, i.ID, preferenceOf(c.header)
		return in.submit(ctx, s)
	})
}

// fromEvents proves a webhook by the org's secret, over the raw body and before any of it is read.
func (in *Ingress) fromEvents(ctx context.Context, c *call, i *eventInput) (uuid.UUID, error) {
	return in.bySecret(ctx, i.Org, "events", func(secret pii.Token) bool { return signed(secret, c) })
}

// bySecret proves a webhook by one of the org's live secrets of a kind. An unknown org, one without a secret and a wrong proof
// are told apart by nobody.
func (in *Ingress) bySecret(ctx context.Context, path, kind string, valid func(pii.Token) bool) (uuid.UUID, error) {
	org, err := pathID(path)
	if err != nil {
		return org, in.denied("signature-org")
	}
	load := func(ctx context.Context) ([]pii.Token, error) {
		return read(ctx, in, org, func(ctx context.Context, tx *store.Tx) ([]pii.Token, error) {
			return store.LoadWebhookSecret(ctx, tx, in.keys, kind)
		})
	}
	v, err := in.secrets.prove(ctx, secretOf{org, kind}, load, func(live []pii.Token) bool { return anyOf(live, in.dummy, valid) })
	return org, in.judged(ctx, org, v, err)
}

// inRotation is how many secrets of a kind are alive at most, as a rule: the former and the newest.
const inRotation = 2

// anyOf reports whether one of the live secrets is valid. What is not costs as many comparisons for an org that rotates as
// for one that does not, and for nobody.
func anyOf(live []pii.Token, dummy pii.Token, valid func(pii.Token) bool) bool {
	if slices.ContainsFunc(live, valid) {
		return true
	}
	for range inRotation - len(live) {
		_ = valid(dummy)
	}
	return false
}

// judged is what a proof is answered with when it is none. The reason is for the metrics alone; an org that exists is told.
func (in *Ingress) judged(ctx context.Context, org uuid.UUID, v verdict, err error) error {
	switch {
	case err != nil:
		return err
	case v.valid:
		return nil
	case !v.known:
		return in.denied("signature-org")
	}
	in.security.Note(org, uuid.Nil, eventBadSignature, callOf(ctx).route)
	return in.denied("signature")
}

// minSecret is how many bytes a secret must have (Standard Webhooks asks for 24 to 64; an empty one would let
// anybody sign).
const minSecret = 16

// signed checks a signature as Standard Webhooks 1.0 describes it, its age included.
func signed(secret pii.Token, c *call) bool {
	text := secret.Reveal()
	if len(strings.TrimPrefix(text, "whsec_")) < minSecret*4/3 {
		return false
	}
	hook, err := webhooks.NewWebhook(text)
	return err == nil && hook.Verify(c.body, c.header) == nil
}

// readableBody is readable for a call whose proof came first.
func readableBody(c *call) error {
	return readable(&http.Request{Header: c.header, Body: &buffered{raw: c.body}})
}

// eventRef names the booking that an event is about.
type eventRef struct {
	Booking string `json:"booking"`
}

// ofEvent reads an event as the write it stands for.
func (in *Ingress) ofEvent(ctx context.Context, org uuid.UUID, raw []byte) (submission, error) {
	e, err := decode[event](raw, "")
	if err != nil {
		return submission{}, err
	}
	if e.Type == "" {
		return submission{}, newProblem("missing-field", "type", "")
	}
	switch e.Type {
	case "booking.requested", "booking.code_given", "booking.canceled", "transcript.created":
	default:
		return submission{}, newProblem("invalid-request", "type", "booking.requested, booking.code_given, booking.canceled or transcript.created")
	}
	if len(e.Data) == 0 || string(e.Data) == "null" {
		return submission{}, newProblem("missing-field", "data", "")
	}
	if e.Data[0] != '{' {
		return submission{}, newProblem("invalid-request", "data", "want an object")
	}
	switch e.Type {
	case "booking.requested":
		return in.book(ctx, org, e.Data)
	case "transcript.created":
		return in.transcript(e.Data)
	}
	ref, err := decode[eventRef](e.Data, "")
	if err != nil {
		return submission{}, err
	}
	if ref.Booking == "" {
		return submission{}, newProblem("missing-field", "booking", "")
	}
	id, err := pathID(ref.Booking)
	if err != nil {
		return submission{}, err
	}
	if e.Type == "booking.canceled" {
		return cancelBooking(id), nil
	}
	return verify(id, e.Data)
}
