package ingress

import (
	"net/http"

	"holdfast/handlers"
	"holdfast/handlers/settings"
	"holdfast/store"
)

// bookingProblems are what can be wrong with a wish for a time.
var bookingProblems = []string{"invalid-json", "unsupported-media", "invalid-request", "missing-field", "invalid-phone",
	"country-not-allowed", "invalid-start", "start-in-past", "start-too-far", "time-does-not-exist", "outside-hours", "unknown-resource", "unknown-service", "slot-taken", "too-many-codes", "sms-unavailable"}

var codeProblems = []string{"invalid-json", "unsupported-media", "not-found", "invalid-code", "missing-field", "wrong-code",
	"already-confirmed", "booking-ended", "code-expired", "code-revoked", "hold-expired"}

// The operations, as they are documented.
var (
	opBook = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/bookings", id: "book", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsWrite,
		summary: "Hold a time for a customer",
		about: "Takes a seat for five minutes and texts a code to the customer. Giving a phone number consents to the texts of this booking. " +
			"Without `resource`, any that offers the `service` is taken. A time that is taken is answered with up to three that are free.",
		request: handlers.BookingBody{}, example: exampleBooking, write: true,
		ok: http.StatusCreated, response: handlers.BookingView{}, made: "The booking.", answer: exampleHeld, problems: bookingProblems,
	}
	opVerify = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/bookings/{id}/verify", id: "verify", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsWrite,
		summary: "Confirm with the code",
		about: "Five wrong codes end the code. The right code after the hold's end confirms if the time is still free. " +
			"What is not six digits is refused without being counted.",
		request: handlers.CodeBody{}, example: exampleCode, write: true,
		ok: http.StatusOK, response: handlers.BookingView{}, answer: exampleConfirmed, problems: codeProblems,
	}
	opResend = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/bookings/{id}/resend", id: "resend", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsWrite,
		summary: "Text the code again",
		about: "Without `phone` the same code goes to the same number. Another `phone` gets a new code, the old one is dead at once, and the " +
			"wrong codes given so far still count. Three texts to a booking; to the same number 30 seconds after the first, 60 after the second. " +
			"A body is not needed.",
		request: handlers.ResendBody{}, optional: true, example: exampleResend, write: true,
		ok: http.StatusOK, response: handlers.BookingView{}, answer: exampleHeld,
		problems: []string{"invalid-json", "unsupported-media", "invalid-request", "invalid-phone", "not-found", "already-confirmed", "booking-ended", "code-expired",
			"code-revoked", "hold-expired", "opted-out", "country-not-allowed", "too-soon", "too-many-sends", "too-many-codes", "sms-unavailable"},
	}
	opCancel = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/bookings/{id}/cancel", id: "cancel", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsWrite,
		summary: "Cancel a booking", about: "Frees its time. Canceling twice is no error. A body is not needed.",
		write: true, ok: http.StatusOK, response: handlers.BookingView{}, answer: exampleCanceled,
		problems: []string{"invalid-json", "unsupported-media", "not-found", "booking-ended", "invalid-request"},
	}
	opReschedule = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/bookings/{id}/reschedule", id: "reschedule", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsWrite,
		summary: "Move a booking to another time",
		about: "Resource, service and length stay. What is held moves at once: same code, same end. What is confirmed keeps its time; the new one is " +
			"held beside it (`move`), and a new code is texted, which moves the booking when it is given to `verify` or by a reply. Without it the " +
			"booking stays where it is. Another wish takes the place of the one before, its present time ends it; three texts a day.",
		request: handlers.RescheduleBody{}, example: exampleReschedule, write: true,
		ok: http.StatusOK, response: handlers.BookingView{}, answer: exampleMoving,
		problems: []string{"invalid-json", "unsupported-media", "invalid-request", "missing-field", "invalid-start", "start-in-past", "start-too-far",
			"time-does-not-exist", "outside-hours", "unknown-resource", "not-found", "booking-ended", "hold-expired", "slot-taken", "opted-out",
			"too-soon", "too-many-sends", "too-many-codes", "sms-unavailable"},
	}
	opMark = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/bookings/{id}/mark", id: "mark", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsWrite,
		summary: "Say whether the customer came",
		about: "From the booking's start on. A confirmed booking whose time is over counts as completed by itself; it can be marked otherwise, and " +
			"marked again. One that is marked before its end frees its time.",
		request: handlers.MarkBody{}, example: exampleMark, write: true,
		ok: http.StatusOK, response: handlers.BookingView{}, answer: exampleMarked,
		problems: []string{"invalid-json", "unsupported-media", "invalid-request", "missing-field", "not-found", "not-begun", "booking-ended"},
	}
	opList = operation{
		method: http.MethodGet, path: "/v1/orgs/{org}/bookings", id: "listBookings", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsRead,
		summary: "List bookings by start", about: "Fifty to a page.",
		ok: http.StatusOK, response: bookingList{}, answer: exampleList,
		problems: []string{"invalid-request", "invalid-range", "time-does-not-exist"},
	}
	opFind = operation{
		method: http.MethodGet, path: "/v1/orgs/{org}/bookings/{id}", id: "booking", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsRead,
		summary: "Look up a booking", about: "A hold that has lapsed reads as expired at once.",
		ok: http.StatusOK, response: handlers.BookingView{}, answer: exampleHeld, problems: []string{"not-found"},
	}
	opTimeline = operation{
		method: http.MethodGet, path: "/v1/orgs/{org}/bookings/{id}/timeline", id: "timeline", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsRead,
		summary: "What happened to a booking", about: "Oldest first. Kinds and details may be added.",
		ok: http.StatusOK, response: timeline{}, answer: exampleTimeline, problems: []string{"not-found"},
	}
	opRequest = operation{
		method: http.MethodGet, path: "/v1/orgs/{org}/requests/{id}", id: "request", tag: "Bookings", scheme: schemeKey, scope: store.ScopeBookingsRead, orScope: store.ScopeTranscriptsWrite,
		summary: "The outcome of a request", about: "Where the Location of a 202 points.",
		ok: http.StatusOK, response: requestView{}, answer: exampleDone, problems: []string{"not-found"},
	}
	opAvailability = operation{
		method: http.MethodGet, path: "/v1/orgs/{org}/availability", id: "availability", tag: "Calendar", scheme: schemeKey, scope: store.ScopeBookingsRead,
		summary: "Starts that can be booked", about: "Step by length and buffers, so that all of them can be booked together. " +
			"Name a resource, a service or both; with a service alone `resource` is null and each slot names its own.",
		ok: http.StatusOK, response: openings{}, answer: exampleOpenings,
		problems: []string{"missing-field", "unknown-resource", "unknown-service", "invalid-range", "invalid-request", "time-does-not-exist"},
	}
	opBlock = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/blocks", id: "block", tag: "Calendar", scheme: schemeKey, scope: store.ScopeBookingsWrite,
		summary: "Block time of a resource", about: "All its seats, or nothing: what is booked in that time is answered with 409.",
		request: handlers.BlockBody{}, example: exampleBlock, write: true,
		ok: http.StatusCreated, response: handlers.BlockView{}, answer: exampleBlocked,
		problems: []string{"invalid-json", "unsupported-media", "invalid-request", "missing-field", "invalid-start", "invalid-range",
			"time-does-not-exist", "unknown-resource", "block-conflicts"},
	}
	opUnblock = operation{
		method: http.MethodDelete, path: "/v1/orgs/{org}/blocks/{id}", id: "unblock", tag: "Calendar", scheme: schemeKey, scope: store.ScopeBookingsWrite,
		summary: "Free blocked time", about: "The time can be booked again.",
		write: true, ok: http.StatusOK, response: freedView{}, answer: exampleFreed, problems: []string{"not-found", "invalid-request"},
	}
	opTranscript = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/transcripts", id: "transcript", tag: "Transcripts", scheme: schemeKey, scope: store.ScopeTranscriptsWrite,
		summary: "Redact what was said in a call",
		about: "Personal data is taken out by the org's policy, and what is left is kept; the text as it was sent is sealed until then and gone after. " +
			"A call may have several transcripts: a corrected one is one more, and the earlier ones stay as they are.",
		request: handlers.TranscriptBody{}, example: exampleTranscript, write: true,
		ok: http.StatusCreated, response: handlers.TranscriptView{}, made: "The transcript.", answer: exampleRedacted,
		problems: []string{"invalid-json", "unsupported-media", "invalid-request", "missing-field", "not-found"},
	}
	opFindTranscript = operation{
		method: http.MethodGet, path: "/v1/orgs/{org}/transcripts/{id}", id: "findTranscript", tag: "Transcripts", scheme: schemeKey, scope: store.ScopeTranscriptsWrite,
		summary: "Look up a transcript", about: "As it was answered when it was redacted: a policy that changed since changes nothing here.",
		ok: http.StatusOK, response: handlers.TranscriptView{}, answer: exampleRedacted, problems: []string{"not-found"},
	}
	opReport = operation{
		method: http.MethodPost, path: "/v1/orgs/{org}/transcripts/{id}/reports", id: "reportTranscript", tag: "Transcripts", scheme: schemeKey, scope: store.ScopeTranscriptsWrite,
		summary: "Report a redaction as wrong",
		about: "`missed`: personal data is left in the text. `false`: what was taken out was none; start and end are then those of the whole redaction, " +
			"as of `[PHONE_NUMBER]`. Places are bytes of the text's UTF-8 as it was returned. Nothing of the text is kept with the report.",
		request: handlers.ReportBody{}, example: exampleReport, write: true,
		ok: http.StatusCreated, response: handlers.ReportView{}, answer: exampleReported,
		problems: []string{"invalid-json", "unsupported-media", "invalid-request", "missing-field", "not-found"},
	}
	opErase = operation{
		method: http.MethodDelete, path: "/v1/orgs/{org}/customers/{id}", id: "erase", tag: "Customers", scheme: schemeKey, scope: store.ScopeAdmin,
		summary: "Erase a customer",
		about: "Cancels what is held or still ahead, without a text, and empties everything that tells who the customer was: phone, name, notes, texts, replies, " +
			"transcripts. Past bookings stay as nobody's. Texts are emptied at the provider too, once they are at their end there: ask the request again, `provider` " +
			"counts how it stands. An opt-out is kept, as a keyed hash. Erasing twice is no error. Whoever books with the phone later is a new customer.",
		write: true, ok: http.StatusOK, response: handlers.ErasureView{}, answer: exampleErased, problems: []string{"not-found", "invalid-request"},
	}
	opExport = operation{
		method: http.MethodGet, path: "/v1/orgs/{org}/customers/{id}/export", id: "export", tag: "Customers", scheme: schemeKey, scope: store.ScopeAdmin,
		summary: "What is held on a customer",
		about: "In clear, for the customer. What texts said is not kept, of transcripts only what redaction left. At most the newest 1,000 of each kind, and 8 MB of transcripts; " +
			"`truncated` tells when there is more. Each export is written into the audit log.",
		ok: http.StatusOK, response: handlers.ExportView{}, answer: exampleExport, problems: []string{"not-found"},
	}
	opSettings = operation{
		method: http.MethodGet, path: "/v1/orgs/{org}/settings", id: "settings", tag: "Settings", scheme: schemeKey, scope: store.ScopeSettings,
		summary: "What the org has decided", about: "The whole document, with the defaults of what was never set. ETag is its version.",
		ok: http.StatusOK, response: settings.Document{}, answer: exampleSettings(),
	}
	opSetSettings = operation{
		method: http.MethodPut, path: "/v1/orgs/{org}/settings", id: "setSettings", tag: "Settings", scheme: schemeKey, scope: store.ScopeSettings,
		summary: "Decide anew",
		about: "Replaces the whole document: what is left out has its default again. What is not known is refused. A change counts from the answer on " +
			"and is written into the audit log; the same document again changes nothing. With If-Match nothing is replaced that somebody else has changed meanwhile.",
		request: settings.Document{}, example: exampleSetSettings,
		ok: http.StatusOK, response: settings.Document{}, answer: exampleSettings(),
		problems: []string{"invalid-json", "unsupported-media", "invalid-settings", "precondition-failed"},
	}
	opTwilioStatus = operation{
		method: http.MethodPost, path: "/webhooks/twilio/{org}/status/{message}", id: "twilioStatus", tag: "Webhooks", scheme: schemeTwilio,
		summary: "Status of a text, from Twilio", about: "Repeats and older states change nothing and are answered alike, after the commit.",
		request: twilioStatus{}, form: true, example: exampleTwilioStatus,
		ok: http.StatusNoContent, problems: []string{"not-found", "missing-field"},
	}
	opTwilioInbound = operation{
		method: http.MethodPost, path: "/webhooks/twilio/{org}/inbound", id: "twilioInbound", tag: "Webhooks", scheme: schemeTwilio,
		summary: "A text from a customer, from Twilio", about: "Answered with no words of ours: a reply, if any, is a text of its own.",
		request: twilioInbound{}, form: true, example: exampleTwilioInbound,
		ok: http.StatusOK, response: "", answer: "<Response/>", media: "text/xml", problems: []string{"missing-field", "invalid-request"},
	}
	opVapi = operation{
		method: http.MethodPost, path: "/webhooks/vapi/{org}", id: "vapi", tag: "Webhooks", scheme: schemeVapi,
		summary: "Tool calls of a Vapi assistant",
		about: "check_availability, hold_slot, verify_code, resend_code, cancel_booking; `docs/voice-agents.md` tells how to connect. Answered with 200 " +
			"and a sentence for each call within five seconds; other messages with an empty object. A repeat is told how the booking stands now.",
		request: vapiBody{}, example: exampleVapi,
		ok: http.StatusOK, response: vapiAnswer{}, answer: exampleVapiAnswer,
	}
	opRetell = operation{
		method: http.MethodPost, path: "/webhooks/retell/{org}", id: "retell", tag: "Webhooks", scheme: schemeRetell,
		summary: "Function calls of a Retell agent",
		about: "The same tools. Answered with 200, a sentence in `result` and what it says as fields, within five seconds. " +
			"The same function with the same arguments in one call takes effect once.",
		request: retellBody{}, example: exampleRetell,
		ok: http.StatusOK, response: retellAnswer{}, answer: exampleRetellAnswer,
	}
	opEvents = operation{
		method: http.MethodPost, path: "/webhooks/events/{org}", id: "event", tag: "Webhooks", scheme: schemeEvents,
		summary: "An event from the org's own systems",
		about: "`booking.requested` (data: the body of POST bookings), `booking.code_given` (data: booking, code), `booking.canceled` (data: booking), " +
			"`transcript.created` (data: the body of POST transcripts). Each is answered like the route that it stands for.",
		request: event{}, example: exampleEvent, write: true,
		ok: http.StatusCreated, also: http.StatusOK, response: handlers.BookingView{}, or: handlers.TranscriptView{}, made: "The booking or the transcript.", answer: exampleHeld,
		problems: append([]string{"already-confirmed", "booking-ended", "code-expired", "code-revoked", "hold-expired", "invalid-code", "wrong-code", "not-found"}, bookingProblems...),
	}
)

// The pages, as they are documented. None of them needs a key.
var (
	opDocument = operation{
		method: http.MethodGet, path: "/openapi.json", id: "document", tag: "Pages",
		summary: "This document", about: "OpenAPI 3.1.", ok: http.StatusOK, response: map[string]any{}, media: "application/openapi+json",
		answer: example(`{"openapi":"3.1.0","info":{"title":"Holdfast","version":"1.0.0"},"paths":{}}`),
	}
	opDocs = operation{
		method: http.MethodGet, path: "/docs", id: "docs", tag: "Pages",
		summary: "This document, to read", about: "It loads nothing from elsewhere.", ok: http.StatusOK, response: "", media: "text/html",
		answer: "<!doctype html>",
	}
	opProblemKind = operation{
		method: http.MethodGet, path: "/problems/{kind}", id: "problemKind", tag: "Pages",
		summary: "What a kind of problem means", about: "The kind is the last part of a problem's type.",
		ok: http.StatusOK, response: problemKind{}, answer: exampleKind, problems: []string{"not-found"},
	}
	opHealth = operation{
		method: http.MethodGet, path: "/healthz", id: "health", tag: "Pages",
		summary: "A sign of life", about: "Of this process alone: the operators' listener tells whether it can serve.",
		ok: http.StatusOK, response: health{}, answer: example(`{"status":"ok"}`),
	}
)

// twilioStatus and twilioInbound document what is read of Twilio's forms.
type twilioStatus struct {
	AccountSid, MessageSid, MessageStatus string
	ErrorCode                             string `json:"ErrorCode,omitempty"`
}

type twilioInbound struct {
	AccountSid, MessageSid, From, To, Body string
	MessagingServiceSid                    string `json:"MessagingServiceSid,omitempty"`
	OptOutType                             string `json:"OptOutType,omitempty" enum:"STOP,START,HELP"`
}
