package handlers

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/settings"
	"holdfast/store"
)

// ProblemBase begins the type of every problem. The name is reserved (RFC 2606), so that it is an identifier
// and nobody's site; the API describes each kind under /problems/.
const ProblemBase = "https://holdfast.example/problems/"

// Problem is an error as RFC 9457 shapes it. It never quotes input.
type Problem struct {
	Type         string        `json:"type"`
	Title        string        `json:"title"`
	Status       int           `json:"status"`
	Detail       string        `json:"detail,omitempty"`
	Field        string        `json:"field,omitempty"`
	Alternatives []Alternative `json:"alternatives,omitempty"`
	AttemptsLeft *int          `json:"attempts_left,omitempty"`
	RetryAfter   int           `json:"retry_after,omitempty"`
	Bookings     []uuid.UUID   `json:"bookings,omitempty"`
	Blocks       []uuid.UUID   `json:"blocks,omitempty"`
	// Errors is all that is wrong, where it is more than one field.
	Errors    []settings.Broken `json:"errors,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	// Limit is the limit that a too-many-codes is of, for metrics and logs.
	Limit string `json:"-"`
}

// Error lets a Problem be returned as an error.
func (p *Problem) Error() string { return p.Type }

// GetStatus is the HTTP status (huma.StatusError).
func (p *Problem) GetStatus() int { return p.Status }

// Alternative is a start that can be booked instead.
type Alternative struct {
	Resource uuid.UUID `json:"resource"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
}

// ProblemKind is one kind of problem.
type ProblemKind struct {
	Status int
	Title  string
	About  string // for people who look the type up
}

// ProblemKinds is the one table of them: what integrators can meet.
var ProblemKinds = map[string]ProblemKind{
	"invalid-json":            {400, "The body is not valid JSON", "Send one JSON object as application/json, each key of an object once (RFC 7493)."},
	"invalid-request":         {422, "A field breaks a rule", "field names it, detail tells the rule."},
	"missing-field":           {422, "A required field is missing", "field names it."},
	"invalid-phone":           {422, "The phone number cannot be dialled", "Send it as E.164 (+15550100042), or in the national form of the org's region."},
	"country-not-allowed":     {422, "Numbers of that country are not texted", "The org's settings say which are: countries in GET …/settings."},
	"invalid-settings":        {422, "A setting breaks a rule", "field names the first by its path and errors all of them; nothing was changed."},
	"precondition-failed":     {412, "It has changed since", "If-Match names another version than the present one. Read it again, then change it."},
	"invalid-start":           {422, "The start cannot be read", "RFC 3339 with an offset, or a local time as 2006-01-02T15:04."},
	"invalid-code":            {422, "The code is not six digits", "Spaces and dashes are fine; nothing was counted."},
	"start-in-past":           {422, "The start lies in the past", ""},
	"start-too-far":           {422, "The start lies too far ahead", "Bookings are taken up to two years ahead."},
	"time-does-not-exist":     {422, "That local time does not exist", "The clocks are put forward over it. Choose another time, or send an offset."},
	"outside-hours":           {422, "The time lies outside the opening hours", "GET …/availability lists what can be booked."},
	"unknown-resource":        {422, "There is no such resource", "By id or slug, of this org, and able to do the service asked for."},
	"unknown-service":         {422, "There is no such service", "By id or slug, of this org."},
	"invalid-range":           {422, "The range is not valid", "from before to, and not more than 31 days apart."},
	"key-reused":              {422, "The Idempotency-Key was used with another body", "Use a new key for a new request."},
	"unauthorized":            {401, "No valid credentials", "Authorization: Bearer hf_…, or the signature that the webhook asks for."},
	"invalid-signature":       {401, "The signature is missing, wrong or too old", "Sign the raw body with the org's secret, or with Twilio's auth token."},
	"forbidden":               {403, "The key belongs to another org", ""},
	"missing-scope":           {403, "The key may not do this", "detail names the scope that is wanted. An operator makes keys that have it: holdfast org key create --scope."},
	"not-found":               {404, "There is no such thing", "The id is unknown in this org, or is no id."},
	"method-not-allowed":      {405, "The method is not allowed here", ""},
	"not-acceptable":          {406, "Only JSON is served", ""},
	"body-too-large":          {413, "The body is too large", "64 KiB at most; 2 MiB from voice agents."},
	"unsupported-media":       {415, "The body is of a type that is not read here", "Send application/json in UTF-8, as it is: not compressed."},
	"invalid-header":          {400, "A header can be read in two ways", "field names it."},
	"request-timeout":         {408, "The body came too slowly", "Within ten seconds."},
	"too-many-headers":        {431, "There are too many headers", "100 lines at most."},
	"slot-taken":              {409, "The time is taken", "alternatives lists up to three that are free."},
	"block-conflicts":         {409, "Something is booked or blocked in that time", "bookings and blocks list what is in the way."},
	"hold-expired":            {409, "The hold has expired and the time was taken since", "alternatives lists up to three that are free."},
	"already-confirmed":       {409, "The booking is confirmed already", "A code works once."},
	"booking-ended":           {409, "The booking is canceled or over", ""},
	"not-begun":               {409, "The booking has not begun", "Whether the customer came can be told from its start on."},
	"code-expired":            {409, "The code has expired", "Book again, or ask for a new code."},
	"code-revoked":            {409, "There is no live code", "Too many wrong codes, or its text could not be delivered."},
	"wrong-code":              {422, "The code is wrong", "attempts_left tells how many more tries there are."},
	"too-soon":                {429, "The code was sent a moment ago", "retry_after tells when it may be sent again; nothing was sent."},
	"too-many-sends":          {429, "The code was sent too often", "Three texts to a booking, and three a day to move one that is confirmed; retry_after tells when to ask anew."},
	"too-many-codes":          {429, "Too many codes were texted", "A limit of the org's settings is reached: detail tells whose. With a field it is the number's that the field holds, or that of numbers like it; retry_after tells when to ask again at the earliest; nothing was sent."},
	"opted-out":               {409, "The number wants no texts", "Its owner replied STOP; only START from the same phone ends that."},
	"sms-unavailable":         {503, "The org cannot send texts", "Its provider credentials are missing or were refused, or its texts are paused; nothing was changed."},
	"too-many-requests":       {429, "Too many requests", "Retry-After tells when."},
	"temporarily-unavailable": {503, "Not available for the moment", "Retry-After tells when."},
	"request-failed":          {500, "The request could not be completed", "It was given up after several tries; an operator sees it."},
	"internal-error":          {500, "Something went wrong here", "request_id helps an operator find it."},
}

// NewProblem makes a problem of a kind in the table.
func NewProblem(kind, field, detail string) *Problem {
	k, ok := ProblemKinds[kind]
	if !ok {
		k = ProblemKind{Status: http.StatusInternalServerError, Title: kind}
	}
	return &Problem{Type: ProblemBase + kind, Title: k.Title, Status: k.Status, Field: field, Detail: detail}
}

// InvalidSettings tells all that is wrong with a document, the first of it as the problem's field.
func InvalidSettings(all settings.Invalid) *Problem {
	p := NewProblem("invalid-settings", all[0].Field, all[0].Detail)
	p.Errors = all
	return p
}

// Refused is a domain rule's refusal as a problem.
func Refused(r *store.Refusal) *Problem { return NewProblem(r.Kind, r.Field, r.Detail) }

// Answer is the problem as a request's stored answer.
func (p *Problem) Answer() store.Answer { return answer(p.Status, p) }

func answer(status int, body any) store.Answer {
	raw, err := json.Marshal(body)
	if err != nil { // our own types: they marshal
		status, raw = http.StatusInternalServerError, []byte(`{}`)
	}
	return store.Answer{Status: status, Body: raw}
}
