package ingress

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"sync"

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
	signed, form, ok := in.twilioSigned(c, signature)
	if !ok {
		return org, nil, in.denied("signature-form")
	}
	load := func(ctx context.Context) (store.SMSAccount, error) {
		return read(ctx, in, org, func(ctx context.Context, tx *store.Tx) (store.SMSAccount, error) {
			return store.LoadSMSAccount(ctx, tx, in.keys)
		})
	}
	valid := func(a store.SMSAccount) bool { // either token: Twilio has changed over at a moment that is its own
		return anyOf(a.Tokens(), in.dummy, signed) && form().Get("AccountSid") == a.SID
	}
	v, err := in.accounts.prove(ctx, org, load, valid)
	if err = in.judged(ctx, org, v, err); err != nil {
		return org, nil, err
	}
	return org, form(), nil
}

// maxFormFields is how many fields a form may have. Twilio sends some 25, and two more for each of ten pictures; before the
// proof each costs sorting.
const maxFormFields = 200

// twilioSigned reads what of a webhook is signed, and returns how to check it by a token. A form is signed itself, and must be
// read for that. Of JSON the URL is signed, which names the body's hash: it is read by form, after the proof.
func (in *Ingress) twilioSigned(c *call, signature string) (signed func(pii.Token) bool, form func() url.Values, ok bool) {
	at := in.public + c.uri
	if isJSON(c.header.Get("Content-Type")) {
		form = sync.OnceValue(func() url.Values { return formOf(c.body) })
		return func(t pii.Token) bool { return sms.ValidBodySignature(t, at, c.body, signature) }, form, true
	}
	if bytes.Count(c.body, []byte("&")) >= maxFormFields {
		return nil, nil, false
	}
	fields, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, nil, false
	}
	return func(t pii.Token) bool { return sms.ValidSignature(t, at, fields, signature) }, func() url.Values { return fields }, true
}

// formOf reads the texts and numbers of a JSON object as the fields of a form. What is no such object has none.
func formOf(raw []byte) url.Values {
	form := url.Values{}
	fields, err := decode[map[string]json.RawMessage](raw, "")
	if err != nil {
		return form
	}
	for name, value := range fields {
		var text string
		switch {
		case json.Unmarshal(value, &text) == nil && string(value) != "null":
			form.Set(name, text)
		case len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9'):
			form.Set(name, string(value))
		}
	}
	return form
}

// readStatus reads a status callback.
func readStatus(form url.Values) (sms.Sent, error) {
	said := sms.Sent{SID: form.Get("MessageSid"), Status: form.Get("MessageStatus")}
	if !validKey(said.SID) {
		return said, newProblem("missing-field", "MessageSid", "")
	}
	if code, err := strconv.ParseUint(form.Get("ErrorCode"), 10, 31); err == nil { // none is 0
		said.ErrorCode = int(code)
	}
	return said, nil
}

// applyStatus moves a text forward as a callback says.
func (in *Ingress) applyStatus(ctx context.Context, org, id uuid.UUID, form url.Values) error {
	said, err := readStatus(form)
	if err != nil {
		return err
	}
	var moved store.Message
	var state string
	ctx, cancel := detached(ctx)
	defer cancel()
	err = tasks.InTx(ctx, in.db, org, func(tx *store.Tx) (err error) {
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

// readInbound reads a text from a customer.
func readInbound(form url.Values) (store.Inbound, error) {
	text := store.Inbound{SID: form.Get("MessageSid"), Sender: form.Get("MessagingServiceSid"), Body: pii.NewText(handlers.Spoken(form.Get("Body"))),
		OptOutType: optOutType(form.Get("OptOutType"))}
	if !validKey(text.SID) {
		return text, newProblem("missing-field", "MessageSid", "")
	}
	from := form.Get("From")
	if from == "" {
		return text, newProblem("missing-field", "From", "")
	}
	for _, name := range []string{"From", "To", "MessagingServiceSid"} {
		if value := form.Get(name); value != "" && (!validKey(value) || len(value) > maxAddress) {
			return text, newProblem("invalid-request", name, "a number, a short code or a SID")
		}
	}
	var err error
	if text.From, err = pii.ParsePhone(from, ""); err != nil {
		text.From = pii.KnownPhone(from) // a short code: no number to dial, but it can text
	}
	if text.Sender == "" {
		text.Sender = form.Get("To")
	}
	return text, nil
}

// takeInbound writes a text from a customer. Twilio may deliver it twice.
func (in *Ingress) takeInbound(ctx context.Context, org uuid.UUID, form url.Values) error {
	text, err := readInbound(form)
	if err != nil {
		return err
	}
	if text.ID, err = uuid.NewV7(); err != nil {
		return err
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	return tasks.InTx(ctx, in.db, org, func(tx *store.Tx) error { return handlers.TakeInbound(ctx, tx, in.keys, text) })
}

// maxAddress is how long an address of Twilio's may be: "whatsapp:" and fifteen digits have 25.
const maxAddress = 64

// optOutType is what Twilio says that it has done; "" for what it does not say (Advanced Opt-Out).
func optOutType(said string) string {
	switch said {
	case "STOP", "START", "HELP":
		return said
	}
	return ""
}
