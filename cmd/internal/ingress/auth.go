package ingress

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"holdfast/cmd/internal/telemetry"
	"holdfast/store"
	"holdfast/store/pii"
)

// call is one request to an operation, as far as a handler needs it beyond its own parameters.
type call struct {
	org    uuid.UUID // proved by a key; the zero id where a signature is still to be checked
	key    uuid.UUID // that key
	proof  store.Key // the same, with its scopes
	header http.Header
	body   []byte
	uri    string // path and query as they were sent
	route  string
}

type callKey struct{}

// callOf is the call that ctx belongs to.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) } //nolint:forcetypeassert // set by open for every operation

// open is the middleware of every operation: it opens the call, lets prove tell whose it is, and then reads the body: who has
// no key takes no memory with one.
func (in *Ingress) open(prove func(ctx context.Context, c *call, r *http.Request) error) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		c := &call{header: r.Header, uri: r.URL.RequestURI(), route: hc.Operation().Path}
		start := time.Now()
		err := prove(r.Context(), c, r)
		telemetry.Mark(r.Context(), "auth", time.Since(start))
		unread := r.ContentLength < 0 || r.ContentLength > firstRead
		if err == nil {
			var free func()
			free, err = in.buffer(r)
			unread = err != nil
			defer free()
		}
		if unread {
			w.Header().Set("Connection", "close") // net/http would read what nobody wants before it answers
		}
		if c.body = bodyOf(r); err == nil && c.key != uuid.Nil {
			err = readable(r)
		}
		if err == nil {
			err = acceptable(r)
		}
		if err != nil {
			in.refuse(w, r, err)
			return
		}
		next(huma.WithValue(hc, callKey{}, c))
	}
}

// byKey proves a call by an API key that has one of the scopes. The key's org must be the path's, which is not looked
// up: to somebody else it makes no difference whether it exists.
func (in *Ingress) byKey(scope, orScope store.Scope) func(ctx context.Context, c *call, r *http.Request) error {
	return func(ctx context.Context, c *call, r *http.Request) error {
		token, ok := bearer(r.Header)
		if !ok {
			return in.denied("no-key")
		}
		key, err := in.findKey(ctx, token)
		switch {
		case errors.Is(err, store.ErrKeyDead):
			in.security.Note(key.Org, key.ID, eventDeadKey, c.route)
			return in.denied(eventDeadKey)
		case errors.Is(err, store.ErrNotFound):
			return in.denied("unknown-key")
		case err != nil:
			return err
		}
		in.uses.note(key)
		if org, err := pathID(r.PathValue("org")); err != nil || org != key.Org {
			in.metrics.Denied.WithLabelValues(eventCrossOrg).Inc()
			in.security.Note(key.Org, key.ID, eventCrossOrg, c.route)
			return newProblem("forbidden", "", "")
		}
		c.org, c.key, c.proof = key.Org, key.ID, key
		if orScope == "" || !key.May(orScope) {
			if err := in.may(c, scope); err != nil {
				return err
			}
		}
		return nil
	}
}

// may fails when the call's key has not got a scope.
func (in *Ingress) may(c *call, scope store.Scope) error {
	if c.proof.May(scope) {
		return nil
	}
	in.metrics.Denied.WithLabelValues(eventMissingScope).Inc()
	in.security.Note(c.org, c.key, eventMissingScope, c.route)
	p := newProblem("missing-scope", "", string(scope))
	p.header = http.Header{"Www-Authenticate": {`Bearer error="insufficient_scope", scope="` + string(scope) + `"`}} // RFC 6750, 3.1
	return p
}

// byHandler leaves the proof to the handler: a signature over the body.
func byHandler(context.Context, *call, *http.Request) error { return nil }

// denied is the one answer to missing, unknown and revoked credentials.
func (in *Ingress) denied(reason string) error {
	in.metrics.Denied.WithLabelValues(reason).Inc()
	kind, scheme := "unauthorized", "Bearer"
	if strings.HasPrefix(reason, "signature") {
		kind, scheme = "invalid-signature", "Signature"
	}
	p := newProblem(kind, "", "")
	p.header = http.Header{"Www-Authenticate": {scheme}}
	return p
}

// bearer is the token of an Authorization header.
func bearer(h http.Header) (pii.Token, bool) {
	scheme, token, ok := strings.Cut(h.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !ok || token == "" || !strings.EqualFold(scheme, "Bearer") {
		return pii.Token{}, false
	}
	return pii.NewToken(token), true
}

// findKey proves a key. Proved ones are remembered by their hash, so that no token lies in memory. Those that nobody
// has proved yet are looked up a few at a time: each guess costs a look-up, since the next one is another.
func (in *Ingress) findKey(ctx context.Context, token pii.Token) (store.Key, error) {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return in.proved.find(sum, func() (store.Key, error) {
		ctx, cancel := limited(ctx)
		defer cancel()
		if !in.proved.met(sum) {
			leave, err := in.strangers.enter(ctx)
			if err != nil {
				return store.Key{}, err
			}
			defer leave()
		}
		return store.FindKey(ctx, in.db.Pool, in.keys, token)
	})
}

// pathID reads an id of a path. What is no id is not found.
func pathID(text string) (uuid.UUID, error) {
	if len(text) != 36 { // uuid.Parse takes other forms too
		return uuid.Nil, store.ErrNotFound
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, store.ErrNotFound
	}
	return id, nil
}
