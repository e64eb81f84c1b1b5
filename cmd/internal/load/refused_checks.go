package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/store"
)

// seen is what can be seen of a system besides its answers.
type seen struct {
	at      time.Time // by the database's clock
	written store.Written
	events  int              // rows of security events since the start
	kinds   map[string]bool  // of security events since the start, or up to a minute before it
	counted map[string]int64 // refusals by reason
}

// look sees it.
func (r *refusals) look(ctx context.Context) (s seen, err error) {
	if r.Database != nil {
		if s.at, err = store.Now(ctx, r.Database); err != nil {
			return s, errors.New(store.Safe(err))
		}
		if r.start.IsZero() {
			r.start = s.at
		}
		if s.written, err = store.CountWritten(ctx, r.Database, r.org, r.Other); err != nil {
			return s, errors.New(store.Safe(err))
		}
		list, err := store.ListSecurityEvents(ctx, r.Database, r.org, s.at.Sub(r.start)+eventEvery, r.Requests+otherEvents)
		if err != nil {
			return s, errors.New(store.Safe(err))
		}
		s.kinds = make(map[string]bool)
		for _, e := range list {
			s.kinds[e.Kind] = true
			if !e.At.Before(r.start) {
				s.events++
			}
		}
	}
	if r.OpsURL != "" {
		s.counted, err = r.denied(ctx)
	}
	return s, err
}

// eventEvery is how long the same security event is counted before it is a row again: one of a run shortly before keeps ours
// from being the first.
const eventEvery = time.Minute

// otherEvents is how many rows of the minute before are looked through beside those of the run.
const otherEvents = 1000

// eventWait is how long the first of a kind may take to be a row: it is written at once, beside the answers.
const eventWait = 5 * time.Second

// eventKinds are the security events that refusals of a reason leave. A key that nobody has is no org's to be told of.
var eventKinds = map[string]string{reasonCrossOrg: "cross-org", reasonSignature: "bad-signature"}

// settled looks until there is a security event of each kind that was tried, for eventWait at most.
func (r *refusals) settled(ctx context.Context, steps []StepResult) (seen, error) {
	for until := time.Now().Add(eventWait); ; {
		s, err := r.look(ctx)
		if err != nil || r.Database == nil || len(r.untold(s, steps)) == 0 || time.Now().After(until) {
			return s, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// untold are the kinds of security events that are wanted and not there, in the order of tries.
func (r *refusals) untold(s seen, steps []StepResult) (kinds []string) {
	for i, step := range steps {
		kind, ok := eventKinds[r.tries[i].reason]
		if ok && step.Requests > 0 && !s.kinds[kind] && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

const deniedMetric = `holdfast_ingress_denied_total{reason="`

// denied reads what the system has counted, from the operators' /metrics.
func (r *refusals) denied(ctx context.Context) (map[string]int64, error) {
	u, err := url.Parse(strings.TrimRight(r.OpsURL, "/") + "/metrics")
	if err != nil {
		return nil, errors.New("the operators' URL cannot be read")
	}
	var buf bytes.Buffer
	transport := newTransport(1)
	defer transport.CloseIdleConnections()
	a := send(ctx, transport, &buf, &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Authorization": {"Bearer " + r.OpsToken}}})
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("/metrics: %s", problem(a))
	}
	counted := make(map[string]int64)
	for line := range strings.Lines(string(a.body)) {
		rest, ok := strings.CutPrefix(line, deniedMetric)
		reason, value, _ := strings.Cut(rest, `"} `)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil {
			return nil, errors.New("/metrics: a count cannot be read")
		}
		counted[reason] = int64(n)
	}
	return counted, nil
}

// compare tells what is broken: something was written, or was not counted, or was written down for each request, or for none.
func (r *refusals) compare(before, after seen, steps []StepResult) (broken []string) {
	if before.written != after.written {
		broken = append(broken, fmt.Sprintf("something was written: %+v before, %+v after", before.written, after.written))
	}
	wanted := make(map[string]int64)
	for i, s := range steps {
		wanted[r.tries[i].reason] += s.Requests
	}
	if r.OpsURL != "" {
		got := make(map[string]int64)
		for reason, n := range after.counted {
			of, _, _ := strings.Cut(reason, "-") // signature, signature-org, …
			if of != reasonSignature {
				of = reason
			}
			got[of] += n - before.counted[reason]
		}
		for reason, n := range wanted {
			if got[reason] != n {
				broken = append(broken, fmt.Sprintf("%d were refused as %s, %d were counted", n, reason, got[reason]))
			}
		}
	}
	// Of each kind the first is a row, and all of a minute are one; callers of keys take two routes.
	if most := (len(r.tries) + 1) * (2 + int(after.at.Sub(r.start).Minutes())); r.Database != nil && after.events > most {
		broken = append(broken, fmt.Sprintf("%d rows of security events, want %d at most", after.events, most))
	}
	if r.Database != nil {
		for _, kind := range r.untold(after, steps) {
			broken = append(broken, "no security event "+kind)
		}
	}
	return broken
}
