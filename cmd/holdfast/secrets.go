package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
	"holdfast/store/pii"
)

type secretsCmd struct {
	List    secretsListCmd    `cmd:"" help:"Print the keys of the keyset, and with --rows how many values each has sealed."`
	AddKey  secretsAddKeyCmd  `cmd:"" name:"add-key" help:"Add a key to the keyset. It opens, and does not seal yet."`
	Promote secretsPromoteCmd `cmd:"" help:"Let the added key seal from now on; the former one goes on opening."`
	Rotate  secretsRotateCmd  `cmd:"" help:"Seal anew, by the key that seals now, all that another one has sealed, while everything runs."`
	Retire  secretsRetireCmd  `cmd:"" help:"Take a key out of the keyset, once nothing in the database is sealed by it."`
}

type secretsListCmd struct {
	Rows bool `help:"Count, as the owner. It reads whole tables."`
}

// Run lists keys.
func (c *secretsListCmd) Run(e *env) error {
	keys, err := e.keysetKeys()
	if err != nil {
		return err
	}
	rows := make(map[pii.KeyID]int64)
	if c.Rows {
		err := e.asOwner(func(db *pgxpool.Pool, _ *pii.Keyring) error {
			for _, k := range keys {
				counts, err := store.CountSealed(e.ctx, db, k.ID)
				if err != nil {
					return errors.New("secrets: " + store.Safe(err))
				}
				for _, n := range counts {
					rows[k.ID] += n.Rows
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "KEY\tDOES")
	if c.Rows {
		fmt.Fprint(w, "\tVALUES")
	}
	fmt.Fprintln(w)
	for _, k := range keys {
		does := "opens"
		if k.Primary {
			does = "seals"
		}
		fmt.Fprintf(w, "%d\t%s", k.ID, does)
		if c.Rows {
			fmt.Fprintf(w, "\t%d", rows[k.ID])
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// keysetPrint is for a keyset that is kept elsewhere than in a file that can be written here.
type keysetPrint struct {
	Print bool `help:"Print the new keyset instead of writing its file; done anyway when it came from the environment."`
}

type secretsAddKeyCmd struct{ keysetPrint }

// Run adds a key.
func (c *secretsAddKeyCmd) Run(e *env) error {
	keys, err := e.keysetKeys()
	if err != nil {
		return err
	}
	if last := keys[len(keys)-1]; !last.Primary {
		return fmt.Errorf("secrets: key %d was added already and does not seal yet: promote or retire it", last.ID)
	}
	var id pii.KeyID
	return e.editKeyset(c.Print, func(text string) (changed string, err error) {
		changed, id, err = pii.AddKey(text)
		return changed, err
	}, func() string {
		return fmt.Sprintf("key %d added. When every process has it (holdfast_keyset_key in /metrics): holdfast secrets promote", id)
	})
}

// spread is how long ago the keyset's file must have changed, so that every process has taken it up.
type spread struct {
	Grace time.Duration `default:"10s" help:"How long ago the keyset's file must have changed, so that every process has read it; what is missing is waited for."`
}

type secretsPromoteCmd struct {
	Key uint32 `arg:"" optional:"" help:"Its id; by default the key that was added last."`
	keysetPrint
	spread
}

// Run promotes a key.
func (c *secretsPromoteCmd) Run(e *env) error {
	keys, err := e.keysetKeys()
	if err != nil {
		return err
	}
	id := pii.KeyID(c.Key)
	if id == 0 {
		id = keys[len(keys)-1].ID
	}
	k, ok := findKeyInfo(keys, id)
	switch {
	case !ok:
		return fmt.Errorf("secrets: the keyset has no key %d", id)
	case k.Primary:
		return fmt.Errorf("secrets: key %d seals already; add-key makes another", id)
	}
	if err := e.awaitSpread(c.Grace); err != nil {
		return err
	}
	return e.editKeyset(c.Print, func(text string) (string, error) { return pii.PromoteKey(text, id) }, func() string {
		return fmt.Sprintf("key %d seals from now on. Next: holdfast secrets rotate", id)
	})
}

type secretsRotateCmd struct{ spread }

// Run seals anew. A value that no key opens, or that was busy all the while, is told and fails the command.
func (c *secretsRotateCmd) Run(e *env) error {
	if err := e.awaitSpread(c.Grace); err != nil {
		return err
	}
	return e.asOwner(func(db *pgxpool.Pool, keys *pii.Keyring) error {
		told := time.Now()
		all, err := store.Reseal(e.ctx, db, keys, func(r store.Resealed) {
			if time.Since(told) > time.Second {
				told = time.Now()
				fmt.Fprintf(e.stderr, "%s: %d looked at, %d sealed anew\n", r.Column, r.Looked, r.Changed)
			}
		})
		failed := e.printResealed(all, keys.Primary())
		if err != nil {
			return errors.New("secrets: it stopped and can be run again: " + store.Safe(err))
		}
		if failed {
			return errFailed
		}
		return nil
	})
}

// printResealed prints the table, and names what was not sealed anew.
func (e *env) printResealed(all []store.Resealed, primary pii.KeyID) (failed bool) {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COLUMN\tLOOKED AT\tSEALED ANEW\tNOT OPENED\tBUSY")
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", r.Column, r.Looked, r.Changed, r.Unopened, r.Busy)
	}
	_ = w.Flush()
	for _, r := range all {
		for _, ref := range r.First {
			fmt.Fprintf(e.stdout, "%s: no key opens that of %s of org %s\n", r.Column, ref.ID, ref.Org)
		}
		if more := r.Unopened - int64(len(r.First)); more > 0 {
			fmt.Fprintf(e.stdout, "%s: nor those of %d more\n", r.Column, more)
		}
		if r.Busy > 0 {
			fmt.Fprintf(e.stdout, "%s: %d were held by others all the while: run it again\n", r.Column, r.Busy)
		}
		failed = failed || r.Unopened > 0 || r.Busy > 0
	}
	if !failed {
		fmt.Fprintf(e.stdout, "all that is sealed is sealed by key %d. Next: holdfast secrets retire\n", primary)
	}
	return failed
}

type secretsRetireCmd struct {
	Key uint32 `arg:"" optional:"" help:"Its id; by default the only one that does not seal."`
	keysetPrint
	Grace time.Duration `default:"30s" help:"How long ago the keyset's file must have changed: by then every process seals by the new key, and what was begun by the old one is over. What is missing is waited for."`
}

// Run takes a key out.
func (c *secretsRetireCmd) Run(e *env) error {
	keys, err := e.keysetKeys()
	if err != nil {
		return err
	}
	id, err := retirable(keys, pii.KeyID(c.Key))
	if err != nil {
		return err
	}
	if err := e.awaitSpread(c.Grace); err != nil {
		return err
	}
	err = e.asOwner(func(db *pgxpool.Pool, _ *pii.Keyring) error {
		counts, err := store.CountSealed(e.ctx, db, id)
		if err != nil {
			return errors.New("secrets: " + store.Safe(err))
		}
		if len(counts) > 0 {
			n := counts[0]
			return fmt.Errorf("secrets: key %d has sealed %d values of %s and of %d other columns: holdfast secrets rotate comes first", id, n.Rows, n.Column, len(counts)-1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.editKeyset(c.Print, func(text string) (string, error) { return pii.RemoveKey(text, id) }, func() string {
		return fmt.Sprintf("key %d is out of the keyset. Keep it elsewhere for as long as backups from before are kept: only it opens them", id)
	})
}

// retirable is the key that can be taken out.
func retirable(keys []pii.KeyInfo, id pii.KeyID) (pii.KeyID, error) {
	if id == 0 {
		var idle []pii.KeyID
		for _, k := range keys {
			if !k.Primary {
				idle = append(idle, k.ID)
			}
		}
		if len(idle) != 1 {
			return 0, fmt.Errorf("secrets: %d keys do not seal: say which one", len(idle))
		}
		id = idle[0]
	}
	k, ok := findKeyInfo(keys, id)
	switch {
	case !ok:
		return 0, fmt.Errorf("secrets: the keyset has no key %d", id)
	case k.Primary:
		return 0, fmt.Errorf("secrets: key %d is the one that seals: promote another first", id)
	}
	return id, nil
}

func findKeyInfo(keys []pii.KeyInfo, id pii.KeyID) (pii.KeyInfo, bool) {
	for _, k := range keys {
		if k.ID == id {
			return k, true
		}
	}
	return pii.KeyInfo{}, false
}

// keysetKeys lists the keys of the keyset that is configured.
func (e *env) keysetKeys() ([]pii.KeyInfo, error) {
	if e.cfg.Keyset.IsZero() {
		return nil, errors.New("secrets: HOLDFAST_KEYSET_FILE names no keyset, nor does HOLDFAST_KEYSET hold one")
	}
	return pii.ReadKeyset(e.cfg.Keyset.Reveal())
}

// awaitSpread waits until the keyset's file has not changed for a while. Of a keyset from the environment nobody can tell.
func (e *env) awaitSpread(grace time.Duration) error {
	if e.cfg.KeysetFile == "" {
		return nil
	}
	st, err := os.Stat(e.cfg.KeysetFile)
	if err != nil {
		return errors.New("secrets: the keyset's file cannot be read")
	}
	wait := grace - time.Since(st.ModTime())
	if wait <= 0 {
		return nil
	}
	fmt.Fprintf(e.stderr, "waiting %v, until every process has read the keyset as it is\n", wait.Round(time.Second))
	ctx, cancel := context.WithTimeout(e.ctx, min(wait, grace)) // a time that lies ahead is not waited for
	defer cancel()
	<-ctx.Done()
	return e.ctx.Err()
}
