package redact

import (
	"strings"

	"github.com/nyaruka/phonenumbers/v2"
)

// normal is the one form of a value, whether it was written, formatted or spoken: the digits of a number, a phone with
// its country code, a mailbox as it is typed; of anything else the folded words.
func (e *Engine) normal(t Type, value string) string {
	m := e.matcher(nil)
	defer matchers.Put(m)
	m.f.fold(value, nil, m.room)
	m.text = value
	m.toks, m.begins = m.x.scan(m.toks, m.begins[:0], m.f.text)
	switch t {
	case PhoneNumber:
		number, ext, _ := m.wholeNumber()
		return e.e164(number) + ext
	case SSN, CreditCard, NPI:
		digits, _, _ := m.wholeNumber()
		return digits
	case IP:
		if len(m.toks) > 2*lead && m.toks[lead].kind == kWord && m.single(lead) && m.toks[lead].len() > 1 {
			return m.mailbox() // numbers with dots between
		}
	case MRN:
		digits, _, words := m.wholeNumber()
		if words {
			return digits
		}
		return strings.Map(alnum, string(m.f.text))
	case Email:
		return m.mailbox()
	default:
	}
	var b strings.Builder
	for _, k := range m.toks {
		if k.kind != kEnd {
			if b.Len() > 0 && k.gap != none {
				b.WriteByte(' ')
			}
			b.Write(m.f.text[k.start:k.end])
		}
	}
	return b.String()
}

func alnum(c rune) rune {
	if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
		return c
	}
	return -1
}

// wholeNumber is the number that the tokens are: its digits, with a plus if it has one, and its extension. words says that
// it was spoken.
func (m *matcher) wholeNumber() (number, ext string, words bool) {
	var b strings.Builder
	i := lead
	for ; m.toks[i].kind == kSign || m.toks[i].marks&mPlus != 0 && m.toks[i].kind == kWord; i++ {
		if b.Len() == 0 && (m.toks[i].sign == '+' || m.toks[i].kind == kWord) {
			b.WriteByte('+')
		}
	}
	end := len(m.toks) - lead
	for k := i; k < end; k++ {
		if m.toks[k].marks&mExt != 0 && k > i || m.toks[k].sign == '#' && k > i {
			for j := k + 1; j < end; j++ {
				if m.toks[j].kind != kSign {
					ext += " " + m.said(j, end)
					break
				}
			}
			end = k
		}
	}
	for k := i; k < end; k++ {
		words = words || m.toks[k].kind == kWord
	}
	b.WriteString(m.said(i, end))
	return b.String(), ext, words
}

// said is the digits of tokens i..end-1, written or spoken.
func (m *matcher) said(i, end int) string {
	var best string
	for l := range tongues {
		s := said{tongue: l}
		for k := i; k < end; {
			before := s.n
			p, ok := m.element(k, l, &s)
			if !ok {
				s.n = before
				if m.toks[k].kind == kNum { // too long for an element, as a card
					s.n += copy(s.digits[s.n:], m.f.text[m.toks[k].start:m.toks[k].end])
				}
				k++
				continue
			}
			k = p.end
		}
		if s.n > len(best) {
			best = string(s.digits[:s.n])
		}
	}
	return best
}

// e164 is a number with its country code. What cannot be one keeps its digits.
func (e *Engine) e164(number string) string {
	digits := digitsOf(number)
	switch {
	case strings.HasPrefix(number, "+"):
		return number
	case e.policy.Region == "US" || e.policy.Region == "CA":
		switch {
		case len(digits) == 10:
			return "+1" + digits
		case len(digits) == 11 && digits[0] == '1':
			return "+" + digits
		case strings.HasPrefix(digits, "011"):
			return "+" + digits[3:]
		}
	}
	if n, err := phonenumbers.Parse(digits, e.policy.Region); err == nil {
		return phonenumbers.Format(n, phonenumbers.E164)
	}
	return digits
}

// mailbox is an address as it is typed.
func (m *matcher) mailbox() string {
	if strings.IndexByte(string(m.f.text), '@') >= 0 {
		return string(m.f.text)
	}
	var b strings.Builder
	for i := lead; i < len(m.toks)-lead; i++ {
		t := &m.toks[i]
		switch {
		case t.kind == kSign && t.sign != '.' && t.sign != '-' && t.sign != '_':
		case t.marks&mAt != 0 && t.len() > 1:
			b.WriteByte('@')
		case t.marks&mDot != 0:
			b.WriteByte('.')
		case t.marks&mUnder != 0:
			b.WriteByte('_')
		case m.is(i, "guion") && m.is(i+1, "bajo"):
			b.WriteByte('_')
			i++
		case t.marks&mDash != 0:
			b.WriteByte('-')
		default:
			if d := m.said(i, i+1); d != "" {
				b.WriteString(d)
			} else {
				b.Write(m.f.text[t.start:t.end])
			}
		}
	}
	return b.String()
}
