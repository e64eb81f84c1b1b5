package speech

import (
	"strconv"
	"strings"
)

// small are the numbers that are one word, in both languages. Ordinals are days of a month.
var small = numbers(`
zero oh o cero | one a an un una uno first primero | two dos second | three tres third | four cuatro fourth | five cinco fifth |
six seis sixth | seven siete seventh | eight ocho eighth | nine nueve ninth | ten diez tenth | eleven once eleventh |
twelve doce twelfth | thirteen trece thirteenth | fourteen catorce fourteenth | fifteen quince fifteenth |
sixteen dieciseis sixteenth | seventeen diecisiete seventeenth | eighteen dieciocho eighteenth | nineteen diecinueve nineteenth |
twenty veinte twentieth | veintiuno veintiun veintiuna | veintidos | veintitres | veinticuatro | veinticinco | veintiseis |
veintisiete | veintiocho | veintinueve | thirty treinta thirtieth`)

var tens = map[string]int{"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
	"treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90}

// articles are numbers only before a unit: "in an hour", but not in a code.
var articles = map[string]bool{"a": true, "an": true}

func numbers(list string) map[string]int {
	m := make(map[string]int)
	for n, same := range strings.Split(list, "|") {
		for _, w := range strings.Fields(same) {
			m[w] = n
		}
	}
	return m
}

// number reads a number below 100 at the beginning of words and tells how many words it takes; 0 means none.
func number(words []string) (n, took int) {
	if len(words) == 0 {
		return 0, 0
	}
	w := words[0]
	if n, err := strconv.Atoi(w); err == nil && len(w) <= 2 {
		return n, 1
	}
	if t, ok := tens[w]; ok {
		rest := words[1:]
		took := 1
		if len(rest) > 1 && rest[0] == "y" {
			rest, took = rest[1:], 2
		}
		if len(rest) > 0 && !articles[rest[0]] {
			if unit, ok := small[rest[0]]; ok && unit > 0 && unit < 10 && rest[0] != "o" {
				return t + unit, took + 1
			}
		}
		return t, 1
	}
	if n, ok := small[w]; ok {
		return n, 1
	}
	return 0, 0
}

// spokenAround are words that people put around digits.
var spokenAround = set(`my the code is its it number mi el codigo es numero y and plus mas dash guion space punto dot my telefono phone`)

func set(list string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// Digits reads digits that were dictated: "1 2 3", "one two three", "uno dos tres", "double five", "twelve thirty
// four". ok is false when there is a word that is none, or no digit at all.
func Digits(text string) (digits string, ok bool) {
	var out strings.Builder
	words := fold(strings.ReplaceAll(text, "-", " "))
	for i := 0; i < len(words); {
		if i > maxWords {
			return "", false
		}
		times := map[string]int{"double": 2, "doble": 2, "triple": 3}[words[i]]
		if times > 0 {
			i++
		} else {
			times = 1
		}
		switch n, took := number(words[i:]); {
		case i < len(words) && strings.Trim(words[i], "0123456789") == "":
			out.WriteString(strings.Repeat(words[i], times))
			i++
		case took > 0 && !articles[words[i]]:
			out.WriteString(strings.Repeat(strconv.Itoa(n), times))
			i += took
		case times == 1 && spokenAround[words[i]]:
			i++
		default:
			return "", false
		}
	}
	return out.String(), out.Len() > 0
}
