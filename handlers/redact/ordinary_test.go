package redact_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"holdfast/handlers/redact"
)

// perKind is how many texts of each kind are made up.
const perKind = 1000

// TestOrdinaryTalk makes up times, dates, prices, addresses, counts and labelled numbers, in English and Spanish, also right
// after "call me at". Nothing of it is personal data under the policy booking.
func TestOrdinaryTalk(t *testing.T) {
	engine, err := redact.Policy{}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	kinds := ordinary(newTalk(1))
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		say, wrong := kinds[kind], 0
		for range perKind {
			text := say()
			for _, s := range engine.Find(nil, text) {
				if wrong++; wrong <= 5 {
					t.Errorf("%s: %v %q by %s in %q", kind, s.Type, text[s.Start:s.End], s.Rule.Name, text)
				}
			}
		}
		if wrong > 0 {
			t.Errorf("%s: %d found in %d texts", kind, wrong, perKind)
		}
	}
}

// ordinary are the kinds of it.
func ordinary(t talk) map[string]func() string {
	call := func() string {
		return t.one("", "", "call me at ", "call ", "phone me at ", "text me at ", "I'll call at ", "call back ", "ring at ", "phone visit ")
	}
	llame := func() string { return t.one("", "", "llámame a ", "llame a ", "te llamo a ", "mi cita es a ") }
	between := []string{", ", " or ", " and ", ", or ", " to "}
	kinds := map[string]func() string{
		"times, written":  func() string { return call() + t.some(t.time, 1, 4, between...) },
		"times, said":     func() string { return call() + t.some(t.hour, 1, 4, " or ", ", or ", " and ") },
		"times, in a row": func() string { return t.some(t.quarter, 2, 5, " ", ", ") },
		"times, Spanish":  func() string { return llame() + t.some(t.hora, 1, 4, ", ", " o a ", " y a ") },
		"dates, written":  func() string { return call() + t.some(t.date, 1, 3, between...) },
		"dates and times": func() string { return call() + t.date() + t.one(" ", " at ", ", ") + t.time() },
		"days, said":      func() string { return call() + t.some(t.day, 1, 3, ", ", " or ", " and ") },
		"days and times":  func() string { return call() + t.day() + t.one(" at ", ", ") + t.hour() },
		"days, Spanish":   func() string { return t.some(t.dia, 1, 3, ", ", " o ", " y ") + t.one("", " a "+t.hora()) },
		"years, said":     func() string { return t.one("", "in ", "from ") + t.some(t.year, 1, 3, " to ", ", ", " and ") },
		"prices, said":    func() string { return t.one("", "it's ", "I paid ") + t.some(t.price, 1, 3, ", ", " or ", " and ") },
		"addresses":       func() string { return t.one("", "I live at ", "it's at ") + t.house() + t.one("", ", at "+t.hour()) },
		"counts": func() string {
			return t.some(func() string { return t.en(t.within(1, 12)) }, 3, 6, ", ", " and ", " or ")
		},
		"numbers, labelled":   t.labelled,
		"coordinates":         func() string { return fmt.Sprintf("%.6f, %.6f", t.Float64()*180-90, t.Float64()*360-180) },
		"ranges":              func() string { return t.some(t.span, 1, 3, ", ", " and ") },
		"identifiers":         t.identifier,
		"versions":            t.version,
		"log lines":           t.logged,
		"turns":               t.turns,
		"digits of a label":   t.spelled,
		"dígitos con su cosa": t.deletreado,
	}
	return kinds
}

// labelled is a number that says whose it is.
func (t talk) labelled() string {
	label := t.one("order", "Order #", "order number", "invoice", "Invoice #", "invoice no.", "case", "case number", "ticket", "ref", "reference number",
		"confirmation number", "booking number", "policy number", "claim number", "account number", "tracking", "PO", "SKU", "part number",
		"serial number", "lot", "UPC", "build", "job", "transaction ID", "pedido", "factura", "número de pedido", "folio")
	a, b, c := t.within(201, 989), t.within(200, 999), t.within(1000, 9999)
	number := t.one(fmt.Sprintf("%d%d%d", a, b, c), fmt.Sprintf("%d-%d-%d", a, b, c), fmt.Sprintf("%d-%d", b, c), fmt.Sprintf("%d%d%d%d", a, b, c, t.within(0, 99)),
		fmt.Sprint(t.within(100_000, 99_999_999)))
	return t.one("", "my ", "the ", "your ") + label + t.one(" ", ": ", " is ") + number
}

var things = []string{"order number", "order", "confirmation number", "case number", "ticket number", "tracking number", "account number", "policy number",
	"claim number", "reference number", "serial number", "invoice number", "booking number", "verification code"}

func (t talk) anyDigits(low, high int) string {
	var s strings.Builder
	for range t.within(low, high) {
		fmt.Fprint(&s, t.IntN(10))
	}
	return s.String()
}

// spelled is a number of a thing, said digit by digit.
func (t talk) spelled() string {
	return t.one("my ", "the ", "your ") + t.one(things...) + t.one(" is ", " ", ": ", " is, uh, ") + digits(english, t.anyDigits(5, 14))
}

func (t talk) deletreado() string {
	thing := t.one("número de pedido", "número de confirmación", "pedido", "número de factura", "folio", "número de caso", "código")
	return t.one("mi ", "su ", "el ") + thing + t.one(" es ", " es el ", " ") + digits(spanish, t.anyDigits(5, 14))
}

// span is from a number to a number.
func (t talk) span() string {
	what := t.one("pages ", "rows ", "items ", "years ", "chapters ")
	return fmt.Sprintf("%s%d-%d", what, t.within(1, 9999), t.within(1, 9999))
}

// turns are short answers, one after the other.
func (t talk) turns() string {
	said := func() string {
		what := t.one(t.hour(), t.en(t.within(1, 12)), t.day(), t.time())
		return t.one("Agent: ", "Caller: ") + strings.ToUpper(what[:1]) + what[1:] + t.one(".", "?")
	}
	return t.some(said, 2, 5, "\n")
}

func (t talk) hex(n int) string {
	var s strings.Builder
	for range n {
		fmt.Fprintf(&s, "%x", t.IntN(16))
	}
	return s.String()
}

// identifier is what machines call a thing.
func (t talk) identifier() string {
	uuid := fmt.Sprintf("%s-%s-%s-%s-%s", t.hex(8), t.hex(4), t.hex(4), t.hex(4), t.hex(12))
	return t.one("", "id ", "call ", "request ", "trace ") + t.one(uuid, t.hex(32), t.hex(40), t.hex(64), "SM"+t.hex(32), "0x"+t.hex(12),
		fmt.Sprintf("%s:%s:%s:%s:%s:%s", t.hex(2), t.hex(2), t.hex(2), t.hex(2), t.hex(2), t.hex(2)),
		"usr_"+t.anyDigits(10, 12), "/v1/bookings/"+t.anyDigits(10, 10)+"/notes", "https://example.com/"+t.anyDigits(10, 10)+"?page="+t.anyDigits(7, 7),
		"IMG_"+t.anyDigits(8, 8)+"_"+t.anyDigits(6, 6)+".jpg")
}

// version is one of a program.
func (t talk) version() string {
	n := func() int { return t.IntN([]int{10, 100, 256, 1000, 10000}[t.IntN(5)]) }
	return t.one("v", "version ", "Version: ", "ver. ", "release ", "firmware ", "build ") + t.one(fmt.Sprintf("%d.%d.%d.%d", n(), n(), n(), n()),
		fmt.Sprintf("%d.%d.%d", n(), n(), n()), fmt.Sprintf("%d.%d.%d-rc.%d", n(), n(), n(), n()))
}

// logged is a line of a log.
func (t talk) logged() string {
	return fmt.Sprintf("%d-%02d-%02dT%02d:%02d:%02d.%sZ %s task=%s took=%dms bytes=%s status=%d attempt=%d at=%s", t.within(2020, 2030), t.within(1, 12),
		t.within(1, 28), t.IntN(24), t.IntN(60), t.IntN(60), t.anyDigits(3, 9), t.one("INFO", "WARN", "ERROR"), t.hex(16), t.IntN(9000),
		t.anyDigits(5, 12), t.within(200, 504), t.within(1, 12), t.one("1"+t.anyDigits(9, 9), "1"+t.anyDigits(12, 12)))
}
