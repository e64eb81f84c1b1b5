package ingress

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

type statusInput struct {
	Org       string `path:"org"`
	Message   string `path:"message" doc:"Our own id of the text, so that a callback that overtakes the answer to its send is still ours."`
	Signature string `header:"X-Twilio-Signature"`
}

type inboundInput struct {
	Org       string `path:"org"`
	Signature string `header:"X-Twilio-Signature"`
}

// twiml is an answer that Twilio reads.
type twiml struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}

func (in *Ingress) twilioRoutes() {
	register(in, opTwilioStatus, func(ctx context.Context, c *call, i *statusInput) (*struct{}, error) {
		org, form, err := in.fromTwilio(ctx, c, i.Org, i.Signature)
		if err != nil {
			return nil, err
		}
		id, err := pathID(i.Message)
		if err != nil {
			return nil, err
		}
		return nil, in.applyStatus(ctx, org, id, form)
	})
	register(in, opTwilioInbound, func(ctx context.Context, c *call, i *inboundInput) (*twiml, error) {
		org, form, err := in.fromTwilio(ctx, c, i.Org, i.Signature)
		if err != nil {
			return nil, err
		}
		if err := in.takeInbound(ctx, org, form); err != nil {
			return nil, err
		}
		return &twiml{"text/xml", []byte(`<?xml version="1.0" encoding="UTF-8"?><Response/>`)}, nil
	})
}

// fromTwilio proves a webhook by the org's own token. An unknown org, one without an account and a wrong
// signature are told apart by nobody.
func (in *Ingress) fromTwilio(ctx context.Context, c *call, path, signature string) (uuid.UUID, url.Values, error) {
	org, err := pathID(path)
	if err != nil {
		return org, nil, in.denied("signature-org")
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return org, nil, in.denied("signature-form")
	}
	load := func() (store.SMSAccount, error) {
		return read(ctx, in, org, func(ctx context.Context, tx *store.Tx) (store.SMSAccount, error) {
			return store.LoadSMSAccount(ctx, tx, in.keys)
		})
	}
	valid := func(a store.SMSAccount) bool { // either token: Twilio has changed over at a moment that is its own
		signed := sms.ValidSignature(a.Token, in.public+c.uri, form, signature)
		return (sms.ValidSignature(a.Secondary, in.public+c.uri, form, signature) || signed) && form.Get("AccountSid") == a.SID
	}
	if a, ok := in.accounts.get(org); ok && valid(a) {
		return org, form, nil
	}
	// Not by what is remembered: the token may have been changed a moment ago.
	a, err := in.accounts.fresh(org, load)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return org, nil, in.denied("signature-org")
	case err != nil:
		return org, nil, err
	case !valid(a):
		in.security.Note(org, uuid.Nil, eventBadSignature, c.route)
		return org, nil, in.denied("signature")
	}
	return org, form, nil
}

// applyStatus moves a text forward as a callback says.
func (in *Ingress) applyStatus(ctx context.Context, org, id uuid.UUID, form url.Values) error {
	said := sms.Sent{SID: form.Get("MessageSid"), Status: form.Get("MessageStatus")}
	if !validKey(said.SID) {
		return newProblem("missing-field", "MessageSid", "")
	}
	said.ErrorCode, _ = strconv.Atoi(form.Get("ErrorCode")) // none is 0
	var moved store.Message
	var state string
	ctx, cancel := detached(ctx)
	defer cancel()
	err := tasks.InTx(ctx, in.db, org, func(tx *store.Tx) (err error) {
		state, err = in.texts.Apply(ctx, tx, id, said, &moved)
		return err
	})
	if err != nil {
		return err
	}
	if state == "" {
		state = "other"
		in.log.WarnContext(ctx, "status callback of an unknown status", "message", id)
	}
	in.metrics.Callbacks.WithLabelValues(state, strconv.FormatBool(moved.ID != uuid.Nil)).Inc()
	return nil
}

// takeInbound writes a text from a customer. Twilio may deliver it twice.
func (in *Ingress) takeInbound(ctx context.Context, org uuid.UUID, form url.Values) error {
	sid := form.Get("MessageSid")
	if !validKey(sid) {
		return newProblem("missing-field", "MessageSid", "")
	}
	from := form.Get("From")
	if from == "" {
		return newProblem("missing-field", "From", "")
	}
	phone, err := pii.ParsePhone(from, "")
	if err != nil {
		phone = pii.KnownPhone(from) // a short code: no number to dial, but it can text
	}
	sender := form.Get("MessagingServiceSid")
	if sender == "" {
		sender = form.Get("To")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	text := store.Inbound{ID: id, SID: sid, From: phone, Sender: clean(sender), Body: pii.NewText(form.Get("Body")),
		OptOutType: clean(form.Get("OptOutType"))}
	ctx, cancel := detached(ctx)
	defer cancel()
	return tasks.InTx(ctx, in.db, org, func(tx *store.Tx) error { return handlers.TakeInbound(ctx, tx, in.keys, text) })
}

// clean drops what PostgreSQL takes for no text.
func clean(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "") }
