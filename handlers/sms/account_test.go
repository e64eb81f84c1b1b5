package sms_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store/pii"
)

// TestCheck: what is wrong with an account is told apart, before anybody relies on it.
func TestCheck(t *testing.T) {
	c, sim := double(t, 5*time.Second)
	wrong, other, nonsense := account, account, account
	wrong.Token, wrong.Secondary = pii.NewToken("wrong"), account.Token // a good secondary does not make the primary good
	other.SID = "ACffffffffffffffffffffffffffffffff"
	nonsense.SID = "AC/../x"
	for _, tt := range []struct {
		name    string
		account sms.Account
		status  string
		want    error
	}{
		{"good", account, twiliosim.AccountActive, nil},
		{"wrong token", wrong, twiliosim.AccountActive, sms.ErrToken},
		{"no such account", other, twiliosim.AccountActive, sms.ErrToken},
		{"no id", nonsense, twiliosim.AccountActive, sms.ErrToken},
		{"no token", sms.Account{SID: account.SID}, twiliosim.AccountActive, sms.ErrToken},
		{"suspended", account, twiliosim.AccountSuspended, sms.ErrSuspended},
		{"closed", account, twiliosim.AccountClosed, sms.ErrClosed},
	} {
		sim.SetAccount(account.SID, account.Token.Reveal(), "", tt.status)
		if err := c.Check(t.Context(), tt.account); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"ill":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"broken": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"busy":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
	} {
		if err := sms.New(serve(t, h).URL, time.Second, nil).Check(t.Context(), account); !errors.Is(err, sms.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sms.New("http://127.0.0.1:1", time.Second, nil).Check(t.Context(), account); !errors.Is(err, sms.ErrUnreachable) {
		t.Errorf("away: %v", err)
	}
}

// TestSecondaryToken: while the tokens are rotated either will do, in the same call, for sending and for asking; when
// Twilio takes neither it is the account's fault, and of any other failure the second token is not tried.
func TestSecondaryToken(t *testing.T) {
	c, sim := double(t, 5*time.Second)
	both := account
	both.Secondary = pii.NewToken("the other")
	sim.AddAccount(account.SID, "the other") // promoted at Twilio: the former primary one is no more
	sent, err := c.Send(t.Context(), both, text)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(sim.Messages(customer)); n != 1 {
		t.Errorf("%d texts", n)
	}
	if got, err := c.Fetch(t.Context(), both, sent.SID); err != nil || got.SID != sent.SID {
		t.Errorf("fetch: %v", err)
	}
	if got, err := c.Find(t.Context(), both, text.To, time.Now().Add(-time.Minute)); err != nil || len(got) != 1 {
		t.Errorf("find: %d, %v", len(got), err)
	}
	for _, a := range []sms.Account{account, {SID: account.SID, Token: account.Token, Secondary: pii.NewToken("neither"), From: sender}} {
		if _, err := c.Send(t.Context(), a, text); sms.ClassOf(err) != sms.Tenant {
			t.Errorf("neither is taken: %v", err)
		}
	}
	for _, status := range []int{http.StatusForbidden, http.StatusBadRequest, http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		asked := 0
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(status) }))
		if _, err := sms.New(srv.URL, time.Second, nil).Send(t.Context(), both, text); err == nil || asked != 1 {
			t.Errorf("%d: asked %d times, %v", status, asked, err)
		}
	}
	if n := len(sim.Messages(customer)); n != 1 {
		t.Errorf("%d texts in the end", n)
	}
}
