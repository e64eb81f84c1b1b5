package sms_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"holdfast/handlers/sms"
)

func TestParseReply(t *testing.T) {
	const (
		code, keep, choice, cancel = sms.IntentCode, sms.IntentKeep, sms.IntentChoice, sms.IntentCancel
		stop, start, help, unknown = sms.IntentStop, sms.IntentStart, sms.IntentHelp, sms.IntentUnknown
	)
	for _, tt := range []struct {
		body   string
		intent sms.Intent
		code   string
		choice int
	}{
		// Codes.
		{"123456", code, "123456", 0},
		{" 123456.\n", code, "123456", 0},
		{"012345", code, "012345", 0},
		{"my code is 123 456", code, "123456", 0},
		{"123-456", code, "123456", 0},
		{"123–456", code, "123456", 0},
		{"123 - 456", code, "123456", 0},
		{"123\u00a0456", code, "123456", 0},
		{"123,456", code, "123456", 0},
		{"123.456", code, "123456", 0},
		{"1 2 3 4 5 6", code, "123456", 0},
		{"1-2-3-4-5-6", code, "123456", 0},
		{"12 34 56", code, "123456", 0},
		{"Code:123456!", code, "123456", 0},
		{"#123456", code, "123456", 0},
		{"\"123456\"", code, "123456", 0},
		{"mi clave es 123456 gracias", code, "123456", 0},
		{"es el 123 456, gracias", code, "123456", 0},
		{"１２３４５６", code, "123456", 0},
		{"١٢٣٤٥٦", code, "123456", 0},
		{"۱۲۳ ۴۵۶", code, "123456", 0},
		{"१२३४५६", code, "123456", 0},
		{"1\u200b23456", code, "123456", 0},
		{"123456 123456", unknown, "", 0}, // twelve digits in a row
		{"123456\n123456", code, "123456", 0},
		{"123456 is your code for Acme. Reply with it within 10 min to confirm your booking.", code, "123456", 0},
		{"call me at 555-010-0042, code 123456", code, "123456", 0},
		{"ok 123456 thanks 2", code, "123456", 0},
		// No codes.
		{"123456 or 654321", unknown, "", 0},
		{"1234567", unknown, "", 0},
		{"12345", unknown, "", 0},
		{"555 010 0042", unknown, "", 0},
		{"+1 555 010 0042", unknown, "", 0},
		{"01234 567890", unknown, "", 0},
		{"(0151) 123456", unknown, "", 0},
		{"123456 7", unknown, "", 0},
		{"12/10/26", unknown, "", 0},
		{"12-10-26", unknown, "", 0},
		{"12.10.26", unknown, "", 0},
		{"10:30:15", unknown, "", 0},
		{"order A123456", unknown, "", 0},
		{"123456x", unknown, "", 0},
		{"$123456", unknown, "", 0},
		{"$123,456", unknown, "", 0},
		{"€123.456", unknown, "", 0},
		{"+123456", unknown, "", 0},
		{"123456%", unknown, "", 0},
		{"123456@x.example", unknown, "", 0},
		{"1234 56", unknown, "", 0},
		// Stop: Twilio's keywords, CANCEL among them.
		{"STOP", stop, "", 0},
		{"Stop.", stop, "", 0},
		{" stop \n", stop, "", 0},
		{"StopAll", stop, "", 0},
		{"UNSUBSCRIBE", stop, "", 0},
		{"End", stop, "", 0},
		{"quit", stop, "", 0},
		{"REVOKE", stop, "", 0},
		{"optout", stop, "", 0},
		{"opt-out", stop, "", 0},
		{"CANCEL", stop, "", 0},
		{"cancel!", stop, "", 0},
		{"ＳＴＯＰ", stop, "", 0},
		{"stop 🛑", stop, "", 0},
		// Stop: plain words.
		{"please stop texting me", stop, "", 0},
		{"Please STOP sending me these!", stop, "", 0},
		{"stop it", stop, "", 0},
		{"don't text me", stop, "", 0},
		{"Don’t text me again", stop, "", 0},
		{"do not contact me anymore", stop, "", 0},
		{"no more texts please", stop, "", 0},
		{"take me off your list", stop, "", 0},
		{"i want to unsubscribe", stop, "", 0},
		{"123456 and then stop texting me", stop, "", 0},
		{"no más mensajes", stop, "", 0},
		{"No mas mensajes por favor", stop, "", 0},
		{"Por favor dejen de enviarme mensajes", stop, "", 0},
		{"deja de escribirme", stop, "", 0},
		{"no me escriban más", stop, "", 0},
		{"no quiero recibir más mensajes", stop, "", 0},
		{"denme de baja", stop, "", 0},
		{"alto", stop, "", 0},
		{"BASTA", stop, "", 0},
		// Not stop.
		{"don't stop texting me", unknown, "", 0},
		{"is there a bus stop near you?", unknown, "", 0},
		{"remove me from the waitlist", unknown, "", 0},
		{"weekend?", unknown, "", 0},
		// Start and help.
		{"START", start, "", 0},
		{"yes", start, "", 0},
		{"unstop", start, "", 0},
		{"empezar", start, "", 0},
		{"HELP", help, "", 0},
		{"info", help, "", 0},
		{"ayuda", help, "", 0},
		{"información", help, "", 0},
		// Keep.
		{"K", keep, "", 0},
		{"k.", keep, "", 0},
		{"'K'", keep, "", 0},
		{"keep", keep, "", 0},
		{"please keep my appointment", keep, "", 0},
		{"mantener", keep, "", 0},
		{"ok", unknown, "", 0},
		// Cancel the booking.
		{"C", cancel, "", 0},
		{"c", cancel, "", 0},
		{"(c)", cancel, "", 0},
		{"please cancel", cancel, "", 0},
		{"Cancel my appointment", cancel, "", 0},
		{"i need to cancel, sorry", cancel, "", 0},
		{"cancelar", cancel, "", 0},
		{"Quiero cancelar mi cita", cancel, "", 0},
		{"don't cancel my appointment", unknown, "", 0},
		{"no quiero cancelar mi cita", unknown, "", 0},
		// Choices.
		{"1", choice, "", 1},
		{"2.", choice, "", 2},
		{"3)", choice, "", 3},
		{"#2", choice, "", 2},
		{"３", choice, "", 3},
		{"٢", choice, "", 2},
		{"option 2", choice, "", 2},
		{"Opción 3", choice, "", 3},
		{"two", choice, "", 2},
		{"la primera", choice, "", 1},
		{"4", unknown, "", 0},
		{"0", unknown, "", 0},
		{"12", unknown, "", 0},
		{"1 2", unknown, "", 0},
		// Nothing.
		{"", unknown, "", 0},
		{"👍", unknown, "", 0},
		{"what time?", unknown, "", 0},
		{"\xff\xfe", unknown, "", 0},
	} {
		got := sms.ParseReply(tt.body)
		if got.Intent != tt.intent || got.Code.Reveal() != tt.code || got.Choice != tt.choice {
			t.Errorf("%q: %s code %q choice %d, want %s %q %d",
				tt.body, got.Intent, got.Code.Reveal(), got.Choice, tt.intent, tt.code, tt.choice)
		}
	}
}

// Digits of every script have their value: ten in a row, from zero.
func TestEveryScript(t *testing.T) {
	scripts := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) || unicode.Is(unicode.Nd, r-1) && (r < 0x1D7CE || r > 0x1D7FF || (r-0x1D7CE)%10 != 0) {
			continue
		}
		scripts++
		if got := sms.ParseReply(string([]rune{r, r + 1, r + 2, r + 7, r + 8, r + 9})); got.Code.Reveal() != "012789" {
			t.Errorf("%U: %s %q", r, got.Intent, got.Code.Reveal())
		}
	}
	if scripts < 60 {
		t.Errorf("only %d scripts seen", scripts)
	}
}

// What our own texts invite is understood.
func TestInvitations(t *testing.T) {
	for _, locale := range []string{"en", "es"} {
		s := render(t, sms.KindCode, locale, example(t))
		if got := sms.ParseReply(s); got.Code.Reveal() != "048291" {
			t.Errorf("a code text sent back: %+v", got)
		}
	}
	if sms.ParseReply("AYUDA").Intent != sms.IntentHelp || sms.ParseReply("C").Intent != sms.IntentCancel {
		t.Error("an invited reply is not understood")
	}
}

func FuzzParseReply(f *testing.F) {
	for _, s := range []string{"123456", "1 2 3 4 5 6", "my code is 123-456", "STOP", "no más mensajes", "c", "2", "１２３４５６", "\xff", strings.Repeat("1 ", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := sms.ParseReply(s)
		code := r.Code.Reveal()
		if (r.Intent == sms.IntentCode) != (code != "") || (r.Intent == sms.IntentChoice) != (r.Choice != 0) || r.Choice < 0 || r.Choice > 3 {
			t.Fatalf("%q: %s code %q choice %d", s, r.Intent, code, r.Choice)
		}
		if code != "" && (len(code) != 6 || strings.Trim(code, "0123456789") != "") {
			t.Fatalf("%q: code %q", s, code)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", r, r, r), "123456") {
			t.Fatalf("%q: a reply prints its code", s)
		}
		if again := sms.ParseReply(s); again != r {
			t.Fatalf("%q: %v, then %v", s, r, again)
		}
	})
}

func BenchmarkParseReply(b *testing.B) {
	for b.Loop() {
		sms.ParseReply("hello, my code is 123 456 thank you")
	}
}
