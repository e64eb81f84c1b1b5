package validate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

var failureChecks = []check{
	{name: "failed-text", promise: "a text that fails for good takes its code back, and the hold goes on with another number", needs: []need{needDouble}, run: failedText},
	{name: "undelivered-text", promise: "a text that does not arrive is made good as one that fails", needs: []need{needDouble}, run: undeliveredText},
	{name: "dead-letter", promise: "a dead letter goes out when an operator runs it", needs: []need{needDouble, needOps}, alone: true, run: deadLetter},
	{name: "no-credentials", promise: "while an org's texts cannot be sent a request changes nothing", needs: []need{needDouble}, alone: true, run: noCredentials},
}

// fails makes the double refuse, or spoil, what is sent to a phone.
func (d *double) fails(ctx context.Context, phone string, rule map[string]any) error {
	rule["match"], rule["times"] = map[string]string{"to": phone}, 1
	a, err := d.do(ctx, http.MethodPost, "/_sim/faults", rule)
	if err == nil && a.status != http.StatusCreated {
		err = fmt.Errorf("a fault rule: the double says %v", a)
	}
	return err
}

// failing is a hold whose code text fails as the rule says, once that has been made good.
func (s *system) failing(ctx context.Context, rule map[string]any) (b bookingView, err error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return b, err
	}
	phone := s.phones.fresh()
	if err := s.double.fails(ctx, phone, rule); err != nil {
		return b, err
	}
	if b, err = s.hold(ctx, day[0].Start, phone); err != nil {
		return b, err
	}
	err = until(ctx, s.patience, "compensated after its text has failed", func() (bool, error) {
		t, err := s.timeline(ctx, b.ID)
		return slices.Contains(t.kinds(), "unreachable"), err
	})
	if err != nil {
		return b, err
	}
	now, err := s.booking(ctx, b.ID)
	if err == nil && (now.CodeState != "revoked" || now.State != "held" && now.State != "expired") {
		err = fmt.Errorf("its text has failed: the booking is %s, its code %s", now.State, now.CodeState)
	}
	return now, err
}

func failedText(ctx context.Context, s *system) (string, error) {
	b, err := s.failing(ctx, map[string]any{"do": "error", "code": 21614, "status": 400})
	if err != nil {
		return "", err
	}
	if b.State == "expired" { // the org frees the seat at once
		free, err := s.offered(ctx, b.Start)
		if err == nil && !free {
			err = errors.New("the hold was released, and its slot is not offered")
		}
		return "code revoked, hold released, slot offered again", err
	}
	other := s.phones.fresh()
	a, err := s.write(ctx, http.MethodPost, s.api.route("/bookings/"+b.ID+"/resend"), map[string]string{"phone": other})
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", fmt.Errorf("a code for another number: %v", a)
	}
	code, err := s.double.code(ctx, other)
	if err != nil {
		return "", err
	}
	if a, err = s.verify(ctx, b.ID, code); err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("the code that went to another number: %v", a)
	}
	return "code revoked, hold kept; another number got a code and confirmed", err
}

func undeliveredText(ctx context.Context, s *system) (string, error) {
	b, err := s.failing(ctx, map[string]any{"do": "undelivered", "code": 30003})
	if err != nil {
		return "", err
	}
	a, err := s.verify(ctx, b.ID, "123456")
	if err == nil && !a.is(http.StatusConflict, "code-revoked") && !a.is(http.StatusConflict, "hold-expired") {
		err = fmt.Errorf("a code after its text did not arrive: %v, want 409 code-revoked", a)
	}
	return "accepted by the provider, not delivered: code revoked, the timeline says unreachable", err
}

// noCredentials: the provider refuses the org's credentials. The text that met it is lost with its code; from then on
// requests are refused before anything is changed, until the provider lets one through.
func noCredentials(ctx context.Context, s *system) (string, error) {
	if _, err := s.failing(ctx, map[string]any{"do": "error", "code": 20003, "status": 401}); err != nil {
		return "", err
	}
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	start, phone := day[len(day)-1].Start, s.phones.fresh()
	refused, err := s.ask(ctx, start, phone)
	if err != nil {
		return "", err
	}
	if !refused.is(http.StatusServiceUnavailable, "sms-unavailable") {
		return "", fmt.Errorf("a request while the provider refuses the org's credentials: %v, want 503 sms-unavailable", refused)
	}
	if free, err := s.offered(ctx, start); err != nil || !free {
		return "", errors.Join(errors.New("a request that was refused has taken its slot"), err)
	}
	err = until(ctx, s.patience, "the org's texts go out again", func() (bool, error) {
		a, err := s.ask(ctx, start, phone)
		return a.status == http.StatusCreated, err
	})
	if err != nil {
		return "", err
	}
	texts, err := s.double.count(ctx, phone, 1)
	if err == nil && len(texts) != 1 {
		err = fmt.Errorf("%d texts, want 1", len(texts))
	}
	return "503 sms-unavailable, the slot still offered; once the provider agreed: held, one text", err
}

// needOps is for checks that press an operator's buttons.
func needOps(s *system) string {
	if s.OpsURL == "" || s.OpsToken == "" {
		return "the operators' listener and its token are not known"
	}
	return ""
}

// deadLetter: a confirmation dies; an operator runs it in asynqmon's archive.
func deadLetter(ctx context.Context, s *system) (string, error) {
	b, phone, code, err := s.held(ctx)
	if err != nil {
		return "", err
	}
	ops := &client{http: s.api.http, url: strings.TrimRight(s.OpsURL, "/"), key: s.OpsToken}
	before, err := ops.archived(ctx)
	if err != nil {
		return "", err
	}
	if err := s.double.fails(ctx, phone, map[string]any{"do": "error", "code": 21617, "status": 400}); err != nil {
		return "", err
	}
	if a, err := s.verify(ctx, b.ID, code); err != nil || a.status != http.StatusOK {
		return "", errors.Join(fmt.Errorf("the right code: %v", a), err)
	}
	var dead []string
	err = until(ctx, s.patience, "a dead letter in asynqmon", func() (bool, error) {
		now, err := ops.archived(ctx)
		dead = slices.DeleteFunc(now, func(id string) bool { return slices.Contains(before, id) })
		return len(dead) > 0, err
	})
	if err != nil {
		return "", err
	}
	for _, id := range dead { // others may die meanwhile: to run them does no harm
		a, err := ops.do(ctx, http.MethodPost, archivedTasks+"/"+id+":run", nil)
		if err != nil || a.status >= 300 {
			return "", errors.Join(fmt.Errorf("run in asynqmon: %v", a), err)
		}
	}
	texts, err := s.double.count(ctx, phone, 2)
	if err == nil && len(texts) != 2 {
		err = fmt.Errorf("%d texts, want 2", len(texts))
	}
	return "the confirmation was dead; run in asynqmon it went out, once", err
}

const archivedTasks = "/queues/api/queues/default/archived_tasks"

// archived lists the ids of dead letters that asynqmon shows of texts that are no codes.
func (c *client) archived(ctx context.Context) (ids []string, err error) {
	type page struct {
		Tasks []struct {
			ID string `json:"id"`
		} `json:"tasks"`
	}
	p, err := get[page](ctx, c, archivedTasks+query("size", "1000", "page", "1"))
	for _, t := range p.Tasks {
		ids = append(ids, t.ID)
	}
	return ids, err
}
