package ingress

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"holdfast/handlers"
	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/failpoint"
)

// Security schemes, by name.
const (
	schemeKey    = "apiKey"
	schemeTwilio = "twilioSignature"
	schemeEvents = "standardWebhooks"
	schemeVapi   = "vapiSecret"
	schemeRetell = "retellSignature"
)

// operation is one route and all that the document tells of it.
type operation struct {
	method, path, id, tag string
	summary, about        string
	scheme                string
	// scope is what a key must have, of an operation that a key opens. orScope does as well, where it is set: the handler
	// judges by what it finds.
	scope, orScope store.Scope
	// request is the body's type by example value, nil for none; form is for bodies that are no JSON.
	request any
	form    bool
	example any
	// optional says that the body may be left out.
	optional bool
	// write says that the operation goes through submit: Prefer, Idempotency-Key (not for webhooks, which have
	// their own), 202.
	write bool
	// ok is the status of success, response its body's type by example value (nil: none) and answer an example.
	ok       int
	also     int // another status of success, with the same body
	response any
	or       any    // another type of the body
	made     string // what the Location of a 201 is of, where it has one
	answer   any
	media    string // of the response, by default application/json
	problems []string
}

func newAPI(mux *http.ServeMux, public string) huma.API {
	humaErrors()
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Holdfast", Version: "1.0.0",
			Description: "Holdfast holds an appointment for a customer, proves the phone number by a code in a text, and confirms. " +
				"Every change is queued: ask with `Prefer: wait=10` to get its outcome at once, else a 202 says where it will be. " +
				"Errors are problems of RFC 9457; `/problems/{kind}` tells more of each kind.",
		},
		Servers: []*huma.Server{{URL: public}},
		Tags: []*huma.Tag{
			{Name: "Bookings", Description: "Hold, confirm, cancel, look up."},
			{Name: "Calendar", Description: "What is open, and what is blocked."},
			{Name: "Transcripts", Description: "What was said in calls, without personal data."},
			{Name: "Customers", Description: "Their rights: to know what is held on them, and to be forgotten."},
			{Name: "Settings", Description: "What the org decides for itself."},
			{Name: "Webhooks", Description: "What other systems call, each with its own signature."},
			{Name: "Pages", Description: "What needs no key."},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
			Headers: commonHeaders,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				schemeKey: {Type: "http", Scheme: "bearer", BearerFormat: "hf_<prefix>_<secret>",
					Description: "An API key of the org, which has the scope that the operation names or one that implies it: admin implies all, bookings:write implies bookings:read. " +
						"On another org's path it is refused with 403."},
				schemeTwilio: {Type: "apiKey", In: "header", Name: "X-Twilio-Signature",
					Description: "Twilio's signature over the public URL and the form, with the auth token of the org's account."},
				schemeVapi: {Type: "apiKey", In: "header", Name: "X-Vapi-Secret",
					Description: "The org's secret of kind vapi, also as Authorization: Bearer."},
				schemeRetell: {Type: "apiKey", In: "header", Name: "X-Retell-Signature",
					Description: "Retell's signature over the raw body and its time, with the org's API key of kind retell."},
				schemeEvents: {Type: "apiKey", In: "header", Name: "webhook-signature",
					Description: "Standard Webhooks: webhook-id, webhook-timestamp and webhook-signature over the raw body, with the org's secret."},
			},
		},
	}
	format := huma.DefaultJSONFormat
	return humago.New(mux, huma.Config{OpenAPI: doc, DefaultFormat: "application/json",
		Formats: map[string]huma.Format{"application/json": format, "json": format}})
}

// schemaName names a schema as its Go type, without what only Go needs to tell apart.
func schemaName(t reflect.Type, hint string) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, ok := schemaNames[t]; ok {
		return name
	}
	return huma.DefaultSchemaNamer(t, hint)
}

var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[handlers.BookingBody]():    "BookingRequest",
	reflect.TypeFor[handlers.CustomerBody]():   "CustomerRequest",
	reflect.TypeFor[handlers.CodeBody]():       "CodeRequest",
	reflect.TypeFor[handlers.ResendBody]():     "ResendRequest",
	reflect.TypeFor[handlers.BlockBody]():      "BlockRequest",
	reflect.TypeFor[handlers.RescheduleBody](): "RescheduleRequest",
	reflect.TypeFor[handlers.MarkBody]():       "MarkRequest",
	reflect.TypeFor[handlers.MoveView]():       "Move",
	reflect.TypeFor[handlers.BookingView]():    "Booking",
	reflect.TypeFor[handlers.CustomerView]():   "Customer",
	reflect.TypeFor[handlers.BlockView]():      "Block",
	reflect.TypeFor[requestView]():             "Request",
	reflect.TypeFor[resultView]():              "Result",
	reflect.TypeFor[bookingList]():             "BookingList",
	reflect.TypeFor[timeline]():                "Timeline",
	reflect.TypeFor[eventView]():               "TimelineEvent",
	reflect.TypeFor[openings]():                "Availability",
	reflect.TypeFor[problemKind]():             "ProblemKind",
	reflect.TypeFor[health]():                  "Health",
	reflect.TypeFor[slotView]():                "Slot",
	reflect.TypeFor[freedView]():               "FreedBlock",
	reflect.TypeFor[settings.Broken]():         "BrokenRule",
	reflect.TypeFor[settings.Document]():       "Settings",
	reflect.TypeFor[settings.Limits]():         "SettingsLimits",
	reflect.TypeFor[settings.PhoneLimit]():     "SettingsPhoneLimit",
	reflect.TypeFor[settings.HourLimit]():      "SettingsHourLimit",
	reflect.TypeFor[settings.RatioLimit]():     "SettingsRatioLimit",
	reflect.TypeFor[settings.Reminders]():      "SettingsReminders",
	reflect.TypeFor[settings.Endpoint]():       "SettingsEndpoint",
	reflect.TypeFor[settings.Redaction]():      "SettingsRedaction",
	reflect.TypeFor[event]():                   "Event",
	reflect.TypeFor[vapiBody]():                "VapiMessage",
	reflect.TypeFor[vapiMessage]():             "VapiMessageBody",
	reflect.TypeFor[vapiTalk]():                "VapiCall",
	reflect.TypeFor[vapiNumber]():              "VapiCustomer",
	reflect.TypeFor[vapiCall]():                "VapiToolCall",
	reflect.TypeFor[vapiAnswer]():              "VapiResults",
	reflect.TypeFor[vapiResult]():              "VapiResult",
	reflect.TypeFor[retellBody]():              "RetellCall",
	reflect.TypeFor[retellTalk]():              "RetellConversation",
	reflect.TypeFor[retellAnswer]():            "RetellResult",
	reflect.TypeFor[freeTime]():                "FreeTime",

	reflect.TypeFor[handlers.TranscriptBody](): "TranscriptRequest",
	reflect.TypeFor[handlers.TranscriptView](): "Transcript",
	reflect.TypeFor[handlers.ReportBody]():     "ReportRequest",
	reflect.TypeFor[handlers.ReportView]():     "Report",

	reflect.TypeFor[handlers.ErasureView]():     "Erasure",
	reflect.TypeFor[handlers.ExportView]():      "Export",
	reflect.TypeFor[handlers.ExportedBooking](): "ExportedBooking",
	reflect.TypeFor[handlers.ExportedEvent]():   "ExportedEvent",
	reflect.TypeFor[handlers.ExportedText]():    "ExportedText",
	reflect.TypeFor[handlers.ExportedReply]():   "ExportedReply",
	reflect.TypeFor[handlers.ExportedOptOut]():  "ExportedOptOut",
	reflect.TypeFor[store.Erased]():             "Erased",
	reflect.TypeFor[store.AtProvider]():         "ErasedAtProvider",
}

// freedView answers DELETE blocks/{id}.
type freedView struct {
	ID        string `json:"id"`
	DeletedAt string `json:"deleted_at"`
}

// register binds an operation to its handler. Handlers return any error; fail makes the problem of it.
func register[I, O any](in *Ingress, o operation, handle func(context.Context, *call, *I) (*O, error)) {
	prove := byHandler
	if o.scheme == schemeKey {
		prove = in.byKey(o.scope, o.orScope)
	}
	doc := in.api.OpenAPI()
	huma.Register(in.api, huma.Operation{
		Method: o.method, Path: o.path, OperationID: o.id, Tags: []string{o.tag}, Summary: o.summary, Description: o.about,
		DefaultStatus: o.ok, Security: o.security(), Middlewares: huma.Middlewares{in.open(prove)},
		Responses: o.responses(doc.Components.Schemas),
	}, func(ctx context.Context, i *I) (*O, error) {
		if o.method != http.MethodGet {
			ctx = failpoint.Scene(ctx, "ingress", o.id)
		}
		out, err := handle(ctx, callOf(ctx), i)
		if err != nil {
			return nil, in.fail(ctx, err)
		}
		return out, nil
	})
	o.document(doc)
	o.documentHeaders(doc)
}

// security is how the operation is opened, by one way or another.
func (o operation) security() (ways []map[string][]string) {
	if o.scheme != schemeKey {
		return []map[string][]string{{o.scheme: {}}}
	}
	for _, s := range []store.Scope{o.scope, o.orScope} {
		if s != "" {
			ways = append(ways, map[string][]string{o.scheme: {string(s)}})
		}
	}
	return ways
}

// in is the operation as the document has it.
func (o operation) in(doc *huma.OpenAPI) *huma.Operation {
	item := doc.Paths[o.path]
	return map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete}[o.method]
}

// document adds what huma must not act on: it would read and check a body that it knows of, and ids before
// their turn.
func (o operation) document(doc *huma.OpenAPI) {
	op := o.in(doc)
	for _, p := range op.Parameters {
		if p.In == "path" {
			p.Schema = &huma.Schema{Type: huma.TypeString, Format: "uuid"}
			p.Example = exampleIDs[p.Name]
		}
	}
	if o.write {
		op.Parameters = append(op.Parameters, paramPrefer)
		if o.scheme == schemeKey {
			op.Parameters = append(op.Parameters, paramKey)
		}
	}
	if o.request == nil {
		return
	}
	schema := doc.Components.Schemas.Schema(reflect.TypeOf(o.request), true, o.id)
	content := map[string]*huma.MediaType{"application/json": {Schema: schema, Example: o.example}}
	if o.form {
		content["application/x-www-form-urlencoded"] = content["application/json"]
	}
	op.RequestBody = &huma.RequestBody{Required: !o.optional, Content: content}
}

var paramPrefer = &huma.Param{Name: headerPrefer, In: "header", Example: "wait=10", Schema: &huma.Schema{Type: huma.TypeString},
	Description: "`wait=N` (RFC 7240): wait up to N seconds, 20 at most, for the outcome."}

var paramKey = &huma.Param{Name: headerKey, In: "header", Example: "call-7f3a-1",
	Schema:      &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: new(255)},
	Description: "Names the request: sent again with the same body it takes effect once and gets the same answer. Another body is refused."}
