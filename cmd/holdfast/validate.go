package main

import (
	"errors"
	"fmt"

	"holdfast/cmd/internal/dev"
	"holdfast/cmd/internal/validate"
)

type validateCmd struct {
	ReadyFile string          `help:"What a running dev wrote to its --ready-file; it goes before all flags and variables that follow." type:"path" placeholder:"FILE"`
	JSON      bool            `name:"json" help:"Print the results as a JSON array, and the last line to stderr."`
	Only      []string        `help:"Run these checks only." placeholder:"NAME,…"`
	Target    validate.Target `embed:""`
}

// Run makes the checks and fails when one has failed.
func (c *validateCmd) Run(e *env) error {
	target := c.Target
	if c.ReadyFile != "" {
		r, err := dev.ReadFile(c.ReadyFile)
		if err != nil {
			return err
		}
		target = validate.Of(r)
	}
	if target.URL == "" || target.Org == "" || target.Key == "" || target.Resource == "" {
		return errors.New("which system? Name a --ready-file, or HOLDFAST_URL, HOLDFAST_ORG, HOLDFAST_KEY and HOLDFAST_RESOURCE")
	}
	o := validate.Options{Only: c.Only}
	if !c.JSON {
		o.Tell = func(r validate.Result) { fmt.Fprintln(e.stdout, r) }
	}
	results, err := validate.Run(e.ctx, target, o)
	if err != nil {
		return err
	}
	last := e.stdout
	if c.JSON {
		if err := validate.WriteJSON(e.stdout, results); err != nil {
			return err
		}
		last = e.stderr
	}
	fmt.Fprintln(last, validate.Summary(results))
	if _, failed := validate.Count(results); failed > 0 {
		return errFailed
	}
	return nil
}
