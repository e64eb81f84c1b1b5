package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// Refused is the scenario of those who have no right to be let in: another org's key, keys that nobody has, forged
// signatures, and such that are stale or of another URL or secret, in equal parts. Each must be refused, none may write anything, and all must be counted.
const Refused = "refused"

// RefusedOptions say who tries what on which system.
type RefusedOptions struct {
	APIURL string
	// PublicURL is the API's as Twilio's signatures cover it.
	PublicURL string
	Org       Org       // its key is used on the other's path; its webhooks are forged
	Other     uuid.UUID // an org that the key is not of
	Secrets   Secrets   // the org's
	Requests  int       // in all
	Users     int       // who ask one after the other, without a pause

	// OpsURL and OpsToken are of the operators' listener of the process that serves APIURL; "" leaves out whether all
	// were counted.
	OpsURL, OpsToken string
	// Database reads as the audit role; nil leaves out whether nothing was written.
	Database store.DB
	Out      io.Writer
}

// Secrets are those of an org's webhooks.
type Secrets struct{ Events, Vapi, Retell, TwilioSID, TwilioToken string }

// refusals is one run.
type refusals struct {
	RefusedOptions
	tries []try
	org   uuid.UUID
	start time.Time // by the database's clock
	sent  atomic.Int64
}

// RunRefused tries, prints what came of it, and returns what was found broken as an error.
func RunRefused(ctx context.Context, o RefusedOptions) (Result, error) {
	r := &refusals{RefusedOptions: o}
	var err error
	if r.org, err = uuid.Parse(o.Org.ID); err != nil || o.Requests < 1 || o.Users < 1 {
		return Result{}, errors.New("load: want an org's id, at least one request and one user")
	}
	if r.tries, err = r.allTries(); err != nil {
		return Result{}, fmt.Errorf("load: %w", err)
	}
	res := Result{Scenario: Refused, Model: fmt.Sprintf("%d requests by %d users without a pause", o.Requests, o.Users)}
	fmt.Fprintf(o.Out, "%s: %s\n", res.Scenario, res.Model)
	before, err := r.look(ctx)
	if err != nil {
		return res, fmt.Errorf("load: %w", err)
	}
	begun := time.Now()
	res.Steps, res.Unexpected = r.drive(ctx)
	res.Seconds = time.Since(begun).Seconds()
	res.Interrupted = ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	after, err := r.settled(ctx, res.Steps)
	if err != nil {
		return res, fmt.Errorf("load: %w", err)
	}
	for i := range res.Steps {
		res.Steps[i].Rate = float64(res.Steps[i].Requests) / res.Seconds
		res.Errors += res.Steps[i].Errors
	}
	if res.Errors > 0 {
		res.Broken = append(res.Broken, fmt.Sprintf("%d of %d were not refused as they should be: %v", res.Errors, r.sent.Load(), res.Unexpected))
	}
	res.Broken = append(res.Broken, r.compare(before, after, res.Steps)...)
	r.print(res, before, after)
	return res, res.err()
}

// drive sends all requests, by kinds in turn, and tells what each kind was answered and what should not have been.
func (r *refusals) drive(ctx context.Context) ([]StepResult, map[string]int) {
	var mu sync.Mutex
	sum, unexpected := make([]*meter, len(r.tries)), make(map[string]int)
	for i := range sum {
		sum[i] = newMeter()
	}
	transport := newTransport(r.Users)
	defer transport.CloseIdleConnections()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range r.Users {
		wg.Go(func() {
			own, wrong := make([]*meter, len(r.tries)), make(map[string]int)
			var buf bytes.Buffer
			for n := int(next.Add(1)) - 1; n < r.Requests && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				i := turn(n)
				if own[i] == nil {
					own[i] = newMeter()
				}
				req := r.tries[i].request(n)
				start := time.Now()
				a := send(ctx, transport, &buf, req)
				own[i].record(a.at.Sub(start), a.status)
				r.sent.Add(1)
				if said := problem(a); said != r.tries[i].want {
					own[i].errors++
					wrong[r.tries[i].name+": "+said]++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for i, m := range own {
				if m != nil {
					sum[i].add(m)
				}
			}
			for what, n := range wrong {
				unexpected[what] += n
			}
		})
	}
	wg.Wait()
	steps := make([]StepResult, len(r.tries))
	for i, m := range sum {
		steps[i] = m.result(r.tries[i].name, 1)
	}
	return steps, unexpected
}

// turn is the kind of the n-th request: five parts alike, of which forged and stale ones (or what comes next to it) are each shared by four webhooks.
func turn(n int) int {
	part, round := n%5, n/5
	if part < 3 {
		return part
	}
	return 3 + (part-3)*4 + round%4
}

// print writes the table, and what was looked at besides.
func (r *refusals) print(res Result, before, after seen) {
	fmt.Fprintf(r.Out, "\n%s, %s: %.1f s, %.0f/s\n", res.Scenario, res.Model, res.Seconds, float64(r.sent.Load())/res.Seconds)
	res.table(r.Out)
	all := newMeter()
	for _, s := range res.Steps {
		all.took.Merge(s.took)
	}
	total := all.result("all", res.Seconds)
	fmt.Fprintf(r.Out, "all refusals: p50 %s, p95 %s, p99 %s\n", short(total.p50), short(total.p95), short(total.p99))
	if before.counted != nil {
		var lines []string
		for reason, n := range after.counted {
			if d := n - before.counted[reason]; d > 0 {
				lines = append(lines, fmt.Sprintf("%s %d", reason, d))
			}
		}
		slices.Sort(lines)
		fmt.Fprintf(r.Out, "counted by /metrics: %s\n", strings.Join(lines, ", "))
	}
	if r.Database != nil {
		fmt.Fprintf(r.Out, "rows of what requests write, before and after: %+v, %+v; rows of security events: %d\n", before.written, after.written, after.events)
	}
	for _, note := range res.Notes {
		fmt.Fprintln(r.Out, note)
	}
	for _, b := range res.Broken {
		fmt.Fprintf(r.Out, "BROKEN: %s\n", b)
	}
}
