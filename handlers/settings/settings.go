// Package settings is what an org decides for itself: one document with a default for everything.
//
// The table in fields.go is the one place that knows the document: reading, checking, comparing, storing and
// docs/settings.md all go by it. What is stored is only what differs from the defaults, and it is read in the
// transaction that acts on it.
package settings

import (
	"encoding/json"
	"maps"

	"holdfast/handlers/hook"
	"holdfast/handlers/redact"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/calendar"
)

// Document is the whole of an org's settings. The fields' rules stand in docs/settings.md.
type Document struct {
	FailedText string              `json:"failed_text" enum:"keep_hold,release_hold"`
	Templates  sms.Wording         `json:"templates"`
	Limits     Limits              `json:"limits"`
	Countries  []string            `json:"countries"`
	QuietHours calendar.QuietHours `json:"quiet_hours"`
	Reminders  Reminders           `json:"reminders"`
	Followup   Followup            `json:"followup"`
	Endpoint   Endpoint            `json:"endpoint"`
	Redaction  Redaction           `json:"redaction"`
}

// What becomes of a hold whose code text failed for good (Document.FailedText).
const (
	KeepHold    = "keep_hold"    // for another number, to its end
	ReleaseHold = "release_hold" // at once
)

// Limits bound the code texts of the org, against guessing and against fraud by texts, and how fast its sender texts.
// 0 is no limit.
type Limits struct {
	Phone   PhoneLimit  `json:"phone"`
	Org     HourLimit   `json:"org"`
	Source  HourLimit   `json:"source"`  // an API key, or a voice agent
	Prefix  HourLimit   `json:"prefix"`  // a number without its last four digits
	Country HourLimit   `json:"country"` // each
	Ratio   RatioLimit  `json:"ratio"`
	Sender  SenderLimit `json:"sender"`
}

// PhoneLimit bounds the code texts to one phone.
type PhoneLimit struct {
	PerTenMinutes int `json:"per_10_minutes"`
	PerDay        int `json:"per_day"`
}

// HourLimit bounds the code texts of an hour.
type HourLimit struct {
	PerHour int `json:"per_hour"`
}

// RatioLimit cuts the code texts to a prefix down to one an hour, of whose numbers too few have confirmed a booking in a day.
type RatioLimit struct {
	ConfirmedPercent int `json:"confirmed_percent"` // 0: never
	AfterTexts       int `json:"after_texts"`       // to as many different numbers: fewer say nothing
}

// SenderLimit spreads the texts of a sender: a number, or the pool of a messaging service.
type SenderLimit struct {
	PerSecond int `json:"per_second"`
}

// Reminders are texts before a confirmed booking begins.
type Reminders struct {
	MinutesBefore []int `json:"minutes_before"`
}

// Followup is the text after a hold that ended unconfirmed. It goes to one phone so often at most; 0 is no limit.
type Followup struct {
	Enabled bool `json:"enabled"`
	PerDay  int  `json:"per_day"`
	PerWeek int  `json:"per_week"`
}

// Endpoint is where the org wants to be told of its bookings.
type Endpoint struct {
	URL    string   `json:"url"` // "" = nowhere
	Events []string `json:"events"`
}

// Installation is what the installation decides for orgs that have not.
type Installation struct {
	QuietHours calendar.QuietHours // HOLDFAST_QUIET_HOURS
	Endpoints  hook.Allow          // HOLDFAST_ENDPOINT_ALLOW
}

// Defaults are the settings of an org that has set nothing, in a region (ISO 3166).
func Defaults(region string, in Installation) Document {
	return Document{
		FailedText: KeepHold,
		Templates:  sms.DefaultWording(),
		Limits:     defaultLimits,
		Countries:  []string{region},
		QuietHours: in.QuietHours,
		Reminders:  Reminders{MinutesBefore: []int{24 * 60, 2 * 60}},
		Followup:   Followup{Enabled: true, PerDay: 1, PerWeek: 3},
		Endpoint:   Endpoint{Events: events()},
		Redaction:  Redaction{Policy: redact.Booking, Actions: defaultActions(), Terms: []string{}},
	}
}

var defaultLimits = Limits{
	Phone:  PhoneLimit{PerTenMinutes: 3, PerDay: 10},
	Org:    HourLimit{1000},
	Source: HourLimit{300}, Prefix: HourLimit{20}, Country: HourLimit{1000},
	Ratio: RatioLimit{ConfirmedPercent: 20, AfterTexts: 20},
}

// DefaultLimits are those of an org that has set none, as JSON: the database lays the org's own over them where it counts.
var DefaultLimits = func() []byte {
	raw, err := json.Marshal(defaultLimits)
	if err != nil { // our own type: it marshals
		panic(err)
	}
	return raw
}()

// Read completes what is stored with the defaults. It was checked when it was written; what an older or newer
// version of Holdfast wrote is taken as far as it is understood.
func Read(s store.Settings, in Installation) Document {
	d := Defaults(s.Region, in)
	if len(s.Doc) == 0 {
		return d
	}
	words, actions := d.Templates, d.Redaction.Actions
	d.Templates, d.Redaction.Actions = nil, nil
	_ = json.Unmarshal(s.Doc, &d) // goes on after a value of another type, and leaves its default
	for locale, kinds := range d.Templates {
		if words[locale] != nil {
			maps.Copy(words[locale], kinds)
		}
	}
	for name, action := range d.Redaction.Actions {
		if actions[name] != "" {
			actions[name] = action
		}
	}
	d.Templates, d.Redaction.Actions = words, actions
	return d
}
