package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/cmd/internal/boot"
	"holdfast/cmd/internal/config"
	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

type deadletterCmd struct {
	List    deadletterListCmd    `cmd:"" help:"List dead letters, the last to die first."`
	Show    deadletterShowCmd    `cmd:"" help:"Everything of one, and whether it would be replayed."`
	Replay  deadletterReplayCmd  `cmd:"" help:"Let dead letters run again, as if they were new."`
	Discard deadletterDiscardCmd `cmd:"" help:"End dead letters for good: somebody has dealt with what they were about."`
}

// deadletterFilter is which dead letters a command is about.
type deadletterFilter struct {
	Org  string `help:"Of one organisation: id or slug." placeholder:"ORG"`
	Type string `help:"Of one task type." placeholder:"TYPE"`
}

// find lists them.
func (f deadletterFilter) find(e *env, db *pgxpool.Pool, limit int) ([]store.DeadLetter, error) {
	filter := store.DeadLetterFilter{Type: f.Type, Limit: limit}
	if f.Org != "" {
		o, err := findOrg(e.ctx, db, f.Org)
		if err != nil {
			return nil, err
		}
		filter.Org = uuid.NullUUID{UUID: o.ID, Valid: true}
	}
	letters, err := store.DeadLetters(e.ctx, db, filter)
	if err != nil {
		return nil, errors.New(store.Safe(err))
	}
	return letters, nil
}

type deadletterListCmd struct {
	deadletterFilter
	Limit int  `default:"50" help:"At most so many; 0 for all."`
	JSON  bool `help:"Print them as a JSON array."`
}

// Run lists dead letters.
func (c *deadletterListCmd) Run(e *env) error {
	return e.asReader(func(db *pgxpool.Pool) error {
		letters, err := c.find(e, db, c.Limit)
		if err != nil {
			return err
		}
		if c.JSON {
			return e.printJSON(letters)
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tORG\tTYPE\tREASON\tDIED\tAGE\tATTEMPTS\tABOUT")
		for _, l := range letters {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%v\t%d\t%s\n", l.ID, l.Org, l.Type, l.Reason, l.DiedAt.UTC().Format(time.RFC3339),
				l.Age.Round(time.Second), l.Attempts, fields(l.About)[1:])
		}
		return w.Flush()
	})
}

type deadletterShowCmd struct {
	ID   string `arg:"" help:"Of the task."`
	JSON bool   `help:"Print it as JSON."`
}

// shown is what show tells of a task.
type shown struct {
	store.TaskDetail
	Replay string `json:"replay"` // what it would do
}

// Run shows a task.
func (c *deadletterShowCmd) Run(e *env) error {
	return e.asOperator(func(op operator) error {
		id, org, err := op.find(e.ctx, c.ID)
		if err != nil {
			return err
		}
		s := shown{Replay: "it would run again"}
		if s.TaskDetail, err = store.FindTask(e.ctx, op.DB.Pool, org, id); err != nil {
			return errors.New(store.Safe(err))
		}
		var declined *handlers.Declined
		switch err := op.MayReplay(e.ctx, org, id); {
		case errors.As(err, &declined):
			s.Replay = "declined: " + declined.Why
		case err != nil:
			return errors.New(store.Safe(err))
		}
		if c.JSON {
			return e.printJSON(s)
		}
		return s.print(e)
	})
}

func (s shown) print(e *env) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	line := func(name string, v any) { fmt.Fprintf(w, "%s\t%v\n", name, v) }
	line("id", s.ID)
	line("org", s.Org)
	line("type", s.Type)
	line("queue", s.Queue)
	line("state", s.State)
	line("reason", s.Reason)
	line("about", fields(s.About)[1:])
	if s.Request != nil {
		line("request", s.Request)
	}
	line("epoch, retries, crashes, calls", fmt.Sprintf("%d, %d, %d, %d", s.Epoch, s.Attempt, s.Crashes, s.ClaimNo))
	line("made", s.CreatedAt.UTC().Format(time.RFC3339))
	if s.FinishedAt != nil {
		line("ended", s.FinishedAt.UTC().Format(time.RFC3339))
	}
	for _, a := range s.Actions {
		line(a.Action, fmt.Sprintf("%s by %s: %s", a.At.UTC().Format(time.RFC3339), a.Who, a.Why))
	}
	line("replay", s.Replay)
	return w.Flush()
}

// deadletterHandling is how dead letters are named that something is done to, and who does it and why.
type deadletterHandling struct {
	deadletterFilter
	IDs []string `arg:"" optional:"" name:"id" help:"Of the tasks, or --all."`
	All bool     `help:"All that --org and --type leave, of which at least one is to be given."`
	Yes bool     `help:"With --all: do it, and not only count them."`
	Why string   `required:"" help:"Is written to the audit log, so name no customer."`
	By  string   `help:"Who does it; by default the user of this machine."`
}

type (
	deadletterReplayCmd  struct{ deadletterHandling }
	deadletterDiscardCmd struct{ deadletterHandling }
)

// Run replays.
func (c *deadletterReplayCmd) Run(e *env) error {
	return c.each(e, "replayed", (*handlers.Operator).Replay)
}

// Run discards.
func (c *deadletterDiscardCmd) Run(e *env) error {
	return c.each(e, "discarded", (*handlers.Operator).Discard)
}

// each does something to one dead letter after the other, a line each; one that is declined does not stop the rest.
func (c *deadletterHandling) each(e *env, done string, do func(*handlers.Operator, context.Context, uuid.UUID, uuid.UUID, handlers.By) error) error {
	return e.asOperator(func(op operator) error {
		ids, err := c.ids(e, op.DB.Pool)
		if err != nil {
			return err
		}
		failed := false
		for _, ref := range ids {
			outcome := done
			id, org, err := op.find(e.ctx, ref)
			if err == nil {
				err = do(op.Operator, e.ctx, org, id, handlers.By{Who: c.who(e), Why: c.Why})
			}
			if err != nil {
				failed, outcome = true, "declined: "+store.Safe(err)
			}
			fmt.Fprintf(e.stdout, "%s  %s\n", ref, outcome)
		}
		if failed {
			return errFailed
		}
		return nil
	})
}

// ids are those that were given, or found.
func (c *deadletterHandling) ids(e *env, db *pgxpool.Pool) ([]string, error) {
	if c.All == (len(c.IDs) > 0) {
		return nil, errors.New("deadletter: give ids or --all")
	}
	if !c.All {
		return c.IDs, nil
	}
	if c.Org == "" && c.Type == "" {
		return nil, errors.New("deadletter: --all wants --org or --type")
	}
	letters, err := c.find(e, db, 0)
	if err != nil {
		return nil, err
	}
	if !c.Yes {
		return nil, fmt.Errorf("deadletter: these would be %d; say --yes", len(letters))
	}
	ids := make([]string, len(letters))
	for i, l := range letters {
		ids[i] = l.ID.String()
	}
	return ids, nil
}

// who is the user of this machine unless --by names somebody.
func (c *deadletterHandling) who(e *env) string {
	if c.By != "" {
		return c.By
	}
	user, _ := e.getenv("USER")
	host, err := os.Hostname()
	if user == "" || err != nil {
		return "cli"
	}
	return user + "@" + host
}

// operator acts as the owner, who sees every org, within one org at a time.
type operator struct{ *handlers.Operator }

// asOperator runs do with the owner's pool, and with Redis if it is named and answers: else a worker's relay brings to it
// what was revived.
func (e *env) asOperator(do func(op operator) error) error {
	if err := e.cfg.Requires(config.Deadletter); err != nil {
		return err
	}
	return e.asOwner(func(pool *pgxpool.Pool, keys *pii.Keyring) error {
		db := &tasks.DB{Pool: pool}
		if !e.cfg.RedisURL.IsZero() {
			rdb, err := tasks.OpenRedis(e.ctx, e.cfg.RedisURL.Reveal())
			if err != nil {
				e.log.Warn("redis does not answer: a worker will bring it there", "error", err)
			} else {
				defer rdb.Close()
				db.Broker = tasks.NewBroker(rdb)
			}
		}
		return do(operator{boot.Operator(e.cfg, keys, db)})
	})
}

// find reads an id and tells whose task it is.
func (op operator) find(ctx context.Context, ref string) (id, org uuid.UUID, err error) {
	if id, err = uuid.Parse(ref); err != nil {
		return id, org, errors.New("that is no id")
	}
	org, err = store.TaskOrg(ctx, op.DB.Pool, id)
	if errors.Is(err, store.ErrNotFound) {
		err = errors.New("there is no such task")
	}
	return id, org, err
}
