package redact_test

import (
	"fmt"
	"strings"
)

// mailbox is an e-mail address as it is said.
func (t talk) mailbox() string {
	local := t.one("ana", "lee", "a n a", "info") + t.one("", " dot lee", " underscore lee", " dash ortiz", " plus tag", " dot o r t i z")
	local += t.one("", "", " four two", " zero one", "42")
	domain := t.one("gmail", "yahoo", "outlook", "hotmail", "g mail", "example", "north dash street")
	return local + " at " + domain + " dot " + t.one("com", "com", "net", "org", "edu", "co dot uk")
}

func (t talk) correo() string {
	local := t.one("ana", "maría", "a n a", "info") + t.one("", " punto lee", " guion bajo ortiz", " guión ortiz", " punto o r t i z") + t.one("", "", " cuatro dos", " cero uno")
	domain := t.one("gmail", "yahoo", "outlook", "hotmail", "example")
	return local + " arroba " + domain + " punto " + t.one("com", "com", "net", "es", "com punto mx")
}

// social is a social security number as it is said; seguro, en español.
func (t talk) social() string { return t.groups(english, t.one(", ", " ", " dash ", "-", ". ")) }
func (t talk) seguro() string { return t.groups(spanish, t.one(", ", " ", " guion ")) }

func (t talk) groups(words []string, between string) string {
	area, group, serial := fmt.Sprint(t.within(101, 665)), fmt.Sprint(t.within(10, 99)), fmt.Sprint(t.within(1000, 9999))
	if between == "-" { // written
		return area + between + group + between + serial
	}
	return digits(words, area) + between + digits(words, group) + between + digits(words, serial)
}

// card is a card's number of sixteen digits as it is said.
func (t talk) card() string {
	number := "4" + t.anyDigits(14, 14)
	for check := range 10 {
		if luhn(number + fmt.Sprint(check)) {
			number += fmt.Sprint(check)
			break
		}
	}
	between := t.one(", ", " ", ". ", " dash ")
	var said []string
	for i := 0; i < len(number); i += 4 {
		said = append(said, digits(english, number[i:i+4]))
	}
	return strings.Join(said, between)
}

// luhn is the check of ISO/IEC 7812.
func luhn(number string) bool {
	sum := 0
	for i := range number {
		n := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			n = n*2%10 + n*2/10
		}
		sum += n
	}
	return sum%10 == 0
}

// birth is a date as it is said.
func (t talk) birth() string {
	day, month := strings.TrimSpace(ordinals[t.IntN(len(ordinals))]), months[t.IntN(12)]
	year := t.en(19) + " " + t.en(t.within(30, 99))
	return t.one(month+" "+day+" "+year, month+" "+day+", "+year, day+" of "+month+" "+year, month+" "+fmt.Sprint(t.within(1, 28))+", "+fmt.Sprint(t.within(1930, 2020)),
		fmt.Sprintf("%d/%d/%d", t.within(1, 12), t.within(1, 28), t.within(1930, 2020)))
}

func (t talk) nacimiento() string {
	return t.es(t.within(2, 28)) + " de " + meses[t.IntN(12)] + " de " + t.one("mil novecientos "+t.es(t.within(30, 99)), "dos mil "+t.es(t.within(1, 20)))
}
