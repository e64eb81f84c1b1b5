package store_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
)

// Settings that nobody made are none, and the region is the org's.
func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.Admin.Exec(t.Context(), "DELETE FROM settings"); err != nil {
		t.Fatal(err)
	}
	load := func() (s store.Settings) {
		w.in(func(tx *store.Tx) (err error) { s, err = store.LoadSettings(t.Context(), tx); return err })
		return s
	}
	if s := load(); s.Version != 0 || s.Doc != nil || s.Region != "US" {
		t.Errorf("%+v", s)
	}
	w.in(func(tx *store.Tx) error {
		s, err := store.LockSettings(t.Context(), tx)
		if s.Version != 0 || string(s.Doc) != "{}" || s.Region != "US" {
			t.Errorf("%+v", s)
		}
		store.SaveSettings(tx, []byte(`{"countries": ["CA"]}`))
		return err
	})
	if s := load(); s.Version != 1 || string(s.Doc) != `{"countries": ["CA"]}` {
		t.Errorf("%+v", s)
	}
	w.in(func(tx *store.Tx) error {
		offer, err := store.FindOffer(t.Context(), tx, "chair", "", 0)
		if len(offer.Countries) != 1 || offer.Countries[0] != "CA" {
			t.Errorf("the offer's countries: %v", offer.Countries)
		}
		return err
	})
}

// Of changes at the same time each sees the one before, the very first included.
func TestSettingsInTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 8
	seen := make([]int, n)
	together(n, func(i int) {
		err := w.once(func(tx *store.Tx) error {
			s, err := store.LockSettings(t.Context(), tx)
			seen[i] = s.Version
			store.SaveSettings(tx, []byte(`{}`))
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	once := map[int]bool{}
	for _, v := range seen {
		once[v] = true
	}
	if len(once) != n || value[int](w, "SELECT version FROM settings") != n {
		t.Errorf("versions seen: %v", seen)
	}
}

// What is in the audit log stays: nobody changes, deletes or empties it, whatever rights he has; and a change that
// is rolled back leaves no line.
func TestAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.in(func(tx *store.Tx) error {
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "settings.change", Detail: map[string]any{"version": 1}})
		return nil
	})
	_ = w.once(func(tx *store.Tx) error {
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: "rolled.back"})
		return context.Canceled
	})
	if got := value[string](w, "SELECT string_agg(action || ' ' || detail::text, ', ') FROM audit_log"); got != `settings.change {"version": 1}` {
		t.Errorf("the log: %s", got)
	}
	// Its links refer to it, which refuses as well: here the triggers stand alone.
	w.admin(`ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_org_id_audit_id_fkey; ALTER TABLE audit_unsealed DROP CONSTRAINT audit_unsealed_org_id_audit_id_fkey`)
	for who, db := range map[string]*pgxpool.Pool{"owner": w.Owner, "superuser": w.Admin} {
		for _, sql := range []string{"UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"} {
			if _, err := db.Exec(t.Context(), sql); store.Code(err) != "23001" {
				t.Errorf("%s, %s: %v", who, sql, err)
			}
		}
	}
	for _, sql := range []string{"UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"} {
		err := w.once(func(tx *store.Tx) error { _, err := tx.Exec(t.Context(), sql); return err })
		if store.Code(err) != "42501" {
			t.Errorf("app, %s: %v", sql, err)
		}
	}
}
