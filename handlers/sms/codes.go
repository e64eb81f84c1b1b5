package sms

import "net/http"

// row is what one Twilio code means to us.
type row struct {
	class Class
	// stops is how many such refusals in a row, of different numbers, stop the org's other texts: 1 where it is surely
	// the account or its sender, 3 where it may be the number, 0 where it is not the org's fault.
	stops int
	// page is the heading of https://www.twilio.com/docs/api/errors/<code>, in our words.
	page string
}

// stopsByNumber is row.stops of what may be the number's fault.
const stopsByNumber = 3

// codes is the one table of Twilio's codes, for answers of the API and for ErrorCode in status
// callbacks alike: the two do not contradict each other (21610 arrives either way). Twilio splits codes
// over time (changelog of 10 July 2024), so a missing one is normal: see Classify.
//
// Most were read on Twilio's page of that code. 10001, 14107, 20403, 21214, 21217, 21222, 21224, 21659,
// 21703, 30019, 30640 and 70051 are from its list of codes or second hand.
var codes = map[int]row{
	// The number cannot be texted.
	21211: {Recipient, 0, "invalid To number"},
	21214: {Recipient, 0, "To number cannot be reached"},
	21217: {Recipient, 0, "number does not look valid"},
	21265: {Recipient, 0, "To is a short code"},
	21266: {Recipient, 0, "To is the sender itself"},
	21612: {Recipient, 0, "no route between To and From"},
	21614: {Recipient, 0, "To is not a mobile number"},
	21635: {Recipient, 0, "To is a landline"},
	30004: {Recipient, 0, "message blocked"},
	30005: {Recipient, 0, "unknown destination handset"},
	30006: {Recipient, 0, "landline or unreachable carrier"},
	30038: {Recipient, 0, "code text to a number of Twilio's own"},
	63014: {Recipient, 0, "message blocked by the user"},

	21610: {OptedOut, 0, "recipient is unsubscribed"},

	// The org's account, sender or permissions.
	10001: {Tenant, 1, "account is not active"},
	20003: {Tenant, 1, "permission denied: wrong, rotated or test credentials, suspended account"},
	20403: {Tenant, 1, "forbidden"},
	20404: {Tenant, 1, "resource not found: no such account"},
	21212: {Tenant, 1, "invalid From number"},
	21222: {Tenant, 1, "account sid with illegal characters"},
	21224: {Tenant, 1, "auth token with illegal characters"},
	21408: {Tenant, stopsByNumber, "no permission for the region of To"},
	21601: {Tenant, 1, "From is not able to text"},
	21603: {Tenant, 1, "From is missing"},
	21606: {Tenant, 1, "From is not a number of this account or not able to text To"},
	21608: {Tenant, stopsByNumber, "trial account and unverified To"},
	21659: {Tenant, 1, "From is not a Twilio number"},
	21660: {Tenant, 1, "From belongs to another account"},
	21701: {Tenant, 1, "messaging service does not exist"},
	21703: {Tenant, 1, "messaging service has no sender"},
	21705: {Tenant, 1, "messaging service sid is not valid"},
	30002: {Tenant, 1, "account suspended"},
	30007: {Tenant, stopsByNumber, "filtered by the carrier"},
	30032: {Tenant, 1, "toll-free number not verified"},
	30034: {Tenant, 1, "number not registered for A2P 10DLC"},
	70051: {Tenant, 1, "no permission for this key"},

	// Surely not sent, or as a callback surely not delivered.
	20429: {Transient, 0, "too many requests: not processed"},
	30001: {Transient, 0, "queue overflow"},
	30003: {Transient, 0, "unreachable destination handset"},
	30008: {Transient, 0, "unknown delivery error"},
	30021: {Transient, 0, "internal failure of the messaging service"},
	30036: {Transient, 0, "validity period ran out in the queue"},
	30500: {Transient, 0, "internal error while sending"},
	63017: {Transient, 0, "over the account's messages per second"},

	// Outcome unknown.
	20500: {Unknown, 0, "internal server error"},
	20503: {Unknown, 0, "service unavailable"},
	30410: {Unknown, 0, "carrier timed out: may have arrived all the same"},

	// Limits of the account or the sender.
	14107: {Cap, stopsByNumber, "reply loop: too many texts in 30 s"},
	21611: {Cap, 1, "queue of this From number is full"},
	30022: {Cap, 1, "A2P 10DLC rate limit of the campaign"},
	60728: {Cap, 1, "hourly limit of the account"},
	63038: {Cap, 1, "daily limit of the account"},

	// Abuse and policy.
	30450: {Fraud, 0, "blocked as SMS pumping"},
	30610: {Fraud, 0, "quiet hours at the recipient"},
	30640: {Fraud, 0, "known litigator"},

	// The text itself.
	20001: {Content, 0, "invalid parameter"},
	21602: {Content, 0, "body is missing"},
	21604: {Content, 0, "To is missing"},
	21609: {Content, 0, "invalid StatusCallback URL: the installation's public URL"},
	21617: {Content, 0, "body over 1,600 characters"},
	21624: {Content, 0, "invalid ValidityPeriod"},
	21658: {Content, 0, "parameter over its character limit"},
	30019: {Content, 0, "content over the carrier's size limit"},
}

// Classify says what an error of Twilio's API means: by the table, else by the HTTP status. known is
// false when the code is not in the table; count those, and add them.
//
// An unknown 4xx fails its own text (Content) and nothing more: taking it for Tenant would let one odd
// number stop an org. 5xx, 408 and redirects are Unknown: something may have happened behind them.
func Classify(code, status int) (class Class, known bool) {
	if r, ok := codes[code]; ok {
		return r.class, true
	}
	// Without a code there is none to know: a proxy's answer is classed by its status alone.
	known = code == 0
	switch {
	case status == http.StatusTooManyRequests:
		return Transient, known
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return Tenant, known
	case status == http.StatusRequestTimeout:
		return Unknown, known
	case status >= 400 && status <= 499:
		return Content, known
	}
	return Unknown, known
}

// ClassifyCallback says what the ErrorCode of a failed or undelivered text means. A code that is not in
// the table (known is false), or none, is Transient: it did not arrive, and one more try is allowed if
// it still makes sense, never a loop. Unknown is rare here (30410): only what may arrive twice without
// harm, such as the same code, may be sent again.
func ClassifyCallback(code int) (class Class, known bool) {
	if r, ok := codes[code]; ok {
		return r.class, true
	}
	return Transient, code == 0
}
