package validate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// talk is one phone call through a voice agent's platform.
type talk struct {
	s      *system
	id     string
	phone  string // of the caller
	secret string
}

func (s *system) talk(secret string) talk {
	return talk{s: s, id: uuid.NewString(), phone: s.phones.fresh(), secret: secret}
}

// use is one tool call. Retries of it have the same id.
type use struct {
	id, tool string
	args     map[string]any
}

func tool(name string, args map[string]any) use {
	return use{id: "call_" + uuid.NewString()[:8], tool: name, args: args}
}

// platform is how a voice agent's platform asks, and how it is answered.
type platform struct {
	name   string
	need   need
	secret func(s *system) string
	// shapes are the ways in which it writes a tool call.
	shapes []string
	// send sends a call in one of the shapes, with a good secret or another, and reads the sentence of the answer.
	send func(ctx context.Context, t talk, u use, shape string) (said string, status int, err error)
}

// checks are the same for every platform.
func (p platform) checks() []check {
	named := func(name, promise string, run func(ctx context.Context, s *system) (string, error)) check {
		return check{name: p.name + "-" + name, promise: promise, needs: []need{p.need}, run: run}
	}
	verify := named("verify", "a voice agent confirms by the code", p.verify)
	verify.needs = append(verify.needs, needDouble)
	return []check{
		named("hold", "a voice agent holds a slot, however its platform writes the call", p.hold),
		named("retry", "a tool call that is delivered twice books once", p.retry),
		named("secret", "a voice agent without the secret is refused", p.refuse),
		named("availability", "a voice agent is told times", p.availability),
		verify,
	}
}

// ask sends a call and expects a sentence.
func (p platform) ask(ctx context.Context, t talk, u use, shape string) (string, error) {
	said, status, err := p.send(ctx, t, u, shape)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusNotFound:
		return "", errors.New("no such route")
	case status != http.StatusOK:
		return "", fmt.Errorf("%s: %d, want 200", u.tool, status)
	case said == "" || strings.ContainsAny(said, "\r\n"):
		return "", fmt.Errorf("%s was answered with %d lines, want one", u.tool, strings.Count(said, "\n")+min(1, len(said)))
	}
	return said, nil
}

// bookedAt is the live bookings of a start, which leave cancels.
func (s *system) bookedAt(ctx context.Context, start string) (live []bookingView, err error) {
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		return nil, err
	}
	for _, state := range []string{"held", "confirmed"} {
		found, err := s.list(ctx, state, start, at.Add(time.Minute).Format(time.RFC3339))
		if err != nil {
			return nil, err
		}
		live = append(live, found...)
	}
	for _, b := range live {
		s.keep(b.ID)
	}
	return live, nil
}

// one is the one live booking of a start.
func (s *system) one(ctx context.Context, start string) (b bookingView, err error) {
	err = until(ctx, s.patience/3, "a booking by a voice agent", func() (bool, error) {
		live, err := s.bookedAt(ctx, start)
		if err != nil || len(live) == 0 {
			return false, err
		}
		if b = live[0]; len(live) > 1 {
			return false, fmt.Errorf("%d bookings of one start", len(live))
		}
		return true, nil
	})
	return b, err
}

func (s *system) wanted(start string) map[string]any {
	return map[string]any{"resource": s.Resource, "start": start, "name": "Ana"}
}

func (p platform) hold(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, len(p.shapes))
	if err != nil {
		return "", err
	}
	for i, shape := range p.shapes {
		t := s.talk(p.secret(s))
		said, err := p.ask(ctx, t, tool("hold_slot", s.wanted(day[i].Start)), shape)
		if err != nil {
			return "", fmt.Errorf("%s: %w", shape, err)
		}
		if _, err := s.one(ctx, day[i].Start); err != nil {
			return "", fmt.Errorf("%s, answered %q: %w", shape, said, err)
		}
	}
	return fmt.Sprintf("%d shapes held %d slots, each answered 200 with one line", len(p.shapes), len(p.shapes)), nil
}

func (p platform) retry(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	wanted := s.wanted(day[0].Start)
	wanted["notes"] = "repeated"
	t, u := s.talk(p.secret(s)), tool("hold_slot", wanted)
	said := [3]string{}
	first := bookingView{}
	for i := range said {
		if said[i], err = p.ask(ctx, t, u, p.shapes[0]); err != nil {
			return "", err
		}
		b, err := s.one(ctx, day[0].Start)
		if err != nil {
			return "", err
		}
		if first.ID == "" {
			first = b
		}
		if b.ID != first.ID {
			return "", fmt.Errorf("delivery %d made another booking", i+1)
		}
	}
	if s.double == nil {
		return "3 deliveries, one booking", nil
	}
	texts, err := s.double.count(ctx, t.phone, 1)
	if err == nil && len(texts) != 1 {
		err = fmt.Errorf("%d code texts for one booking", len(texts))
	}
	return "3 deliveries, one booking, 1 text", err
}

func (p platform) refuse(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	_, status, err := p.send(ctx, s.talk("not-the-secret-of-anybody"), tool("hold_slot", s.wanted(day[0].Start)), p.shapes[0])
	switch {
	case err != nil:
		return "", err
	case status == http.StatusNotFound:
		return "", errors.New("no such route")
	case status != http.StatusUnauthorized:
		return "", fmt.Errorf("a wrong secret: %d, want 401", status)
	}
	if live, err := s.bookedAt(ctx, day[0].Start); err != nil || len(live) > 0 {
		return "", or(err, "a refused agent booked all the same")
	}
	return "401, and nothing was booked", nil
}

func (p platform) availability(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	date, _, _ := strings.Cut(day[0].Start, "T")
	said, err := p.ask(ctx, s.talk(p.secret(s)), tool("check_availability", map[string]any{"resource": s.Resource, "start": date}), p.shapes[0])
	if err != nil {
		return "", err
	}
	at, err := time.Parse(time.RFC3339, day[0].Start)
	if err != nil {
		return "", err
	}
	hour := at.Format("3") // the first free time is named, however it is spoken
	if !slices.Contains(strings.FieldsFunc(said, func(r rune) bool { return r < '0' || r > '9' }), hour) {
		return "", fmt.Errorf("the answer does not name %s o'clock: %q", hour, said)
	}
	return fmt.Sprintf("%q", said), nil
}

func (p platform) verify(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	t := s.talk(p.secret(s))
	if _, err := p.ask(ctx, t, tool("hold_slot", s.wanted(day[0].Start)), p.shapes[0]); err != nil {
		return "", err
	}
	b, err := s.one(ctx, day[0].Start)
	if err != nil {
		return "", err
	}
	code, err := s.double.code(ctx, t.phone)
	if err != nil {
		return "", err
	}
	if _, err := p.ask(ctx, t, tool("verify_code", map[string]any{"code": code}), p.shapes[0]); err != nil {
		return "", err
	}
	now, err := s.booking(ctx, b.ID)
	if err == nil && now.State != "confirmed" {
		err = fmt.Errorf("after the right code the booking is %s", now.State)
	}
	return "held, and confirmed by the code", err
}
