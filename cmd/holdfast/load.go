package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/audit"
	"holdfast/cmd/internal/dev"
	"holdfast/cmd/internal/load"
	"holdfast/store"
	"holdfast/store/pii"
)

type loadCmd struct {
	Scenario string        `default:"booking" enum:"booking,contention,mixed,refused" help:"booking: ask, read the code, confirm. contention: all at one slot, again and again. mixed: a bit of everything. refused: wrong keys and signatures, which must all be refused."`
	HoldOnly bool          `help:"Of booking, only the first request: codes stay unread."`
	Users    int           `default:"50" help:"Users who ask one after the other without a pause; with --rate, how many are served at a time."`
	Rate     float64       `help:"Arrivals a second, by the clock: what an arrival waits for counts."`
	Duration time.Duration `default:"30s" help:"How long."`
	Minutes  int           `default:"5" help:"Length of each booking. Short ones leave room for many."`
	Settle   time.Duration `default:"60s" help:"How long texts may take to arrive after the last answer."`
	Release  bool          `help:"Cancel at the end what was booked. Done anyway when the calendar gets full."`
	NoAudit  bool          `help:"Leave the audit at the end out."`
	Requests int           `default:"10000" help:"Of refused: how many in all."`
	JSON     string        `name:"json" placeholder:"FILE" type:"path" help:"Write the result there."`

	MaxP50    time.Duration `name:"max-p50" help:"Fail when half of POST bookings took longer."`
	MaxP95    time.Duration `name:"max-p95" help:"Fail when 5 % of POST bookings took longer."`
	MaxP99    time.Duration `name:"max-p99" help:"Fail when 1 % of POST bookings took longer."`
	MaxText   time.Duration `help:"Fail when a code text took longer, from the answer that granted its booking."`
	MinRate   float64       `help:"Fail below so many held a second."`
	MaxErrors int64         `default:"0" help:"Fail above so many answers that should not be; -1 is no limit. A 429 is none."`
	MaxMissed int64         `default:"0" help:"Fail above so many arrivals that nobody had time for; -1 is no limit."`

	target
}

// target says which system is meant: the ready file of a dev, or else flags, or else what dev prints to paste.
type target struct {
	ReadyFile     string `placeholder:"FILE" type:"path" help:"Of a running holdfast dev."`
	API           string `placeholder:"URL" help:"The API (HOLDFAST_URL)."`
	Sim           string `placeholder:"URL" help:"The double of Twilio (HOLDFAST_PHONE_URL)."`
	Org           string `placeholder:"ID" help:"The org (HOLDFAST_ORG)."`
	Key           string `placeholder:"KEY" help:"Its API key (HOLDFAST_KEY)."`
	Resource      string `placeholder:"ID" help:"What is booked (HOLDFAST_RESOURCE)."`
	Service       string `placeholder:"ID" help:"Instead: whatever offers it."`
	OtherOrg      string `placeholder:"ID" help:"The bystander of contention."`
	OtherKey      string `placeholder:"KEY" help:"Its API key."`
	OtherService  string `placeholder:"ID" help:"What it books; by default the name of the first service of dev."`
	OtherResource string `placeholder:"ID" help:"Instead: one resource."`
}

// seededService is what every org of dev offers.
const seededService = "checkup"

// complete fills what no flag says, and returns the audit role's URL if it is known.
func (t *target) complete(e *env) (auditURL pii.Token, err error) {
	auditURL = e.cfg.AuditDatabaseURL
	if t.ReadyFile != "" {
		r, err := dev.ReadFile(t.ReadyFile)
		if err != nil {
			return auditURL, err
		}
		auditURL = pii.NewToken(r.AuditDatabaseURL)
		t.API, t.Sim = cmp.Or(t.API, r.APIURL), cmp.Or(t.Sim, r.SimURL)
		t.Org, t.Key = cmp.Or(t.Org, r.Org.String()), cmp.Or(t.Key, r.APIKey)
		if t.Resource == "" && r.Service != uuid.Nil {
			t.Service = cmp.Or(t.Service, r.Service.String())
		}
		t.OtherOrg, t.OtherKey = cmp.Or(t.OtherOrg, r.OtherOrg.String()), cmp.Or(t.OtherKey, r.OtherAPIKey)
	} else {
		for name, value := range map[string]*string{"HOLDFAST_URL": &t.API, "HOLDFAST_PHONE_URL": &t.Sim, "HOLDFAST_ORG": &t.Org, "HOLDFAST_KEY": &t.Key} {
			if v, ok := e.getenv(name); ok {
				*value = cmp.Or(*value, v)
			}
		}
		if v, ok := e.getenv("HOLDFAST_RESOURCE"); ok && t.Service == "" {
			t.Resource = cmp.Or(t.Resource, v)
		}
	}
	if t.API == "" || t.Sim == "" || t.Org == "" || t.Key == "" || t.Resource == "" && t.Service == "" {
		return auditURL, errors.New("which system? Give --ready-file, or --api, --sim, --org, --key and --resource (or the lines that holdfast dev prints)")
	}
	return auditURL, nil
}

func (t *target) orgs() []load.Org {
	orgs := []load.Org{{ID: t.Org, Key: t.Key, Resource: t.Resource, Service: t.Service}}
	if t.OtherOrg != "" && t.OtherKey != "" {
		other := load.Org{ID: t.OtherOrg, Key: t.OtherKey, Resource: t.OtherResource, Service: t.OtherService}
		if other.Resource == "" {
			other.Service = cmp.Or(other.Service, seededService)
		}
		orgs = append(orgs, other)
	}
	return orgs
}

// Run loads the system and fails on a limit, a check or a promise that was broken.
func (c *loadCmd) Run(e *env) error {
	auditURL, err := c.complete(e)
	if err != nil {
		return err
	}
	if c.Scenario == load.Refused {
		return c.refused(e)
	}
	o := load.Options{
		APIURL: c.API, SimURL: c.Sim, Orgs: c.orgs(),
		Scenario: c.Scenario, HoldOnly: c.HoldOnly, Users: c.Users, Rate: c.Rate, Duration: c.Duration,
		Minutes: c.Minutes, Settle: c.Settle, Release: c.Release,
		Limits: load.Limits{MaxP50: c.MaxP50, MaxP95: c.MaxP95, MaxP99: c.MaxP99, MaxText: c.MaxText,
			MinRate: c.MinRate, MaxErrors: c.MaxErrors, MaxMissed: c.MaxMissed},
		Out: e.stdout, Terminal: isTerminal(e.stdout),
	}
	if !c.NoAudit && !auditURL.IsZero() {
		o.Audit = func(ctx context.Context) (store.AuditReport, error) {
			return audit.Run(ctx, auditURL, e.auditOptions(audit.DefaultGrace))
		}
	}
	res, err := load.Run(e.ctx, o)
	return c.keep(res, err)
}

// refused tries what must be refused. It knows a dev's secrets from its ready file.
func (c *loadCmd) refused(e *env) error {
	if c.ReadyFile == "" {
		return errors.New("refused: give --ready-file, which has the secrets that stale signatures are made with")
	}
	r, err := dev.ReadFile(c.ReadyFile)
	if err != nil {
		return err
	}
	db, err := store.Open(e.ctx, r.AuditDatabaseURL, 1)
	if err != nil {
		return err
	}
	defer db.Close()
	res, err := load.RunRefused(e.ctx, load.RefusedOptions{
		APIURL: r.APIURL, PublicURL: r.APIURL, Org: load.Org{ID: r.Org.String(), Key: r.APIKey, Resource: r.Resource.String()}, Other: r.OtherOrg, Requests: c.Requests, Users: c.Users,
		Secrets: load.Secrets{Events: r.WebhookSecret, Vapi: r.VapiSecret, Retell: r.RetellKey, TwilioSID: r.TwilioAccountSID, TwilioToken: r.TwilioAuthToken},
		OpsURL:  r.OpsURL, OpsToken: r.OpsToken, Database: db, Out: e.stdout,
	})
	return c.keep(res, err)
}

// keep writes the result where it was asked for.
func (c *loadCmd) keep(res load.Result, err error) error {
	if c.JSON == "" || len(res.Steps) == 0 {
		return err
	}
	raw, jsonErr := json.MarshalIndent(res, "", "  ")
	if jsonErr == nil {
		jsonErr = os.WriteFile(c.JSON, append(raw, '\n'), 0o600)
	}
	if jsonErr != nil {
		jsonErr = fmt.Errorf("--json: %w", jsonErr)
	}
	return errors.Join(err, jsonErr)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
