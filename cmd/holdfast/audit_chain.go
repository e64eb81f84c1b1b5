package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"holdfast/cmd/internal/config"
	"holdfast/store"
	"holdfast/store/pii"
)

type auditChainCmd struct {
	Org    string `help:"Id or slug of the only organisation to look at; all by default."`
	Expect string `help:"Head of its chain as it was printed before and kept elsewhere: shows an end that was cut off." placeholder:"SEQ:HASH"`
	JSON   bool   `help:"Print the report as JSON." name:"json"`
}

// chainLine is what is printed of one chain.
type chainLine struct {
	Org       string            `json:"org"`
	Slug      string            `json:"slug"`
	Head      string            `json:"head"` // "" when nothing was sealed yet
	Unsealed  int64             `json:"unsealed"`
	OldestFor float64           `json:"oldest_unsealed_seconds"`
	Broken    *store.ChainBreak `json:"broken"`
	Breaks    int64             `json:"breaks"`
	Holds     int64             `json:"holds_from"` // 0: no link at the end does
	Late      *store.ChainBreak `json:"late"`
	Lates     int64             `json:"lates"`
}

// Run verifies the chains of audit logs, link by link. One that is broken is an error; a link that is late is told.
func (c *auditChainCmd) Run(e *env) error {
	if err := e.cfg.Requires(config.Audit); err != nil {
		return err
	}
	var expect *store.ChainHead
	if c.Expect != "" {
		if c.Org == "" {
			return errors.New("chain: --expect is about one organisation: give --org")
		}
		head, err := store.ParseChainHead(c.Expect)
		if err != nil {
			return fmt.Errorf("chain: --expect: %w", err)
		}
		expect = &head
	}
	keys, err := pii.NewKeyring(e.cfg.Keys())
	if err != nil {
		return fmt.Errorf("chain: its hashes are keyed: %w", err)
	}
	lines, err := c.verify(e, keys, expect)
	if err != nil {
		return errors.New(store.Safe(err))
	}
	if err := c.print(e, lines); err != nil {
		return err
	}
	broken := 0
	for _, l := range lines {
		if l.Broken != nil {
			broken++
		}
	}
	if broken > 0 {
		return fmt.Errorf("chain: %d of %d are broken", broken, len(lines))
	}
	return nil
}

func (c *auditChainCmd) verify(e *env, keys *pii.Keyring, expect *store.ChainHead) (lines []chainLine, err error) {
	pool, err := store.Open(e.ctx, e.cfg.AuditDatabaseURL.Reveal(), 1)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	orgs, err := store.ListOrgs(e.ctx, pool)
	if err != nil {
		return nil, err
	}
	if len(orgs) == 0 {
		return nil, errors.New("chain: no org is seen: is this the audit role's URL?")
	}
	if c.Org != "" {
		one, err := findOrg(e.ctx, pool, c.Org)
		if err != nil {
			return nil, err
		}
		orgs = []store.Org{one}
	}
	for _, o := range orgs {
		r, err := store.VerifyChain(e.ctx, pool, keys, o, expect)
		if err != nil {
			return nil, err
		}
		l := chainLine{Org: o.ID.String(), Slug: o.Slug, Unsealed: r.Unsealed, OldestFor: r.Oldest.Seconds(),
			Broken: r.Broken, Breaks: r.Breaks, Holds: r.Holds, Late: r.Late, Lates: r.Lates}
		if r.Head.Seq > 0 {
			l.Head = r.Head.String()
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func (c *auditChainCmd) print(e *env, lines []chainLine) error {
	if c.JSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		return out.Encode(lines)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ORG\tCHAIN\tLATE\tUNSEALED\tHEAD")
	for _, l := range lines {
		state, late, unsealed := "holds", "0", "0"
		if b := l.Broken; b != nil {
			state = fmt.Sprintf("BROKEN: %s at link %d, audit row %d", b.What, b.Seq, b.AuditID)
			if l.Breaks > 1 {
				state += fmt.Sprintf(", and %d more", l.Breaks-1)
			}
			if l.Holds > 0 {
				state += fmt.Sprintf("; links hold from %d on", l.Holds)
			}
		}
		if w := l.Late; w != nil {
			late = fmt.Sprintf("%d, the first: %s at link %d, audit row %d", l.Lates, w.What, w.Seq, w.AuditID)
		}
		if l.Unsealed > 0 {
			oldest := time.Duration(l.OldestFor * float64(time.Second)).Round(100 * time.Millisecond)
			unsealed = fmt.Sprintf("%d, the oldest for %s", l.Unsealed, oldest)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.Slug, state, late, unsealed, l.Head)
	}
	return w.Flush()
}
