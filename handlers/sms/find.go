package sms

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"holdfast/store/pii"
)

const (
	// findPage keeps a page of some 1 KB a message well under maxAnswer.
	findPage = 20
	// findPages bounds a search to 200 texts: more than any number gets between a claim and its
	// reconciling.
	findPages = 10
)

// Find lists what was sent to a number by the account's sender, newest first, created at since or
// later. It also sees texts that Twilio has not passed on yet: it filters by date_created, since those
// have no date_sent. Twilio's clock counts, in whole seconds: leave an allowance in since.
//
// An error means that nothing is known; it is never Unknown, since looking changes nothing.
func (c *Client) Find(ctx context.Context, a Account, to pii.Phone, since time.Time) ([]Sent, error) {
	if err := checkAccount(a); err != nil {
		return nil, err
	}
	if to.IsZero() {
		return nil, &Error{Class: Recipient, Reason: "no number", Known: true}
	}
	p := (&openapi.ListMessageParams{}).SetPathAccountSid(a.SID).SetTo(to.Reveal()).SetPageSize(findPage)
	if a.From != "" {
		p.SetFrom(a.From)
	}
	api := c.api(ctx, a)
	since = since.Truncate(time.Second)
	var found []Sent
	var token, number string
	for range findPages {
		page, err := api.PageMessage(p, token, number)
		if err != nil {
			return nil, asReadError(err)
		}
		// Twilio orders by time sent, roughly: only a whole page of older ones ends the search.
		newer := false
		for _, m := range page.Messages {
			s := sent(m)
			if s.CreatedAt.IsZero() || !s.CreatedAt.Before(since) {
				found, newer = append(found, s), true
			}
		}
		token, number = nextPage(page.NextPageUri)
		if !newer || (token == "" && number == "") {
			break
		}
	}
	slices.SortStableFunc(found, func(x, y Sent) int { return y.CreatedAt.Compare(x.CreatedAt) })
	return found, nil
}

// Fetch reads one text by its SID, for when its status callback got lost.
//
// An error means that nothing is known; it is never Unknown, since looking changes nothing.
func (c *Client) Fetch(ctx context.Context, a Account, sid string) (Sent, error) {
	if err := checkAccount(a); err != nil {
		return Sent{}, err
	}
	if !isSID(sid) {
		return Sent{}, &Error{Class: Content, Reason: "message sid", Known: true}
	}
	m, err := c.api(ctx, a).FetchMessage(sid, (&openapi.FetchMessageParams{}).SetPathAccountSid(a.SID))
	if err != nil {
		e := asReadError(err)
		if e.Status == http.StatusNotFound {
			e.Class = Content // this text is not there; that says nothing against the account
		}
		return Sent{}, e
	}
	return sent(*m), nil
}

func sent(m openapi.ApiV2010Message) Sent {
	s := Sent{
		SID:       value(m.Sid),
		Status:    value(m.Status),
		ErrorCode: value(m.ErrorCode),
		Body:      pii.NewText(value(m.Body)),
		From:      value(m.From),
	}
	if t, err := time.Parse(time.RFC1123Z, value(m.DateCreated)); err == nil {
		s.CreatedAt = t.UTC()
	}
	return s
}

// nextPage takes the position out of a next_page_uri and leaves the rest: where to ask is ours to say.
func nextPage(uri *string) (token, number string) {
	u, err := url.Parse(value(uri))
	if err != nil {
		return "", ""
	}
	q := u.Query()
	return q.Get("PageToken"), q.Get("Page")
}
