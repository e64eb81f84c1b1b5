package ingress

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/handlers/settings"
	"holdfast/store/calendar"
)

// example is JSON as it stands, for the document.
func example(text string) json.RawMessage { return json.RawMessage(text) }

// exampleIDs are the ids that examples use, by the name of the path's parameter.
var exampleIDs = map[string]any{
	"org":     "0190a000-0000-7000-8000-00000000000a",
	"id":      "0190a111-2222-7333-8444-555566667777",
	"message": "5f0c2f9e-3f0d-4d7e-9a53-1f1f6f6a2b10",
}

var (
	exampleBooking = example(`{"resource":"chair-1","start":"2026-11-24T15:00","customer":{"phone":"+15550100042","name":"Ana Lee","locale":"en"},"notes":"first visit"}`)

	exampleHeld = example(`{"id":"0190a111-2222-7333-8444-555566667777","state":"held","resource":"0190a000-0000-7000-8000-0000000000c1","service":null,` +
		`"start":"2026-11-24T15:00:00-05:00","end":"2026-11-24T15:30:00-05:00","hold_expires_at":"2026-11-20T09:05:00-05:00","code_state":"pending","move":null,` +
		`"customer":{"id":"0190a000-0000-7000-8000-0000000000d1","phone":"•••• 42"},"created_at":"2026-11-20T09:00:00-05:00","confirmed_at":null}`)

	exampleConfirmed = example(`{"id":"0190a111-2222-7333-8444-555566667777","state":"confirmed","resource":"0190a000-0000-7000-8000-0000000000c1","service":null,` +
		`"start":"2026-11-24T15:00:00-05:00","end":"2026-11-24T15:30:00-05:00","hold_expires_at":"2026-11-20T09:05:00-05:00","code_state":"verified","move":null,` +
		`"customer":{"id":"0190a000-0000-7000-8000-0000000000d1","phone":"•••• 42"},"created_at":"2026-11-20T09:00:00-05:00","confirmed_at":"2026-11-20T09:01:12-05:00"}`)

	exampleCanceled = example(`{"id":"0190a111-2222-7333-8444-555566667777","state":"canceled","resource":"0190a000-0000-7000-8000-0000000000c1","service":null,` +
		`"start":"2026-11-24T15:00:00-05:00","end":"2026-11-24T15:30:00-05:00","hold_expires_at":"2026-11-20T09:05:00-05:00","code_state":"revoked","move":null,` +
		`"customer":{"id":"0190a000-0000-7000-8000-0000000000d1","phone":"•••• 42"},"created_at":"2026-11-20T09:00:00-05:00","confirmed_at":null}`)

	exampleReschedule = example(`{"start":"2026-11-25T10:00"}`)

	exampleMoving = example(`{"id":"0190a111-2222-7333-8444-555566667777","state":"confirmed","resource":"0190a000-0000-7000-8000-0000000000c1","service":null,` +
		`"start":"2026-11-24T15:00:00-05:00","end":"2026-11-24T15:30:00-05:00","hold_expires_at":"2026-11-20T09:05:00-05:00","code_state":"verified",` +
		`"move":{"start":"2026-11-25T10:00:00-05:00","end":"2026-11-25T10:30:00-05:00","expires_at":"2026-11-21T11:05:00-05:00","code_state":"pending"},` +
		`"customer":{"id":"0190a000-0000-7000-8000-0000000000d1","phone":"•••• 42"},"created_at":"2026-11-20T09:00:00-05:00","confirmed_at":"2026-11-20T09:01:12-05:00"}`)

	exampleMark = example(`{"state":"no_show"}`)

	exampleMarked = example(`{"id":"0190a111-2222-7333-8444-555566667777","state":"no_show","resource":"0190a000-0000-7000-8000-0000000000c1","service":null,` +
		`"start":"2026-11-24T15:00:00-05:00","end":"2026-11-24T15:30:00-05:00","hold_expires_at":"2026-11-20T09:05:00-05:00","code_state":"verified","move":null,` +
		`"customer":{"id":"0190a000-0000-7000-8000-0000000000d1","phone":"•••• 42"},"created_at":"2026-11-20T09:00:00-05:00","confirmed_at":"2026-11-20T09:01:12-05:00"}`)

	exampleCode = example(`{"code":"123 456"}`)

	exampleResend = example(`{"phone":"+15550100043"}`)

	exampleList = example(`{"bookings":[],"next_cursor":null}`)

	exampleTimeline = example(`{"events":[{"at":"2026-11-20T09:00:00-05:00","kind":"held","detail":{"until":"2026-11-20T14:05:00Z"}},` +
		`{"at":"2026-11-20T09:01:12-05:00","kind":"confirmed","detail":{}}]}`)

	examplePending = example(`{"id":"0190a111-2222-7333-8444-555566667777","status":"pending"}`)

	exampleDone = example(`{"id":"0190a111-2222-7333-8444-555566667777","status":"done","result":{"status":409,"body":` +
		`{"type":"https://holdfast.example/problems/slot-taken","title":"The time is taken","status":409,"field":"start",` +
		`"alternatives":[{"resource":"0190a000-0000-7000-8000-0000000000c1","start":"2026-11-24T15:30:00-05:00","end":"2026-11-24T16:00:00-05:00"}]}}}`)

	exampleOpenings = example(`{"resource":"0190a000-0000-7000-8000-0000000000c1","time_zone":"America/New_York","slots":[` +
		`{"resource":"0190a000-0000-7000-8000-0000000000c1","start":"2026-11-24T15:00:00-05:00","end":"2026-11-24T15:30:00-05:00","seats":1}]}`)

	exampleBlock = example(`{"resource":"chair-1","start":"2026-12-24T08:00","end":"2026-12-24T18:00","reason":"holiday"}`)

	exampleBlocked = example(`{"id":"0190a111-2222-7333-8444-555566667777","resource":"0190a000-0000-7000-8000-0000000000c1",` +
		`"start":"2026-12-24T08:00:00-05:00","end":"2026-12-24T18:00:00-05:00"}`)

	exampleFreed = example(`{"id":"0190a111-2222-7333-8444-555566667777","deleted_at":"2026-11-20T14:00:00Z"}`)

	exampleTranscript = example(`{"call_id":"call_7f3a","text":"Agent: And your number?\nCaller: It's two oh two, five five five, oh one two three. Tuesday at 3 is fine."}`)

	exampleRedacted = example(`{"id":"0190a111-2222-7333-8444-555566667777","call_id":"call_7f3a","booking_id":null,"state":"done",` +
		`"text":"Agent: And your number?\nCaller: It's [PHONE_NUMBER]. Tuesday at 3 is fine.","redactions":{"PHONE_NUMBER":1},` +
		`"created_at":"2026-11-20T09:04:00-05:00","redacted_at":"2026-11-20T09:04:00.02-05:00"}`)

	exampleReport = example(`{"kind":"false","start":37,"end":51}`)

	exampleReported = example(`{"id":"0190a222-2222-7333-8444-555566667777","transcript":"0190a111-2222-7333-8444-555566667777","kind":"false",` +
		`"start":37,"end":51,"type":"PHONE_NUMBER","created_at":"2026-11-20T09:06:00-05:00"}`)

	exampleTwilioStatus = example(`{"AccountSid":"AC00000000000000000000000000000001","MessageSid":"SM00000000000000000000000000000001","MessageStatus":"delivered"}`)

	exampleTwilioInbound = example(`{"AccountSid":"AC00000000000000000000000000000001","MessageSid":"SM00000000000000000000000000000002",` +
		`"From":"+15550100042","To":"+15550100001","Body":"123456"}`)

	exampleVapi = example(`{"message":{"type":"tool-calls","toolCallList":[{"id":"toolu_01","name":"hold_slot","arguments":` +
		`{"service":"cleaning","start":"Tuesday at 3 PM","name":"Ana Lee"}}],"call":{"id":"0190a000-0000-7000-8000-0000000000f1","customer":{"number":"+15550100042"}}}}`)

	exampleVapiAnswer = example(`{"results":[{"toolCallId":"toolu_01","name":"hold_slot","result":` +
		`"Tuesday the 24th at 3 PM with Dr. Lee is held. A code was sent to the number ending in 4 2."}]}`)

	exampleRetell = example(`{"name":"hold_slot","call":{"call_id":"call_7f3a","direction":"inbound","from_number":"+15550100042"},` +
		`"args":{"service":"cleaning","start":"Tuesday at 3 PM","name":"Ana Lee"}}`)

	exampleRetellAnswer = example(`{"result":"Tuesday the 24th at 3 PM with Dr. Lee is held. A code was sent to the number ending in 4 2.",` +
		`"status":"held","booking":"0190a111-2222-7333-8444-555566667777","state":"held","start":"2026-11-24T15:00:00-05:00","resource":"Dr. Lee"}`)

	exampleErased = example(`{"id":"0190a000-0000-7000-8000-0000000000d1","erased_at":"2026-11-28T16:20:00.123Z",` +
		`"erased":{"bookings":2,"canceled":1,"texts":3,"replies":1,"questions":0,"transcripts":1,"redactions":2,"requests":4},` +
		`"provider":{"redacted":3,"pending":1,"not_found":0,"failed":0}}`)

	exampleExport = example(`{"id":"0190a000-0000-7000-8000-0000000000d1","phone":"+15550100042","name":"Ana Lee","locale":"en","time_zone":"",` +
		`"created_at":"2026-11-20T14:00:00.123Z","erased_at":null,"bookings":[],"texts":[{"id":"0190a444-2222-4333-8444-555566667777","kind":"code",` +
		`"booking":"0190a111-2222-7333-8444-555566667777","state":"delivered","provider_id":"SM00000000000000000000000000000042",` +
		`"created_at":"2026-11-20T14:00:00.123Z","accepted_at":"2026-11-20T14:00:00.321Z"}],"replies":[],"transcripts":[],"opt_outs":[],"truncated":false}`)

	exampleEvent = example(`{"type":"booking.requested","timestamp":"2026-11-20T14:00:00Z","data":` +
		`{"resource":"chair-1","start":"2026-11-24T15:00","customer":{"phone":"+15550100042","name":"Ana Lee"}}}`)
)

// exampleKind is a page under /problems.
var exampleKind = problemKind{handlers.ProblemBase + "slot-taken", handlers.ProblemKinds["slot-taken"].Title,
	handlers.ProblemKinds["slot-taken"].Status, handlers.ProblemKinds["slot-taken"].About}

// exampleProblem is a problem of a kind as a client meets it.
func exampleProblem(kind string) *Problem {
	p := newProblem(kind, exampleFields[kind], "")
	p.RequestID = "0190a0e5-7d1c-7c3a-9b5e-2f6d4c8a1b3c"
	seat := uuid.MustParse("0190a000-0000-7000-8000-0000000000c1")
	start := time.Date(2026, 11, 24, 20, 30, 0, 0, time.UTC)
	switch kind {
	case "slot-taken", "hold-expired":
		p.Alternatives = []handlers.Alternative{{Resource: seat, Start: start, End: start.Add(30 * time.Minute)}}
	case "block-conflicts":
		p.Bookings = []uuid.UUID{uuid.MustParse("0190a111-2222-7333-8444-555566667777")}
	case "wrong-code":
		p.AttemptsLeft = new(4)
	case "too-soon":
		p.RetryAfter = 30
	case "invalid-settings":
		p.Detail = "want a whole number from 0 to 1000"
		p.Errors = []settings.Broken{{Field: p.Field, Detail: p.Detail}}
	}
	return p
}

// exampleFields are the fields that problems name in examples.
var exampleFields = map[string]string{
	"missing-field": "customer.phone", "invalid-phone": "customer.phone", "country-not-allowed": "customer.phone", "invalid-request": headerKey,
	"invalid-start": "start", "start-in-past": "start", "start-too-far": "start", "time-does-not-exist": "start", "outside-hours": "start",
	"slot-taken": "start", "unknown-resource": "resource", "unknown-service": "service", "invalid-range": "to", "invalid-code": "code", "wrong-code": "code",
	"key-reused": headerKey, "precondition-failed": headerIfMatch, "invalid-settings": "limits.phone.per_day", "block-conflicts": "start",
}

// exampleSetSettings is docs/examples/settings.http: what an org sets that texts two countries in its own words.
var exampleSetSettings = example(`{"countries":["US","CA"],"failed_text":"release_hold",` +
	`"templates":{"en":{"code":"{{.Code}} is your code for {{.Org}}, good for {{.For}}. Questions? Call 202 555 0100."}},` +
	`"reminders":{"minutes_before":[1440,120]}}`)

// exampleSettings is what the example sets, with all defaults.
func exampleSettings() json.RawMessage {
	d, err := settings.Parse(exampleSetSettings, "US", settings.Installation{QuietHours: calendar.QuietHours{From: 21, To: 8}})
	if err != nil {
		return example(`{}`) // a test reads the example as it stands
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return example(`{}`)
	}
	return raw
}
