package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/store/pii"
)

// phones hands out numbers that belong to nobody: 555-0100 to 555-0199 are fiction in every area code. Two bookings
// have one number only when more are made in one run than there are numbers.
type phones struct {
	all   []string
	first uint32 // another one for each run
	next  atomic.Uint32
}

// Fiction lists numbers that belong to nobody: a hundred in each area code of the United States, whose numbers an org texts unless it has
// decided otherwise, without those of the double's magic numbers (500) and of examples (202).
func Fiction() (all []string) {
	for area := 200; area < 1000; area++ {
		number := func(n int) string { return fmt.Sprintf("+1%d55501%02d", area, n) }
		if area == 202 || area == 500 || pii.KnownPhone(number(0)).Region() != "US" {
			continue
		}
		for n := range 100 {
			all = append(all, number(n))
		}
	}
	return all
}

func (p *phones) take() string { return p.all[(p.first+p.next.Add(1))%uint32(len(p.all))] }

// double is the stand-in for Twilio, by its control API: it shows what phones were sent.
type double struct {
	transport http.RoundTripper
	base      url.URL
	skew      time.Duration // our clock less its own, when they differ by more than can be told
}

// text is a text that a phone got.
type text struct {
	To   string    `json:"to"`
	Body string    `json:"body"`
	At   time.Time `json:"date_created"`
}

// code is the code of a text that holds one, which then begins with it.
func (t text) code() (string, bool) {
	const digits = 6
	if len(t.Body) <= digits || strings.Trim(t.Body[:digits], "0123456789") != "" || strings.Trim(t.Body[digits:digits+1], "0123456789") == "" {
		return "", false
	}
	return t.Body[:digits], true
}

// newDouble finds the double at base and compares its clock with ours.
func newDouble(ctx context.Context, transport http.RoundTripper, base string) (*double, error) {
	u, err := url.Parse(strings.TrimRight(base, "/") + "/_sim/messages")
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL of the double", base)
	}
	d := &double{transport: transport, base: *u}
	var buf bytes.Buffer
	a := d.get(ctx, &buf, "limit=1")
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("the double does not answer at %s (%d)", u.Host, a.status)
	}
	if at, err := http.ParseTime(a.header.Get("Date")); err == nil && time.Since(at).Abs() > 2*time.Second {
		d.skew = time.Since(at)
	}
	return d, nil
}

func (d *double) get(ctx context.Context, buf *bytes.Buffer, query string) answer {
	u := d.base
	u.RawQuery = query
	return send(ctx, d.transport, buf, &http.Request{Method: http.MethodGet, URL: &u, Header: http.Header{}})
}

// texts reads the newest texts to a phone, or to all ("").
func (d *double) texts(ctx context.Context, buf *bytes.Buffer, to string, limit int) ([]text, error) {
	query := "limit=" + strconv.Itoa(limit)
	if to != "" {
		query += "&to=" + url.QueryEscape(to)
	}
	a := d.get(ctx, buf, query)
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("double: %d %w", a.status, a.err)
	}
	var list struct {
		Messages []text `json:"messages"`
	}
	if err := json.Unmarshal(a.body, &list); err != nil {
		return nil, fmt.Errorf("double: %w", err)
	}
	for i := range list.Messages {
		list.Messages[i].At = list.Messages[i].At.Add(d.skew)
	}
	return list.Messages, nil
}
