package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/store"
	"holdfast/tasks"
)

// asReader runs do with a pool of a role that sees every org: the auditor's, which cannot write, else the owner's.
func (e *env) asReader(do func(db *pgxpool.Pool) error) error {
	url := e.cfg.AuditDatabaseURL
	if url.IsZero() {
		url = e.cfg.OwnerDatabaseURL
	}
	if url.IsZero() {
		return errors.New("HOLDFAST_AUDIT_DATABASE_URL is not set, nor is HOLDFAST_OWNER_DATABASE_URL")
	}
	db, err := store.Open(e.ctx, url.Reveal(), 1)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(db)
}

type showCmd struct {
	ID   string `arg:"" help:"Of a request, booking, task, message, reply, code, transcript or report, or a Twilio SID; or the name of a periodic task, as holds:expire."`
	JSON bool   `help:"Print it as JSON."`
}

// Run prints the story of what the id names, or the last ticks of a periodic task.
func (c *showCmd) Run(e *env) error {
	return e.asReader(func(db *pgxpool.Pool) error {
		if slices.ContainsFunc(tasks.PeriodicTable(0), func(p tasks.Periodic) bool { return p.Name == c.ID }) {
			return c.ticks(e, db)
		}
		s, err := store.FindStory(e.ctx, db, c.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return errors.New("show: nothing has that id")
		case err != nil:
			return errors.New(store.Safe(err))
		case c.JSON:
			return e.printJSON(s)
		}
		return printStory(e.stdout, s)
	})
}

// shownTicks is how many ticks are shown: some minutes of them.
const shownTicks = 20

// ticks prints the last runs of a periodic task, the last first.
func (c *showCmd) ticks(e *env, db *pgxpool.Pool) error {
	all, err := store.ListTicks(e.ctx, db, c.ID, shownTicks)
	switch {
	case err != nil:
		return errors.New(store.Safe(err))
	case c.JSON:
		return e.printJSON(struct {
			Name  string       `json:"name"`
			Ticks []store.Tick `json:"ticks"`
		}{c.ID, all})
	case len(all) == 0:
		return errors.New("show: it has not run within a day: is a scheduler up, and a worker?")
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WINDOW\tFINISHED\tROWS\tERROR")
	for _, t := range all {
		finished, rows := "-", "-"
		if t.Finished != nil {
			finished, rows = t.Finished.UTC().Format(showTime), strconv.Itoa(t.Rows)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Window.UTC().Format(showTime), finished, rows, cmp.Or(t.Error, "-"))
	}
	return w.Flush()
}

// showTime is how times are printed: with milliseconds, so that they line up.
const showTime = "2006-01-02T15:04:05.000Z07:00"

// printJSON prints v for machines.
func (e *env) printJSON(v any) error {
	out := json.NewEncoder(e.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// printStory prints a line for each event.
func printStory(w io.Writer, s store.Story) error {
	fmt.Fprintf(w, "%s %s of org %s\n", s.Of, s.ID, s.Org)
	for _, ev := range s.Events {
		_, err := fmt.Fprintf(w, "%s  %-12s %s  %s%s\n", ev.At.UTC().Format(showTime), ev.Of, ev.ID, ev.What, fields(ev.Detail))
		if err != nil {
			return err
		}
	}
	return nil
}

// fields writes a flat JSON object as name=value, by name.
func fields(raw json.RawMessage) string {
	var object map[string]any
	if json.Unmarshal(raw, &object) != nil {
		return ""
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(object)) {
		v := object[name]
		if t, err := time.Parse(time.RFC3339Nano, fmt.Sprint(v)); err == nil {
			v = t.UTC().Format(time.RFC3339)
		}
		if s, ok := v.(string); ok && strings.ContainsAny(s, " \t\"") {
			v = fmt.Sprintf("%q", s)
		}
		fmt.Fprintf(&b, " %s=%v", name, v)
	}
	return b.String()
}
