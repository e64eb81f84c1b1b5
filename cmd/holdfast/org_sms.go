package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
	"holdfast/store/pii"
)

type orgPauseCmd struct {
	Org string `arg:"" help:"Id or slug."`
	Why string `required:"" help:"For the audit log, and for who finds the texts waiting. No personal data."`
}

// Run makes the org's texts wait until they are resumed.
func (c *orgPauseCmd) Run(e *env) error {
	return e.texts(c.Org, c.Why, func(tx *store.Tx, why string) error {
		store.PauseTexts(tx, "cli", why)
		return nil
	})
}

type orgResumeCmd struct {
	Org string `arg:"" help:"Id or slug."`
	Why string `required:"" help:"For the audit log. No personal data."`
}

// Run lets the org's texts go, whoever stopped them: an operator, or the provider's refusals.
func (c *orgResumeCmd) Run(e *env) error {
	return e.texts(c.Org, c.Why, func(tx *store.Tx, why string) error { return store.ResumeTexts(e.ctx, tx, "cli", why) })
}

// texts does what is to be done with the org's texts in one transaction.
func (e *env) texts(ref, why string, do func(tx *store.Tx, why string) error) error {
	if why = strings.TrimSpace(why); why == "" {
		return fmt.Errorf("sms: say why")
	}
	return e.asOrg(ref, func(db *pgxpool.Pool, _ *pii.Keyring, o store.Org) error {
		_, err := store.InTx(e.ctx, db, o.ID, func(tx *store.Tx) error { return do(tx, why) })
		return explain("pause", err)
	})
}

// pauseLine says in a few words why an org's texts wait.
func pauseLine(p store.Pause) string {
	line := fmt.Sprintf("paused %s: %s", p.Since.UTC().Format(time.RFC3339), p.Class)
	if p.Code != 0 {
		line += fmt.Sprintf(" %d", p.Code)
	}
	if p.Why != "" {
		line += fmt.Sprintf(" (%s: %s)", p.Actor, p.Why)
	}
	if p.RetryAt != nil {
		line += ", next try " + p.RetryAt.UTC().Format(time.RFC3339)
	}
	return line
}
