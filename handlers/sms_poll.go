package handlers

import (
	"context"
	"errors"
	"time"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Fetcher asks the provider after one text.
type Fetcher interface {
	Fetch(ctx context.Context, a sms.Account, sid string) (sms.Sent, error)
}

// SMSPoll does sms:poll: it asks the provider what became of a text, since its callback may have got lost, and applies
// the answer as a callback would be.
type SMSPoll struct {
	Keys    *pii.Keyring
	Fetcher Fetcher
	Status  TextStatus
}

// poll is one question to the provider.
type poll struct {
	account sms.Account
	sid     string
}

// scanMessages does messages:scan: each text that the provider has told no end of for too long gets an sms:poll.
func scanMessages(ctx context.Context, tx *store.Tx) (n int, more bool, err error) {
	due, more, err := store.DuePolls(ctx, tx)
	for _, id := range due {
		if _, err := tasks.SMSPoll.Enqueue(tx, tasks.MessagePayload{Message: id}, tasks.Once(id.String())); err != nil {
			return 0, false, err
		}
	}
	return len(due), more, err
}

// Claim reads what to ask.
func (h *SMSPoll) Claim(ctx context.Context, tx *store.Tx, _ store.Task, p tasks.MessagePayload) (poll, error) {
	m, err := store.LockMessage(ctx, tx, h.Keys, p.Message)
	if err != nil {
		return poll{}, err
	}
	if m.SID == "" || m.State != store.MessageAccepted && m.State != store.MessageSent { // a callback came after all
		return poll{}, tasks.ErrNothing
	}
	a, err := store.LoadSMSAccount(ctx, tx, h.Keys)
	if errors.Is(err, store.ErrNotFound) {
		return poll{}, tasks.ErrNothing
	}
	return poll{account: account(a), sid: m.SID}, err
}

// Call asks.
func (h *SMSPoll) Call(ctx context.Context, q poll) (sms.Sent, error) {
	return h.Fetcher.Fetch(ctx, q.account, q.sid)
}

// Record applies the answer. Without one nothing is done to the text, which was accepted and may have arrived: a text
// that the account does not know, an account that may not ask, a provider that is busy. A later scan asks again.
func (h *SMSPoll) Record(ctx context.Context, tx *store.Tx, p tasks.MessagePayload, q poll, said sms.Sent, callErr error) error {
	if callErr != nil {
		return nil //nolint:nilerr // see above
	}
	said.SID = q.sid
	var moved store.Message
	_, err := h.Status.Apply(ctx, tx, p.Message, said, &moved)
	return err
}

// Abandoned asks again: a question changes nothing.
func (h *SMSPoll) Abandoned(context.Context, *store.Tx, tasks.MessagePayload) error {
	return tasks.Snooze("ask-again", time.Second)
}
