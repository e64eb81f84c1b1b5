package redact_test

import (
	"fmt"
	"testing"

	"holdfast/handlers/redact"
)

// TestDictatedPhones makes up phones and has them written and said in many ways, in English and Spanish, with talk around
// them: each is found to the byte, and nothing else is.
func TestDictatedPhones(t *testing.T) {
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
		before []string
		say    func() string
		after  []string
	}{
		{"written", before, k.written, after},
		{"said", before, k.said, after},
		{"dicho", antes, k.dicho, luego},
	} {
		wrong := 0
		for range perKind {
			phone := kind.say()
			text := k.one(kind.before...) + phone + k.one(kind.after...)
			found := engine.Find(nil, text)
			if len(found) == 1 && found[0].Type == redact.PhoneNumber && text[found[0].Start:found[0].End] == phone {
				continue
			}
			if wrong++; wrong <= 5 {
				t.Errorf("%s: want %q in %q", kind.name, phone, text)
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
