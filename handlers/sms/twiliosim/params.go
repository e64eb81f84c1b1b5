package twiliosim

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxBody       = 1600
	maxValidity   = 36_000 // seconds; also Twilio's default
	maxMedia      = 10
	maxURL        = 2048
	soonestSendAt = 300 * time.Second
	latestSendAt  = 35 * 24 * time.Hour
)

// paramRules are the optional parameters of CreateMessage: as strict as the OpenAPI, so that nothing
// passes here which its validators refuse. Names that are not listed are ignored, as Twilio does.
var paramRules = []struct {
	name string
	code int
	ok   func(string) bool
}{
	{"MessagingServiceSid", 21701, isSID("MG")},
	{"ApplicationSid", 20001, isSID("AP")},
	{"ContentSid", 20001, isSID("HX")},
	{"StatusCallback", 21609, isCallback},
	{"ValidityPeriod", 21624, isIntIn(1, maxValidity)},
	{"Attempt", 20001, isIntIn(0, 1<<31-1)},
	{"MaxPrice", 20001, isNumber},
	{"ProvideFeedback", 20001, isOneOf("true", "false")},
	{"ForceDelivery", 20001, isOneOf("true", "false")},
	{"SmartEncoded", 20001, isOneOf("true", "false")},
	{"ShortenUrls", 20001, isOneOf("true", "false")},
	{"SendAsMms", 20001, isOneOf("true", "false")},
	{"ContentRetention", 20001, isOneOf("retain", "discard")},
	{"AddressRetention", 20001, isOneOf("retain", "obfuscate")},
	{"TrafficType", 20001, isOneOf("free")},
	{"ScheduleType", 20001, isOneOf("fixed")},
	{"RiskCheck", 20001, isOneOf("enable", "disable")},
	{"SendAt", 20001, isTime},
	{"MediaUrl", 21620, isWebURL},
}

var (
	e164     = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	senderID = regexp.MustCompile(`^([0-9]{5,6}|[A-Za-z0-9 ]{1,11})$`) // short code or alphanumeric
	uriChars = regexp.MustCompile(`^([A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$`)
)

// parse checks all that does not depend on state, in Twilio's order: what is missing comes first.
func parse(form url.Values, now time.Time) (*record, *apiError) {
	to, from, service, body := form.Get("To"), form.Get("From"), form.Get("MessagingServiceSid"), form.Get("Body")
	switch {
	case to == "":
		return nil, fail(21604)
	case from == "" && service == "":
		return nil, fail(21603)
	case body == "" && !form.Has("MediaUrl") && !form.Has("ContentSid"):
		return nil, fail(21602)
	}
	if bad := checkParams(form); bad != nil {
		return nil, bad
	}
	if len(form["MediaUrl"]) > maxMedia {
		return nil, fail(21623)
	}
	if utf8.RuneCountInString(body) > maxBody {
		return nil, fail(21617)
	}
	if !isPhone(to) {
		return nil, fail(21211, "{to}", to)
	}
	if from != "" && !isPhone(from) && !senderID.MatchString(from) {
		return nil, fail(21212, "{from}", from)
	}
	if from == to {
		return nil, fail(21266, "{to}", to)
	}
	m := draft(form, now)
	return m, checkSchedule(form, m, now)
}

// checkParams also refuses a repeated name: only MediaUrl is a list.
func checkParams(form url.Values) *apiError {
	for _, name := range []string{"To", "From", "Body"} {
		if len(form[name]) > 1 {
			return fail(20001, "{it}", name)
		}
	}
	for _, p := range paramRules {
		values := form[p.name]
		if len(values) > 1 && p.name != "MediaUrl" {
			return fail(20001, "{it}", p.name)
		}
		for _, v := range values {
			if !p.ok(v) {
				return fail(p.code, "{it}", p.name)
			}
		}
	}
	return nil
}

func draft(form url.Values, now time.Time) *record {
	body := form.Get("Body")
	if form.Get("SmartEncoded") == "true" {
		body = smart.Replace(body)
	}
	m := &record{
		to: form.Get("To"), sender: form.Get("From"), assigned: form.Get("From") != "", service: form.Get("MessagingServiceSid"),
		body: body, text: body, segments: segments(body), media: len(form["MediaUrl"]),
		direction: outboundAPI, status: statusQueued, final: statusDelivered,
		created: now, updated: now,
		callback: form.Get("StatusCallback"), callbacks: 1, validity: maxValidity * time.Second,
	}
	if m.service != "" {
		m.status = statusAccepted
	}
	if form.Get("ContentRetention") == "discard" {
		m.body = ""
	}
	if n, err := strconv.Atoi(form.Get("ValidityPeriod")); err == nil {
		m.validity = time.Duration(n) * time.Second
	}
	return m
}

func checkSchedule(form url.Values, m *record, now time.Time) *apiError {
	if !form.Has("ScheduleType") {
		return nil // a SendAt alone is ignored, as at Twilio
	}
	if m.service == "" {
		return fail(35118)
	}
	at, err := time.Parse(time.RFC3339, form.Get("SendAt"))
	if wait := at.Sub(now); err != nil || wait < soonestSendAt || wait > latestSendAt {
		return fail(35114)
	}
	m.status, m.sendAt = statusScheduled, at
	return nil
}

// isPhone wants E.164; numbers of +1 have a fixed length, which catches a digit lost or doubled.
func isPhone(s string) bool {
	return e164.MatchString(s) && (!strings.HasPrefix(s, "+1") || len(s) == 12)
}

func isSID(prefix string) func(string) bool {
	return regexp.MustCompile(`^` + prefix + `[0-9a-fA-F]{32}$`).MatchString
}

func isOneOf(words ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, s) }
}

func isIntIn(low, high int) func(string) bool {
	return func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && low <= n && n <= high && strconv.Itoa(n) == s
	}
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && !strings.ContainsAny(s, "xXnNpP_") // JSON knows no hex, Inf or NaN
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && uriChars.MatchString(s)
}

// isCallback also refuses underscores in the host, a rule of Twilio that surprises people late.
func isCallback(s string) bool {
	u, err := url.Parse(s)
	return err == nil && isWebURL(s) && len(s) <= maxURL && !strings.Contains(u.Host, "_")
}
