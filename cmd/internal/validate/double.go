package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// double is the control API of the Twilio double: the customer's phone.
type double struct {
	*client
	patience time.Duration
}

// findDouble is the double at a URL, nil when it does not answer as one.
func findDouble(ctx context.Context, h *http.Client, at string) *double {
	if at == "" {
		return nil
	}
	d := &double{client: &client{http: h, url: strings.TrimRight(at, "/")}, patience: patience}
	if a, err := d.do(ctx, http.MethodGet, "/_sim/messages?limit=1", nil); err != nil || a.status != http.StatusOK {
		return nil
	}
	return d
}

// needDouble is for checks that read texts.
func needDouble(s *system) string {
	switch {
	case s.double != nil:
		return ""
	case s.PhoneURL == "":
		return "the texts cannot be read without the Twilio double"
	}
	return "the Twilio double does not answer"
}

// text is a text as the phone got it.
type text struct {
	SID    string `json:"sid"`
	From   string `json:"from"`
	Body   string `json:"body"`
	Status string `json:"status"`
}

// texts lists what a phone got, oldest first.
func (d *double) texts(ctx context.Context, phone string) ([]text, error) {
	a, err := d.do(ctx, http.MethodGet, "/_sim/messages"+query("to", phone), nil)
	if err != nil {
		return nil, err
	}
	var list struct {
		Messages []text `json:"messages"`
	}
	return list.Messages, json.Unmarshal(a.raw, &list)
}

// count waits until a phone has n texts.
func (d *double) count(ctx context.Context, phone string, n int) (all []text, err error) {
	err = until(ctx, d.patience, fmt.Sprintf("text %d to a phone", n), func() (bool, error) {
		all, err = d.texts(ctx, phone)
		return len(all) >= n, err
	})
	return all, err
}

// code waits for a phone's first text and reads its code: the first six digits.
func (d *double) code(ctx context.Context, phone string) (string, error) {
	all, err := d.count(ctx, phone, 1)
	if err != nil {
		return "", err
	}
	return codeIn(all[0].Body)
}

func codeIn(body string) (string, error) {
	at := strings.IndexAny(body, "0123456789")
	if at < 0 || len(body) < at+6 || strings.Trim(body[at:at+6], "0123456789") != "" {
		return "", errors.New("the first text holds no code")
	}
	return body[at : at+6], nil
}

// reply sends a text from a phone, in answer to the last one that it got.
func (d *double) reply(ctx context.Context, phone, body string) error {
	a, err := d.do(ctx, http.MethodPost, "/_sim/inbound", map[string]string{"from": phone, "body": body})
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("a reply from a phone: the double says %v", a)
	}
	return err
}

// silence makes the double drop its status callbacks about texts to a phone.
func (d *double) silence(ctx context.Context, phone string) error {
	a, err := d.do(ctx, http.MethodPost, "/_sim/faults", map[string]any{"match": map[string]string{"to": phone}, "times": 1, "do": "drop_callback"})
	if err == nil && a.status != http.StatusCreated {
		err = fmt.Errorf("a fault rule: the double says %v", a)
	}
	return err
}
