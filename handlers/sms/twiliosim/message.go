package twiliosim

import (
	"strconv"
	"time"
)

// Message is a text as the phone and the control API see it.
type Message struct {
	SID         string    `json:"sid"`
	AccountSID  string    `json:"account_sid"`
	To          string    `json:"to"`
	From        string    `json:"from"`
	Body        string    `json:"body"`
	Status      string    `json:"status"`
	ErrorCode   *int      `json:"error_code"`
	DateCreated time.Time `json:"date_created"`
	Direction   string    `json:"direction"`
	// StatusCallback is where its status is told; "" when nobody asked.
	StatusCallback string `json:"status_callback,omitempty"`
}

// Status and direction words of Twilio that the double uses.
const (
	statusAccepted    = "accepted"
	statusScheduled   = "scheduled"
	statusQueued      = "queued"
	statusSent        = "sent"
	statusDelivered   = "delivered"
	statusUndelivered = "undelivered"
	statusFailed      = "failed"
	statusReceived    = "received"
	statusCanceled    = "canceled"

	inbound       = "inbound"
	outboundAPI   = "outbound-api"
	outboundReply = "outbound-reply"
)

// record is a message with all that the double remembers of it. Sim.mu guards it.
type record struct {
	seq      uint64
	sid      string
	account  string
	to       string
	sender   string // chosen at once; shown as From only when assigned, as a Messaging Service does
	assigned bool
	service  string

	body string // what the API shows: redaction and ContentRetention=discard empty it
	text string // what the handset shows
	gone bool   // deleted at Twilio

	direction string
	status    string
	errorCode int
	segments  int
	media     int

	created, updated, sent time.Time

	callback  string
	callbacks int // copies of each status callback: 1, or 0 and 2 by fault
	validity  time.Duration
	sendAt    time.Time
	final     string
	finalCode int
}

func (m *record) from() string {
	if m.assigned {
		return m.sender
	}
	return ""
}

// waiting means that it has not left Twilio.
func (m *record) waiting() bool {
	return m.status == statusQueued || m.status == statusAccepted || m.status == statusScheduled
}

// ended means that its status is final: only then can it be redacted or deleted.
func (m *record) ended() bool {
	switch m.status {
	case statusDelivered, statusUndelivered, statusFailed, statusReceived, statusCanceled:
		return true
	}
	return false
}

func (m *record) public() Message {
	p := Message{
		SID: m.sid, AccountSID: m.account, To: m.to, From: m.from(), Body: m.text, Status: m.status,
		DateCreated: m.created.UTC(), Direction: m.direction, StatusCallback: m.callback,
	}
	if m.errorCode != 0 {
		code := m.errorCode
		p.ErrorCode = &code
	}
	return p
}

// wire is the Message resource of Twilio's OpenAPI.
type wire struct {
	AccountSID          string            `json:"account_sid"`
	APIVersion          string            `json:"api_version"`
	Body                string            `json:"body"`
	DateCreated         string            `json:"date_created"`
	DateSent            *string           `json:"date_sent"`
	DateUpdated         string            `json:"date_updated"`
	Direction           string            `json:"direction"`
	ErrorCode           *int              `json:"error_code"`
	ErrorMessage        *string           `json:"error_message"`
	From                *string           `json:"from"`
	MessagingServiceSID *string           `json:"messaging_service_sid"`
	NumMedia            string            `json:"num_media"`
	NumSegments         string            `json:"num_segments"`
	Price               *string           `json:"price"` // always null: the double bills nobody
	PriceUnit           *string           `json:"price_unit"`
	SID                 string            `json:"sid"`
	Status              string            `json:"status"`
	SubresourceURIs     map[string]string `json:"subresource_uris"`
	To                  string            `json:"to"`
	URI                 string            `json:"uri"`
}

func (m *record) wire() wire {
	uri := "/" + apiVersion + "/Accounts/" + m.account + "/Messages/" + m.sid
	w := wire{
		AccountSID: m.account, APIVersion: apiVersion, Body: m.body, To: m.to, SID: m.sid,
		DateCreated: rfc2822(m.created), DateUpdated: rfc2822(m.updated),
		Direction: m.direction, Status: m.status,
		From: orNull(m.from()), MessagingServiceSID: orNull(m.service),
		NumMedia: strconv.Itoa(m.media), NumSegments: "0", PriceUnit: orNull("USD"),
		SubresourceURIs: map[string]string{"media": uri + "/Media.json"},
		URI:             uri + ".json",
	}
	if m.assigned { // a segment count depends on the sender
		w.NumSegments = strconv.Itoa(m.segments)
	}
	if !m.sent.IsZero() {
		w.DateSent = orNull(rfc2822(m.sent))
	}
	if m.errorCode != 0 {
		code := m.errorCode
		w.ErrorCode, w.ErrorMessage = &code, orNull(deliveryText[code])
	}
	return w
}

func rfc2822(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
