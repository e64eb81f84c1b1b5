package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"holdfast/handlers/sms/twiliosim"
)

// provider is the double's control API: its record of texts, its fault rules, and the phones.
type provider struct {
	base string
	http *http.Client
}

func (s *system) provider() *provider {
	return &provider{base: s.doubleURL, http: &http.Client{Timeout: 20 * time.Second}}
}

func (p *provider) post(ctx context.Context, path string, in, out any) (status int, err error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+path, bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	return p.do(req, out)
}

func (p *provider) do(req *http.Request, out any) (status int, err error) {
	res, err := p.http.Do(req) // #nosec G704 -- our own double
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if out != nil {
		err = json.NewDecoder(res.Body).Decode(out)
	}
	return res.StatusCode, err
}

func (p *provider) number(ctx context.Context, phone, account, inbound string) error {
	status, err := p.post(ctx, "/_sim/numbers", map[string]string{"number": phone, "account_sid": account, "inbound_url": inbound}, nil)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("the double answers %d", status)
	}
	return err
}

func (p *provider) fault(ctx context.Context, f twiliosim.Fault) error {
	status, err := p.post(ctx, "/_sim/faults", f, nil)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("fault %s: the double answers %d", f.Do, status)
	}
	return err
}

// calm takes all fault rules away.
func (p *provider) calm(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, p.base+"/_sim/faults", http.NoBody)
	if err != nil {
		return err
	}
	_, err = p.do(req, nil)
	return err
}

// reply texts body from a phone; it reports whether the webhook took it.
func (p *provider) reply(ctx context.Context, phone, body string) bool {
	var r struct{ Status int }
	_, err := p.post(ctx, "/_sim/inbound", map[string]string{"from": phone, "body": body}, &r)
	return err == nil && r.Status == http.StatusOK
}

// texts are all texts to a phone, or to all (""), oldest first.
func (p *provider) texts(ctx context.Context, phone string) ([]twiliosim.Message, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/_sim/messages?to="+url.QueryEscape(phone), http.NoBody)
	if err != nil {
		return nil, err
	}
	var list struct{ Messages []twiliosim.Message }
	_, err = p.do(req, &list)
	return list.Messages, err
}

// code waits for a code text to phone and returns the newest code; "" when none comes.
func (p *provider) code(ctx context.Context, phone string, limit time.Duration) (code string) {
	_ = until(ctx, limit, "a code", func() bool {
		list, err := p.texts(ctx, phone)
		for _, m := range list {
			if c := codeOf(m.Body); c != "" {
				code = c
			}
		}
		return err == nil && code != ""
	})
	return code
}

// codeOf is the code that a text begins with, or "".
func codeOf(body string) string {
	const digits = 6
	if len(body) <= digits || strings.Trim(body[:digits], "0123456789") != "" {
		return ""
	}
	return body[:digits]
}
