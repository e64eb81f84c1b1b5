package main

import (
	"encoding/json"
	"errors"
	"time"

	"holdfast/cmd/internal/audit"
	"holdfast/cmd/internal/config"
	"holdfast/store"
)

type auditCmd struct {
	Check auditCheckCmd `cmd:"" default:"withargs" help:"Hold the promises against the live database, as one table. This is what audit does by itself."`
	Chain auditChainCmd `cmd:"" help:"Verify the chains of the organisations' audit logs, which needs the keys besides."`
}

type auditCheckCmd struct {
	JSON  bool          `help:"Print the report as JSON."`
	Grace time.Duration `default:"60s" help:"How long after its end a hold may wait for the sweep: its interval and some slack."`
}

// Run audits. A promise that is broken, or a role that does not see what is there, is an error.
func (c *auditCheckCmd) Run(e *env) error {
	if err := e.cfg.Requires(config.Audit); err != nil {
		return err
	}
	report, err := audit.Run(e.ctx, e.cfg.AuditDatabaseURL, e.auditOptions(c.Grace))
	if err != nil {
		return errors.New(store.Safe(err))
	}
	if c.JSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = audit.Print(e.stdout, report)
	}
	return errors.Join(err, report.Err())
}

// auditOptions allow what is on its way the time that it may take.
func (e *env) auditOptions(grace time.Duration) store.AuditOptions {
	return store.AuditOptions{Grace: grace, Settle: grace + e.cfg.HTTPTimeout + e.cfg.ReconcileGrace}
}
