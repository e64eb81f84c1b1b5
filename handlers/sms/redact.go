package sms

import (
	"context"
	"net/http"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// Redact empties the body of a text at Twilio, to a customer or from one. It can be done again: what is empty stays so.
//
// An error with status 404 is a text that the account does not know, one with 409 a text that is not at its end yet: Twilio
// empties only those that were delivered, have failed or were received. It is never Unknown, since it may simply be asked again.
func (c *Client) Redact(ctx context.Context, a Account, sid string) error {
	if err := checkAccount(a); err != nil {
		return err
	}
	if !isSID(sid) {
		return &Error{Class: Content, Reason: "message sid", Known: true}
	}
	_, err := c.api(ctx, a).UpdateMessage(sid, (&openapi.UpdateMessageParams{}).SetPathAccountSid(a.SID).SetBody(""))
	if err == nil {
		return nil
	}
	e := asReadError(err)
	switch {
	case e.Code == codeNotAtEnd: // whatever the status is
		e.Status, e.Class = http.StatusConflict, Transient
	case e.Status == http.StatusNotFound:
		e.Class = Content // this text is not there; that says nothing against the account
	case e.Status == http.StatusConflict:
		e.Class = Transient
	}
	return e
}

// codeNotAtEnd is Twilio's refusal to delete or empty a text that is not complete.
const codeNotAtEnd = 20009
