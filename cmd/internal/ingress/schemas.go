package ingress

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/handlers/redact"
)

// fieldDocs tells what fields mean, by schema and field: the types belong to handlers, which know no OpenAPI.
var fieldDocs = map[string]string{
	"BookingRequest.resource":    "Id or slug. May be left out when service is given.",
	"BookingRequest.service":     "Id or slug. It sets length and buffers.",
	"BookingRequest.start":       "RFC 3339 with an offset, or a local time of the resource as 2006-01-02T15:04. A time that the clocks skip is refused.",
	"BookingRequest.duration":    "Minutes, or a length as 45m or PT45M. By default the service's, else the resource's.",
	"BookingRequest.customer":    "Who the booking is for.",
	"BookingRequest.notes":       "For the front desk; 4,000 characters at most. Personal data is taken out, what is left is sealed at rest.",
	"CustomerRequest.phone":      "E.164, or the national form of the org's region. The code is sent to it.",
	"CustomerRequest.name":       "200 characters at most. Sealed at rest.",
	"CustomerRequest.locale":     "en or es: the language of the texts. By default the org's.",
	"CustomerRequest.time_zone":  "IANA name, for quiet hours and times in texts.",
	"CodeRequest.code":           "Six digits. Spaces, dashes and dots between them are fine.",
	"ResendRequest.phone":        "Another number, as in customer.phone. By default the one that was given before.",
	"RescheduleRequest.start":    "As the start of a booking.",
	"MarkRequest.state":          "completed: the customer came.",
	"BlockRequest.resource":      "Id or slug.",
	"BlockRequest.start":         "As the start of a booking.",
	"BlockRequest.end":           "After start.",
	"BlockRequest.reason":        "For the front desk. Sealed at rest.",
	"Booking.state":              "held until the code is given, then confirmed; expired when it was not given in time.",
	"Booking.service":            "null when a resource was booked by itself.",
	"Booking.start":              "With the resource's offset, as all times.",
	"Booking.hold_expires_at":    "Until when the time is kept for the code.",
	"Booking.code_state":         "pending until the text is accepted by the provider.",
	"Booking.confirmed_at":       "null as long as it is not.",
	"Booking.move":               "The time that a confirmed booking is to be moved to, while it is held for its code; null: none.",
	"Move.start":                 "With the resource's offset.",
	"Move.expires_at":            "Until when the time is kept for the code.",
	"Move.code_state":            "As that of a booking.",
	"Customer.phone":             "Its last two digits. Empty once the customer was erased.",
	"Erasure.id":                 "The customer's.",
	"Erasure.erased":             "What was emptied or ended here, by that time.",
	"Erasure.provider":           "What became of the provider's copies of texts, as it is now.",
	"Erased.bookings":            "All that the customer had.",
	"Erased.canceled":            "Of them those that were held or still ahead.",
	"Erased.redactions":          "Hashes of what had been taken out of texts.",
	"ErasedAtProvider.pending":   "Not at their end yet, or the org's account is refused: tried again for a week.",
	"ErasedAtProvider.not_found": "The account knows no such text.",
	"ErasedAtProvider.failed":    "Given up; an operator sees it.",
	"Export.erased_at":           "null: not erased.",
	"Export.truncated":           "There is more of something than the newest 1,000.",
	"ExportedBooking.notes":      "As redaction left them.",
	"ExportedText.provider_id":   "The provider's name for the text; empty when it never had it.",
	"ExportedText.booking":       "null: about none.",
	"ExportedReply.booking":      "null: about none.",
	"ExportedReply.intent":       "What it was understood as.",
	"ExportedOptOut.sender":      "The number or messaging service.",
	"BookingList.bookings":       "By start.",
	"BookingList.next_cursor":    "null on the last page.",
	"TimelineEvent.kind":         "held, confirmed, canceled, expired, move_held, rescheduled, completed, no_show, text_delivered, text_undelivered, …",
	"TimelineEvent.detail":       "Without personal data.",
	"Request.id":                 "Where it can be asked for.",
	"Request.status":             "pending until there is an outcome.",
	"Request.result":             "Only when done.",
	"Result.status":              "The HTTP status that a client that waited got.",
	"Result.body":                "And its body.",
	"Availability.resource":      "The resource asked for; null when only a service was.",
	"Availability.time_zone":     "Of the resource, else of the org.",
	"Slot.seats":                 "How many can book this start.",
	"Problem.type":               "Identifies the kind; its last part is to be looked up under /problems/.",
	"Problem.title":              "The kind in words.",
	"Problem.detail":             "The rule that was broken. Never what was sent.",
	"Problem.field":              "Which field, header or parameter it is about, as a path such as customer.phone.",
	"Problem.alternatives":       "Free times near the one asked for.",
	"Problem.attempts_left":      "Of a wrong code.",
	"Problem.retry_after":        "Seconds until it is worth asking again; also in Retry-After.",
	"Problem.bookings":           "In the way of a block.",
	"Problem.blocks":             "In the way of a block.",
	"Problem.errors":             "Everything that is wrong with the settings sent; field and detail are the first of it.",
	"BrokenRule.field":           "A path such as limits.phone.per_day.",
	"BrokenRule.detail":          "The rule that was broken.",
	"Settings.failed_text":       "What becomes of a hold whose code text failed for good.",
	"Settings.templates":         "The org's own words, by language and kind of text.",
	"Settings.limits":            "Of code texts. 0 is no limit.",
	"Settings.countries":         "ISO 3166 regions whose phones are texted. By default the org's own.",
	"Settings.quiet_hours":       "Hours of the customer's day without follow-ups and reminders, as 21-8, or off.",
	"Settings.reminders":         "Texts before a confirmed booking begins.",
	"Settings.endpoint":          "Where the org is told of its bookings.",
	"Settings.redaction":         "What is taken out of transcripts and notes before they are stored.",
	"SettingsRedaction.policy":   "booking keeps dates and addresses, strict does not.",
	"SettingsRedaction.actions":  "What stands in its place, by type: remove its name, mask the last four digits too, token a word that is the same for the same value.",
	"SettingsRedaction.terms":    "Medical terms of the org's own.",
	"SettingsRedaction.mrn":      "How its medical record numbers look: # a digit, @ a letter, the rest as it is.",
	"Problem.request_id":         "Helps an operator find it; also in X-Request-Id.",
	"Event.type":                 "booking.requested, booking.code_given, booking.canceled or transcript.created.",
	"Event.timestamp":            "When it happened.",
	"Event.data":                 "The body of the matching route.",
	"VapiToolCall.arguments":     "An object, or a string that holds one.",
	"VapiToolCall.parameters":    "What some messages call arguments.",
	"VapiResult.result":          "One line to be read aloud.",
	"VapiResult.error":           "The same, when the caller has to choose or to say something else.",
	"RetellCall.args":            "An object. With \"args only\" it is the whole body, and tool in the query names the function.",
	"RetellResult.result":        "To be read aloud.",
	"RetellResult.status":        "held, confirmed, canceled, expired, free, none-free, pending, or the kind of problem.",
	"FreedBlock.deleted_at":      "When it was freed.",
	"VapiMessageBody.type":       "tool-calls. What is of another type is answered with an empty object.",
	"VapiResults.results":        "In the order of the calls. Left out when there was none.",
	"ProblemKind.about":          "What to do about it.",
	"TwilioStatus.MessageStatus": "queued, sent, delivered, undelivered, failed, …",
	"TwilioInbound.OptOutType":   "Present when Twilio has answered a keyword already.",
	"Problem.status":             "The HTTP status.",
	"Alternative.resource":       "Where.",
	"Slot.resource":              "Where.",

	"TranscriptRequest.call_id":    "As the platform names the call: 128 visible ASCII characters at most. It is kept as it is, so it must not be a phone number.",
	"TranscriptRequest.text":       "What was said, 60,000 bytes at most. Line breaks part the turns of the speakers.",
	"TranscriptRequest.booking_id": "The booking that the call was about: its customer's name is then known and taken out. By default the one that a voice agent made in the call.",
	"ReportRequest.kind":           "missed: left in the text. false: taken out without reason.",
	"ReportRequest.start":          "The first byte, counted from 0 in the text as it was returned (UTF-8).",
	"ReportRequest.end":            "The byte behind the last one.",
	"ReportRequest.type":           "Of personal data, as in redactions. A false one's is what the redaction says.",
	"Transcript.booking_id":        "Whose customer's name was known; null: nobody's was.",
	"Transcript.state":             "done. Until then there is only the request.",
	"Transcript.text":              "Redacted. It is sealed at rest all the same.",
	"Transcript.redactions":        "How many of each type were taken out.",
	"Transcript.created_at":        "When it was asked for.",
	"Report.transcript":            "What it is about.",
	"Report.type":                  "null: not told.",
}

// platform reports a schema of what a voice agent's platform sends or reads.
func platform(schema string) bool {
	return strings.HasPrefix(schema, "Vapi") || strings.HasPrefix(schema, "Retell") || schema == "FreeTime"
}

// finishSchemas adds what types do not say. Objects stay open, since fields may be added and unknown ones are
// ignored; only settings are closed.
func finishSchemas(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas.Map()
	for name, s := range schemas {
		if strings.HasPrefix(name, "Settings") { // all may be left out, and nothing else is taken
			s.Required = nil
			s.PrecomputeMessages()
		} else {
			s.AdditionalProperties = nil
		}
		for field, p := range s.Properties {
			if text := fieldDocs[name+"."+field]; text != "" {
				p.Description = text
			}
			if p.Type == huma.TypeArray { // ours are empty, never null
				p.Nullable = false
			}
			if platform(name) { // ids and names as the platform has them
				continue
			}
			if field == "id" || field == "transcript" || strings.HasSuffix(name+"."+field, ".resource") && !strings.HasSuffix(name, "Request") {
				p.Format = "uuid"
			}
		}
	}
	schemas["Booking"].Properties["service"].Nullable = true
	schemas["Booking"].Properties["move"] = &huma.Schema{Description: fieldDocs["Booking.move"],
		AnyOf: []*huma.Schema{schemas["Booking"].Properties["move"], {Type: "null"}}}
	schemas["Transcript"].Properties["booking_id"].Nullable = true
	schemas["ExportedText"].Properties["booking"].Nullable = true
	schemas["ExportedReply"].Properties["booking"].Nullable = true
	schemas["Report"].Properties["type"].Nullable = true
	schemas["Availability"].Properties["resource"].Nullable = true
	one, most := 1.0, 1440.0
	schemas["BookingRequest"].Properties["duration"] = &huma.Schema{
		OneOf:       []*huma.Schema{{Type: huma.TypeInteger, Minimum: &one, Maximum: &most}, {Type: huma.TypeString}},
		Description: fieldDocs["BookingRequest.duration"],
	}
	schemas["Result"].Properties["body"] = &huma.Schema{Description: fieldDocs["Result.body"]}
	schemas["TimelineEvent"].Properties["detail"] = &huma.Schema{Type: huma.TypeObject, Description: fieldDocs["TimelineEvent.detail"]}
	schemas["Event"].Properties["data"] = &huma.Schema{Type: huma.TypeObject, Description: fieldDocs["Event.data"]}
	schemas["Event"].Properties["timestamp"] = &huma.Schema{Type: huma.TypeString, Format: "date-time", Description: fieldDocs["Event.timestamp"]}
	for _, p := range []string{"VapiToolCall.arguments", "VapiToolCall.parameters", "RetellCall.args"} {
		name, field, _ := strings.Cut(p, ".")
		schemas[name].Properties[field] = &huma.Schema{Description: fieldDocs[p]}
	}
	actions := schemas["SettingsRedaction"].Properties["actions"]
	actions.Properties, actions.AdditionalProperties = make(map[string]*huma.Schema), false
	for _, t := range redact.Types() {
		can := []any{redact.Remove.String(), redact.Token.String()}
		if t.Maskable() {
			can = append(can, redact.Mask.String())
		}
		actions.Properties[t.String()] = &huma.Schema{Type: huma.TypeString, Enum: can}
	}
	schemas["Event"].Required = []string{"type", "data"}
	schemas["VapiResults"].Required = nil
}
