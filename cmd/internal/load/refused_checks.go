package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
		list, err := store.ListSecurityEvents(ctx, r.Database, r.org, s.at.Sub(r.start)+time.Second, r.Requests)
		if err != nil {
			return s, errors.New(store.Safe(err))
		}
		for _, e := range list {
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

// compare tells what is broken: something was written, or was not counted, or was written down for each request.
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
	return broken
}
