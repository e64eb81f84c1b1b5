package redact

import (
	"errors"
	"fmt"
)

// Action is what becomes of a span.
type Action uint8

// The actions.
const (
	Remove Action = iota // [PHONE_NUMBER]
	Mask                 // [PHONE_NUMBER:*0142], for types that are Maskable
	Token                // [PHONE_NUMBER:abcdefghijklmnop], the same for the same value in one org, however it was written or spoken
)

var actionNames = [...]string{Remove: "remove", Mask: "mask", Token: "token"}

// String is the action's name in settings.
func (a Action) String() string { return actionNames[a] }

// ParseAction is the action of that name.
func ParseAction(name string) (Action, bool) {
	for a, n := range actionNames {
		if n == name {
			return Action(a), true
		}
	}
	return 0, false
}

// The policies' names.
const (
	Booking = "booking" // dates, times and addresses stay, which a booking is about
	Strict  = "strict"  // addresses, dates, URLs and ages over 89 go too
)

// Policy is what an org wants taken out, and how. The zero value of a field is its default.
type Policy struct {
	Name    string          // Booking or Strict; empty is Booking
	Region  string          // ISO 3166, whose numbers are written without a country code; empty is US
	Actions map[Type]Action // Remove for a type that is missing
	Terms   []string        // the org's own medical terms, besides the dictionary's
	MRN     string          // how the org's record numbers look: # a digit, @ a letter, anything else itself, as MR-######
}

// Bounds of a policy.
const (
	MaxTerms = 10_000
	MaxTerm  = 100 // bytes
	MaxMRN   = 32  // bytes
	leastMRN = 4   // digits and letters: fewer are in every second sentence
)

// Errors of Policy.Compile. They name the rule and never the value.
var (
	ErrPolicy = errors.New("want booking or strict")
	ErrMask   = fmt.Errorf("mask is only for %v, %v, %v, %v, %v", PhoneNumber, SSN, CreditCard, MRN, NPI)
	ErrTerm   = fmt.Errorf("want at most %d terms of 2 to %d bytes with a letter in each", MaxTerms, MaxTerm)
	ErrMRN    = fmt.Errorf("want # for a digit, @ for a letter and the rest as it is, at most %d bytes with at least %d # or @", MaxMRN, leastMRN)
	ErrRegion = errors.New("want an ISO 3166 region, as US")
)
