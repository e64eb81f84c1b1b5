package twiliosim

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// optOut is a phone that replied STOP: to one sender, or to the Messaging Service that holds it.
type optOut struct{ account, sender, phone string }

// Twilio's default keywords: they count only as the whole text, in any case.
var (
	stopWords  = map[string]bool{"STOP": true, "UNSUBSCRIBE": true, "END": true, "QUIT": true, "STOPALL": true, "REVOKE": true, "OPTOUT": true, "CANCEL": true}
	startWords = map[string]bool{"START": true, "YES": true, "UNSTOP": true}
)

// inboundText is a text that a phone sends in.
type inboundText struct {
	From string `json:"from"`
	To   string `json:"to"`
	Body string `json:"body"`
}

// inboundResult is what the webhook made of it.
type inboundResult struct {
	Status int    `json:"status"`
	Reply  string `json:"reply"`
	Error  string `json:"error,omitempty"`
}

var (
	errNobodyToAnswer = errors.New("to: is required, since no text went to this phone yet")
	errUnknownNumber  = errors.New("to: is not a registered number")
)

// receive books the text, keeps the opt-out list, and hands the text to the number's webhook.
func (s *Sim) receive(ctx context.Context, t inboundText) (inboundResult, error) {
	m, n, token, err := s.bookInbound(t)
	if err != nil {
		return inboundResult{}, err
	}
	if n.inboundURL == "" {
		return inboundResult{Error: "the number has no inbound URL"}, nil
	}
	form := url.Values{
		"MessageSid": {m.sid}, "SmsSid": {m.sid}, "SmsMessageSid": {m.sid}, "AccountSid": {m.account}, "ApiVersion": {apiVersion},
		"From": {t.From}, "To": {n.number}, "Body": {t.Body}, "NumMedia": {"0"},
		"NumSegments": {strconv.Itoa(m.segments)}, "SmsStatus": {statusReceived},
	}
	if n.service != "" {
		form.Set("MessagingServiceSid", n.service)
	}
	status, answer, err := s.courier.post(ctx, &delivery{sid: m.sid, url: n.inboundURL, token: token, form: form})
	if err != nil {
		return inboundResult{Error: "the webhook gave no answer"}, nil
	}
	texts := twimlTexts(answer)
	if status < 300 {
		s.reply(n, t.From, texts)
	}
	return inboundResult{Status: status, Reply: strings.Join(texts, "\n")}, nil
}

func (s *Sim) bookInbound(t inboundText) (*record, number, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.To == "" {
		last := s.book.lastTo(t.From)
		if last == nil {
			return nil, number{}, "", errNobodyToAnswer
		}
		t.To = last.sender
	}
	n, ok := s.numbers[t.To]
	if !ok {
		return nil, number{}, "", errUnknownNumber
	}
	s.heed(n, t)
	now := time.Now()
	m := &record{
		sid: "SM" + randomHex(), account: n.account, to: n.number, sender: t.From, assigned: true, service: n.service,
		body: t.Body, text: t.Body, segments: segments(t.Body), direction: inbound, status: statusReceived,
		created: now, updated: now, sent: now,
	}
	s.book.add(m)
	s.hub.publish("message", m)
	return m, n, s.accounts[n.account].token, nil
}

// heed keeps the opt-out list. Twilio's own answer to STOP is left out: it is not the tested system's text.
func (s *Sim) heed(n number, t inboundText) {
	word := strings.ToUpper(strings.TrimSpace(t.Body))
	if !stopWords[word] && !startWords[word] {
		return
	}
	for _, sender := range []string{n.number, n.service} {
		key := optOut{n.account, sender, t.From}
		if sender != "" && stopWords[word] {
			s.stopped[key] = true
		} else {
			delete(s.stopped, key)
		}
	}
}

// reply delivers the webhook's TwiML texts, but none to a phone that has just opted out.
func (s *Sim) reply(n number, phone string, texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		if s.stopped[optOut{n.account, n.number, phone}] {
			return
		}
		s.enter(&record{
			account: n.account, to: phone, sender: n.number, assigned: true, service: n.service,
			body: text, text: text, segments: segments(text), direction: outboundReply,
			status: statusQueued, final: statusDelivered, validity: maxValidity * time.Second,
		})
	}
}

// twimlTexts are the <Message> texts of an answer, written plainly or within <Body>.
func twimlTexts(answer []byte) []string {
	var doc struct {
		XMLName  xml.Name `xml:"Response"`
		Messages []struct {
			Text string   `xml:",chardata"`
			Body []string `xml:"Body"`
		} `xml:"Message"`
	}
	if xml.Unmarshal(answer, &doc) != nil {
		return nil
	}
	var texts []string
	for _, m := range doc.Messages {
		if text := strings.TrimSpace(m.Text + strings.Join(m.Body, "")); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

func (s *Sim) postInbound(w http.ResponseWriter, r *http.Request) {
	var t inboundText
	if !readControl(w, r, &t) {
		return
	}
	if !isPhone(t.From) {
		controlError(w, http.StatusBadRequest, "from: must be a phone in E.164 form")
		return
	}
	result, err := s.receive(r.Context(), t)
	switch {
	case errors.Is(err, errUnknownNumber):
		controlError(w, http.StatusNotFound, err.Error())
	case err != nil:
		controlError(w, http.StatusBadRequest, err.Error())
	case result.Error != "":
		writeJSON(w, http.StatusBadGateway, result)
	default:
		writeJSON(w, http.StatusOK, result)
	}
}
