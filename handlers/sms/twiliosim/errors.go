package twiliosim

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// apiError is the body of every refusal of Twilio's API.
type apiError struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

// catalog holds the HTTP status and text of the codes that the double can answer with. The texts quote
// phone numbers where Twilio's do: a system under test that logs them must not look innocent here.
var catalog = map[int]struct {
	status int
	text   string
}{
	20001: {400, "Invalid parameter {it}"},
	20003: {401, "Authenticate"},
	20007: {400, "Page size too large"},
	20009: {409, "Message resource is not complete: it cannot be redacted or deleted yet"},
	20404: {404, "The requested resource {it} was not found"},
	20429: {429, "Too Many Requests"},
	20500: {500, "Internal Server Error"},
	21211: {400, "The 'To' number {to} is not a valid phone number."},
	21212: {400, "The 'From' number {from} is not a valid phone number, shortcode, or alphanumeric sender ID."},
	21266: {400, "'To' and 'From' number cannot be the same: {to}"},
	21408: {400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}"},
	21602: {400, "Message body is required."},
	21603: {400, "A 'From' phone number is required."},
	21604: {400, "A 'To' phone number is required."},
	21606: {400, "The 'From' phone number provided ({from}) is not a valid message-capable Twilio phone number for this destination/account."},
	21609: {400, "The 'StatusCallback' URL is not a valid URL."},
	21610: {400, "Attempt to send to unsubscribed recipient"},
	21611: {400, "This 'From' number {from} has exceeded the maximum number of queued messages"},
	21612: {400, "Message cannot be sent with the current combination of 'To' ({to}) and/or 'From' ({from}) parameters"},
	21614: {400, "'To' number: {to}, is not a mobile number"},
	21617: {400, "The concatenated message body exceeds the 1600 character limit"},
	21620: {400, "Invalid media URL(s)"},
	21623: {400, "Number of media files exceeds allowed limit"},
	21624: {400, "Invalid validity period value"},
	21701: {400, "The Messaging Service does not exist"},
	30409: {400, "Message cannot be canceled: it was sent already"},
	35114: {400, "SendAt is outside of 300 seconds to 35 days ahead"},
	35118: {400, "MessagingServiceSid is required to schedule a message"},
}

// deliveryText names why a message that Twilio had accepted did not arrive.
var deliveryText = map[int]string{
	30001: "Queue overflow", 30002: "Account suspended", 30003: "Unreachable destination handset",
	30004: "Message blocked", 30005: "Unknown destination handset", 30006: "Landline or unreachable carrier",
	30007: "Message filtered", 30008: "Unknown error", 30034: "US A2P 10DLC - Message from an Unregistered Number",
	30036: "Validity Period Expired", 30450: "Message delivery blocked (SMS Pumping Protection)",
}

// fail makes the error of a catalogued code; pairs ("{to}", number, ...) fill the places in its text.
func fail(code int, pairs ...string) *apiError {
	e := catalog[code]
	return &apiError{code, strings.NewReplacer(pairs...).Replace(e.text), moreInfo(code), e.status}
}

// failFor makes the error that a message meets.
func failFor(m *record, code int) *apiError {
	return fail(code, "{to}", m.to, "{from}", m.sender, "{it}", "")
}

// failAs makes the error of any code, as a fault rule may ask for; status 0 means the code's own.
func failAs(m *record, code, status int) *apiError {
	e := failFor(m, code)
	if e.Status == 0 { // not in the catalog
		e.Status, e.Message = http.StatusBadRequest, "Injected by a fault rule"
	}
	if status != 0 {
		e.Status = status
	}
	return e
}

func moreInfo(code int) string { return "https://www.twilio.com/docs/errors/" + strconv.Itoa(code) }

func notFound(w http.ResponseWriter, r *http.Request) { writeError(w, fail(20404, "{it}", r.URL.Path)) }

func writeError(w http.ResponseWriter, e *apiError) {
	if e.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, e.Status, e)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("Twilio-Request-Id", "RQ"+randomHex())
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone needs no answer
}

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
