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
		{"para", stop, "", 0},
		{"Para, por favor", stop, "", 0},
		{"ok stop", stop, "", 0},
		{"Yes, stop. Thanks", stop, "", 0},
		{"sorry, wrong number", stop, "", 0},
		{"Número equivocado", stop, "", 0},
		{"2 please stop texting me", stop, "", 0},
		{"keep it but stop texting me", stop, "", 0},
		// Not stop.
		{"don't stop texting me", unknown, "", 0},
		{"is there a bus stop near you?", unknown, "", 0},
		{"remove me from the waitlist", unknown, "", 0},
		{"weekend?", unknown, "", 0},
		{"para dos personas", unknown, "", 0},
		{"I gave you the wrong number", unknown, "", 0},
		// Start and help.
		{"START", start, "", 0},
		{"yes", start, "", 0},
		{"unstop", start, "", 0},
		{"empezar", start, "", 0},
		{"HELP", help, "", 0},
		{"info", help, "", 0},
		{"ayuda", help, "", 0},
		{"información", help, "", 0},
		{"start please", start, "", 0},
		{"help, thanks", help, "", 0},
		{"Hola, ayuda por favor", help, "", 0},
		{"¿Quién eres?", help, "", 0},
		{"yes please", unknown, "", 0}, // to keep, or to cancel?
		{"ok, yes", unknown, "", 0},
		{"sí", unknown, "", 0},
		{"sí, por favor", unknown, "", 0},
		// Keep.
		{"K", keep, "", 0},
		{"k.", keep, "", 0},
		{"'K'", keep, "", 0},
		{"keep", keep, "", 0},
		{"please keep my appointment", keep, "", 0},
		{"mantener", keep, "", 0},
		{"ok", unknown, "", 0},
		{"ok thanks", unknown, "", 0},
		{"K please", keep, "", 0},
		{"ok, K", keep, "", 0},
		{"K, gracias", keep, "", 0},
		{"sí, K", keep, "", 0},
		{"ok keep it", keep, "", 0},
		{"yes keep it", keep, "", 0},
		{"Yes please keep it, thank you!", keep, "", 0},
		{"No, keep it", keep, "", 0}, // "cancel your booking?"
		{"I'd like to keep it", keep, "", 0},
		{"can I still have it?", keep, "", 0},
		{"Hi, I still want it please", keep, "", 0},
		{"confirm", keep, "", 0},
		{"yes i want to keep my appointment", keep, "", 0},
		{"si, la quiero", keep, "", 0},
		{"La quiero todavía", unknown, "", 0},
		{"todavía la quiero, gracias", keep, "", 0},
		{"sí, confirmo", keep, "", 0},
		{"me la quedo", keep, "", 0},
		{"quiero mantener mi cita", keep, "", 0},
		{"don't keep it", unknown, "", 0},
		{"dont keep my appointment", unknown, "", 0},
		{"I can't keep my appointment", unknown, "", 0},
		{"we won’t be able to keep the appointment", unknown, "", 0},
		{"no puedo mantener mi cita", unknown, "", 0},
		{"no la quiero", unknown, "", 0},
		{"ya no quiero la cita", unknown, "", 0},
		{"how long can you keep it?", unknown, "", 0},
		{"is it still free?", unknown, "", 0},
		{"kk", unknown, "", 0},
		{"K2", unknown, "", 0},
		{"no", unknown, "", 0},
		// Cancel the booking.
		{"C", cancel, "", 0},
		{"c", cancel, "", 0},
		{"(c)", cancel, "", 0},
		{"please cancel", cancel, "", 0},
		{"Cancel my appointment", cancel, "", 0},
		{"i need to cancel, sorry", cancel, "", 0},
		{"cancelar", cancel, "", 0},
		{"Quiero cancelar mi cita", cancel, "", 0},
		{"C please", cancel, "", 0},
		{"Sí, C", cancel, "", 0},
		{"yes cancel", cancel, "", 0},
		{"cancel, thanks", cancel, "", 0},
		{"ok cancel it", cancel, "", 0},
		{"Sorry, I can't make it", cancel, "", 0},
		{"perdón, no puedo ir", cancel, "", 0},
		{"I can't make it at 3, do you have 4?", unknown, "", 0},
		{"no cancel", unknown, "", 0},
		{"c u there", unknown, "", 0},
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
		{"2 please", choice, "", 2},
		{"ok 2", choice, "", 2},
		{"Hola, 3 por favor", choice, "", 3},
		{"2️⃣", choice, "", 2},
		{"the 2nd one", choice, "", 2},
		{"number two please", choice, "", 2},
		{"the first one works for me", choice, "", 1},
		{"I'll take option 3", choice, "", 3},
		{"can I have the second one please", choice, "", 2},
		{"the second option", choice, "", 2},
		{"la 2 por favor", choice, "", 2},
		{"quiero la 2", choice, "", 2},
		{"Prefiero la segunda opción, gracias", choice, "", 2},
		{"la opción dos me va bien", choice, "", 2},
		{"el tercero", choice, "", 3},
		{"3:30", unknown, "", 0},
		{"2 kids", unknown, "", 0},
		{"1 pm works?", unknown, "", 0},
		{"I can't do 2", unknown, "", 0},
		{"not 2", unknown, "", 0},
		{"no, 2", unknown, "", 0},
		{"at 3 please", unknown, "", 0},
		{"take 2", unknown, "", 0}, // o'clock, or people
		{"2 works", unknown, "", 0},
		{"2 pm please", unknown, "", 0},
		{"1 or 2", unknown, "", 0},
		{"the 4th one", unknown, "", 0},
		{"one second", unknown, "", 0},
		{"the second of December", unknown, "", 0},
		{"a la una", unknown, "", 0},
		{"a las 2", unknown, "", 0},
		{"somos 3", unknown, "", 0},
		{"no quiero la 2", unknown, "", 0},
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
	for reply, want := range map[string]sms.Intent{"AYUDA": sms.IntentHelp, "HELP": sms.IntentHelp, "C": sms.IntentCancel, "K": sms.IntentKeep,
		"STOP": sms.IntentStop, "START": sms.IntentStart, "1": sms.IntentChoice, "2": sms.IntentChoice, "3": sms.IntentChoice} {
		if got := sms.ParseReply(reply).Intent; got != want {
			t.Errorf("%s is invited, and read as %s", reply, got)
		}
	}
}

// A yes by itself is told from one that agrees to something that is said beside it, and from Twilio's other words for START.
func TestSaysYes(t *testing.T) {
	for _, s := range []string{"yes", "YES!", "Yes please", "ok, yes", "yep thanks", "sí", "Si, por favor", "claro", "y", "sure"} {
		if !sms.SaysYes(s) {
			t.Errorf("%q is no yes", s)
		}
	}
	for _, s := range []string{"", "ok", "thanks", "no", "yes keep it", "yes cancel", "START", "unstop", "yes 2", "si puedo ir a las 3", "yes or no", "k"} {
		if sms.SaysYes(s) {
			t.Errorf("%q is a yes", s)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	for _, s := range []string{"123456", "1 2 3 4 5 6", "my code is 123-456", "STOP", "no más mensajes", "c", "2", "１２３４５６", "\xff", strings.Repeat("1 ", 5000),
		"yes keep it", "K please", "don't keep it", "la 2 por favor", "can i have the second one", "I can't do 2", "3:30", "yes", "sí, la quiero",
		"cancel, thanks", "para", "S\u200bTOP", "\u202ePOTS", "1\u200b23456", "123456 654321", "ＳＴＯＰ", "stop\x00", "\U000e0053top", "٢", "C C C", "🙂 k", strings.Repeat("ok ", 3000), "please " + strings.Repeat("the ", 3000) + "second"} {
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
