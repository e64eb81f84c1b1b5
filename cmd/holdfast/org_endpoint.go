package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/pii"
)

type orgEndpointCmd struct {
	Show   orgEndpointShowCmd   `cmd:"" help:"Print where the org is told of its bookings, and whether it is."`
	Enable orgEndpointEnableCmd `cmd:"" help:"Tell an endpoint again that was disabled because it answered 410."`
}

type orgEndpointShowCmd struct {
	Org string `arg:"" help:"Id or slug."`
}

// Run prints the endpoint. Its URL may hold a secret in path or query, which settings get shows.
func (c *orgEndpointShowCmd) Run(e *env) error {
	return e.inOrg(c.Org, "endpoint", func(tx *store.Tx, keys *pii.Keyring) error {
		to, err := store.LoadEndpoint(e.ctx, tx, keys)
		if err != nil {
			return err
		}
		d, _, err := settings.Get(e.ctx, tx, e.installation())
		if err != nil {
			return err
		}
		state := "it is told"
		switch {
		case to.URL.IsZero():
			state = "nobody is told: endpoint.url in the settings is empty"
		case to.Disabled != nil:
			state = "disabled since " + to.Disabled.UTC().Format(time.RFC3339) + ", when it answered 410"
		case len(to.Secrets) == 0:
			state = "it waits for a secret: holdfast org endpoint-secret create"
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "endpoint\t%s\nstate\t%s\nevents\t%s\nsecrets\t%d\n",
			settings.EndpointHost(d.Endpoint.URL), state, strings.Join(d.Endpoint.Events, ", "), len(to.Secrets))
		return w.Flush()
	})
}

type orgEndpointEnableCmd struct {
	Org string `arg:"" help:"Id or slug."`
}

// Run enables the endpoint.
func (c *orgEndpointEnableCmd) Run(e *env) error {
	return e.inOrg(c.Org, "endpoint", func(tx *store.Tx, _ *pii.Keyring) error {
		err := store.EnableEndpoint(e.ctx, tx)
		if errors.Is(err, store.ErrNotFound) {
			return errors.New("endpoint: it is not disabled")
		}
		return err
	})
}

type orgEndpointSecretCmd struct {
	Create orgEndpointSecretCreateCmd `cmd:"" help:"Make the first secret; it is shown once."`
	Rotate orgEndpointSecretRotateCmd `cmd:"" help:"Make another one; it is shown once, and the old one signs beside it for a while."`
	Revoke orgEndpointSecretRevokeCmd `cmd:"" help:"End all secrets at once: events wait for a new one."`
}

type orgEndpointSecretCreateCmd struct {
	Org string `arg:"" help:"Id or slug."`
}

// Run makes the first secret.
func (c *orgEndpointSecretCreateCmd) Run(e *env) error {
	return e.addSecret(c.Org, "create", 0, func(live int) error {
		if live > 0 {
			return errors.New("endpoint-secret: exists already; rotate makes another")
		}
		return nil
	})
}

type orgEndpointSecretRotateCmd struct {
	Org     string        `arg:"" help:"Id or slug."`
	Overlap time.Duration `default:"24h" help:"How long the old secrets still sign; 0s when they are known to others."`
}

// Run makes another secret.
func (c *orgEndpointSecretRotateCmd) Run(e *env) error {
	if c.Overlap < 0 {
		return errors.New("--overlap: want a duration such as 24h, or 0s")
	}
	return e.addSecret(c.Org, "rotate", c.Overlap, func(live int) error {
		if live == 0 {
			return errors.New("endpoint-secret: there is none; create makes the first")
		}
		return nil
	})
}

type orgEndpointSecretRevokeCmd struct {
	Org string `arg:"" help:"Id or slug."`
}

// Run ends all secrets.
func (c *orgEndpointSecretRevokeCmd) Run(e *env) error {
	return e.inOrg(c.Org, "endpoint-secret", func(tx *store.Tx, _ *pii.Keyring) error {
		n, err := store.EndEndpointSecrets(e.ctx, tx, tx.Org, 0)
		if err == nil && n == 0 {
			return errors.New("endpoint-secret: there is none")
		}
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "endpoint_secret.revoke", Detail: map[string]any{"ended": n}})
		return err
	})
}

// addSecret makes a secret and prints it, if may agrees to the number of those that sign now.
func (e *env) addSecret(ref, verb string, overlap time.Duration, may func(live int) error) error {
	secret := store.NewEndpointSecret()
	err := e.inOrg(ref, "endpoint-secret", func(tx *store.Tx, keys *pii.Keyring) error {
		to, err := store.LoadEndpoint(e.ctx, tx, keys)
		if err != nil {
			return err
		}
		if err := may(len(to.Secrets)); err != nil {
			return err
		}
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "endpoint_secret." + verb, Detail: map[string]any{"overlap_seconds": overlap.Seconds()}})
		return store.AddEndpointSecret(e.ctx, tx, keys, tx.Org, secret, overlap)
	})
	if err == nil {
		fmt.Fprintln(e.stdout, secret.Reveal())
	}
	return err
}

// inOrg runs do in a transaction of an org. what is the noun of its errors.
func (e *env) inOrg(ref, what string, do func(tx *store.Tx, keys *pii.Keyring) error) error {
	return e.asOrg(ref, func(db *pgxpool.Pool, keys *pii.Keyring, o store.Org) error {
		_, err := store.InTx(e.ctx, db, o.ID, func(tx *store.Tx) error { return do(tx, keys) })
		if err != nil {
			return explain(what, err)
		}
		return nil
	})
}
