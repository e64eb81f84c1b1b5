package validate

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"
)

// The API's answers, as far as checks read them. They are written down here once more: a field that the system
// renames must be missed by somebody outside of it.

type bookingView struct {
	ID            string    `json:"id"`
	State         string    `json:"state"`
	Resource      string    `json:"resource"`
	Start         string    `json:"start"`
	HoldExpiresAt time.Time `json:"hold_expires_at"`
	CodeState     string    `json:"code_state"`
	CreatedAt     time.Time `json:"created_at"`
}

type bookingList struct {
	Bookings []bookingView `json:"bookings"`
}

type timelineView struct {
	Events []struct {
		Kind   string `json:"kind"`
		Detail struct {
			Message string `json:"message"`
			Text    string `json:"text"`
		} `json:"detail"`
	} `json:"events"`
}

// kinds are what a timeline tells, in its order.
func (t timelineView) kinds() []string {
	kinds := make([]string, len(t.Events))
	for i, e := range t.Events {
		kinds[i] = e.Kind
	}
	return kinds
}

// slot is a start that is offered. Start and End are kept as they were written, since their offsets are judged.
type slot struct {
	Resource string `json:"resource"`
	Start    string `json:"start"`
	End      string `json:"end"`
}

type openings struct {
	TimeZone string `json:"time_zone"`
	Slots    []slot `json:"slots"`
}

type settingsView struct {
	QuietHours string `json:"quiet_hours"`
	Redaction  struct {
		Policy string `json:"policy"`
	} `json:"redaction"`
}

type transcriptView struct {
	ID         string         `json:"id"`
	Text       string         `json:"text"`
	Redactions map[string]int `json:"redactions"`
}

type problemView struct {
	Field        string   `json:"field"`
	Alternatives []slot   `json:"alternatives"`
	AttemptsLeft *int     `json:"attempts_left"`
	Bookings     []string `json:"bookings"`
}

type requestView struct {
	Status string `json:"status"`
	Result struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	} `json:"result"`
}

// read is an answer's body, the zero value when it has another shape.
func read[T any](a answer) (v T) {
	_ = json.Unmarshal(a.raw, &v)
	return v
}

// asJSON is v as JSON. It is for maps of texts and numbers, which always have one.
func asJSON(v any) []byte {
	raw, _ := json.Marshal(v)
	return raw
}

// query is "?" and pairs of name and value.
func query(pairs ...string) string {
	q := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		q.Set(pair[0], pair[1])
	}
	return "?" + q.Encode()
}
