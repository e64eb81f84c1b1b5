package dev

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"
)

// Ready is what others need to use and test a running dev from outside. Its names are fixed.
type Ready struct {
	APIURL           string    `json:"api_url"`
	OpsURL           string    `json:"ops_url"`
	SimURL           string    `json:"sim_url"`
	Org              uuid.UUID `json:"org"`
	APIKey           string    `json:"api_key"`
	OtherOrg         uuid.UUID `json:"other_org"`
	OtherAPIKey      string    `json:"other_api_key"`
	Resource         uuid.UUID `json:"resource"`
	Service          uuid.UUID `json:"service"`
	WebhookSecret    string    `json:"webhook_secret"`
	EndpointSecret   string    `json:"endpoint_secret"`
	VapiSecret       string    `json:"vapi_secret"`
	RetellKey        string    `json:"retell_key"`
	TwilioAccountSID string    `json:"twilio_account_sid"`
	TwilioAuthToken  string    `json:"twilio_auth_token"`
	OpsToken         string    `json:"ops_token"`
	DatabaseURL      string    `json:"database_url"`
	AppDatabaseURL   string    `json:"app_database_url"`
	AuditDatabaseURL string    `json:"audit_database_url"`
	RedisURL         string    `json:"redis_url"`
	DataDir          string    `json:"data_dir"`
	PID              int       `json:"pid"`
}

func (d *instance) ready() Ready {
	a, b := d.state.Orgs[0], d.state.Orgs[1]
	return Ready{
		APIURL: d.system.APIURL, OpsURL: d.system.OpsURL, SimURL: d.simURL,
		Org: a.ID, APIKey: a.Key, OtherOrg: b.ID, OtherAPIKey: b.Key, Resource: a.Resource, Service: a.Service,
		WebhookSecret: a.WebhookSecret, EndpointSecret: a.EndpointSecret, VapiSecret: a.VapiSecret, RetellKey: a.Retell,
		TwilioAccountSID: a.AccountSID, TwilioAuthToken: a.AuthToken, OpsToken: d.state.OpsToken,
		DatabaseURL: d.urls.owner, AppDatabaseURL: d.urls.app, AuditDatabaseURL: d.urls.audit,
		RedisURL: redisPlain(d.servers.RedisURL), DataDir: d.dir, PID: os.Getpid(),
	}
}

func (r Ready) write(path string) error { return writeFile(path, r) }

// ReadFile reads the ready file of a running dev. Its errors name the file and quote nothing of it.
func ReadFile(path string) (Ready, error) {
	raw, err := os.ReadFile(path) // #nosec G304 -- the file that the operator has named
	if err != nil {
		return Ready{}, fmt.Errorf("ready file: %w", err)
	}
	var r Ready
	if json.Unmarshal(raw, &r) != nil {
		return Ready{}, fmt.Errorf("ready file: %s is not what `holdfast dev --ready-file` writes", path)
	}
	return r, nil
}

// tell prints how to use what runs, as lines that work when pasted.
func (d *instance) tell(w io.Writer) {
	r := d.ready()
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	fmt.Fprintf(w, `
Holdfast is up. Everything it needs runs in this process's care; Ctrl-C ends all of it.

  API         %s        (/docs, /openapi.json)
  phone       %s        (the texts it sends; reply there)
  operators   %s        (queues, metrics; token %s)
  data        %s

Paste into another terminal:

  export HOLDFAST_URL=%s HOLDFAST_ORG=%s HOLDFAST_KEY=%s HOLDFAST_RESOURCE=%s HOLDFAST_PHONE_URL=%s
  export HOLDFAST_SERVICE=%s HOLDFAST_WEBHOOK_SECRET='%s'   # for docs/api.md
  export HOLDFAST_AUDIT_DATABASE_URL='%s'   # for holdfast audit and holdfast load

  # the first free time from tomorrow
  START=$(curl -sS "$HOLDFAST_URL/v1/orgs/$HOLDFAST_ORG/availability?resource=$HOLDFAST_RESOURCE&from=%s" \
    -H "Authorization: Bearer $HOLDFAST_KEY" | grep -o '"start":"[^"]*' | head -n 1 | cut -d'"' -f4)

  # book it: the slot is held, and a code goes to the phone
  BOOKING=$(curl -sS -X POST "$HOLDFAST_URL/v1/orgs/$HOLDFAST_ORG/bookings" \
    -H "Authorization: Bearer $HOLDFAST_KEY" -H "Prefer: wait=10" -H "Content-Type: application/json" \
    -d '{"resource":"'"$HOLDFAST_RESOURCE"'","start":"'"$START"'","customer":{"phone":"+12025550142","name":"Ana"}}' \
    | tee /dev/stderr | grep -o '"id":"[^"]*' | head -n 1 | cut -d'"' -f4)

  # confirm it: reply with the code on the phone page, or give it here as the phone shows it
  sleep 1
  CODE=$(curl -sS "$HOLDFAST_PHONE_URL/_sim/messages?to=%%2B12025550142" | grep -o '"body":"[0-9]\{6\}' | tail -n 1 | tail -c 7)
  curl -sS -X POST "$HOLDFAST_URL/v1/orgs/$HOLDFAST_ORG/bookings/$BOOKING/verify" \
    -H "Authorization: Bearer $HOLDFAST_KEY" -H "Prefer: wait=10" -H "Content-Type: application/json" -d '{"code":"'"$CODE"'"}'

  # its story, and what else is free
  curl -sS "$HOLDFAST_URL/v1/orgs/$HOLDFAST_ORG/bookings/$BOOKING/timeline" -H "Authorization: Bearer $HOLDFAST_KEY"
  curl -sS "$HOLDFAST_URL/v1/orgs/$HOLDFAST_ORG/availability?resource=$HOLDFAST_RESOURCE" -H "Authorization: Bearer $HOLDFAST_KEY"

`, r.APIURL, r.SimURL, r.OpsURL, r.OpsToken, d.o.Data, r.APIURL, r.Org, r.APIKey, r.Resource, r.SimURL, r.Service, r.WebhookSecret, r.AuditDatabaseURL, tomorrow)
}
