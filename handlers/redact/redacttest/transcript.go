package redacttest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// clean is talk with nothing to hide, and with everything that looks like it: times, dates, prices, addresses, orders.
var clean = strings.Split(`Agent: North Street Dental, good morning, how can I help you?
Caller: I'd like to move my visit, the one on 11/24/2026 at ten fifteen.
Agent: Of course. We have nine thirty, ten forty five and two fifteen on Tuesday, or five thirty on Thursday.
Caller: Is it still 1212 Elm Street, the second floor, suite 301?
Agent: It is, between Oak Road and the bank, and parking is four fifty an hour at 77 Park Lane.
Caller: And the price? Last time it was $129.99, and the bill said invoice 2026-0042-1187.
Agent: One twenty nine ninety nine, yes. Order 4155550142 was the old one, and version 2.0.7 of the form is fine.
Caller: My ticket said room 4021, but nobody was there, so I waited from 9:00-9:45.
Agent: I'm sorry about that, it was moved in twenty twenty five; the sign has been changed since.
Caller: No problem. Could two of us come at the same time, one after the other, maybe half past three?
Agent: Let me look. Three thirty and four o'clock on the second of December are both free.
Caller: Great, and please write it down: we come by the 42 bus, which takes 35 to 40 minutes.
`, "\n")

// told is talk with something to hide of each type; {…} is a fresh value.
var told = strings.Split(`Caller: You can call me back at {phone}, or at work, {phone} ext. 12, before five.
Caller: It's {spoken}, and the other one is {habla}, in the evening.
Caller: My e-mail is ana{n}@example.com, or ana dot lee{n} at gmail dot com.
Caller: My social is {ssn} and the card is {card}, good until 09/28.
Caller: My name is Ana Lee, date of birth {birth}, and the record says MRN {n}{n}.
Agent: Ordered by NPI {npi}, DEA {dea}, and your Medicare number {mbi}, is that right?
Caller: The form came from 203.0.113.{octet}, and they gave me {term} and metformin for it.
Caller: In London it is {gb}, if nobody answers here.
`, "\n")

var field = regexp.MustCompile(`\{(\w+)\}`)

// Transcript is a call of at least size bytes, the same each time, by line. A third of its lines have something to hide,
// and every type that each policy looks for is in it.
func Transcript(size int) []string {
	var lines []string
	d := dice(1)
	terms := Terms()
	for i := 0; size > 0; i++ {
		line := clean[i%(len(clean)-1)]
		if i%3 == 2 {
			line = told[i/3%(len(told)-1)]
		}
		line = field.ReplaceAllStringFunc(line, func(name string) string { return d.value(name, terms) })
		lines = append(lines, line)
		size -= len(line) + 1
	}
	return lines
}

// Clean is a call of at least size bytes without anything to hide, by line.
func Clean(size int) []string {
	var lines []string
	for i := 0; size > 0; i++ {
		line := clean[i%(len(clean)-1)]
		lines = append(lines, line)
		size -= len(line) + 1
	}
	return lines
}

// Terms are ten thousand made-up names of medicines, as an org may add them.
func Terms() []string {
	parts := strings.Fields("ba ce di fo gu ka le mi no pu ra se ti vo xu ya ze lo ru na")
	terms := make([]string, 10_000)
	for i := range terms {
		p := func(n int) string { return parts[n%len(parts)] }
		terms[i] = p(i) + p(i/20) + p(i/400) + "vex"
		if i >= 8000 {
			terms[i] += " retard"
		}
	}
	return terms
}

// dice give the same numbers each time: a linear congruence, of which the upper bits are good enough.
type dice uint64

func (d *dice) below(n int) int {
	*d = *d*6364136223846793005 + 1442695040888963407
	return int(uint64(*d) >> 33 % uint64(n))
}

func (d *dice) digits(n int) string {
	var s strings.Builder
	for range n {
		s.WriteString(strconv.Itoa(d.below(10)))
	}
	return s.String()
}

// value makes one of its kind, with the right check digits.
func (d *dice) value(name string, terms []string) string {
	switch name {
	case "{phone}":
		return fmt.Sprintf([]string{"202-555-%s", "(202) 555-%s", "+1 202 555 %s", "202.555.%s"}[d.below(4)], "01"+d.digits(2))
	case "{gb}":
		return "+44 20 7946 0" + d.digits(3)
	case "{spoken}":
		return d.spoken("zero one two three four five six seven eight nine")
	case "{habla}":
		return d.spoken("cero uno dos tres cuatro cinco seis siete ocho nueve")
	case "{ssn}":
		return fmt.Sprintf("%d-%d-%d", 100+d.below(500), 10+d.below(90), 1000+d.below(9000))
	case "{card}":
		return luhn("4" + d.digits(14))
	case "{npi}":
		return luhn("808401" + d.digits(8))[5:]
	case "{dea}":
		n := d.digits(6)
		sum := 0
		for i, c := range n {
			sum += int(c-'0') * (1 + i%2)
		}
		return "AB" + n + strconv.Itoa(sum%10)
	case "{mbi}":
		return "2AC" + d.digits(1) + "DF" + d.digits(1) + "GH" + d.digits(2)
	case "{birth}":
		return fmt.Sprintf("%02d/%02d/%d", 1+d.below(12), 1+d.below(28), 1940+d.below(70))
	case "{octet}":
		return strconv.Itoa(1 + d.below(254))
	case "{term}":
		return terms[d.below(len(terms))]
	default:
		return strconv.Itoa(100 + d.below(900))
	}
}

func (d *dice) spoken(words string) string {
	w := strings.Fields(words)
	var s []string
	for _, c := range "20255501" + d.digits(2) {
		s = append(s, w[c-'0'])
	}
	return strings.Join(s, " ")
}

// luhn appends the check digit of ISO/IEC 7812.
func luhn(number string) string {
	sum := 0
	for i := range number {
		n := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			n = n*2%10 + n*2/10
		}
		sum += n
	}
	return number + strconv.Itoa((10-sum%10)%10)
}
