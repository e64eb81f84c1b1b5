package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// What a request's body holds. Ingress checks it and seals it into the request; the task opens it again.

// BookingBody asks for a booking: POST …/bookings, event booking.requested, tool hold_slot.
type BookingBody struct {
	Resource string       `json:"resource,omitempty"`
	Service  string       `json:"service,omitempty"`
	Start    string       `json:"start"`
	Duration Minutes      `json:"duration,omitempty"`
	Customer CustomerBody `json:"customer"`
	Notes    string       `json:"notes,omitempty"`
}

// CustomerBody is who the booking is for.
type CustomerBody struct {
	Phone    string `json:"phone"`
	Name     string `json:"name,omitempty"`
	Locale   string `json:"locale,omitempty"`
	TimeZone string `json:"time_zone,omitempty"`
}

// Limits of text, in characters.
const (
	MaxName  = 200
	MaxNotes = 4000
	maxRef   = 100 // of what an id or a slug may be
)

// Seen is the body without what nobody sees in its texts.
func (b BookingBody) Seen() BookingBody {
	b.Customer.Name, b.Notes = Line(b.Customer.Name), Prose(b.Notes)
	return b
}

// Check finds the first field that breaks a rule that needs no database. region reads national numbers.
func (b BookingBody) Check(region string) *Problem {
	c := b.Customer
	if b.Resource == "" && b.Service == "" {
		return NewProblem("missing-field", "resource", "name a resource, a service or both")
	}
	if b.Start == "" {
		return NewProblem("missing-field", "start", "when shall it begin?")
	}
	if b.Duration < 0 || b.Duration > 1440 {
		return NewProblem("invalid-request", "duration", "1 to 1440 minutes")
	}
	if c.Phone == "" {
		return NewProblem("missing-field", "customer.phone", "the code is sent to it")
	}
	if _, err := pii.ParsePhone(c.Phone, region); err != nil {
		return NewProblem("invalid-phone", "customer.phone", "not a number that can be dialled")
	}
	if len([]rune(c.Name)) > MaxName {
		return NewProblem("invalid-request", "customer.name", fmt.Sprintf("at most %d characters", MaxName))
	}
	if len([]rune(b.Notes)) > MaxNotes {
		return NewProblem("invalid-request", "notes", fmt.Sprintf("at most %d characters", MaxNotes))
	}
	for _, f := range []struct{ name, value string }{{"customer.name", c.Name}, {"notes", b.Notes}} {
		if hasControl(f.value) {
			return NewProblem("invalid-request", f.name, noControl)
		}
	}
	if p := checkTime("start", b.Start); p != nil {
		return p
	}
	if p := checkRefs(b.Resource, b.Service); p != nil {
		return p
	}
	if c.Locale != "" && !spokenLocale.MatchString(c.Locale) {
		return NewProblem("invalid-request", "customer.locale", "en or es, as a BCP 47 tag")
	}
	if c.TimeZone != "" {
		if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "Local" {
			return NewProblem("invalid-request", "customer.time_zone", "an IANA name, such as America/New_York")
		}
	}
	return nil
}

// spokenLocale is a locale of the languages that texts are written in.
var spokenLocale = regexp.MustCompile(`^(en|es)([-_][0-9A-Za-z]{2,8}){0,3}$`)

// maxTime is how long a time may be that is written out: RFC 3339 with nanoseconds has 35 bytes.
const maxTime = 64

// checkTime refuses what cannot be a time. Whether it is one depends on the resource's zone.
func checkTime(field, text string) *Problem {
	if len(text) > maxTime || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return NewProblem("invalid-start", field, calendar.ErrFormat.Error())
	}
	return nil
}

// checkRefs refuses what cannot name a resource or a service.
func checkRefs(resource, service string) *Problem {
	for _, f := range []struct{ name, value string }{{"resource", resource}, {"service", service}} {
		if len(f.value) > maxRef || hasControl(f.value) || Prose(f.value) != f.value {
			return NewProblem("invalid-request", f.name, fmt.Sprintf("an id or a slug: at most %d bytes, all of it visible", maxRef))
		}
	}
	return nil
}

// CheckCountry refuses a phone, given in field, of a country that the org does not text.
func CheckCountry(countries []string, phone pii.Phone, field string) *Problem {
	if slices.Contains(countries, phone.Region()) {
		return nil
	}
	return NewProblem("country-not-allowed", field, "must be a number of: "+strings.Join(countries, ", "))
}

// CodeBody gives a code: POST …/verify.
type CodeBody struct {
	Code string `json:"code"`
}

// CleanCode strips what people put between digits. ok is false unless exactly six digits are left.
func CleanCode(raw string) (pii.Code, bool) {
	var digits strings.Builder
	for _, r := range raw {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case r == ' ' || r == '-' || r == '.' || r == '\u00a0' || r == '\t':
		default:
			return pii.Code{}, false
		}
	}
	return pii.NewCode(digits.String()), digits.Len() == pii.CodeDigits
}

// BlockBody blocks time: POST …/blocks.
type BlockBody struct {
	Resource string `json:"resource"`
	Start    string `json:"start"`
	End      string `json:"end"`
	Reason   string `json:"reason,omitempty"`
}

// Seen is the body without what nobody sees in its texts.
func (b BlockBody) Seen() BlockBody {
	b.Reason = Prose(b.Reason)
	return b
}

// Check finds the first field that breaks a rule that needs no database.
func (b BlockBody) Check() *Problem {
	for _, f := range []struct{ name, value string }{{"resource", b.Resource}, {"start", b.Start}, {"end", b.End}} {
		if f.value == "" {
			return NewProblem("missing-field", f.name, "")
		}
	}
	if len([]rune(b.Reason)) > MaxNotes {
		return NewProblem("invalid-request", "reason", fmt.Sprintf("at most %d characters", MaxNotes))
	}
	if hasControl(b.Reason) {
		return NewProblem("invalid-request", "reason", noControl)
	}
	for _, f := range []struct{ name, value string }{{"start", b.Start}, {"end", b.End}} {
		if p := checkTime(f.name, f.value); p != nil {
			return p
		}
	}
	return checkRefs(b.Resource, "")
}

// Minutes is a length of time: a number of minutes, or text as "30m", "1h30m" or "PT30M".
type Minutes int

// UnmarshalJSON reads both forms.
func (m *Minutes) UnmarshalJSON(raw []byte) error {
	var n int
	if err := json.Unmarshal(raw, &n); err == nil {
		*m = Minutes(n)
		return nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return errLength
	}
	if n, err := strconv.Atoi(s); err == nil {
		*m = Minutes(n)
		return nil
	}
	d, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(strings.ToUpper(s), "PT")))
	if err != nil || d%time.Minute != 0 {
		return errLength
	}
	*m = Minutes(d / time.Minute)
	return nil
}

var errLength = errors.New("want minutes, or a length such as 30m or PT30M")
