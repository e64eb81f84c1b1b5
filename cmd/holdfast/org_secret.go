package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/store"
	"holdfast/store/pii"
)

type orgWebhookSecretCmd struct {
	Set orgWebhookSecretSetCmd `cmd:"" help:"Store the secret that signs a kind of webhook; it is read from standard input."`
}

type orgWebhookSecretSetCmd struct {
	Org  string        `arg:"" help:"Id or slug."`
	Kind string        `arg:"" enum:"events,vapi,retell" help:"events (Standard Webhooks, whsec_…), vapi or retell."`
	Keep time.Duration `default:"24h" help:"How long the former secret is good beside it; 0s when it is known to others."`
}

// Run stores a webhook secret.
func (c *orgWebhookSecretSetCmd) Run(e *env) error {
	if c.Keep < 0 {
		return errors.New("--keep: want a duration such as 24h, or 0s")
	}
	secret, err := e.secretLine("webhook-secret")
	if err != nil {
		return err
	}
	if c.Kind == "events" {
		if _, err := standardwebhooks.NewWebhook(secret.Reveal()); err != nil {
			return errors.New("webhook-secret: want whsec_ and base64")
		}
	}
	return e.inOrg(c.Org, "webhook-secret", func(tx *store.Tx, keys *pii.Keyring) error {
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "webhook_secret.set", Subject: c.Kind, Detail: map[string]any{"keep_seconds": c.Keep.Seconds()}})
		return store.AddWebhookSecret(e.ctx, tx, keys, tx.Org, c.Kind, secret, c.Keep)
	})
}

// secretLine reads a secret from standard input, so that it stands on no command line.
func (e *env) secretLine(what string) (pii.Token, error) {
	line, err := bufio.NewReader(e.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return pii.Token{}, fmt.Errorf("%s: %w", what, err)
	}
	secret := strings.TrimSpace(line)
	if secret == "" {
		return pii.Token{}, fmt.Errorf("%s: give it on standard input", what)
	}
	return pii.NewToken(secret), nil
}

// secretFrom reads a secret from a file, or from standard input when none is named.
func (e *env) secretFrom(file, what string) (pii.Token, error) {
	if file == "" {
		return e.secretLine(what)
	}
	raw, err := os.ReadFile(file) // #nosec G304 -- the operator has named it
	if err != nil {
		return pii.Token{}, fmt.Errorf("%s: its file cannot be read", what)
	}
	secret := strings.TrimSpace(string(raw))
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return pii.Token{}, fmt.Errorf("%s: its file must hold it in one line", what)
	}
	return pii.NewToken(secret), nil
}
