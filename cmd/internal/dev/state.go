package dev

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/migrations"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// state is what stays the same over restarts: keys, passwords, ports and the orgs.
type state struct {
	Keys      pii.Keys
	Passwords map[string]string // by role
	OpsToken  string
	Ports     struct{ API, Ops, Sim int }
	Orgs      []org
}

// org is a seeded org with its secrets in the clear, which only dev keeps.
type org struct {
	ID                                uuid.UUID
	Slug, Name                        string
	Key                               string
	Resource, Second, Service         uuid.UUID
	AccountSID, AuthToken, From       string
	WebhookSecret, VapiSecret, Retell string
	EndpointSecret                    string // signs what goes out
}

func statePath(dir string) string { return filepath.Join(dir, "dev.json") }

func loadState(dir string) (state, error) {
	raw, err := os.ReadFile(statePath(dir))
	if errors.Is(err, os.ErrNotExist) {
		s, err := newState()
		if err != nil {
			return s, err
		}
		return s, s.save(dir) // before anything is made with it
	}
	if err != nil {
		return state{}, err
	}
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("%s cannot be read: start with `make run FRESH=1` (it deletes that data)", statePath(dir))
	}
	return s, nil
}

func newState() (state, error) {
	keys, err := pii.GenerateKeys()
	if err != nil {
		return state{}, err
	}
	return state{
		Keys: keys, OpsToken: rand.Text(),
		Passwords: map[string]string{migrations.RoleOwner: rand.Text(), migrations.RoleApp: rand.Text(), migrations.RoleAudit: rand.Text()},
		Orgs: []org{
			newOrg("north", "North Street Dental", "+15005550006"),
			newOrg("south", "South Street Garage", "+15005550016"),
		},
	}, nil
}

func newOrg(slug, name, from string) org {
	return org{ID: uuid.New(), Slug: slug, Name: name, From: from,
		Resource: uuid.New(), Second: uuid.New(), Service: uuid.New(),
		AccountSID: "AC" + randomHex(16), AuthToken: randomHex(16),
		WebhookSecret: "whsec_" + randomBase64(24), VapiSecret: rand.Text(), Retell: "key_" + randomHex(16),
		EndpointSecret: store.NewEndpointSecret().Reveal()}
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by crypto/rand's contract
	return hex.EncodeToString(b)
}

func randomBase64(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

func (s state) save(dir string) error {
	return writeFile(statePath(dir), s)
}

// writeFile writes v as JSON and renames it into place, so that a reader sees all of it or nothing.
func writeFile(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// databaseURLs name the database of dev, a URL for each role.
type databaseURLs struct{ owner, app, audit string }

const databaseName = "holdfast"

// prepare makes roles and database where they are missing, and migrates.
func prepare(ctx context.Context, adminURL string, passwords map[string]string) (databaseURLs, error) {
	if err := migrations.Bootstrap(ctx, adminURL, passwords); err != nil {
		return databaseURLs{}, err
	}
	base, err := url.Parse(adminURL)
	if err != nil {
		return databaseURLs{}, errors.New("postgres: the URL cannot be read")
	}
	as := func(role string) string {
		u := *base
		u.User, u.Path = url.UserPassword(role, passwords[role]), "/"+databaseName
		return u.String()
	}
	urls := databaseURLs{owner: as(migrations.RoleOwner), app: as(migrations.RoleApp), audit: as(migrations.RoleAudit)}
	if err := migrations.CreateDatabase(ctx, adminURL, urls.owner); err != nil {
		return urls, err
	}
	_, err = migrations.Up(ctx, urls.owner)
	return urls, err
}

// seed creates the orgs that the database does not have yet.
func (s *state) seed(ctx context.Context, ownerURL string) error {
	pool, err := store.Open(ctx, ownerURL, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	keys, err := pii.NewKeyring(s.Keys)
	if err != nil {
		return err
	}
	have := make(map[uuid.UUID]bool)
	orgs, err := store.ListOrgs(ctx, pool)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		have[o.ID] = true
	}
	for i := range s.Orgs {
		o := &s.Orgs[i]
		if !have[o.ID] {
			o.Key = ""
			if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return o.create(ctx, tx, keys) }); err != nil {
				return fmt.Errorf("org %s: %w", o.Slug, err)
			}
		}
		if o.Key == "" { // it is shown once: a run that died before it was written down needs another
			key, err := store.CreateKey(ctx, pool, keys, o.ID, store.NewKey{Label: "dev", Scopes: []store.Scope{store.ScopeAdmin}})
			if err != nil {
				return fmt.Errorf("org %s: key: %w", o.Slug, err)
			}
			o.Key = key.Token.Reveal()
		}
	}
	return nil
}

// orgSettings are those of dev's orgs: no limit keeps somebody who tries things out from trying them again.
const orgSettings = `{"followup":{"per_day":0,"per_week":0},"limits":{"phone":{"per_10_minutes":0,"per_day":0},"org":{"per_hour":0},` +
	`"source":{"per_hour":0},"prefix":{"per_hour":0},"country":{"per_hour":0},"ratio":{"confirmed_percent":0}}}`

// create inserts the org: two people who can be booked, a service that both do, and credentials.
func (o *org) create(ctx context.Context, db store.DB, keys *pii.Keyring) error {
	const zone = "America/New_York"
	if err := store.CreateOrg(ctx, db, store.Org{ID: o.ID, Slug: o.Slug, Name: o.Name, TimeZone: zone, Locale: "en", Region: "US"}); err != nil {
		return err
	}
	hours := calendar.Daily(8*60, 18*60)
	return errors.Join(
		store.CreateResource(ctx, db, o.ID, store.NewResource{ID: o.Resource, Slug: "lee", Name: "Dr. Lee", TimeZone: zone,
			Seats: 1, DefaultMinutes: 30, Hours: hours}),
		store.CreateResource(ctx, db, o.ID, store.NewResource{ID: o.Second, Slug: "kim", Name: "Dr. Kim", TimeZone: zone,
			Seats: 2, DefaultMinutes: 30, BufferBefore: 5, BufferAfter: 10, Hours: hours}),
		store.CreateService(ctx, db, o.ID, o.Service, "checkup", "Check-up", 30, o.Resource, o.Second),
		store.CreateSettings(ctx, db, o.ID, []byte(orgSettings)),
		store.SetSMSAccount(ctx, db, keys, o.ID, store.SMSAccount{SID: o.AccountSID, Token: pii.NewToken(o.AuthToken), From: o.From}),
		store.SetWebhookSecret(ctx, db, keys, o.ID, "events", pii.NewToken(o.WebhookSecret)),
		store.SetWebhookSecret(ctx, db, keys, o.ID, "vapi", pii.NewToken(o.VapiSecret)),
		store.SetWebhookSecret(ctx, db, keys, o.ID, "retell", pii.NewToken(o.Retell)),
		store.AddEndpointSecret(ctx, db, keys, o.ID, pii.NewToken(o.EndpointSecret), 0),
	)
}

// redisPlain drops what a ready file must not have.
func redisPlain(raw string) string { return strings.TrimSuffix(raw, "/") }
