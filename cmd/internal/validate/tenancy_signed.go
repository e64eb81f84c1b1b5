package validate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
)

// callEvent is an event that any org would take: it names nothing of an org's own.
func callEvent() event {
	return event{"msg_" + uuid.NewString(), time.Now(), asJSON(map[string]any{"type": "transcript.created",
		"timestamp": time.Now().UTC().Format(time.RFC3339), "data": map[string]string{"call_id": "validate-" + uuid.NewString(), "text": "Good morning."}})}
}

// sendTo sends an event that this org has signed to an org.
func (s *system) sendTo(ctx context.Context, org string, e event) (answer, error) {
	headers, err := e.headers(s.WebhookSecret)
	if err != nil {
		return answer{}, err
	}
	return s.open.do(ctx, http.MethodPost, "/webhooks/events/"+org, e.body, append(headers, wait...)...)
}

// callbackTo sends a status callback that this org's account has signed to an org.
func (s *system) callbackTo(ctx context.Context, org string) (answer, error) {
	return s.twilioAt(ctx, org, "/status/"+uuid.NewString(), url.Values{"MessageSid": {twilioID()}, "MessageStatus": {"delivered"}}, s.TwilioAuthToken)
}

func tenancyWebhooks(ctx context.Context, s *system) (string, error) {
	e := callEvent()
	there, err := s.sendTo(ctx, s.OtherOrg, e)
	if err != nil || !there.is(http.StatusUnauthorized, "invalid-signature") {
		return "", or(err, fmt.Sprintf("this org's event on another org's path: %v, want 401 invalid-signature", there))
	}
	callback, err := s.callbackTo(ctx, s.OtherOrg)
	if err != nil || !callback.is(http.StatusUnauthorized, "invalid-signature") {
		return "", or(err, fmt.Sprintf("this org's status callback on another org's path: %v, want 401 invalid-signature", callback))
	}
	here, err := s.sendTo(ctx, s.Org, e) // or it was refused for something else
	if err == nil && here.status != http.StatusCreated {
		err = fmt.Errorf("the same event on its own path: %v, want 201", here)
	}
	if err != nil {
		return "", err
	}
	own, err := s.callbackTo(ctx, s.Org)
	if err == nil && own.status >= http.StatusMultipleChoices {
		err = fmt.Errorf("such a callback on its own path: %v, want 204", own)
	}
	return fmt.Sprintf("an event and a status callback: 401 invalid-signature there, %d and %d on their own path", here.status, own.status), err
}

func tenancyKeys(ctx context.Context, s *system) (string, error) {
	headers := append([]string{"Idempotency-Key", uuid.NewString()}, wait...)
	body := map[string]string{"call_id": "validate-" + uuid.NewString(), "text": "Good morning."}
	ids := make(map[string]bool)
	for i, replayed := range []string{"", "", "true", "true"} {
		c := []*client{s.api, s.other}[i%2]
		a, err := c.do(ctx, http.MethodPost, c.route("/transcripts"), body, headers...)
		if err != nil {
			return "", err
		}
		if a.is(http.StatusForbidden, "missing-scope") {
			return "", &cannot{"a key that was given may not write transcripts"}
		}
		if a.status != http.StatusCreated || a.header.Get("Idempotency-Replayed") != replayed {
			return "", fmt.Errorf("the same key and body, time %d of 4 by two orgs in turn: %v, Idempotency-Replayed %q", i+1, a, a.header.Get("Idempotency-Replayed"))
		}
		ids[read[transcriptView](a).ID] = true
	}
	if len(ids) != 2 {
		return "", fmt.Errorf("two orgs with one key got %d transcripts", len(ids))
	}
	return "the same key and body: 201 in each org with a transcript of its own; again: each its own replay", nil
}

// written is how long an event may take to be there. The same within a minute is counted, and written after it.
const (
	written = 5 * time.Second
	counted = 75 * time.Second
)

func securityEvents(ctx context.Context, s *system) (string, error) {
	db, err := store.Open(ctx, s.AuditURL, 1)
	if err != nil {
		return "", &cannot{"the database that was given does not answer"}
	}
	defer db.Close()
	org, err := uuid.Parse(s.OtherOrg)
	if err != nil {
		return "", err
	}
	begun, err := store.Now(ctx, db)
	if err != nil {
		return "", errors.New("the database: " + store.Safe(err))
	}
	before, err := lately(ctx, db, org)
	if err != nil {
		return "", err
	}
	intruder := &client{http: s.api.http, url: s.api.url, org: s.Org, key: s.OtherKey}
	for _, try := range []func() (answer, error){
		func() (answer, error) {
			return intruder.do(ctx, http.MethodGet, intruder.route("/requests/"+uuid.NewString()), nil)
		},
		func() (answer, error) { return s.sendTo(ctx, s.OtherOrg, callEvent()) },
		func() (answer, error) { return s.callbackTo(ctx, s.OtherOrg) },
	} {
		if a, err := try(); err != nil || a.status != http.StatusForbidden && a.status != http.StatusUnauthorized {
			return "", or(err, fmt.Sprintf("a try that is to be refused: %v", a))
		}
	}
	for _, want := range []struct {
		kind, route string
		key         bool
	}{
		{"cross-org", "/v1/orgs/{org}/requests/{id}", true},
		{"bad-signature", "/webhooks/events/{org}", false},
		{"bad-signature", "/webhooks/twilio/{org}/status/{message}", false},
	} {
		is := func(e store.SecurityEvent) bool {
			return e.Kind == want.kind && e.Route == want.route && e.Key.Valid == want.key
		}
		limit := written
		if slices.ContainsFunc(before, is) {
			limit = counted
		}
		err := until(ctx, limit, fmt.Sprintf("a security event %s at %s", want.kind, want.route), func() (bool, error) {
			now, err := lately(ctx, db, org)
			return slices.ContainsFunc(now, func(e store.SecurityEvent) bool { return is(e) && !e.At.Before(begun) }), err
		})
		if err != nil {
			return "", err
		}
	}
	return "a key on another org's path, another org's event and its status callback: each has its event, with the route", nil
}

// lately are an org's security events of the time in which they are counted.
func lately(ctx context.Context, db *pgxpool.Pool, org uuid.UUID) ([]store.SecurityEvent, error) {
	const most = 1000
	list, err := store.ListSecurityEvents(ctx, db, org, 2*counted, most)
	if err != nil {
		return nil, errors.New("security events cannot be read: " + store.Safe(err))
	}
	return list, nil
}
