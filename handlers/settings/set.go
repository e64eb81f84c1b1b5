package settings

import (
	"context"
	"errors"
	"slices"

	"holdfast/store"
)

// ErrStale says that the settings are no longer those that a change was made for.
var ErrStale = errors.New("the settings have changed since")

// By is who changes settings, and on which condition.
type By struct {
	Actor   string // the id of an API key, or "cli"
	Request string // the X-Request-Id, "" outside of one
	// If judges the version that is about to be replaced; nil: whatever it is.
	If func(version int) bool
}

// Get reads the whole document of the transaction's org, and its version.
func Get(ctx context.Context, tx *store.Tx, in Installation) (Document, int, error) {
	s, err := store.LoadSettings(ctx, tx)
	if err != nil {
		return Document{}, 0, err
	}
	return Read(s, in), s.Version, nil
}

// Set replaces the document by another, which is checked first, and writes into the audit log what has changed.
// The error is Invalid or ErrStale when nothing may be written. To set what is set already changes nothing, the
// version neither.
func Set(ctx context.Context, tx *store.Tx, raw []byte, in Installation, by By) (Document, int, error) {
	s, err := store.LockSettings(ctx, tx)
	if err != nil {
		return Document{}, 0, err
	}
	d, err := Parse(raw, s.Region, in)
	if err != nil {
		return d, s.Version, err
	}
	if by.If != nil && !by.If(s.Version) {
		return d, s.Version, ErrStale
	}
	before := Read(s, in)
	changes := diff(before, d)
	if len(changes) == 0 {
		return d, s.Version, nil
	}
	doc, err := own(d, Defaults(s.Region, in))
	if err != nil {
		return d, s.Version, err
	}
	store.SaveSettings(tx, doc)
	if !slices.Equal(before.Reminders.MinutesBefore, d.Reminders.MinutesBefore) {
		store.MoveReminders(tx)
	}
	store.NoteAudit(tx, store.AuditEntry{Actor: by.Actor, Action: "settings.change", Request: by.Request,
		Detail: map[string]any{"version": s.Version + 1, "changes": changes}})
	return d, s.Version + 1, nil
}
