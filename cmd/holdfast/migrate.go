package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"holdfast/cmd/internal/config"
	"holdfast/migrations"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Run the migrations that the database does not have."`
	Status migrateStatusCmd `cmd:"" help:"List the migrations and which the database has."`
}

type (
	migrateUpCmd     struct{}
	migrateStatusCmd struct{}
)

// Run migrates. With HOLDFAST_ADMIN_DATABASE_URL it makes the roles first.
func (migrateUpCmd) Run(e *env) error {
	if err := e.cfg.Requires(config.Migrate); err != nil {
		return err
	}
	if !e.cfg.AdminDatabaseURL.IsZero() {
		passwords, err := e.cfg.RolePasswords()
		if err != nil {
			return err
		}
		if err := migrations.Bootstrap(e.ctx, e.cfg.AdminDatabaseURL.Reveal(), passwords); err != nil {
			return err
		}
		if err := migrations.CreateDatabase(e.ctx, e.cfg.AdminDatabaseURL.Reveal(), e.cfg.OwnerDatabaseURL.Reveal()); err != nil {
			return err
		}
	}
	n, err := migrations.Up(e.ctx, e.cfg.OwnerDatabaseURL.Reveal())
	if errors.Is(err, migrations.ErrOldSchema) {
		return errors.New("the database was made by an unreleased older version and cannot be migrated: start with an empty one")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%d migrations run, the schema is up to date\n", n)
	return nil
}

// Run lists migrations.
func (migrateStatusCmd) Run(e *env) error {
	if err := e.cfg.Requires(config.Migrate); err != nil {
		return err
	}
	all, err := migrations.Status(e.ctx, e.cfg.OwnerDatabaseURL.Reveal())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, s := range all {
		state := "pending"
		if s.Applied {
			state = "applied"
		}
		fmt.Fprintf(w, "%s\t%s\n", s.File, state)
	}
	return w.Flush()
}
