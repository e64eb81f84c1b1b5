package validate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

var eventChecks = []check{{
	name: "events", promise: "a signed event books once, and a forged or stale one not at all",
	needs: []need{needEvents}, run: events,
}}

func needEvents(s *system) string {
	if s.WebhookSecret == "" {
		return "no webhook secret was given"
	}
	return ""
}

// event is a signed event, to be sent or spoilt.
type event struct {
	id   string
	at   time.Time
	body []byte
}

// headers signs the event as Standard Webhooks says.
func (e event) headers(secret string) ([]string, error) {
	hook, err := webhooks.NewWebhook(secret)
	if err != nil {
		return nil, errors.New("the webhook secret is none: want whsec_ and base64")
	}
	signature, err := hook.Sign(e.id, e.at, e.body)
	return []string{"webhook-id", e.id, "webhook-timestamp", strconv.FormatInt(e.at.Unix(), 10), "webhook-signature", signature}, err
}

func events(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 2)
	if err != nil {
		return "", err
	}
	send := func(e event, secret string) (answer, error) {
		headers, err := e.headers(secret)
		if err != nil {
			return answer{}, err
		}
		a, err := s.open.do(ctx, http.MethodPost, "/webhooks/events/"+s.Org, e.body, append(headers, wait...)...)
		if err == nil && a.status == http.StatusCreated {
			s.keep(read[bookingView](a).ID)
		}
		return a, err
	}
	wanted := func(start string) event {
		return event{"msg_" + uuid.NewString(), time.Now(), asJSON(map[string]any{"type": "booking.requested",
			"timestamp": time.Now().UTC().Format(time.RFC3339), "data": s.wish(start, s.phones.fresh())})}
	}
	e := wanted(day[0].Start)
	first, err := send(e, s.WebhookSecret)
	if err != nil || first.status != http.StatusCreated {
		return "", or(err, fmt.Sprintf("a signed booking.requested: %v, want 201", first))
	}
	again, err := send(e, s.WebhookSecret)
	if err != nil {
		return "", err
	}
	if read[bookingView](again).ID != read[bookingView](first).ID || again.header.Get("Idempotency-Replayed") != "true" {
		return "", fmt.Errorf("the same webhook-id once more: %v, Idempotency-Replayed %q", again, again.header.Get("Idempotency-Replayed"))
	}
	forged := "whsec_" + "Zm9yZ2VkZm9yZ2VkZm9yZ2VkZm9yZ2Vk" // nobody's
	stale := wanted(day[1].Start)
	stale.at = stale.at.Add(-6 * time.Minute)
	for what, try := range map[string]func() (answer, error){
		"forged": func() (answer, error) { return send(wanted(day[1].Start), forged) },
		"stale":  func() (answer, error) { return send(stale, s.WebhookSecret) },
	} {
		a, err := try()
		if err != nil || !a.is(http.StatusUnauthorized, "invalid-signature") {
			return "", or(err, fmt.Sprintf("a %s event: %v, want 401 invalid-signature", what, a))
		}
	}
	if offered, err := s.offered(ctx, day[1].Start); err != nil || !offered {
		return "", or(err, "a refused event took the time all the same")
	}
	return "201, its repeat a replay of the same booking; forged and 6 minutes old: 401 invalid-signature", nil
}
