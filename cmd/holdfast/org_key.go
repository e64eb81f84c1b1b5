package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
	"holdfast/store/pii"
)

type orgKeyCmd struct {
	Create orgKeyCreateCmd `cmd:"" help:"Make a key; it is shown once."`
	List   orgKeyListCmd   `cmd:"" help:"List all keys that there are or were, newest first."`
	Rotate orgKeyRotateCmd `cmd:"" help:"Make another key like one, which is shown once; the old one lives beside it for a while."`
	Revoke orgKeyRevokeCmd `cmd:"" help:"End a key, within five seconds everywhere."`
}

// days is a duration that may be given in days, as 90d.
type days time.Duration

// UnmarshalText reads 90d, or what time.ParseDuration reads.
func (d *days) UnmarshalText(text []byte) error {
	if n, ok := strings.CutSuffix(string(text), "d"); ok {
		if n, err := strconv.ParseUint(n, 10, 16); err == nil {
			*d = days(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return errors.New("want a duration such as 90d or 12h")
	}
	*d = days(v)
	return nil
}

type orgKeyCreateCmd struct {
	Org       string   `arg:"" help:"Id or slug."`
	Label     string   `help:"What it is for."`
	Scope     []string `default:"bookings:write" enum:"bookings:write,bookings:read,transcripts:write,settings,admin" help:"What it may do: bookings:write (and read), bookings:read, transcripts:write, settings, or admin for all." placeholder:"SCOPE"`
	ExpiresIn days     `help:"When it ends by itself; by default it does not." placeholder:"90d"`
}

// Run makes a key.
func (c *orgKeyCreateCmd) Run(e *env) error {
	n := store.NewKey{Label: c.Label, Lifetime: time.Duration(c.ExpiresIn)}
	for _, s := range c.Scope {
		n.Scopes = append(n.Scopes, store.Scope(s))
	}
	return e.issueKey(c.Org, func(tx *store.Tx, keys *pii.Keyring) (store.IssuedKey, error) {
		i, err := store.CreateKey(e.ctx, tx, keys, tx.Org, n)
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "api_key.create", Subject: i.ID.String(),
			Detail: map[string]any{"prefix": i.Prefix, "scopes": n.Scopes, "lifetime_seconds": n.Lifetime.Seconds()}})
		return i, err
	})
}

type orgKeyListCmd struct {
	Org string `arg:"" help:"Id or slug."`
}

// Run lists keys.
func (c *orgKeyListCmd) Run(e *env) error {
	return e.asOrg(c.Org, func(db *pgxpool.Pool, _ *pii.Keyring, o store.Org) error {
		list, err := store.ListKeys(e.ctx, db, o.ID)
		if err != nil {
			return explain("key", err)
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "PREFIX\tLABEL\tSCOPES\tCREATED\tENDS\tLAST USED\tSTATE")
		for _, k := range list {
			scopes := make([]string, len(k.Scopes))
			for i, s := range k.Scopes {
				scopes[i] = string(s)
			}
			fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\t%s\t%s\t%s\n", store.KeyPrefix, k.Prefix, k.Label, strings.Join(scopes, ","),
				moment(&k.CreatedAt), moment(earlier(k.ExpiresAt, k.RevokedAt)), moment(k.LastUsed), k.State)
		}
		return w.Flush()
	})
}

// moment writes a time, or that there is none.
func moment(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// earlier is the earlier of two times, either of which may not be set.
func earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}

type orgKeyRotateCmd struct {
	Org     string `arg:"" help:"Id or slug."`
	Prefix  string `arg:"" help:"The old key's first part, as hf_abc…"`
	Overlap days   `default:"24h" help:"How long the old key still works; 0s when it is known to others."`
}

// Run makes a key that takes another's place.
func (c *orgKeyRotateCmd) Run(e *env) error {
	overlap := time.Duration(c.Overlap)
	return e.issueKey(c.Org, func(tx *store.Tx, keys *pii.Keyring) (store.IssuedKey, error) {
		i, err := store.RotateKey(e.ctx, tx, keys, tx.Org, c.Prefix, overlap)
		if errors.Is(err, store.ErrNotFound) {
			return i, errors.New("key: no live one has that prefix, or another takes its place already")
		}
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "api_key.rotate", Subject: i.ID.String(),
			Detail: map[string]any{"prefix": i.Prefix, "overlap_seconds": overlap.Seconds()}})
		return i, err
	})
}

// issueKey makes a key of an org and prints it.
func (e *env) issueKey(ref string, do func(*store.Tx, *pii.Keyring) (store.IssuedKey, error)) error {
	var made store.IssuedKey
	err := e.inOrg(ref, "key", func(tx *store.Tx, keys *pii.Keyring) (err error) {
		made, err = do(tx, keys)
		return err
	})
	if err == nil {
		fmt.Fprintln(e.stdout, made.Token.Reveal())
	}
	return err
}

type orgKeyRevokeCmd struct {
	Org    string `arg:"" help:"Id or slug."`
	Prefix string `arg:"" help:"The key's first part, as hf_abc…"`
}

// Run ends a key.
func (c *orgKeyRevokeCmd) Run(e *env) error {
	return e.inOrg(c.Org, "key", func(tx *store.Tx, _ *pii.Keyring) error {
		id, err := store.RevokeKey(e.ctx, tx, tx.Org, c.Prefix)
		if err != nil {
			return err
		}
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "api_key.revoke", Subject: id.String()})
		return nil
	})
}

type orgSecurityEventsCmd struct {
	Org   string `arg:"" help:"Id or slug."`
	Since days   `default:"7d" help:"How far back."`
	Limit int    `default:"200" help:"At most so many, the newest."`
}

// Run lists what an operator should look at.
func (c *orgSecurityEventsCmd) Run(e *env) error {
	return e.asOrg(c.Org, func(db *pgxpool.Pool, _ *pii.Keyring, o store.Org) error {
		list, err := store.ListSecurityEvents(e.ctx, db, o.ID, time.Duration(c.Since), c.Limit)
		if err != nil {
			return explain("security-events", err)
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "AT\tKIND\tTIMES\tKEY\tROUTE")
		for _, s := range list {
			key := "-"
			if s.KeyAs != "" {
				key = store.KeyPrefix + s.KeyAs
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", moment(&s.At), s.Kind, s.N, key, s.Route)
		}
		return w.Flush()
	})
}
