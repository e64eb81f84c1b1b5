package main

import (
	"errors"
	"fmt"
	"io"

	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/pii"
)

type orgSettingsCmd struct {
	Get orgSettingsGetCmd `cmd:"" help:"Print the whole document."`
	Set orgSettingsSetCmd `cmd:"" help:"Replace it by the one on standard input; what that leaves out has its default."`
}

type orgSettingsGetCmd struct {
	Org string `arg:"" help:"Id or slug."`
}

// Run prints the settings.
func (c *orgSettingsGetCmd) Run(e *env) error {
	return e.settings(c.Org, func(tx *store.Tx, in settings.Installation) (settings.Document, error) {
		d, _, err := settings.Get(e.ctx, tx, in)
		return d, err
	})
}

type orgSettingsSetCmd struct {
	Org string `arg:"" help:"Id or slug."`
}

// maxSettings is as much as the API reads.
const maxSettings = 64 << 10

// Run replaces the settings and prints what they are now.
func (c *orgSettingsSetCmd) Run(e *env) error {
	raw, err := io.ReadAll(io.LimitReader(e.stdin, maxSettings+1))
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if len(raw) == 0 || len(raw) > maxSettings {
		return errors.New("settings: give one JSON object of at most 64 KiB on standard input")
	}
	return e.settings(c.Org, func(tx *store.Tx, in settings.Installation) (settings.Document, error) {
		d, _, err := settings.Set(e.ctx, tx, raw, in, settings.By{Actor: "cli"})
		return d, err
	})
}

// installation is what the org has that has set nothing, and what it may set.
func (e *env) installation() settings.Installation {
	return settings.Installation{QuietHours: e.cfg.QuietHours, Endpoints: e.cfg.EndpointAllow}
}

// settings runs do in a transaction of the org, and prints the document that it leaves.
func (e *env) settings(ref string, do func(*store.Tx, settings.Installation) (settings.Document, error)) error {
	var d settings.Document
	err := e.inOrg(ref, "settings", func(tx *store.Tx, _ *pii.Keyring) (err error) {
		d, err = do(tx, e.installation())
		if invalid := (settings.Invalid)(nil); errors.As(err, &invalid) {
			return fmt.Errorf("settings: %w", err)
		}
		return err
	})
	if err != nil {
		return err
	}
	return e.printJSON(d)
}
