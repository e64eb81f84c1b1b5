package redact_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// talk makes up what people say and write with numbers, the same for the same seed.
type talk struct{ *rand.Rand }

func newTalk(seed uint64) talk { return talk{rand.New(rand.NewPCG(seed, 5550142))} }

// one of them.
func (t talk) one(of ...string) string { return of[t.IntN(len(of))] }

// within is a number from low to high.
func (t talk) within(low, high int) int { return low + t.IntN(high-low+1) }

var (
	english = strings.Fields(`zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
		eighteen nineteen`)
	englishTens = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
	spanish     = strings.Fields(`cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete
		dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve`)
	spanishTens = strings.Fields("- - - treinta cuarenta cincuenta sesenta setenta ochenta noventa")
	months      = strings.Fields("January February March April May June July August September October November December")
	meses       = strings.Fields("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre")
	ordinals    = strings.Split(`first,second,third,fourth,fifth,sixth,seventh,eighth,ninth,tenth,eleventh,twelfth,thirteenth,fourteenth,fifteenth,
sixteenth,seventeenth,eighteenth,nineteenth,twentieth,twenty first,twenty second,twenty third,twenty fourth`, ",")
)

// en says a number below 100.
func (t talk) en(n int) string {
	switch {
	case n < 20:
		return english[n]
	case n%10 == 0:
		return englishTens[n/10]
	}
	return englishTens[n/10] + t.one(" ", " ", "-") + english[n%10]
}

// es dice un número menor que 100.
func (t talk) es(n int) string {
	switch {
	case n < 30:
		return spanish[n]
	case n%10 == 0:
		return spanishTens[n/10]
	}
	return spanishTens[n/10] + " y " + spanish[n%10]
}

// digits are said one by one.
func digits(words []string, number string) string {
	var said []string
	for _, d := range number {
		said = append(said, words[d-'0'])
	}
	return strings.Join(said, " ")
}

// some of them, with something between.
func (t talk) some(say func() string, low, high int, between ...string) string {
	out := say()
	for range t.within(low, high) - 1 {
		out += t.one(between...) + say()
	}
	return out
}

// time is a time of day as it is written; hour as it is said; hora en español.
func (t talk) time() string {
	h, m := t.within(1, 12), 5*t.IntN(12)
	return t.one(fmt.Sprintf("%d:%02d", h, m), fmt.Sprintf("%d:%02d pm", h, m), fmt.Sprintf("%02d:%02d", h+11, m), fmt.Sprintf("%dam", h))
}

func (t talk) hour() string {
	return t.one(t.en(t.within(1, 12)), t.quarter(), t.quarter(), t.quarter())
}

// quarter is a time with minutes. Others than these may as well be the digits of a phone.
func (t talk) quarter() string {
	return t.en(t.within(1, 12)) + t.one(" fifteen", " thirty", " forty five", " forty-five")
}

func (t talk) hora() string {
	h, m := t.within(1, 12), t.IntN(60)
	if h == 1 {
		return "la una y " + t.es(max(m, 2))
	}
	return "las " + t.es(h) + t.one(" y ", " ") + t.es(max(m, 2))
}

// date is a date as it is written; day as it is said; día en español.
func (t talk) date() string {
	y, m, d, s := t.within(1950, 2035), t.within(1, 12), t.within(1, 28), t.one("/", "-", ".", " ")
	return t.one(
		fmt.Sprintf("%02d%s%02d%s%d", m, s, d, s, y), fmt.Sprintf("%02d%s%02d%s%d", d, s, m, s, y), fmt.Sprintf("%d%s%02d%s%02d", y, s, m, s, d),
		fmt.Sprintf("%d/%d/%02d", m, d, y%100), fmt.Sprintf("%s %d, %d", months[m-1], d, y), fmt.Sprintf("%d %s %d", d, months[m-1][:3], y),
		fmt.Sprintf("%d%02d%02d", y, m, d), fmt.Sprintf("%d. %d. %d", d, m, y), fmt.Sprintf("%d de %s de %d", d, meses[m-1], y),
		fmt.Sprintf("%d-%02d-%02dT%02d:15:%02dZ", y, m, d, d%24, d), fmt.Sprintf("%d-%02d-%02d %02d:15", y, m, d, d%24))
}

func (t talk) day() string {
	day, month := strings.TrimSpace(ordinals[t.IntN(len(ordinals))]), months[t.IntN(12)]
	return t.one("the "+day, t.one(month+" "+day, "the "+day+" of "+month)+t.one("", " "+t.year(), ", "+t.year()))
}

func (t talk) year() string {
	y := t.within(1950, 2030)
	if y%100 < 10 {
		return t.en(y/100) + " oh " + t.en(max(y%10, 1))
	}
	return t.en(y/100) + " " + t.en(y%100)
}

func (t talk) dia() string {
	return "el " + t.es(t.within(2, 28)) + " de " + meses[t.IntN(12)] + t.one("", " de dos mil "+t.es(t.within(2, 35)), " de mil novecientos "+t.es(t.within(50, 99)))
}

// price is an amount as it is said.
func (t talk) price() string {
	a, b, c := t.within(1, 9), t.within(10, 99), t.within(10, 99)
	return t.one(t.en(b)+" "+t.en(c), t.en(a)+" "+t.en(b)+" "+t.en(c), t.en(a)+" hundred "+t.en(b), t.en(a)+" hundred and "+t.en(b)+" dollars",
		t.en(b)+" dollars and "+t.en(c)+" cents", t.en(a)+" thousand "+t.en(t.within(1, 9))+" hundred")
}

// house is an address as it is said or written.
func (t talk) house() string {
	street := t.one("Main Street", "Elm Street", "Oak Road", "North Avenue", "Park Lane", "Maple Drive")
	n := t.within(100, 9999)
	return t.one(
		fmt.Sprintf("%d %s, Apt %d", n, street, t.within(1, 400)), fmt.Sprintf("%d %s, Springfield, IL %d", n, street, t.within(10000, 99999)),
		fmt.Sprintf("%d %s, Springfield IL %d-%d", n, street, t.within(10000, 99999), t.within(1000, 9999)),
		digits(english, fmt.Sprint(n))+" "+street, t.en(n%90+10)+" "+t.en(n/100)+" "+street+" apartment "+digits(english, fmt.Sprint(t.within(100, 999))),
		digits(english, fmt.Sprint(n))+" "+street+", zip code "+digits(english, fmt.Sprint(t.within(10000, 99999))))
}
