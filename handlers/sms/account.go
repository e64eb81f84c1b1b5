package sms

import (
	"context"
	"errors"
	"net/http"
)

// Why Check refuses an account.
var (
	// ErrToken says that Twilio does not take the account's token.
	ErrToken = errors.New("Twilio does not take the token for this account") //nolint:staticcheck // a name
	// ErrSuspended says that the account is suspended.
	ErrSuspended = errors.New("the account is suspended at Twilio")
	// ErrClosed says that the account is closed for good.
	ErrClosed = errors.New("the account is closed at Twilio")
	// ErrUnreachable says that Twilio gave no answer that tells anything of the account.
	ErrUnreachable = errors.New("Twilio is not reachable") //nolint:staticcheck // a name
)

// Check asks Twilio whether it takes the account's primary token and whether the account may send. Its errors are those
// above, for errors.Is. Nothing is sent and nothing changed; the secondary token is not tried.
func (c *Client) Check(ctx context.Context, a Account) error {
	if !isSID(a.SID) || a.Token.IsZero() {
		return ErrToken
	}
	found, err := c.api(ctx, Account{SID: a.SID, Token: a.Token}).FetchAccount(a.SID)
	if err != nil {
		switch e := asReadError(err); {
		case e.Status == http.StatusForbidden: // a token that is taken, of an account that may do nothing
			return ErrSuspended
		case e.Class == Tenant || e.Status == http.StatusUnauthorized || e.Status == http.StatusNotFound:
			return ErrToken
		default:
			return ErrUnreachable
		}
	}
	switch value(found.Status) {
	case "active":
		return nil
	case "closed":
		return ErrClosed
	case "suspended":
		return ErrSuspended
	default:
		return ErrUnreachable
	}
}
