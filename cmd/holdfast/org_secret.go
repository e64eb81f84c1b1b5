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

// mostSecret bounds what is read of standard input.
const mostSecret = 64 << 10

// secretLine reads a secret from standard input, so that it stands on no command line. A terminal ends it with a line of its
// own; of a file or a pipe more than one line is refused, since it cannot be told which of them is meant.
func (e *env) secretLine(what string) (pii.Token, error) {
	raw, err := readSecret(e.stdin)
	if err != nil {
		return pii.Token{}, fmt.Errorf("%s: standard input cannot be read", what)
	}
	secret := strings.TrimSpace(string(raw))
	switch {
	case secret == "":
		return pii.Token{}, fmt.Errorf("%s: give it on standard input", what)
	case strings.ContainsAny(secret, "\r\n"):
		return pii.Token{}, fmt.Errorf("%s: standard input must hold it in one line", what)
	}
	return pii.NewToken(secret), nil
}

// readSecret reads a line of a terminal, and all of anything else.
func readSecret(from io.Reader) ([]byte, error) {
	if f, ok := from.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			line, err := bufio.NewReader(f).ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return line, err
		}
	}
	return io.ReadAll(io.LimitReader(from, mostSecret))
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
