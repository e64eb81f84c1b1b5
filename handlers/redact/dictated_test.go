package redact_test

import (
	"fmt"
	"testing"

	"holdfast/handlers/redact"
)

// TestDictated makes up phones, addresses, dates and numbers and has them written and said in many ways, in English and
// Spanish, with talk around them: each is found to the byte, and nothing else is.
func TestDictated(t *testing.T) {
	engine, err := redact.Policy{}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(2)
	before := []string{"", "my number is ", "call me at ", "it's ", "you can reach me at ", "phone ", "I live at 12 Elm Street, phone ", "area code ",
		"on 11/24/2026 at 10:15, call ", "at five thirty call "}
	after := []string{"", ".", ", thanks", " please", " at ten fifteen", " on Tuesday", ", and I need two seats"}
	antes := []string{"", "mi número es ", "llámame al ", "mi teléfono es ", "el número es ", "a las cinco y media llame al "}
	luego := []string{"", ".", ", gracias", " por favor", ", a las cinco y media"}
	for _, kind := range []struct {
		name   string
		typ    redact.Type
		before []string
		say    func() string
		after  []string
	}{
		{"phone, written", redact.PhoneNumber, before, k.written, after},
		{"phone, said", redact.PhoneNumber, before, k.said, after},
		{"teléfono, dicho", redact.PhoneNumber, antes, k.dicho, luego},
		{"e-mail, said", redact.Email, []string{"my email is ", "it's ", "email: ", "send it to ", "you can email me at "}, k.mailbox, after[:4]},
		{"correo, dicho", redact.Email, []string{"mi correo es ", "es ", "correo electrónico: ", "escríbame al correo "}, k.correo, luego[:4]},
		{"SSN, said", redact.SSN, []string{"my social is ", "social security number ", "my SSN is ", "SSN: "}, k.social, after},
		{"seguro, dicho", redact.SSN, []string{"mi seguro social es ", "número de seguro social "}, k.seguro, luego},
		{"card, said", redact.CreditCard, []string{"my card is ", "card number ", "the card number is ", "it's a visa, "}, k.card, after[:4]},
		{"birth, said", redact.DateOfBirth, []string{"my date of birth is ", "I was born on ", "DOB ", "date of birth: ", "my birthday is "}, k.birth, after[:4]},
		{"nacimiento, dicho", redact.DateOfBirth, []string{"nací el ", "mi fecha de nacimiento es el ", "fecha de nacimiento: "}, k.nacimiento, luego[:4]},
	} {
		wrong := 0
		for range perKind {
			value := kind.say()
			text := k.one(kind.before...) + value + k.one(kind.after...)
			found := engine.Find(nil, text)
			if len(found) == 1 && found[0].Type == kind.typ && text[found[0].Start:found[0].End] == value {
				continue
			}
			if wrong++; wrong <= 5 {
				t.Errorf("%s: want %q in %q", kind.name, value, text)
				for _, s := range found {
					t.Errorf("\tfound %v %q", s.Type, text[s.Start:s.End])
				}
			}
		}
		if wrong > 0 {
			t.Errorf("%s: %d of %d wrong", kind.name, wrong, perKind)
		}
	}
}

// number is area code, exchange and line, of those that nobody has.
func (t talk) number() (area, exchange, line string) {
	return t.one("202", "212", "303", "312", "415", "617", "646", "718", "917", "213"), "555", fmt.Sprintf("%04d", t.within(100, 199))
}

func (t talk) written() string {
	a, x, l := t.number()
	number := t.one(a+"-"+x+"-"+l, "("+a+") "+x+"-"+l, a+"."+x+"."+l, a+" "+x+" "+l, a+x+l, "+1"+a+x+l, "+1 "+a+" "+x+" "+l, "1-"+a+"-"+x+"-"+l,
		"("+a+")"+x+"-"+l, "+1 ("+a+") "+x+"-"+l, a+"/"+x+"-"+l)
	return number + t.one("", "", "", " ext. 12", "x4021", ", ext 7")
}

// said is a phone in English words.
func (t talk) said() string {
	a, x, l := t.number()
	words := append([]string{t.one("zero", "oh", "o")}, english[1:]...)
	between := t.one(", ", ". ", " - ", ", uh, ", ", um, ", " ", " ")
	area := t.one(digits(words, a), words[a[0]-'0']+" "+t.pair(words, a[1:]))
	exchange := t.one(digits(words, x), "triple five", "five double five", "double five five", "five fifty five")
	line := t.one(digits(words, l), digits(words, l), t.pair(words, l[:2])+" "+t.pair(words, l[2:]))
	return t.one("", "", "", "plus one ") + area + between + exchange + between + line + t.one("", "", "", "", " extension twelve", ", extension four oh two one")
}

// pair is two digits as one number, or one by one when the first is zero.
func (t talk) pair(words []string, two string) string {
	n := int(two[0]-'0')*10 + int(two[1]-'0')
	if n < 10 {
		return digits(words, two)
	}
	return t.en(n)
}

// dicho es un teléfono en palabras.
func (t talk) dicho() string {
	a, x, l := t.number()
	between := t.one(", ", ". ", ", eh, ", " ", " ")
	par := func(two string) string {
		n := int(two[0]-'0')*10 + int(two[1]-'0')
		if n < 10 {
			return digits(spanish, two)
		}
		return t.es(n)
	}
	area := t.one(digits(spanish, a), spanish[a[0]-'0']+" "+par(a[1:]))
	exchange := t.one(digits(spanish, x), "triple cinco", "cinco cincuenta y cinco")
	line := t.one(digits(spanish, l), par(l[:2])+" "+par(l[2:]))
	return t.one("", "", "", "más uno ") + area + between + exchange + between + line + t.one("", "", "", " extensión doce")
}
