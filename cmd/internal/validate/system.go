package validate

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// system is the running system as a check sees it.
type system struct {
	Target
	crowd    int
	patience time.Duration
	api      *client // with the org's key
	open     *client // with none: for webhooks
	other    *client // with the second org's key, on its own paths
	double   *double
	calendar *calendar
	phones   *phones

	busy atomic.Int64 // times that the system asked to come again

	mu   sync.Mutex
	made []string // paths by which leave takes away what the check has made
}

func open(ctx context.Context, t Target, o Options) *system {
	t.URL, t.PublicURL = strings.TrimRight(t.URL, "/"), strings.TrimRight(t.PublicURL, "/")
	if t.PublicURL == "" {
		t.PublicURL = t.URL
	}
	h := newHTTP()
	api := &client{http: h, url: t.URL, org: t.Org, key: t.Key}
	s := &system{
		Target: t, crowd: o.Crowd, patience: o.Patience, api: api,
		open:     &client{http: h, url: t.URL, org: t.Org},
		other:    &client{http: h, url: t.URL, org: t.OtherOrg, key: t.OtherKey},
		double:   findDouble(ctx, h, t.PhoneURL),
		calendar: &calendar{api: api, resource: t.Resource},
		phones:   &phones{given: make(map[string]bool)},
	}
	if s.double != nil {
		s.double.patience = o.Patience
	}
	return s
}

func (s *system) close() { s.api.http.CloseIdleConnections() }

// visit is the system for one check, which cleans up for itself.
func (s *system) visit() *system {
	return &system{Target: s.Target, crowd: s.crowd, patience: s.patience, api: s.api, open: s.open, other: s.other, double: s.double, calendar: s.calendar, phones: s.phones}
}

// keep remembers a booking that the check has made, so that leave cancels it.
func (s *system) keep(booking string) {
	if booking == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if path := s.api.route("/bookings/" + booking + "/cancel"); !slices.Contains(s.made, path) {
		s.made = append(s.made, path)
	}
}

// keepBlock does so for a block.
func (s *system) keepBlock(block string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = append(s.made, s.api.route("/blocks/"+block))
}

// leave takes away what the check has made, also when its time is over.
func (s *system) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []error
	for _, path := range s.made {
		method := http.MethodPost
		if strings.Contains(path, "/blocks/") {
			method = http.MethodDelete
		}
		a, err := s.write(ctx, method, path, nil)
		switch {
		case err != nil:
			left = append(left, err)
		case a.status != http.StatusOK && a.status != http.StatusNotFound && a.kind() != "booking-ended":
			left = append(left, fmt.Errorf("clean up: %v", a))
		}
	}
	return errors.Join(left...)
}

// patience is how long a check waits for what must happen soon. A busy machine is no broken promise.
const patience = 30 * time.Second

// until asks again and again, until ok or an error is found, or limit is over.
func until(ctx context.Context, limit time.Duration, what string, ok func() (bool, error)) error {
	deadline := time.After(limit)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-deadline:
			return fmt.Errorf("%s: not within %v", what, limit)
		case <-tick.C:
		}
	}
}

// wait is the preference of a client that wants the outcome.
var wait = []string{"Prefer", "wait=20"}

// write sends a write of the org and returns its outcome, wherever it is to be found. A system that is too busy
// says when to come again, and is asked again then; how often is counted.
func (s *system) write(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	for deadline := time.Now().Add(s.patience); ; s.busy.Add(1) {
		a, err := s.api.do(ctx, method, path, body, append(slices.Clone(wait), headers...)...)
		if err == nil && a.status == http.StatusAccepted {
			return s.outcome(ctx, a)
		}
		later, no := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || !a.is(http.StatusServiceUnavailable, "temporarily-unavailable") || no != nil || time.Now().After(deadline) {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(time.Duration(later) * time.Second):
		}
	}
}

// outcome follows the Location of a 202 until the request is done.
func (s *system) outcome(ctx context.Context, a answer) (answer, error) {
	at := a.header.Get("Location")
	if at == "" {
		return a, errors.New("202 without Location")
	}
	err := until(ctx, s.patience, "the outcome of a request", func() (bool, error) {
		r, err := get[requestView](ctx, s.api, at)
		if err != nil || r.Status != "done" {
			return false, err
		}
		a = answer{status: r.Result.Status, header: a.header, raw: r.Result.Body, took: a.took}
		return true, nil
	})
	return a, err
}

// wish is the body of a request for a slot.
func (s *system) wish(start, phone string) map[string]any {
	return map[string]any{"resource": s.Resource, "start": start, "customer": map[string]any{"phone": phone, "name": "Ana"}}
}

// ask asks for a slot and keeps what it gets.
func (s *system) ask(ctx context.Context, start, phone string, headers ...string) (answer, error) {
	a, err := s.write(ctx, http.MethodPost, s.api.route("/bookings"), s.wish(start, phone), headers...)
	if err == nil && a.status == http.StatusCreated {
		s.keep(read[bookingView](a).ID)
	}
	return a, err
}

// hold gets a slot that nobody else wants.
func (s *system) hold(ctx context.Context, start, phone string) (bookingView, error) {
	a, err := s.ask(ctx, start, phone)
	if err != nil {
		return bookingView{}, err
	}
	b := read[bookingView](a)
	if a.status != http.StatusCreated || b.State != "held" {
		return b, fmt.Errorf("a free slot was asked for: %v %s", a, b.State)
	}
	return b, nil
}

// held is a hold of the day's first slot together with its code, which the double was sent.
func (s *system) held(ctx context.Context) (b bookingView, phone, code string, err error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return b, "", "", err
	}
	phone = s.phones.fresh()
	if b, err = s.hold(ctx, day[0].Start, phone); err != nil {
		return b, phone, "", err
	}
	code, err = s.double.code(ctx, phone)
	return b, phone, code, err
}

// verify gives a code.
func (s *system) verify(ctx context.Context, booking, code string) (answer, error) {
	return s.write(ctx, http.MethodPost, s.api.route("/bookings/"+booking+"/verify"), map[string]string{"code": code})
}

func (s *system) booking(ctx context.Context, id string) (bookingView, error) {
	return get[bookingView](ctx, s.api, s.api.route("/bookings/"+id))
}

// list is the first page of the bookings in a state from one moment to another.
func (s *system) list(ctx context.Context, state, from, to string) ([]bookingView, error) {
	l, err := get[bookingList](ctx, s.api, s.api.route("/bookings"+query("state", state, "from", from, "to", to)))
	return l.Bookings, err
}

func (s *system) timeline(ctx context.Context, id string) (timelineView, error) {
	return get[timelineView](ctx, s.api, s.api.route("/bookings/"+id+"/timeline"))
}

// offered reports whether a start is among those that are offered.
func (s *system) offered(ctx context.Context, start string) (bool, error) {
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		return false, err
	}
	o, err := s.calendar.openings(ctx, start, at.Add(time.Minute).Format(time.RFC3339))
	return len(o.Slots) > 0, err
}

// phones gives out numbers that nobody has: of area code 555, which is no area's.
type phones struct {
	mu    sync.Mutex
	given map[string]bool
}

// fresh is a number that was not given out before, in all likelihood by no other run either.
func (p *phones) fresh() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		number := fmt.Sprintf("+1555%07d", 2_000_000+random(8_000_000))
		if !p.given[number] {
			p.given[number] = true
			return number
		}
	}
}

// random is a number below n.
func random(n int) int {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, by crypto/rand's contract
	return int(binary.BigEndian.Uint64(b[:]) % uint64(n))
}
