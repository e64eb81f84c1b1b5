package settings

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"holdfast/handlers/hook"
	"holdfast/handlers/sms"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// field is a line of the table: one value of the document.
type field struct {
	path string
	form string // what JSON it is
	rule string // what it must be: the detail of a problem
	why  string // where the default comes from
	acts bool   // something acts on it already
	// alone says that the value, a string, may stand for the object that it is in: "strict" for {"policy":"strict"}.
	alone bool
	// read takes a value over into a document, or leaves it alone and returns the rule that the value breaks.
	read func(d *Document, raw json.RawMessage) (broken string)
	get  func(d Document) any
	// audited is what of a value goes into the audit log; nil: all of it.
	audited func(v any) any
}

// at is a field that is checked by ok alone.
func at[T any](path, form, rule, why string, place func(*Document) *T, ok func(T) bool) field {
	return field{path: path, form: form, rule: rule, why: why,
		read: func(d *Document, raw json.RawMessage) string {
			var v T
			if string(raw) == "null" || json.Unmarshal(raw, &v) != nil || !ok(v) {
				return rule
			}
			*place(d) = v
			return ""
		},
		get: func(d Document) any { return *place(&d) },
	}
}

// acting marks a field that something acts on.
func acting(f field) field {
	f.acts = true
	return f
}

// count is a whole number within bounds.
func count(path string, least, most int, why string, place func(*Document) *int) field {
	rule := fmt.Sprintf("want a whole number from %d to %d", least, most)
	if least == 0 {
		rule += "; 0 is no limit"
	}
	return at(path, "number", rule, why, place, func(n int) bool { return n >= least && n <= most })
}

// choice is one of some words.
func choice(path, why string, place func(*Document) *string, words ...string) field {
	return at(path, "string", "want "+strings.Join(words, " or "), why, place,
		func(s string) bool { return slices.Contains(words, s) })
}

// events are those that an endpoint can be told of.
func events() []string {
	return []string{"booking.held", "booking.confirmed", "booking.expired", "booking.canceled", "booking.rescheduled", "booking.unreachable",
		"booking.completed", "booking.no_show", "reply"}
}

// Bounds of fields.
const (
	maxLimit       = 1_000_000
	maxReminders   = 3
	leastReminder  = 5           // minutes: less arrives after the customer has left
	mostReminder   = 7 * 24 * 60 // minutes
	maxEndpointURL = 2000
)

// table is the one list of all settings.
var table = slices.Concat([]field{
	acting(choice("failed_text", "the customer may have another number", func(d *Document) *string { return &d.FailedText }, KeepHold, ReleaseHold)),
	acting(at("countries", "array of strings", "want at least one ISO 3166 region, each once, as US", "the org's own region; anything else is opened by who needs it, against fraud by texts to dear countries",
		func(d *Document) *[]string { return &d.Countries },
		func(all []string) bool { return distinct(all, pii.KnownRegion) })),
	acting(at("quiet_hours", "string", calendar.ErrQuietHours.Error(), "HOLDFAST_QUIET_HOURS, by default 21-8: nobody is solicited between 9 p.m. and 8 a.m. of his own zone (47 CFR 64.1200(c)(1)). Codes are sent at any hour",
		func(d *Document) *calendar.QuietHours { return &d.QuietHours }, func(calendar.QuietHours) bool { return true })),
	acting(at("reminders.minutes_before", "array of numbers", fmt.Sprintf("want at most %d different whole numbers from %d to %d", maxReminders, leastReminder, mostReminder),
		"a day before, in time to cancel, and two hours before, in time to set out. None at all: []. A health provider that relies on 47 CFR 64.1200(a)(9)(iv), one text a day and three a week, sets one",
		func(d *Document) *[]int { return &d.Reminders.MinutesBefore },
		func(all []int) bool {
			return all != nil && len(all) <= maxReminders &&
				(len(all) == 0 || distinct(all, func(n int) bool { return n >= leastReminder && n <= mostReminder }))
		})),
	acting(at("followup.enabled", "boolean", "want true or false", "a customer who missed a code mostly still wants the appointment",
		func(d *Document) *bool { return &d.Followup.Enabled }, func(bool) bool { return true })),
	acting(count("followup.per_day", 0, maxLimit, "to one phone. A health provider may text once a day (47 CFR 64.1200(a)(9)(iv)); another follow-up is not sent later, but not at all", func(d *Document) *int { return &d.Followup.PerDay })),
	acting(count("followup.per_week", 0, maxLimit, "to one phone. A health provider may text three times a week (47 CFR 64.1200(a)(9)(iv))", func(d *Document) *int { return &d.Followup.PerWeek })),
	acting(endpointURL()),
	acting(at("endpoint.events", "array of strings", "want at least one of "+strings.Join(events(), ", ")+", each once", "all",
		func(d *Document) *[]string { return &d.Endpoint.Events },
		func(all []string) bool {
			return distinct(all, func(e string) bool { return slices.Contains(events(), e) })
		})),
	acting(count("limits.phone.per_10_minutes", 0, maxLimit, "as often as a code may be sent", func(d *Document) *int { return &d.Limits.Phone.PerTenMinutes })),
	acting(count("limits.phone.per_day", 0, maxLimit, "three bookings and their repeats. Texts that went out or may yet count, exactly", func(d *Document) *int { return &d.Limits.Phone.PerDay })),
	acting(count("limits.org.per_hour", 0, maxLimit, "more than a large practice books in a day. A bucket, as the source's and the country's: so many at once, and as many again come back in an hour", func(d *Document) *int { return &d.Limits.Org.PerHour })),
	acting(count("limits.source.per_hour", 0, maxLimit, "one key or agent that runs wild leaves room for the others", func(d *Document) *int { return &d.Limits.Source.PerHour })),
	acting(count("limits.prefix.per_hour", 0, maxLimit, "a prefix is a number without its last four digits: fraud walks through a block of them", func(d *Document) *int { return &d.Limits.Prefix.PerHour })),
	acting(count("limits.country.per_hour", 0, maxLimit, "as the org's: with one country it changes nothing", func(d *Document) *int { return &d.Limits.Country.PerHour })),
	acting(at("limits.ratio.confirmed_percent", "number", "want a whole number from 0 to 100; 0 is no limit", "of people who ask for an appointment far more give their code. Of the numbers of a prefix that were texted in a day; with fewer it gets one code an hour, and numbers that have confirmed a booking before get theirs",
		func(d *Document) *int { return &d.Limits.Ratio.ConfirmedPercent }, func(n int) bool { return n >= 0 && n <= 100 })),
	acting(count("limits.ratio.after_texts", 1, maxLimit, "an hour's worth of limits.prefix: fewer numbers say nothing of a prefix. A number counts once, ten minutes after its first text or when it confirms", func(d *Document) *int { return &d.Limits.Ratio.AfterTexts })),
	acting(count("limits.sender.per_second", 0, maxLimit, "Twilio queues what its sender cannot send yet, for hours, codes behind reminders. With a limit texts wait here, and codes go first; a long code sends 1 a second, a toll-free number 3",
		func(d *Document) *int { return &d.Limits.Sender.PerSecond })),
}, redactionTable(), templateTable())

// templateTable has a line for each language and kind of text.
func templateTable() (all []field) {
	for _, locale := range sms.Languages() {
		for _, kind := range sms.Kinds() {
			f := field{
				path: "templates." + locale + "." + string(kind), form: "string", acts: true,
				rule: "a template of {{." + strings.Join(sms.TemplateFields(kind), "}}, {{.") + "}}",
				why:  "handlers/sms/texts.go",
				get:  func(d Document) any { return d.Templates[locale][kind] },
			}
			f.read = func(d *Document, raw json.RawMessage) string {
				var text string
				if string(raw) == "null" || json.Unmarshal(raw, &text) != nil {
					return "want " + f.rule
				}
				if text == f.get(*d) { // as it stands by default: Holdfast's own words are tested elsewhere
					return ""
				}
				if err := sms.CheckTemplate(kind, locale, text); err != nil {
					return err.Error()
				}
				d.Templates[locale][kind] = text
				return ""
			}
			all = append(all, f)
		}
	}
	return all
}

// endpointURL may hold a secret in its path or query, so the log gets the host. What more it must be, the installation
// decides (reachable).
func endpointURL() field {
	f := at("endpoint.url", "string", fmt.Sprintf("want an https URL of a public host, without user and fragment, at most %d characters, or an empty string", maxEndpointURL),
		"nobody is told. HOLDFAST_ENDPOINT_ALLOW lists hosts and networks that need not be public or https; see webhooks.md",
		func(d *Document) *string { return &d.Endpoint.URL }, func(s string) bool { return s == "" || isEndpoint(s) })
	f.audited = func(v any) any { return EndpointHost(fmt.Sprint(v)) }
	return f
}

// EndpointHost is what may be shown of an endpoint's URL, whose path or query may hold a secret.
func EndpointHost(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func isEndpoint(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxEndpointURL && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil &&
		!strings.ContainsAny(s, "#\\ ") && isASCII(s)
}

// reachable tells why an endpoint is none that the installation would call, as far as its URL shows it.
func reachable(s string, allow hook.Allow) (broken string) {
	u, err := url.Parse(s)
	if err != nil || s == "" {
		return ""
	}
	return allow.Refuses(u)
}

// isASCII holds for visible ASCII: other hosts have a form in it (RFC 3492), other paths too.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// distinct reports whether all are good, none twice, and there is one at least.
func distinct[T comparable](all []T, good func(T) bool) bool {
	seen := make(map[T]bool, len(all))
	for _, v := range all {
		if seen[v] || !good(v) {
			return false
		}
		seen[v] = true
	}
	return len(all) > 0
}
