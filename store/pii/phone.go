package pii

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/nyaruka/phonenumbers/v2"
)

// ErrPhone says that a text is no phone number that can be dialled.
var ErrPhone = errors.New("not a phone number")

// Phone is a telephone number in E.164 form that does not print. The zero Phone is no number.
type Phone struct{ e164 hidden }

// ParsePhone reads a number written in international form ("+1 555 010 0042"), or in the national form
// of region (ISO 3166 alpha-2, as "US"). It returns ErrPhone, which never quotes the input. Numbers
// only need a possible length: fictional (555) and test numbers must pass, and whether a number exists
// is known to the carrier alone.
func ParsePhone(raw, region string) (Phone, error) {
	n, err := phonenumbers.Parse(raw, region)
	// Possible locally (seven digits in the US) is not enough: its E.164 form reaches nobody.
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return Phone{}, ErrPhone
	}
	e164 := phonenumbers.Format(n, phonenumbers.E164)
	// A few readings are of another number when they are read again (zeros after a trunk zero): nobody has those.
	if again, err := phonenumbers.Parse(e164, ""); err != nil || phonenumbers.Format(again, phonenumbers.E164) != e164 {
		return Phone{}, ErrPhone
	}
	return Phone{hide(e164)}, nil
}

// KnownPhone wraps a number that is E.164 already, such as one that was sealed by us.
func KnownPhone(e164 string) Phone { return Phone{hide(e164)} }

// Reveal returns the number as E.164.
func (p Phone) Reveal() string { return p.e164.reveal() }

// IsZero reports whether there is no number.
func (p Phone) IsZero() bool { return p.e164 == hidden{} }

// Region is the ISO 3166 region that the number belongs to, or "" when it has none.
func (p Phone) Region() string {
	n, err := phonenumbers.Parse(p.Reveal(), "")
	if err != nil {
		return ""
	}
	if r := phonenumbers.GetRegionCodeForNumber(n); r != "" {
		return r
	}
	return phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode()))
}

// KnownRegion reports whether an ISO 3166 region, as "US", has telephone numbers of its own.
func KnownRegion(region string) bool {
	return len(region) == 2 && phonenumbers.GetSupportedRegions()[region] // "001" is all that belongs to no region
}

// Last2 is what may be shown of a number: its last two digits.
func (p Phone) Last2() string {
	e164 := p.Reveal()
	if len(e164) < 2 {
		return ""
	}
	return e164[len(e164)-2:]
}

const phoneLabel = "[phone]"

// String returns a label, never the number.
func (p Phone) String() string { return phoneLabel }

// Format writes the label for every verb.
func (p Phone) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, phoneLabel) }

// LogValue keeps the number out of slog.
func (p Phone) LogValue() slog.Value { return slog.StringValue(phoneLabel) }

// MarshalText keeps the number out of JSON and the like.
func (p Phone) MarshalText() ([]byte, error) { return []byte(phoneLabel), nil }
